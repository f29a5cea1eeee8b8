/**
 * Card keys from master keys: the diversification of PBOC purses with triple DES and with SM4, and
 * NXP AN10922 for AES cards.
 */
import assert from 'node:assert/strict';
import { edePair } from './des.ts';
import { type CmacKey, cmac16 } from './mac.ts';
import { sm4Block } from './sm4.ts';

/**
 * D(K, f) = 3DES_K(f) ‖ 3DES_K(~f) (PBOC e-purse [R]).
 * @param schedule EDE schedule of K
 * @param high first four bytes of the factor, @param low last four
 * @param key receives four words
 */
export function diversifyEde(
  schedule: Int32Array,
  high: number,
  low: number,
  key: Int32Array,
): void {
  key[0] = high;
  key[1] = low;
  key[2] = ~high;
  key[3] = ~low;
  edePair(schedule, key);
}

/** SM4_K(f ‖ ~f) (SM4 purses [1]); parameters as `diversifyEde` with an SM4 schedule. */
export function diversifySm4(
  schedule: Int32Array,
  high: number,
  low: number,
  key: Int32Array,
): void {
  key[0] = high;
  key[1] = low;
  key[2] = ~high;
  key[3] = ~low;
  sm4Block(schedule, key);
}

/** How AN10922 treats an input that fits one block. */
export type An10922Padding =
  /** The application note: always to 32 bytes. */
  | 'to32'
  /** Field practice of some issuers: plain CMAC, so an input of up to 15 bytes takes one block. */
  | 'cmac';

/**
 * AES-128 key diversification of NXP AN10922, 2.2: CMAC over 01 ‖ input, padded to 32 bytes.
 * @param master the master key made ready for CMAC
 * @param input 1 to 31 bytes (UID, application id, system id)
 * @returns 16 bytes
 */
export function an10922Aes128(
  master: CmacKey,
  input: Uint8Array,
  padding: An10922Padding = 'to32',
): Uint8Array {
  assert(input.length >= 1 && input.length <= 31, 'AN10922 takes 1 to 31 bytes');
  const message = new Uint8Array(32);
  const length = input.length + 1;
  message[0] = 0x01;
  message.set(input, 1);
  const key = new Uint8Array(16);
  if (padding === 'cmac' || length > 16) {
    cmac16(master, message, 0, length, key);
    return key;
  }
  // Two blocks although the message fits one: pad here, and let CMAC use K2, the subkey of padded
  // messages, where it would see a whole block.
  message[length] = 0x80;
  cmac16({ ...master, whole: master.padded }, message, 0, 32, key);
  return key;
}
