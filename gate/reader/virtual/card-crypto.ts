/**
 * What a virtual card computes, with node:crypto only: the gate's own cryptography is a second
 * implementation of the same rules, and the two meet on the wire. PBOC e-purse, 3DES keys of 16
 * bytes; the rules were recomputed against published examples unless said otherwise.
 */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';

const noIv = new Uint8Array(8);

/** Two-key 3DES in ECB mode over whole blocks. */
function tripleDes(key: Uint8Array, blocks: Uint8Array): Uint8Array {
  assert(key.length === 16 && blocks.length % 8 === 0);
  const cipher = createCipheriv('des-ede3', Buffer.concat([key, key.subarray(0, 8)]), null);
  cipher.setAutoPadding(false);
  return new Uint8Array(cipher.update(blocks));
}

/**
 * Single-DES CBC-MAC with IV 0 and padding 80 00.. (always added); the leftmost 4 bytes of the last
 * block. OpenSSL 3 refuses single DES, and 3DES under K ‖ K ‖ K is the same function.
 */
export function desMac(key: Uint8Array, data: Uint8Array): Uint8Array {
  assert(key.length === 8);
  const padded = new Uint8Array((data.length >> 3) * 8 + 8);
  padded.set(data);
  padded[data.length] = 0x80;
  const cipher = createCipheriv('des-ede3-cbc', Buffer.concat([key, key, key]), noIv);
  cipher.setAutoPadding(false);
  const out = cipher.update(padded);
  return new Uint8Array(out.subarray(out.length - 8, out.length - 4));
}

/** The card's key from a master key, once per factor of 8 bytes: 3DES(f) ‖ 3DES(~f). */
export function diversify(master: Uint8Array, factors: readonly Uint8Array[]): Uint8Array {
  let key = master;
  for (const factor of factors) {
    assert(factor.length === 8);
    key = tripleDes(key, Buffer.concat([factor, factor.map((byte) => ~byte)]));
  }
  return key;
}

/** X = random(4) ‖ offline counter(2) ‖ last two bytes of the terminal's sequence. */
export function purchaseSessionKey(
  key: Uint8Array,
  random: Uint8Array,
  offlineCounter: number,
  terminalSequence: Uint8Array,
): Uint8Array {
  return tripleDes(key, Buffer.concat([random, u16(offlineCounter), terminalSequence.subarray(2)]));
}

/** X = random(4) ‖ online counter(2) ‖ 8000. */
export function loadSessionKey(
  key: Uint8Array,
  random: Uint8Array,
  onlineCounter: number,
): Uint8Array {
  return tripleDes(key, Buffer.concat([random, u16(onlineCounter), u16(0x8000)]));
}

/** What a purchase and a load are made of, as it enters their MACs. */
export interface Terms {
  readonly amountMinor: number;
  /** 02 EP load, 06 EP purchase, 09 CAPP purchase (01 and 05 for ED). */
  readonly transactionType: number;
  /** 6 bytes. */
  readonly terminalId: Uint8Array;
  /** YYYYMMDDhhmmss, 7 BCD bytes. */
  readonly dateTime: Uint8Array;
}

function what(terms: Terms): Uint8Array {
  return Buffer.concat([
    u32(terms.amountMinor),
    Uint8Array.of(terms.transactionType),
    terms.terminalId,
  ]);
}

/** `cityCode`: the nine bytes of 80CA000009, which city-union cards append; else empty. */
export function purchaseMac1(
  sessionKey: Uint8Array,
  terms: Terms,
  cityCode: Uint8Array,
): Uint8Array {
  return desMac(sessionKey, Buffer.concat([what(terms), terms.dateTime, cityCode]));
}

export function purchaseMac2(sessionKey: Uint8Array, amountMinor: number): Uint8Array {
  return desMac(sessionKey, u32(amountMinor));
}

/** The key of the TAC: the two halves of the 16-byte key, one over the other. */
export function tacKey(key: Uint8Array): Uint8Array {
  assert(key.length === 16);
  return key.subarray(0, 8).map((byte, at) => byte ^ key[at + 8]!);
}

/** `key` of 8 bytes (see `tacKey`); `terminalSequence` of 4. */
export function purchaseTac(
  key: Uint8Array,
  terms: Terms,
  terminalSequence: Uint8Array,
): Uint8Array {
  return desMac(key, Buffer.concat([what(terms), terminalSequence, terms.dateTime]));
}

/** The card's proof to the load host: balance ‖ amount ‖ type ‖ terminal. */
export function loadMac1(
  sessionKey: Uint8Array,
  balanceMinor: number,
  terms: Omit<Terms, 'dateTime'>,
): Uint8Array {
  const dateTime = new Uint8Array(0);
  return desMac(sessionKey, Buffer.concat([u32(balanceMinor), what({ ...terms, dateTime })]));
}

/** The load host's order to the card. */
export function loadMac2(sessionKey: Uint8Array, terms: Terms): Uint8Array {
  return desMac(sessionKey, Buffer.concat([what(terms), terms.dateTime]));
}

/** `onlineCounter` as INITIALIZE FOR LOAD gave it, before the increment. */
export function loadTac(
  key: Uint8Array,
  newBalanceMinor: number,
  onlineCounter: number,
  terms: Terms,
): Uint8Array {
  return desMac(
    key,
    Buffer.concat([u32(newBalanceMinor), u16(onlineCounter), what(terms), terms.dateTime]),
  );
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
