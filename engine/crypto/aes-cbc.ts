/**
 * AES in CBC mode (NIST SP 800-38A, 6.2) over whole blocks in place, on schedules expanded ahead.
 * The chaining value is the caller's, four little-endian words: it goes in as the IV and comes out
 * as the last block of ciphertext, so that a chain may run over several messages (DESFire EV1).
 */
import { type AesSchedule, aesBlock, aesBlockInverse } from './aes.ts';
import { loadLittle, storeLittle } from './mac.ts';

/** Encrypts `bytes[at..at + length)`; `length` is a multiple of 16. */
export function cbcEncrypt(
  schedule: AesSchedule,
  chain: Int32Array,
  bytes: Uint8Array,
  at: number,
  length: number,
): void {
  for (let from = at; from < at + length; from += 16) {
    for (let i = 0; i < 4; i++) chain[i]! ^= loadLittle(bytes, from + 4 * i);
    aesBlock(schedule, chain);
    for (let i = 0; i < 4; i++) storeLittle(chain[i]!, bytes, from + 4 * i);
  }
}

const block = new Int32Array(4);

/** Decrypts `bytes[at..at + length)`; the schedule is that of `invertAes128`. */
export function cbcDecrypt(
  inverse: AesSchedule,
  chain: Int32Array,
  bytes: Uint8Array,
  at: number,
  length: number,
): void {
  for (let from = at; from < at + length; from += 16) {
    for (let i = 0; i < 4; i++) block[i] = loadLittle(bytes, from + 4 * i);
    aesBlockInverse(inverse, block);
    for (let i = 0; i < 4; i++) {
      const cipher = loadLittle(bytes, from + 4 * i);
      storeLittle(block[i]! ^ chain[i]!, bytes, from + 4 * i);
      chain[i] = cipher;
    }
  }
}
