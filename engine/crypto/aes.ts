/**
 * AES (FIPS 197) on one block with a key schedule expanded ahead, through the low-level functions
 * of `@noble/ciphers`, whose words are little-endian. Its tables leak timing, as its README says.
 *
 * Schedules of AES-128 are expanded here: a DESFire tap needs three of its own, the library takes 2
 * to 3 us for each, and this a tenth of that.
 */
import { unsafe } from '@noble/ciphers/aes.js';
import { invariant } from '../invariant.ts';

/** An expanded AES key: round keys as little-endian words. */
export type AesSchedule = Uint32Array;

/** Words of an AES-128 schedule. */
export const AES128_WORDS = 44;

/** The substitution of FIPS 197, 5.1.1: inverses in GF(2^8), then an affine map. */
const sbox = makeSbox();

function makeSbox(): Uint8Array {
  const box = new Uint8Array(256);
  box[0] = 0x63;
  // `x` walks through all powers of the generator 3, `y` through their inverses.
  let x = 1;
  let y = 1;
  do {
    x = (x ^ (x << 1) ^ (x & 0x80 ? 0x11b : 0)) & 0xff;
    y ^= y << 1;
    y ^= y << 2;
    y ^= y << 4;
    y &= 0xff;
    if (y & 0x80) y ^= 0x09;
    const turned = y | (y << 8);
    box[x] = y ^ (turned >> 7) ^ (turned >> 6) ^ (turned >> 5) ^ (turned >> 4) ^ 0x63;
  } while (x !== 1);
  return box;
}

/** @param key 16, 24 or 32 bytes. */
export function expandAes(key: Uint8Array): AesSchedule {
  if (key.length !== 16) return unsafe.expandKeyLE(key);
  const schedule = new Uint32Array(AES128_WORDS);
  expandAes128(key, schedule);
  return schedule;
}

/** Expands a key of 16 bytes into a schedule of `AES128_WORDS`. */
export function expandAes128(key: Uint8Array, schedule: AesSchedule): void {
  invariant(key.length === 16 && schedule.length === AES128_WORDS, 'an AES-128 key and schedule');
  for (let i = 0; i < 4; i++) {
    const at = 4 * i;
    schedule[i] = key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24);
  }
  let round = 1;
  for (let i = 4; i < AES128_WORDS; i += 4) {
    const last = schedule[i - 1]!;
    // RotWord of a little-endian word takes its bytes one down.
    let word =
      sbox[(last >>> 8) & 0xff]! |
      (sbox[(last >>> 16) & 0xff]! << 8) |
      (sbox[last >>> 24]! << 16) |
      (sbox[last & 0xff]! << 24);
    word ^= round ^ schedule[i - 4]!;
    schedule[i] = word;
    schedule[i + 1] = word ^= schedule[i - 3]!;
    schedule[i + 2] = word ^= schedule[i - 2]!;
    schedule[i + 3] = word ^ schedule[i - 1]!;
    round = (round << 1) ^ (round & 0x80 ? 0x11b : 0);
  }
}

/**
 * The schedule for decryption from that for encryption, AES-128: the equivalent inverse cipher's
 * (FIPS 197, 5.3.5), rounds in opposite order and those in the middle through InvMixColumns.
 */
export function invertAes128(schedule: AesSchedule, inverse: AesSchedule): void {
  invariant(schedule.length === AES128_WORDS && inverse.length === AES128_WORDS, 'AES-128');
  for (let i = 0; i < AES128_WORDS; i += 4) {
    const isMiddle = i > 0 && i < AES128_WORDS - 4;
    for (let j = 0; j < 4; j++) {
      const word = schedule[AES128_WORDS - 4 - i + j]!;
      inverse[i + j] = isMiddle ? inverseMixed(word) : word;
    }
  }
}

/** Four bytes times x in GF(2^8), each by itself. */
function doubled(word: number): number {
  return ((word & 0x7f7f7f7f) << 1) ^ (((word >>> 7) & 0x01010101) * 0x1b);
}

/** InvMixColumns (5.3.3) of one column: times 0e, 0b, 0d and 09, each a byte further on. */
function inverseMixed(word: number): number {
  const two = doubled(word);
  const four = doubled(two);
  const eight = doubled(four);
  const nine = eight ^ word;
  const b = nine ^ two;
  const d = nine ^ four;
  const e = eight ^ four ^ two;
  return e ^ ((b >>> 8) | (b << 24)) ^ ((d >>> 16) | (d << 16)) ^ ((nine >>> 24) | (nine << 8));
}

/** Encrypts the block of four little-endian words in place. */
export function aesBlock(schedule: AesSchedule, block: Int32Array): void {
  const { s0, s1, s2, s3 } = unsafe.encrypt(schedule, block[0]!, block[1]!, block[2]!, block[3]!);
  block[0] = s0;
  block[1] = s1;
  block[2] = s2;
  block[3] = s3;
}

/** Decrypts the block in place; the schedule is that of `invertAes128`. */
export function aesBlockInverse(schedule: AesSchedule, block: Int32Array): void {
  const { s0, s1, s2, s3 } = unsafe.decrypt(schedule, block[0]!, block[1]!, block[2]!, block[3]!);
  block[0] = s0;
  block[1] = s1;
  block[2] = s2;
  block[3] = s3;
}

/** Key check value: the left three bytes of E(K, zeros). */
export function aesCheckValue(key: Uint8Array): number {
  const block = new Int32Array(4);
  aesBlock(expandAes(key), block);
  const word = block[0]!;
  return ((word & 0xff) << 16) | (word & 0xff00) | ((word >>> 16) & 0xff);
}
