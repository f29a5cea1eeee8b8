/**
 * Posts a batch of columns. The *ordinary* debit is the next one of its gate, at a free counter of
 * its card, with a TAC that verifies or evidence passed through, balances that meet its
 * neighbours', and nothing open that it could speak of: it goes into the batch's block. Where it
 * is the card's next, its card's head is all that was needed to know so; where others overtook it,
 * its neighbours are looked up. Whatever else comes goes through the general rules (`posting.ts`),
 * in its turn; both give the same outcomes and the same books.
 */
import { readU16, readU32, readU48 } from '../bytes.ts';
import { at } from '../debit/codec.ts';
import { isEvent } from '../debit/event.ts';
import { DEBIT_BYTES, DebitKind, DebitState } from '../debit/record.ts';
import { invariant } from '../invariant.ts';
import type { BlockBuilder } from './block.ts';
import { type AccountKind, type Books, postedAgainst, type Sum } from './books.ts';
import type { ReceivedEvent } from './events.ts';
import type { GateHold } from './gate-hold.ts';
import type { Heads } from './heads.ts';
import type { Outcome } from './outcomes.ts';
import type { Posting } from './posting.ts';
import { type ReceivedBatch, TAC_PASSED_THROUGH, TAC_VALID } from './received.ts';
import { BANK_PURSE, CARD_BYTES, DIGEST_BYTES, ID_BYTES, idKey, purseOf, readId } from './rows.ts';
import type { View } from './view.ts';

export interface Lane {
  readonly view: View;
  readonly heads: Heads;
  readonly books: Books;
  readonly gate: GateHold;
  /** Of the same gate, writer and books. */
  readonly posting: Posting;
  readonly block: BlockBuilder;
  /** What becomes of an event of the gate. */
  hearEvent(event: ReceivedEvent): Outcome;
}

/** @returns the outcome of each record. */
export function postColumns(batch: ReceivedBatch, lane: Lane): Outcome[] {
  return new FastLane(batch, lane).run();
}

class FastLane {
  readonly #batch: ReceivedBatch;
  readonly #lane: Lane;
  readonly #sums: Sum[] = [];
  #sum: Sum | undefined;
  /** Sequences of this batch that a settlement waits for. */
  #awaited: ReadonlySet<number>;
  /** Whether the heads' cursor is on the head of the record in hand, and what that says. */
  #found = false;
  #block = 0;
  #index = 0;
  #counter = 0;
  /** Whether it goes below the highest counter of its purse, and how many of the batch did. */
  #late = false;
  #lateCount = 0;

  constructor(batch: ReceivedBatch, lane: Lane) {
    this.#batch = batch;
    this.#lane = lane;
    this.#awaited = this.#readAwaited();
  }

  run(): Outcome[] {
    const { count, firstSequence, records, cards } = this.#batch;
    const { gate, posting, heads } = this.#lane;
    // Of its full length at once, and below neither rest arguments nor closures: what is left for
    // the collector decides how long it works.
    const outcomes = new Array<Outcome>(count);
    heads.touch(cards, count);
    for (let i = 0; i < count; i++) {
      const sequence = firstSequence + i;
      invariant(
        readU48(records, i * DEBIT_BYTES + at.gateSequence) === sequence,
        'records of a batch have consecutive sequences',
      );
      const next = gate.through === gate.highest && sequence === gate.highest + 1;
      if (next && this.#isOrdinary(i, sequence) && this.#pack(i)) {
        gate.arrive(sequence);
        outcomes[i] = 'posted';
        continue;
      }
      if (isEvent(records, i * DEBIT_BYTES)) {
        outcomes[i] = this.#lane.hearEvent(this.#eventAt(i));
        continue;
      }
      const debit = this.#batch.debitAt(i);
      outcomes[i] = posting.receive(debit);
      if (debit.kind === DebitKind.settlement) this.#awaited = this.#readAwaited();
    }
    if (this.#lateCount > 0) this.#lane.books.count('rowsLate', this.#lateCount);
    for (const sum of this.#sums) {
      this.#lane.books.post(this.#lane.block.issuer(sum.issuer), sum);
    }
    return outcomes;
  }

  #eventAt(i: number): ReceivedEvent {
    const { gateId, firstSequence, records, digests } = this.#batch;
    return {
      gateId,
      gateSequence: firstSequence + i,
      record: records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES),
      digest: digests.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
    };
  }

  /** What the general rules would find nothing to say of but `posted`. */
  #isOrdinary(i: number, sequence: number): boolean {
    const { records, cards, tacs } = this.#batch;
    const { heads } = this.#lane;
    const from = i * DEBIT_BYTES;
    if (
      (tacs[i] !== TAC_VALID && tacs[i] !== TAC_PASSED_THROUGH) ||
      records[from + at.kind] !== DebitKind.debit ||
      records[from + at.state] !== DebitState.confirmed
    ) {
      return false;
    }
    if (this.#awaited.size > 0 && this.#awaited.has(sequence)) return false;
    this.#block = 0;
    this.#index = 0;
    this.#counter = 0;
    this.#late = false;
    const purse = purseOf(records[from + at.transactionType]!);
    this.#found = heads.seek(cards, i * CARD_BYTES, purse);
    if (!this.#found) return true;
    if (heads.pending) return false;
    this.#block = heads.block;
    this.#index = heads.index;
    if (!heads.linked) return true;
    const counter = readU16(records, from + at.offlineCounter);
    const last = heads.offlineCounter;
    this.#counter = last;
    if (counter <= last) return counter < last && this.#isLate(i, purse, counter);
    // At the next counter the balances must meet; across a gap nothing can be said. A bank card is
    // spent from and loaded anywhere.
    return (
      purse === BANK_PURSE ||
      counter > last + 1 ||
      (readU16(records, from + at.currency) === heads.currency &&
        readU32(records, from + at.balanceBeforeMinor) >= heads.leftMinor)
    );
  }

  /** Of a debit that others of its card overtook: whether its place is there for it. */
  #isLate(i: number, purse: number, offlineCounter: number): boolean {
    const { records, cards } = this.#batch;
    const from = i * DEBIT_BYTES;
    const card = cards.subarray(i * CARD_BYTES, (i + 1) * CARD_BYTES);
    this.#late = this.#lane.view.hasRoomFor(card, purse, {
      offlineCounter,
      balanceBeforeMinor: readU32(records, from + at.balanceBeforeMinor),
      amountMinor: readU32(records, from + at.amountMinor),
      currency: readU16(records, from + at.currency),
    });
    return this.#late;
  }

  /** @returns false where the block takes no further issuer. */
  #pack(i: number): boolean {
    const { records, cards } = this.#batch;
    const { block, heads } = this.#lane;
    const from = i * DEBIT_BYTES;
    const issuer = block.issuerPlace(i);
    if (issuer < 0) return false;
    const index = block.add(i, issuer, this.#block, this.#index, this.#counter);
    const currency = readU16(records, from + at.currency);
    const amountMinor = readU32(records, from + at.amountMinor);
    const leftMinor = readU32(records, from + at.balanceBeforeMinor) - amountMinor;
    if (!this.#found) {
      heads.add(cards, i * CARD_BYTES, purseOf(records[from + at.transactionType]!));
    }
    if (this.#late) this.#lateCount++;
    else heads.setLink(readU16(records, from + at.offlineCounter), leftMinor, currency);
    heads.setLocation(block.number, index);
    const isPassed = this.#batch.tacs[i] === TAC_PASSED_THROUGH;
    const against = postedAgainst(records[from + at.transactionType]!, isPassed);
    const sum = this.#sumOf(issuer, currency, against);
    sum.debits++;
    sum.amountMinor += amountMinor;
    return true;
  }

  #sumOf(issuer: number, currency: number, against: AccountKind): Sum {
    if (this.#sum && isOf(this.#sum, issuer, currency, against)) return this.#sum;
    this.#sum = this.#changeSum(issuer, currency, against);
    return this.#sum;
  }

  #changeSum(issuer: number, currency: number, against: AccountKind): Sum {
    const held = this.#sums.find((sum) => isOf(sum, issuer, currency, against));
    if (held) return held;
    const sum = { issuer, currency, against, debits: 0, amountMinor: 0 };
    this.#sums.push(sum);
    return sum;
  }

  #readAwaited(): ReadonlySet<number> {
    const awaited = new Set<number>();
    if (this.#lane.books.total('waiting') === 0) return awaited;
    const { gateId, firstSequence, count } = this.#batch;
    const from = new Uint8Array(2 * ID_BYTES);
    from.set(idKey({ gateId, gateSequence: firstSequence }));
    const to = new Uint8Array(2 * ID_BYTES);
    to.set(idKey({ gateId, gateSequence: firstSequence + count }));
    for (const { key } of this.#lane.view.range('waiting', { from, to })) {
      awaited.add(readId(key, 0).gateSequence);
    }
    return awaited;
  }
}

function isOf(sum: Sum, issuer: number, currency: number, against: AccountKind): boolean {
  return sum.issuer === issuer && sum.currency === currency && sum.against === against;
}
