/**
 * AES (FIPS 197) on one block with a key schedule expanded ahead; words are little-endian. Not
 * through `@noble/ciphers`, whose tables take 1.3 MB where these take 8.5 KB, which a gate's caches
 * hold from one tap to the next, and whose schedule takes 2 to 3 us where this takes 0.2: a DESFire
 * tap needs three. Table lookups leak timing, here as there. Longer keys are expanded by it.
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

const inverseSbox = new Uint8Array(256);
for (let i = 0; i < 256; i++) inverseSbox[sbox[i]!] = i;

/**
 * Four tables of 256 columns, each the one before turned by a byte: what a substituted byte of the
 * first to fourth row adds to its mixed column.
 */
function makeTables(mixed: (byte: number) => number): Int32Array {
  const tables = new Int32Array(1024);
  for (let i = 0; i < 256; i++) {
    let word = mixed(i);
    for (let row = 0; row < 4; row++) {
      tables[256 * row + i] = word;
      word = (word << 8) | (word >>> 24);
    }
  }
  return tables;
}

/** MixColumns: times 02, 01, 01, 03. */
const forward = makeTables((i) => {
  const byte = sbox[i]!;
  const two = doubled(byte);
  return two | (byte << 8) | (byte << 16) | ((two ^ byte) << 24);
});
const backward = makeTables((i) => inverseMixed(inverseSbox[i]!));

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
  const last = schedule.length - 4;
  let a = block[0]! ^ schedule[0]!;
  let b = block[1]! ^ schedule[1]!;
  let c = block[2]! ^ schedule[2]!;
  let d = block[3]! ^ schedule[3]!;
  for (let k = 4; k < last; k += 4) {
    const e = column(forward, a, b, c, d) ^ schedule[k]!;
    const f = column(forward, b, c, d, a) ^ schedule[k + 1]!;
    const g = column(forward, c, d, a, b) ^ schedule[k + 2]!;
    d = column(forward, d, a, b, c) ^ schedule[k + 3]!;
    a = e;
    b = f;
    c = g;
  }
  block[0] = substituted(sbox, a, b, c, d) ^ schedule[last]!;
  block[1] = substituted(sbox, b, c, d, a) ^ schedule[last + 1]!;
  block[2] = substituted(sbox, c, d, a, b) ^ schedule[last + 2]!;
  block[3] = substituted(sbox, d, a, b, c) ^ schedule[last + 3]!;
}

/** Decrypts the block in place; the schedule is that of `invertAes128`. */
export function aesBlockInverse(schedule: AesSchedule, block: Int32Array): void {
  const last = schedule.length - 4;
  let a = block[0]! ^ schedule[0]!;
  let b = block[1]! ^ schedule[1]!;
  let c = block[2]! ^ schedule[2]!;
  let d = block[3]! ^ schedule[3]!;
  for (let k = 4; k < last; k += 4) {
    const e = column(backward, a, d, c, b) ^ schedule[k]!;
    const f = column(backward, b, a, d, c) ^ schedule[k + 1]!;
    const g = column(backward, c, b, a, d) ^ schedule[k + 2]!;
    d = column(backward, d, c, b, a) ^ schedule[k + 3]!;
    a = e;
    b = f;
    c = g;
  }
  block[0] = substituted(inverseSbox, a, d, c, b) ^ schedule[last]!;
  block[1] = substituted(inverseSbox, b, a, d, c) ^ schedule[last + 1]!;
  block[2] = substituted(inverseSbox, c, b, a, d) ^ schedule[last + 2]!;
  block[3] = substituted(inverseSbox, d, c, b, a) ^ schedule[last + 3]!;
}

/** One column of a round: the substitution and the mixing together, a byte of each word. */
function column(table: Int32Array, a: number, b: number, c: number, d: number): number {
  return (
    table[a & 0xff]! ^
    table[256 + ((b >>> 8) & 0xff)]! ^
    table[512 + ((c >>> 16) & 0xff)]! ^
    table[768 + (d >>> 24)]!
  );
}

/** The same in the last round, which does not mix. */
function substituted(box: Uint8Array, a: number, b: number, c: number, d: number): number {
  return (
    box[a & 0xff]! |
    (box[(b >>> 8) & 0xff]! << 8) |
    (box[(c >>> 16) & 0xff]! << 16) |
    (box[d >>> 24]! << 24)
  );
}

/** Key check value: the left three bytes of E(K, zeros). */
export function aesCheckValue(key: Uint8Array): number {
  const block = new Int32Array(4);
  aesBlock(expandAes(key), block);
  const word = block[0]!;
  return ((word & 0xff) << 16) | (word & 0xff00) | ((word >>> 16) & 0xff);
}
