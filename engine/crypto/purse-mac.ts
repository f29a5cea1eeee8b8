/**
 * Session keys, MAC1, MAC2 and TAC of the PBOC e-purse. Layouts and the 3DES results are recomputed
 * from published transactions [R] where a function does not say otherwise; SM4 is [U] throughout.
 * All numbers are big-endian. Every MAC is four bytes as one signed word.
 */
import { copyBytes, writeU16, writeU32 } from '../bytes.ts';
import type { PurseCipher } from './purse-cipher.ts';
import { loadWord } from './words.ts';

/** A purchase as terminal and card agree on it. */
export interface Purchase {
  readonly amountMinor: number;
  /** 05 ED, 06 EP, 09 CAPP. */
  readonly transactionType: number;
  /** 6 bytes. */
  readonly terminalId: Uint8Array;
  /** YYYYMMDDhhmmss, 7 BCD bytes. */
  readonly dateTime: Uint8Array;
}

/** A load as host and card agree on it. */
export interface Load extends Purchase {
  /** Before the load. */
  readonly balanceMinor: number;
}

/** The longest message: purchase MAC1 with a city code, 18 + 9 bytes. */
const message = new Uint8Array(32);

/**
 * Session schedule of a purchase into `session`: E(DPK, random4 ‖ offlineCounter2 ‖ right two bytes
 * of the terminal sequence).
 */
export function purchaseSession(
  cipher: PurseCipher,
  cardKey: Int32Array,
  random: Uint8Array,
  offlineCounter: number,
  terminalSequence: number,
  session: Int32Array,
): void {
  const low = (offlineCounter << 16) | (terminalSequence & 0xffff);
  cipher.expandSession(cardKey, loadWord(random, 0), low, session);
}

/** Session schedule of a load: E(DLK, random4 ‖ onlineCounter2 ‖ 8000). */
export function loadSession(
  cipher: PurseCipher,
  cardKey: Int32Array,
  random: Uint8Array,
  onlineCounter: number,
  session: Int32Array,
): void {
  cipher.expandSession(cardKey, loadWord(random, 0), (onlineCounter << 16) | 0x8000, session);
}

/**
 * MAC1 of a purchase, the terminal's: amount4 ‖ type1 ‖ terminal6 ‖ date4 ‖ time3, and on
 * city-union cards the nine bytes of 80CA000009 (of no other scheme, and of no other MAC).
 */
export function purchaseMac1(
  cipher: PurseCipher,
  session: Int32Array,
  purchase: Purchase,
  cityCode: Uint8Array | null,
): number {
  let length = putWho(purchase, 0);
  length = putWhen(purchase, length);
  if (cityCode !== null) {
    copyBytes(cityCode, 0, message, length, cityCode.length);
    length += cityCode.length;
  }
  return cipher.mac(session, message, length);
}

/** MAC2 of a purchase, the card's: amount4. */
export function purchaseMac2(
  cipher: PurseCipher,
  session: Int32Array,
  amountMinor: number,
): number {
  writeU32(message, 0, amountMinor);
  return cipher.mac(session, message, 4);
}

/** TAC of a purchase: amount4 ‖ type1 ‖ terminal6 ‖ terminalSequence4 ‖ date4 ‖ time3. */
export function purchaseTac(
  cipher: PurseCipher,
  tacKey: Int32Array,
  purchase: Purchase,
  terminalSequence: number,
): number {
  const length = putWho(purchase, 0);
  writeU32(message, length, terminalSequence);
  return cipher.mac(tacKey, message, putWhen(purchase, length + 4));
}

/** MAC1 of a load, the card's: balance4 ‖ amount4 ‖ type1 ‖ terminal6. */
export function loadMac1(cipher: PurseCipher, session: Int32Array, load: Load): number {
  writeU32(message, 0, load.balanceMinor);
  return cipher.mac(session, message, putWho(load, 4));
}

/** MAC2 of a load, the host's: amount4 ‖ type1 ‖ terminal6 ‖ date4 ‖ time3. */
export function loadMac2(cipher: PurseCipher, session: Int32Array, load: Load): number {
  return cipher.mac(session, message, putWhen(load, putWho(load, 0)));
}

/**
 * TAC of a load: balance after the load4 ‖ onlineCounter2 (before its increment) ‖ amount4 ‖
 * type1 ‖ terminal6 ‖ date4 ‖ time3.
 */
export function loadTac(
  cipher: PurseCipher,
  tacKey: Int32Array,
  load: Load,
  onlineCounter: number,
): number {
  writeU32(message, 0, load.balanceMinor + load.amountMinor);
  writeU16(message, 4, onlineCounter);
  return cipher.mac(tacKey, message, putWhen(load, putWho(load, 6)));
}

/** amount4 ‖ type1 ‖ terminal6; returns where it ends. */
function putWho(purchase: Purchase, at: number): number {
  writeU32(message, at, purchase.amountMinor);
  message[at + 4] = purchase.transactionType;
  copyBytes(purchase.terminalId, 0, message, at + 5, 6);
  return at + 11;
}

/** date4 ‖ time3; returns where it ends. */
function putWhen(purchase: Purchase, at: number): number {
  copyBytes(purchase.dateTime, 0, message, at, 7);
  return at + 7;
}
