/**
 * The small form, near the least an exact list can take (ten million of 2^64 need 53 MB; this takes
 * 55). The high bits of a key are not stored: they are the number of its bucket.
 *
 *     directory  for each 32 buckets, how many keys lie before them
 *     unary      for each bucket as many ones as it has keys, then a zero
 *     rests      the other 40 (of 2^24 buckets) or 48 bits (of 2^16) of each key, in order
 *
 * A search finds its bucket's place in the unary bits from the directory, by counting zeros, and
 * compares the few rests there. This is the quotienting of Cleary (1984) with the unary code of
 * Elias and Fano.
 */
import type { KeyCursor, KeyTable, KeyTableFiller } from './key-table.ts';

/** From this many keys on, 2^24 buckets take less than the bytes they save. */
const MANY = 3_500_000;
const GROUP = 32;

/** Bits of a key that number its bucket: 24 or 16. */
function bucketBits(entries: number): number {
  return entries >= MANY ? 24 : 16;
}

function restBytes(entries: number): number {
  return entries >= MANY ? 5 : 6;
}

function unaryWords(entries: number): number {
  return Math.ceil((entries + 2 ** bucketBits(entries)) / 32) + 1;
}

export function smallTableBytes(entries: number): number {
  const groups = 2 ** bucketBits(entries) / GROUP;
  const bytes = 4 * (groups + unaryWords(entries)) + restBytes(entries) * entries;
  return 8 * Math.ceil(bytes / 8);
}

export class SmallTable implements KeyTable, KeyTableFiller {
  readonly #entries: number;
  /** Bits of the high half that are not the bucket's number: 8 or 16. */
  readonly #shift: number;
  readonly #restBytes: number;
  readonly #directory: Int32Array;
  readonly #unary: Int32Array;
  readonly #rests: DataView;
  /** While filling: keys so far, and the bucket of the last. */
  #count = 0;
  #bucket = 0;

  /** @param at multiple of 8; `smallTableBytes(entries)` from there are the table's. */
  constructor(buffer: SharedArrayBuffer, at: number, entries: number) {
    this.#entries = entries;
    this.#shift = 32 - bucketBits(entries);
    this.#restBytes = restBytes(entries);
    const groups = 2 ** bucketBits(entries) / GROUP;
    this.#directory = new Int32Array(buffer, at, groups);
    const words = unaryWords(entries);
    this.#unary = new Int32Array(buffer, at + 4 * groups, words);
    this.#rests = new DataView(buffer, at + 4 * (groups + words), this.#restBytes * entries);
  }

  has(high: number, low: number): boolean {
    const bucket = high >>> this.#shift;
    const unary = this.#unary;
    const group = bucket >>> 5;
    const before = this.#directory[group]!;
    // Before a group lie its keys' ones and 32 zeros of each group.
    const from = GROUP * group + before;
    const at = (bucket & 31) === 0 ? from : behindZeros(unary, from, bucket & 31);
    let word = ~unary[at >>> 5]! >>> (at & 31);
    if ((word & 1) === 1) return false;
    let index = at - GROUP * group - (bucket & 31);
    let bit = at;
    const rest = high & ((1 << this.#shift) - 1);
    for (;;) {
      if (this.#lowAt(index) === low && this.#restAt(index) === rest) return true;
      index += 1;
      bit += 1;
      word = (bit & 31) === 0 ? ~unary[bit >>> 5]! : word >>> 1;
      if ((word & 1) === 1) return false;
    }
  }

  insert(high: number, low: number): boolean {
    if (this.#count === this.#entries) return false;
    this.#enter(high >>> this.#shift);
    const bit = this.#count + this.#bucket;
    this.#unary[bit >>> 5]! |= 1 << (bit & 31);
    const at = this.#count * this.#restBytes;
    this.#rests.setInt32(at, low, true);
    if (this.#shift === 8) this.#rests.setUint8(at + 4, high);
    else this.#rests.setUint16(at + 4, high, true);
    this.#count += 1;
    return true;
  }

  finish(): void {
    this.#enter(GROUP * this.#directory.length);
  }

  cursor(): KeyCursor {
    let bit = 0;
    let index = 0;
    return {
      fill: (out) => {
        let count = 0;
        while (index < this.#entries && 2 * count < out.length) {
          const one = (this.#unary[bit >>> 5]! >>> (bit & 31)) & 1;
          if (one === 1) {
            const bucket = bit - index;
            out[2 * count] = (bucket << this.#shift) | this.#restAt(index);
            out[2 * count + 1] = this.#lowAt(index);
            index += 1;
            count += 1;
          }
          bit += 1;
        }
        return count;
      },
    };
  }

  /** Moves on to `bucket`; the groups that begin on the way have the keys so far before them. */
  #enter(bucket: number): void {
    const group = bucket >>> 5;
    for (let passed = (this.#bucket >>> 5) + 1; passed <= group; passed++) {
      if (passed < this.#directory.length) this.#directory[passed] = this.#count;
    }
    this.#bucket = bucket;
  }

  #lowAt(index: number): number {
    return this.#rests.getInt32(index * this.#restBytes, true);
  }

  #restAt(index: number): number {
    const at = index * this.#restBytes + 4;
    return this.#shift === 8 ? this.#rests.getUint8(at) : this.#rests.getUint16(at, true);
  }
}

/** The place behind the `count`th (1 to 31) zero at or behind bit `from`. */
function behindZeros(unary: Int32Array, from: number, count: number): number {
  let index = from >>> 5;
  let zeros = ~unary[index]! & (-1 << (from & 31));
  let left = count;
  for (let here = ones(zeros); here < left; here = ones(zeros)) {
    left -= here;
    index += 1;
    zeros = ~unary[index]!;
  }
  for (; left > 1; left--) zeros &= zeros - 1;
  return 32 * index + 32 - Math.clz32(zeros & -zeros);
}

/** How many bits of the word are set. */
function ones(word: number): number {
  let pairs = word - ((word >>> 1) & 0x5555_5555);
  pairs = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((pairs + (pairs >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
