/**
 * The transaction MAC of DESFire EV2, EV3 and Light: a proof of what one commit did, under a key
 * that the card shares with the back office (MF2DL(H)x0 data sheet, 10.3). Session keys reproduce a
 * published check [R]; of a TMV itself no published value exists, so the rule is [S].
 */
import { copyBytes, equalRange } from '../../bytes.ts';
import { invariant } from '../../invariant.ts';
import { type CmacKey, cmac16, cmacKey } from '../mac.ts';

/** Bytes of a TMV. */
const TMV_BYTES = 8;

/**
 * The session key of one transaction: CMAC over 5A (MAC) or A5 (encryption of reader ids) ‖ 0001
 * 0080 ‖ TMC4, little-endian ‖ UID7.
 * @param tmc as the answer to CommitTransaction gives it, after the increment.
 * @returns 16 bytes
 */
export function transactionSessionKey(
  applicationKey: CmacKey,
  purpose: 'mac' | 'enc',
  tmc: number,
  uid: Uint8Array,
): Uint8Array {
  invariant(uid.length === 7, 'a UID of 7 bytes');
  const vector = new Uint8Array(16);
  vector[0] = purpose === 'mac' ? 0x5a : 0xa5;
  vector[2] = 1;
  vector[4] = 0x80;
  for (let i = 0; i < 4; i++) vector[5 + i] = tmc >>> (8 * i);
  copyBytes(uid, 0, vector, 9, 7);
  const key = new Uint8Array(16);
  cmac16(applicationKey, vector, 0, 16, key);
  return key;
}

/**
 * TMV: the odd bytes of the CMAC over the transaction's input.
 * @param tmi whole blocks of 16 bytes, as `engine/card/desfire/transaction-input.ts` gathers them.
 * @returns 8 bytes
 */
export function transactionMac(
  applicationKey: CmacKey,
  tmc: number,
  uid: Uint8Array,
  tmi: Uint8Array,
): Uint8Array {
  const key = cmacKey(transactionSessionKey(applicationKey, 'mac', tmc, uid));
  const whole = new Uint8Array(16);
  cmac16(key, tmi, 0, tmi.length, whole);
  return Uint8Array.from({ length: TMV_BYTES }, (_, i) => whole[2 * i + 1]!);
}

/** Whether `tmv` is that of the transaction. */
export function verifyTransactionMac(
  applicationKey: CmacKey,
  tmc: number,
  uid: Uint8Array,
  tmi: Uint8Array,
  tmv: Uint8Array,
): boolean {
  if (tmv.length !== TMV_BYTES) return false;
  return equalRange(transactionMac(applicationKey, tmc, uid, tmi), 0, tmv, 0, TMV_BYTES);
}
