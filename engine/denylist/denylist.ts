/**
 * The denylist: exact membership of card numbers, held only as keyed hashes (AES-CMAC; PCI DSS 4.0,
 * 3.5.1.1 wants a keyed hash), so that a stolen gate gives no card number away. One block of CMAC
 * per look-up, then open addressing in one Int32Array: no allocation.
 */
import assert from 'node:assert/strict';
import { readU32 } from '../bytes.ts';
import { type CmacKey, cmac16 } from '../crypto/mac.ts';

/** Bytes of a card number as purse cards carry it. */
export const CARD_NUMBER_BYTES = 10;

/** At most this part of the slots is taken, so that a probe stays short. */
const LOAD = 0.6;

const hash = new Uint8Array(16);

export class Denylist {
  readonly #key: CmacKey;
  /** Pairs of 32-bit halves of a 64-bit hash; 0,0 is an empty slot. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly size: number;

  private constructor(key: CmacKey, slots: Int32Array, size: number) {
    this.#key = key;
    this.#slots = slots;
    this.#mask = slots.length / 2 - 1;
    this.size = size;
  }

  /** @param cardNumbers 10 bytes each; repeats count once. */
  static build(key: CmacKey, cardNumbers: readonly Uint8Array[]): Denylist {
    const pairs = 2 ** Math.ceil(Math.log2(Math.max(2, cardNumbers.length / LOAD)));
    const slots = new Int32Array(pairs * 2);
    let size = 0;
    for (const number of cardNumbers) {
      assert(number.length === CARD_NUMBER_BYTES);
      cmac16(key, number, 0, number.length, hash);
      if (insert(slots, pairs - 1)) size += 1;
    }
    return new Denylist(key, slots, size);
  }

  /** Whether the card number, 10 bytes at `bytes[at]`, is stopped. */
  has(bytes: Uint8Array, at: number): boolean {
    if (this.size === 0) return false;
    cmac16(this.#key, bytes, at, CARD_NUMBER_BYTES, hash);
    const high = readU32(hash, 0) | 0;
    const low = lowHalf();
    for (let i = high & this.#mask; ; i = (i + 1) & this.#mask) {
      const there = this.#slots[2 * i + 1]!;
      if (there === low && this.#slots[2 * i] === high) return true;
      if (there === 0) return false;
    }
  }
}

/** The low half is never 0, which marks an empty slot. */
function lowHalf(): number {
  return readU32(hash, 4) | 1;
}

function insert(slots: Int32Array, mask: number): boolean {
  const high = readU32(hash, 0) | 0;
  const low = lowHalf();
  let i = high & mask;
  while (slots[2 * i + 1] !== 0) {
    if (slots[2 * i + 1] === low && slots[2 * i] === high) return false;
    i = (i + 1) & mask;
  }
  slots[2 * i] = high;
  slots[2 * i + 1] = low;
  return true;
}
