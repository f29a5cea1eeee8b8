/** The operator's Ed25519 keys (RFC 8032) for denylists, through node:crypto. */
import { type KeyObject, sign, verify } from 'node:crypto';

export function signer(privateKey: KeyObject): (message: Uint8Array) => Uint8Array {
  return (message) => new Uint8Array(sign(null, message, privateKey));
}

export function verifier(
  publicKey: KeyObject,
): (message: Uint8Array, signature: Uint8Array) => boolean {
  return (message, signature) => verify(null, message, publicKey, signature);
}
