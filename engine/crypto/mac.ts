/**
 * MACs over card-sized messages on schedules expanded ahead: CBC-MAC of DES and SM4, retail MAC,
 * and AES-CMAC. Nothing here allocates per message; results are left in the caller's words or
 * bytes.
 */
import { type AesSchedule, aesBlock, expandAes } from './aes.ts';
import { desBlock, edeBlock } from './des.ts';
import { sm4Block } from './sm4.ts';
import { loadPadded, loadWord } from './words.ts';

/**
 * DES CBC-MAC, IV 0, over `bytes[0..length)` followed by 80 and zeros, always (PBOC e-purse [R];
 * ISO 9797-1 algorithm 1, padding 2). Leaves 8 bytes in `mac`, two words; the purse uses the first.
 */
export function desCbcMac(
  schedule: Int32Array,
  bytes: Uint8Array,
  length: number,
  mac: Int32Array,
): void {
  mac[0] = 0;
  mac[1] = 0;
  for (let at = 0; at <= length; at += 8) {
    mac[0]! ^= loadPadded(bytes, at, length);
    mac[1]! ^= loadPadded(bytes, at + 4, length);
    desBlock(schedule, mac);
  }
}

/**
 * Retail MAC (ISO 9797-1 algorithm 3, padding 2; PBOC application cryptograms [R]): DES with the
 * left key on all blocks but the last, EDE on the last. `ede` is an EDE schedule. Leaves 8 bytes in
 * `mac`.
 */
export function retailMac(
  ede: Int32Array,
  bytes: Uint8Array,
  length: number,
  mac: Int32Array,
): void {
  mac[0] = 0;
  mac[1] = 0;
  for (let at = 0; at <= length; at += 8) {
    mac[0]! ^= loadPadded(bytes, at, length);
    mac[1]! ^= loadPadded(bytes, at + 4, length);
    if (at + 8 > length) edeBlock(ede, mac);
    else desBlock(ede, mac);
  }
}

/**
 * SM4 CBC-MAC, IV 0, padded with 80 and zeros, always. Grade [U]: the convention of SM4 purses is
 * not published; it sits behind `PurseCipher`. Leaves 16 bytes in `mac`, four words.
 */
export function sm4CbcMac(
  schedule: Int32Array,
  bytes: Uint8Array,
  length: number,
  mac: Int32Array,
): void {
  mac.fill(0, 0, 4);
  for (let at = 0; at <= length; at += 16) {
    for (let i = 0; i < 4; i++) mac[i]! ^= loadPadded(bytes, at + 4 * i, length);
    sm4Block(schedule, mac);
  }
}

/** An AES key made ready for CMAC: its schedule and both subkeys (RFC 4493, 2.3). */
export interface CmacKey {
  readonly schedule: AesSchedule;
  /** K1, for a last block that is whole; four little-endian words. */
  readonly whole: Int32Array;
  /** K2, for a last block that was padded. */
  readonly padded: Int32Array;
}

/** @param key 16, 24 or 32 bytes. */
export function cmacKey(key: Uint8Array): CmacKey {
  const schedule = expandAes(key);
  const whole = new Int32Array(4);
  aesBlock(schedule, whole);
  double(whole);
  const padded = whole.slice();
  double(padded);
  return { schedule, whole, padded };
}

const chain = new Int32Array(4);

/**
 * AES-CMAC (RFC 4493, NIST SP 800-38B) of `bytes[at..at + length)` into `out[0..16)`.
 */
export function cmac16(
  key: CmacKey,
  bytes: Uint8Array,
  at: number,
  length: number,
  out: Uint8Array,
): void {
  const end = at + length;
  let from = at;
  chain.fill(0);
  for (; from + 16 < end; from += 16) {
    for (let i = 0; i < 4; i++) chain[i]! ^= littleWord(bytes, from + 4 * i, end);
    aesBlock(key.schedule, chain);
  }
  const subkey = length > 0 && from + 16 === end ? key.whole : key.padded;
  for (let i = 0; i < 4; i++) chain[i]! ^= littleWord(bytes, from + 4 * i, end) ^ subkey[i]!;
  aesBlock(key.schedule, chain);
  for (let i = 0; i < 4; i++) storeLittle(chain[i]!, out, 4 * i);
}

/** The same of 10 bytes, a card number, as four little-endian words: what every tap asks for. */
export function cmacOf10(key: CmacKey, bytes: Uint8Array, at: number, out: Int32Array): void {
  const { padded } = key;
  out[0] = swap(loadWord(bytes, at)) ^ padded[0]!;
  out[1] = swap(loadWord(bytes, at + 4)) ^ padded[1]!;
  out[2] = (bytes[at + 8]! | (bytes[at + 9]! << 8) | 0x80_0000) ^ padded[2]!;
  out[3] = padded[3]!;
  aesBlock(key.schedule, out);
}

/** Multiplies the block by x in GF(2^128) as CMAC has it: most significant byte first. */
function double(block: Int32Array): void {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 4; i++) storeLittle(block[i]!, bytes, 4 * i);
  const carry = bytes[0]! >> 7;
  for (let i = 0; i < 16; i++) bytes[i] = (bytes[i]! << 1) | ((bytes[i + 1] ?? 0) >> 7);
  bytes[15]! ^= carry * 0x87;
  for (let i = 0; i < 4; i++) block[i] = littleWord(bytes, 4 * i, 16);
}

/** The little-endian word at `at` of a message that ends at `end`, 80 and zeros behind it. */
function littleWord(bytes: Uint8Array, at: number, end: number): number {
  return swap(loadPadded(bytes, at, end));
}

/** The word with its bytes in opposite order. */
export function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

function storeLittle(word: number, bytes: Uint8Array, at: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
