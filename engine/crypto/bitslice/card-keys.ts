/**
 * Derives the keys of many cards at once, to have them at hand before their taps: triple DES 128 at
 * a time on the bitsliced cipher, the rest one by one. Both give the same keys.
 */
import assert from 'node:assert/strict';
import { at } from '../../debit/codec.ts';
import { CARD_KEY_LANES_MIN } from '../../limits.ts';
import type { MasterSchedule } from '../keyring.ts';
import { deriveCardKey } from '../purse-cipher.ts';
import { loadKey, loadWord } from '../words.ts';
import { KEY_ROWS, LANES, RECORDS, ROWS } from './layout.ts';
import { BitslicedDes } from './module.ts';
import { type WebAssemblyHost, webAssembly } from './wasm.ts';

const FACTORS_BYTES = 16;
const KEY_BYTES = 16;
const KEY_WORDS = 4;

export class CardKeyBatch {
  readonly #cipher: BitslicedDes | null;
  readonly #factors = new Int32Array(KEY_WORDS);
  readonly #key = new Int32Array(KEY_WORDS);

  /** @param host its WebAssembly; null to do without */
  constructor(host: WebAssemblyHost | null = webAssembly) {
    this.#cipher = BitslicedDes.create(host);
    if (this.#cipher === null) return;
    // The module finds factors where a record has them; here there is nothing but factors.
    for (let lane = 0; lane < LANES; lane++) {
      this.#cipher.words[ROWS / 4 + lane] = RECORDS + lane * FACTORS_BYTES;
    }
  }

  /**
   * Derives `count` cards' keys by one diversification for each of `levels` (1 or 2) factors.
   * @param factors `count` times 16 bytes, two factors of 8; with one level the second is not read
   * @param keys receives four words a card, as `deriveCardKey` leaves them
   */
  derive(
    master: MasterSchedule,
    factors: Uint8Array,
    levels: number,
    count: number,
    keys: Int32Array,
  ): void {
    assert(levels === 1 || levels === 2);
    assert(factors.length >= count * FACTORS_BYTES && keys.length >= count * KEY_WORDS);
    const cipher = master.cipher.algorithm === '3des' ? this.#cipher : null;
    let first = 0;
    while (cipher !== null && count - first >= CARD_KEY_LANES_MIN) {
      const used = Math.min(LANES, count - first);
      this.#deriveLanes(cipher, master, factors, levels, first, used, keys);
      first += used;
    }
    for (; first < count; first++) this.#deriveOne(master, factors, levels, first, keys);
  }

  #deriveLanes(
    cipher: BitslicedDes,
    master: MasterSchedule,
    factors: Uint8Array,
    levels: number,
    first: number,
    used: number,
    keys: Int32Array,
  ): void {
    const from = first * FACTORS_BYTES;
    const end = from + used * FACTORS_BYTES;
    cipher.memory.set(factors.subarray(from, end), RECORDS + at.factors);
    cipher.useMaster(master.schedule);
    cipher.keys(levels - 1);
    for (let lane = 0; lane < used; lane++) {
      loadKey(cipher.memory, KEY_ROWS + lane * KEY_BYTES, this.#key);
      keys.set(this.#key, (first + lane) * KEY_WORDS);
    }
  }

  #deriveOne(
    master: MasterSchedule,
    factors: Uint8Array,
    levels: number,
    card: number,
    keys: Int32Array,
  ): void {
    for (let i = 0; i < KEY_WORDS; i++) {
      this.#factors[i] = loadWord(factors, card * FACTORS_BYTES + 4 * i);
    }
    deriveCardKey(master.cipher, master.schedule, this.#factors, levels, this.#key);
    keys.set(this.#key, card * KEY_WORDS);
  }
}
