/**
 * Ranges of card numbers stopped as a whole, such as an issuer's: first and last number, both in
 * it, 20 bytes, sorted and apart from each other. They name no card, so they stand in clear.
 */
import { CARD_NUMBER_BYTES } from './card-hash.ts';

export const RANGE_BYTES = 2 * CARD_NUMBER_BYTES;

/** Whether the number at `bytes[at]` is in one of the first `count` ranges at `ranges[from]`. */
export function inRanges(
  ranges: Uint8Array,
  from: number,
  count: number,
  bytes: Uint8Array,
  at: number,
): boolean {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = from + middle * RANGE_BYTES;
    if (compareNumbers(bytes, at, ranges, range) < 0) high = middle;
    else if (compareNumbers(bytes, at, ranges, range + CARD_NUMBER_BYTES) > 0) low = middle + 1;
    else return true;
  }
  return false;
}

/** What is wrong with ranges from outside, or null. */
export function faultOfRanges(ranges: Uint8Array): string | null {
  for (let i = 0; i < ranges.length / RANGE_BYTES; i++) {
    const first = i * RANGE_BYTES;
    if (compareNumbers(ranges, first, ranges, first + CARD_NUMBER_BYTES) > 0) {
      return `range ${i + 1} ends before it begins`;
    }
    const before = first - CARD_NUMBER_BYTES;
    if (i > 0 && compareNumbers(ranges, before, ranges, first) >= 0) {
      return `range ${i + 1} is not behind range ${i}`;
    }
  }
  return null;
}

/** Sorts ranges and joins those that overlap. */
export function joinRanges(ranges: readonly Uint8Array[]): Uint8Array {
  const sorted = [...ranges].sort((a, b) => compareNumbers(a, 0, b, 0));
  const joined: Uint8Array[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (!last || compareNumbers(last, CARD_NUMBER_BYTES, range, 0) < 0) {
      joined.push(range.slice());
    } else if (compareNumbers(last, CARD_NUMBER_BYTES, range, CARD_NUMBER_BYTES) < 0) {
      last.set(range.subarray(CARD_NUMBER_BYTES), CARD_NUMBER_BYTES);
    }
  }
  const out = new Uint8Array(joined.length * RANGE_BYTES);
  for (const [i, range] of joined.entries()) out.set(range, i * RANGE_BYTES);
  return out;
}

/** Below, at or above 0 as number `a` goes before, is, or goes behind number `b`. */
export function compareNumbers(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
  for (let i = 0; i < CARD_NUMBER_BYTES; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
