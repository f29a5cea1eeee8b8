/**
 * MACs over card-sized messages on schedules expanded ahead: CBC-MAC of DES and SM4, retail MAC,
 * and AES-CMAC. Nothing here allocates per message; results are left in the caller's words or
 * bytes.
 */
import { type AesSchedule, aesBlock, expandAes, expandAes128 } from './aes.ts';
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
  const ready = { schedule, whole: new Int32Array(4), padded: new Int32Array(4) };
  makeSubkeys(ready);
  return ready;
}

/** Makes another key of 16 bytes ready in the place of one. */
export function rekeyCmac(ready: CmacKey, key: Uint8Array): void {
  expandAes128(key, ready.schedule);
  makeSubkeys(ready);
}

function makeSubkeys({ schedule, whole, padded }: CmacKey): void {
  whole.fill(0);
  aesBlock(schedule, whole);
  double(whole);
  for (let i = 0; i < 4; i++) padded[i] = whole[i]!;
  double(padded);
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
  chain.fill(0);
  cmacChain(key, chain, bytes, at, length);
  for (let i = 0; i < 4; i++) storeLittle(chain[i]!, out, 4 * i);
}

/**
 * The same, begun with `words` in place of zeros and left there: four little-endian words. CMAC
 * where they are zeros; DESFire EV1 begins each MAC with the one before.
 */
export function cmacChain(
  key: CmacKey,
  words: Int32Array,
  bytes: Uint8Array,
  at: number,
  length: number,
): void {
  const end = at + length;
  let from = at;
  for (; from + 16 < end; from += 16) {
    xorBlock(words, bytes, from);
    aesBlock(key.schedule, words);
  }
  if (length > 0 && from + 16 === end) {
    xorBlock(words, bytes, from);
    for (let i = 0; i < 4; i++) words[i]! ^= key.whole[i]!;
  } else {
    for (let i = 0; i < 4; i++) {
      words[i]! ^= littleWord(bytes, from + 4 * i, end) ^ key.padded[i]!;
    }
  }
  aesBlock(key.schedule, words);
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
  const w0 = swap(block[0]!);
  const w1 = swap(block[1]!);
  const w2 = swap(block[2]!);
  const w3 = swap(block[3]!);
  block[0] = swap((w0 << 1) | (w1 >>> 31));
  block[1] = swap((w1 << 1) | (w2 >>> 31));
  block[2] = swap((w2 << 1) | (w3 >>> 31));
  block[3] = swap((w3 << 1) ^ (0x87 & (w0 >> 31)));
}

/** The little-endian word at `at` of a message that ends at `end`, 80 and zeros behind it. */
function littleWord(bytes: Uint8Array, at: number, end: number): number {
  return swap(loadPadded(bytes, at, end));
}

/** The word with its bytes in opposite order. */
export function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** XORs the 16 bytes at `at` into little-endian words. */
function xorBlock(words: Int32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 4; i++) words[i]! ^= loadLittle(bytes, at + 4 * i);
}

/** Four bytes as a little-endian signed word. */
export function loadLittle(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

export function storeLittle(word: number, bytes: Uint8Array, at: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
