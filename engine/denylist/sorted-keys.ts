/**
 * Sets of keys as lists carry them: pairs (high, low) of 32 bits, ascending, each once. For
 * building and comparing; a lookup needs none of it.
 */
import { DENYLIST_ENTRIES_MAX } from '../limits.ts';
import { keyBefore } from './card-hash.ts';
import { addToDigest, DIGEST_WORDS } from './set-digest.ts';

/** The keys in ascending order, each once; a view of new memory. */
export function sortKeys(keys: Int32Array): Int32Array {
  // A little-endian machine's 64-bit integer has the low half first.
  const wide = new BigUint64Array(keys.length / 2);
  const halves = new Int32Array(wide.buffer);
  for (let i = 0; i < keys.length; i += 2) {
    halves[i] = keys[i + 1]!;
    halves[i + 1] = keys[i]!;
  }
  wide.sort();
  let count = 0;
  for (let i = 0; i < halves.length; i += 2) {
    const low = halves[i]!;
    const high = halves[i + 1]!;
    if (count > 0 && halves[count - 1] === low && halves[count - 2] === high) continue;
    halves[count] = high;
    halves[count + 1] = low;
    count += 2;
  }
  return halves.subarray(0, count);
}

/** Keys collected one by one, in room that doubles up to the most a list may hold. */
export class KeyCollector {
  #keys: Int32Array;
  #used = 0;

  constructor(expected = 1024) {
    this.#keys = new Int32Array(2 * Math.max(1, Math.min(expected, DENYLIST_ENTRIES_MAX)));
  }

  get count(): number {
    return this.#used / 2;
  }

  add(high: number, low: number): void {
    if (this.#used === this.#keys.length) {
      const more = new Int32Array(2 * this.#keys.length);
      more.set(this.#keys);
      this.#keys = more;
    }
    this.#keys[this.#used] = high;
    this.#keys[this.#used + 1] = low;
    this.#used += 2;
  }

  keys(): Int32Array {
    return this.#keys.subarray(0, this.#used);
  }
}

export function digestOf(keys: Int32Array): Int32Array {
  const digest = new Int32Array(DIGEST_WORDS);
  for (let i = 0; i < keys.length; i += 2) addToDigest(digest, keys[i]!, keys[i + 1]!);
  return digest;
}

/** What makes `to` of `from`; all ascending. */
export function compareKeys(
  from: Int32Array,
  to: Int32Array,
): { readonly added: Int32Array; readonly removed: Int32Array } {
  const added = new KeyCollector();
  const removed = new KeyCollector();
  let i = 0;
  let j = 0;
  while (i < from.length || j < to.length) {
    if (i < from.length && j < to.length && from[i] === to[j] && from[i + 1] === to[j + 1]) {
      i += 2;
      j += 2;
    } else if (
      j === to.length ||
      (i < from.length && keyBefore(from[i]!, from[i + 1]!, to[j]!, to[j + 1]!))
    ) {
      removed.add(from[i]!, from[i + 1]!);
      i += 2;
    } else {
      added.add(to[j]!, to[j + 1]!);
      j += 2;
    }
  }
  return { added: added.keys(), removed: removed.keys() };
}
