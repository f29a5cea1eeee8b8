/**
 * Where things lie in the bitsliced module's memory, and the wiring of DES (FIPS 46-3) between
 * them. A slice is one bit of 128 lanes, 16 bytes; what the standard calls a permutation is here
 * only the choice of a slice's address.
 */

import { DEBIT_BYTES } from '../../debit/record.ts';
import { TAC_CHUNK_RECORDS } from '../../limits.ts';
import { PC1, SINGLE_SHIFTS } from '../des.ts';

export const LANES = 128;
export const SLICE_BYTES = 16;

/** Slices of one half of a block. */
const HALF_BYTES = 32 * SLICE_BYTES;
/** Slices of 16 bytes of 128 rows, bit 0 (the leftmost) of byte 0 first. */
const COLUMNS_BYTES = 128 * SLICE_BYTES;
/**
 * A key as the rounds read it: C, C, D, D, so that a rotated half is one at a later address: round
 * keys are no copies, but offsets.
 */
const KEY_BYTES = 4 * 28 * SLICE_BYTES;
const PAGE_BYTES = 65536;

let end = 0;
function take(bytes: number): number {
  const start = end;
  end += bytes;
  return start;
}

/** Two blocks being enciphered, each of a left and a right half. */
export const BLOCK_A: number = take(2 * HALF_BYTES);
export const BLOCK_B: number = take(2 * HALF_BYTES);
export const MASTER_LEFT: number = take(KEY_BYTES);
export const MASTER_RIGHT: number = take(KEY_BYTES);
export const CARD_LEFT: number = take(KEY_BYTES);
export const CARD_RIGHT: number = take(KEY_BYTES);
export const TAC_KEY: number = take(KEY_BYTES);
/** For each round the offset of its key, forwards and, for decryption, backwards: 16 words each. */
export const FORWARDS: number = take(64);
export const BACKWARDS: number = take(64);
/** Columns of what is read of each record (`transpose.ts`). */
export const FACTORS: number = take(COLUMNS_BYTES);
export const FIRST: number = take(COLUMNS_BYTES);
export const SECOND: number = take(COLUMNS_BYTES);
/** A derived key of each lane: as columns, then as rows of 16 bytes. */
export const KEYS: number = take(COLUMNS_BYTES);
export const KEY_ROWS: number = take(COLUMNS_BYTES);
/** A set bit for each lane whose TAC differs. */
export const DIFFERENT: number = take(SLICE_BYTES);
/** Addresses of the lanes' records: 128 words. */
export const ROWS: number = take(LANES * 4);
export const RECORDS: number = take(TAC_CHUNK_RECORDS * DEBIT_BYTES);
export const MEMORY_PAGES: number = Math.ceil((end + SLICE_BYTES) / PAGE_BYTES);

/** The other half of a block at `block`. */
export const OTHER_HALF: number = HALF_BYTES;

/** The bit of a block (from 0) that the initial permutation puts at `position`, left half first. */
export function initial(position: number): number {
  const row = position >> 3;
  return (row < 4 ? 57 + 2 * row : 56 + 2 * (row - 4)) - 8 * (position & 7);
}

/** Position, before the final permutation, of each bit of the result. */
export const FINAL: readonly number[] = invert(Array.from({ length: 64 }, (_, i) => initial(i)));

function invert(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  for (const [position, bit] of permutation.entries()) inverse[bit] = position;
  return inverse;
}

/** Offset in a key of bit `place` (0 to 55) of C ‖ D; the same again half of a C later. */
export function keyOffset(place: number): number {
  return (place + (place < 28 ? 0 : 28)) * SLICE_BYTES;
}
export const KEY_REPEATS: number = 28 * SLICE_BYTES;

/** The bit (from 0) of an 8-byte key that is bit `place` of C ‖ D. */
export function keyBit(place: number): number {
  return PC1[place]! - 1;
}

/** How far the halves of the key are rotated in each round. */
export const ROTATIONS: readonly number[] = rotations();

function rotations(): number[] {
  let sum = 0;
  return Array.from({ length: 16 }, (_, round) => (sum += (SINGLE_SHIFTS >> round) & 1 ? 1 : 2));
}
