/**
 * AES (FIPS 197) on one block with a key schedule expanded ahead, through the low-level functions
 * of `@noble/ciphers`, whose words are little-endian. Its tables leak timing, as its README says.
 */
import { unsafe } from '@noble/ciphers/aes.js';

/** An expanded AES key: round keys as little-endian words. */
export type AesSchedule = Uint32Array;

/** @param key 16, 24 or 32 bytes. */
export function expandAes(key: Uint8Array): AesSchedule {
  return unsafe.expandKeyLE(key);
}

/** Encrypts the block of four little-endian words in place. */
export function aesBlock(schedule: AesSchedule, block: Int32Array): void {
  const { s0, s1, s2, s3 } = unsafe.encrypt(schedule, block[0]!, block[1]!, block[2]!, block[3]!);
  block[0] = s0;
  block[1] = s1;
  block[2] = s2;
  block[3] = s3;
}

/** An expanded AES key for decryption: the equivalent inverse cipher's (FIPS 197, 5.3.5). */
export function expandAesInverse(key: Uint8Array): AesSchedule {
  return unsafe.expandKeyDecLE(key);
}

/** Decrypts the block in place; the schedule is that of `expandAesInverse`. */
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
