/**
 * The debits of an ingest benchmark, the same for every contender: number `k` of the run is the
 * `k / cards`-th debit of card `k * STEP mod cards`, so that cards come in no order of their
 * numbers, each with counter and balance as its last debit left them. Amounts, keys and TACs are
 * those of TEMPLATES records: a TAC covers the diversification factors, not the card number, so
 * that records of one template differ in card, counter and balance and are all valid. Whoever
 * checks them derives a card key for every record all the same.
 */
import assert from 'node:assert/strict';
import { writeU16, writeU32, writeU48 } from '../../engine/bytes.ts';
import { at, encodeDebit } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { makeDebit } from './records.ts';

const TEMPLATES = 4096;
/** A prime that divides no number of cards that anybody asks for. */
const STEP = 1_000_003;
/** Of `makeDebit`. */
const amountOf = (template: number): number => 200 + (template % 700);
/** Before a card's first debit, from 1; cards that come together were not used equally often. */
const firstCounterOf = (card: number): number => 1 + ((card * 7919) % 30_011);
const firstBalanceOf = (card: number): number => 0x7fff_0000 - ((card * 6007) % 1_000_003);

/** One debit, for contenders without records. */
export interface PlainDebit {
  readonly card: number;
  /** From 1. */
  readonly counter: number;
  readonly balanceBeforeMinor: number;
  readonly amountMinor: number;
}

export class Debits {
  readonly cards: number;
  readonly #templates = new Uint8Array(TEMPLATES * DEBIT_BYTES);
  #next = 0;

  /** @param cards not a multiple of STEP; more than are under way at a time. */
  constructor(cards: number) {
    assert(cards % STEP !== 0 && cards > 0);
    this.cards = cards;
    for (let i = 0; i < TEMPLATES; i++) {
      encodeDebit(makeDebit('template', i, 0), this.#templates, i * DEBIT_BYTES);
    }
  }

  /** Numbers given out so far. */
  get taken(): number {
    return this.#next;
  }

  /** @returns the first of the next `count` numbers. */
  take(count: number): number {
    const first = this.#next;
    this.#next += count;
    return first;
  }

  at(k: number): PlainDebit {
    // Exact: both factors stay far below 2^26 and 2^27.
    const card = ((k % this.cards) * STEP) % this.cards;
    const before = Math.floor(k / this.cards);
    const amountMinor = amountOf(card % TEMPLATES);
    return {
      card,
      counter: firstCounterOf(card) + before,
      balanceBeforeMinor: firstBalanceOf(card) - before * amountMinor,
      amountMinor,
    };
  }

  /** What debits `k` to `k + count - 1` come to. */
  sumMinor(k: number, count: number): number {
    let sum = 0;
    for (let i = k; i < k + count; i++) sum += this.at(i).amountMinor;
    return sum;
  }

  /** Writes them as the records of a gate, its sequences from `first`. */
  write(k: number, count: number, gateId: string, first: number, out: Uint8Array): void {
    // `at` without its divisions, which would cost more than all else here.
    const step = STEP % this.cards;
    let { card } = this.at(k);
    let place = k % this.cards;
    let before = Math.floor(k / this.cards);
    for (let i = 0; i < count; i++) {
      const from = i * DEBIT_BYTES;
      const template = (card % TEMPLATES) * DEBIT_BYTES;
      const spentMinor = before * amountOf(card % TEMPLATES);
      out.set(this.#templates.subarray(template, template + DEBIT_BYTES), from);
      out.fill(0, from + at.gateId, from + at.gateSequence);
      for (let j = 0; j < gateId.length; j++) out[from + at.gateId + j] = gateId.charCodeAt(j);
      writeU48(out, from + at.gateSequence, first + i);
      writeU32(out, from + at.cardNumber + 6, card);
      writeU16(out, from + at.offlineCounter, firstCounterOf(card) + before);
      writeU32(out, from + at.balanceBeforeMinor, firstBalanceOf(card) - spentMinor);
      card += step;
      if (card >= this.cards) card -= this.cards;
      place += 1;
      if (place === this.cards) {
        place = 0;
        before += 1;
      }
    }
  }
}
