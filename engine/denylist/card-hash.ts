/**
 * The keyed hash that stands for a card number on a denylist: the left 64 bits of its AES-CMAC
 * (RFC 4493; PCI DSS 4.0, 3.5.1.1 wants hashes of card numbers keyed), as two 32-bit halves, since
 * a tap has no time for BigInt. A low half of 0 becomes 1: tables mark free places with it.
 */
import { readU32 } from '../bytes.ts';
import { type CmacKey, cmac16, cmacOf10, swap } from '../crypto/mac.ts';

/** Bytes of a card number as purse cards carry it. */
export const CARD_NUMBER_BYTES = 10;

const mac = new Uint8Array(16);
const words = new Int32Array(4);

/**
 * Leaves the halves of the hash of the number at `bytes[at]` in `out[outAt]` (high), `+ 1` (low).
 */
export function hashCardNumber(
  key: CmacKey,
  bytes: Uint8Array,
  at: number,
  out: Int32Array,
  outAt: number,
): void {
  cmacOf10(key, bytes, at, words);
  out[outAt] = swap(words[0]!);
  const low = swap(words[1]!);
  out[outAt + 1] = low === 0 ? 1 : low;
}

/**
 * What tells hashing keys apart without giving one away: 32 bits of the MAC of an empty message,
 * which no card number is.
 */
export function hashKeyCheck(key: CmacKey): number {
  cmac16(key, mac, 0, 0, mac);
  return readU32(mac, 0);
}

/** Whether key `a` goes before key `b` in the order of lists: unsigned, high half first. */
export function keyBefore(aHigh: number, aLow: number, bHigh: number, bLow: number): boolean {
  if (aHigh !== bHigh) return aHigh >>> 0 < bHigh >>> 0;
  return aLow >>> 0 < bLow >>> 0;
}
