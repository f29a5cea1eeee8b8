/**
 * Application cryptograms of bank cards (EMV 4.3 Book 2, 8.1 and A1.3-A1.4; PBOC 3.0), for the
 * engine where an issuer's keys are held. Triple DES [R]; SM4 [1] for the cipher, [U] for the
 * session key, which is taken over from triple DES.
 */
import assert from 'node:assert/strict';
import { edePair, expandEde } from './des.ts';
import { retailMac, sm4CbcMac } from './mac.ts';
import { type PurseAlgorithm, sm4, tripleDes } from './purse-cipher.ts';
import { sm4Block } from './sm4.ts';
import { loadKey, loadWord, storeWord } from './words.ts';

const CRYPTOGRAM_BYTES = 8;

/**
 * The card's key from its issuer's (option A): E(Y) ‖ E(~Y), where Y is the right 16 digits of
 * PAN ‖ PAN sequence number, zeros on the left where they are fewer.
 * @param master 16 bytes
 * @param pan digits, 1 to 19
 * @param panSequence 0 to 99; 0 where the card has none
 * @returns 16 bytes; parity bits as they come
 */
export function cardKey(
  algorithm: PurseAlgorithm,
  master: Uint8Array,
  pan: string,
  panSequence: number,
): Uint8Array {
  assert(master.length === 16 && /^\d{1,19}$/.test(pan), 'a key of 16 bytes and a PAN');
  assert(panSequence >= 0 && panSequence <= 99, 'a PAN sequence number of two digits');
  const digits = `${pan}${String(panSequence).padStart(2, '0')}`.padStart(16, '0').slice(-16);
  const y = Buffer.from(digits, 'hex');
  const cipher = algorithm === '3des' ? tripleDes : sm4;
  const schedule = new Int32Array(cipher.keyWords);
  const key = new Int32Array(4);
  loadKey(master, 0, key);
  cipher.expandKey(key, schedule);
  cipher.diversify(schedule, loadWord(y, 0), loadWord(y, 4), key);
  return bytesOf(key, 16);
}

/**
 * The session key of one transaction: the card's key over 000000000000 ‖ ATC and over
 * 000000000000 ‖ ~ATC. @param atc 16 bits; @returns 16 bytes
 */
export function cryptogramSessionKey(
  algorithm: PurseAlgorithm,
  key: Uint8Array,
  atc: number,
): Uint8Array {
  const words = new Int32Array(4);
  loadKey(key, 0, words);
  const schedule = new Int32Array((algorithm === '3des' ? tripleDes : sm4).keyWords);
  const input = Int32Array.of(0, atc, 0, ~atc & 0xffff);
  if (algorithm === '3des') {
    expandEde(words, schedule);
    edePair(schedule, input);
  } else {
    sm4.expandKey(words, schedule);
    sm4Block(schedule, input);
  }
  return bytesOf(input, 16);
}

/**
 * The cryptogram over `data`, which the card's cryptogram version makes up: retail MAC under a
 * triple DES session key [R], left half of the CBC-MAC under an SM4 one [1]. 8 bytes.
 */
export function applicationCryptogram(
  algorithm: PurseAlgorithm,
  sessionKey: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const words = new Int32Array(4);
  loadKey(sessionKey, 0, words);
  const cipher = algorithm === '3des' ? tripleDes : sm4;
  const schedule = new Int32Array(cipher.keyWords);
  cipher.expandKey(words, schedule);
  const mac = new Int32Array(4);
  if (algorithm === '3des') retailMac(schedule, data, data.length, mac);
  else sm4CbcMac(schedule, data, data.length, mac);
  return bytesOf(mac, CRYPTOGRAM_BYTES);
}

function bytesOf(words: Int32Array, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 4) storeWord(words[at >> 2]!, bytes, at);
  return bytes;
}
