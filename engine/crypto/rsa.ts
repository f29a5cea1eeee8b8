/**
 * RSA recovery of EMV certificates and signatures (EMV 4.3 Book 2, B2.1): signature^e mod n, no
 * padding. node:crypto computes it; its numbers beat BigInt at exponent 65537 even where the key is
 * new, and equal it at 3 where the key is kept.
 */
import { constants, createPublicKey, type KeyObject, publicDecrypt } from 'node:crypto';
import { RSA_MODULUS_BYTES_MAX, RSA_MODULUS_BYTES_MIN } from '../card-limits.ts';

/** A public key made ready; its modulus is as long as what it recovers. */
export interface RsaKey {
  readonly bytes: number;
  readonly key: KeyObject;
}

/** Whether the bytes are one of the two exponents that payment schemes allow: 3 and 65537. */
export function isExponent(exponent: Uint8Array): boolean {
  if (exponent.length === 1) return exponent[0] === 3;
  const [high, middle, low] = exponent;
  return exponent.length === 3 && high === 1 && middle === 0 && low === 1;
}

/**
 * Makes a key ready; null where it is none: a modulus outside the bounds of `engine/limits.ts` or
 * that begins with zero, or an exponent that is not `isExponent`.
 */
export function rsaKey(modulus: Uint8Array, exponent: Uint8Array): RsaKey | null {
  const bytes = modulus.length;
  if (bytes < RSA_MODULUS_BYTES_MIN || bytes > RSA_MODULUS_BYTES_MAX || modulus[0] === 0) {
    return null;
  }
  if (!isExponent(exponent)) return null;
  const jwk = { kty: 'RSA', n: base64url(modulus), e: base64url(exponent) };
  try {
    return { bytes, key: createPublicKey({ key: jwk, format: 'jwk' }) };
  } catch {
    return null;
  }
}

/** signature^e mod n, as long as the modulus; null where the signature is not below the modulus. */
export function recoverRsa({ bytes, key }: RsaKey, signature: Uint8Array): Uint8Array | null {
  if (signature.length !== bytes) return null;
  try {
    return publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature);
  } catch {
    return null;
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}
