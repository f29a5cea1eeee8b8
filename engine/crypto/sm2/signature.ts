/**
 * Verification of SM2 signatures (GM/T 0003.2, GB/T 32918.2) under the user id of payment cards,
 * 1234567812345678. node:crypto has the curve but takes no user id, so it refuses every card.
 */
import assert from 'node:assert/strict';
import { fromHex, toHex } from '../../bytes.ts';
import { sm3 } from '../sm3.ts';
import { type Comb, combOfPoint, hasX, N, TEETH_KNOWN, TEETH_ONCE } from './curve.ts';

export const SM2_KEY_BYTES = 64;
export const SM2_SIGNATURE_BYTES = 64;

/** ENTL, the user id's length in bits ‖ user id ‖ a ‖ b ‖ x of G ‖ y of G. */
const Z_PREFIX = fromHex(
  '0080' +
    '31323334353637383132333435363738' +
    'FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC' +
    '28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93' +
    '32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7' +
    'BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0',
);

/** A public key made ready. */
export interface Sm2Key {
  readonly comb: Comb;
  /** The hash of the user id, the curve and the key that goes before each message: 32 bytes. */
  readonly za: Uint8Array;
}

/**
 * Makes a key ready; null where it is no point of the curve.
 * @param publicKey x ‖ y, 64 bytes
 * @param use `known` for a key that verifies again and again: a table of 48 KB in some 2 ms, after
 * which each signature takes a fourth of the time; `once` for a card's own
 */
export function sm2Key(publicKey: Uint8Array, use: 'known' | 'once'): Sm2Key | null {
  assert(publicKey.length === SM2_KEY_BYTES, 'an SM2 key of 64 bytes');
  const teeth = use === 'known' ? TEETH_KNOWN : TEETH_ONCE;
  const comb = combOfPoint(numberAt(publicKey, 0), numberAt(publicKey, 32), teeth);
  return comb && { comb, za: sm3(Z_PREFIX, publicKey) };
}

/** Whether `signature`, R ‖ S of 64 bytes, is the key's over `message`. */
export function verifySm2(key: Sm2Key, message: Uint8Array, signature: Uint8Array): boolean {
  assert(signature.length === SM2_SIGNATURE_BYTES, 'an SM2 signature of 64 bytes');
  const r = numberAt(signature, 0);
  const s = numberAt(signature, 32);
  if (r === 0n || r >= N || s === 0n || s >= N) return false;
  const t = (r + s) % N;
  if (t === 0n) return false;
  const e = numberAt(sm3(key.za, message), 0);
  // R = (e + x) mod n, where x is that of s G + t P.
  const x = (((r - e) % N) + N) % N;
  const scalarT = fromHex(t.toString(16).padStart(64, '0'));
  return hasX(signature.subarray(32), scalarT, key.comb, x);
}

/** 32 bytes, big-endian. */
function numberAt(bytes: Uint8Array, at: number): bigint {
  return BigInt(`0x${toHex(bytes.subarray(at, at + 32))}`);
}
