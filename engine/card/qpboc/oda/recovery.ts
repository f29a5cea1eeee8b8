/**
 * What RSA recovers of certificates and signatures (EMV 4.3 Book 2, 5.3, 5.4, 6.3 to 6.5):
 * 6A ‖ format ‖ content ‖ SHA-1 hash(20) ‖ BC, hashed from the format on, together with data that
 * did not fit or that signer and verifier both know.
 */
import { createHash } from 'node:crypto';
import { equalRange } from '../../../bytes.ts';
import { type RsaKey, recoverRsa } from '../../../crypto/rsa.ts';
import type { EcashReason, SignedStage } from '../reasons.ts';

const HASH_BYTES = 20;
/** Hash and trailer. */
const TAIL_BYTES = HASH_BYTES + 1;
const HEADER = 0x6a;
const TRAILER = 0xbc;

/**
 * Recovers and checks. `formats` are the format bytes allowed, `algorithmAt` where the content
 * names its hash algorithm (01: SHA-1), and `more` is what else is hashed.
 * @returns all recovered bytes, or why not, by `stage`
 */
export function recoverSigned(
  stage: SignedStage,
  key: RsaKey,
  signature: Uint8Array | undefined,
  formats: readonly number[],
  algorithmAt: number,
  more: readonly Uint8Array[],
): Uint8Array | EcashReason {
  if (signature === undefined) return `${stage}Missing`;
  if (signature.length !== key.bytes) return `${stage}Length`;
  const recovered = recoverRsa(key, signature);
  if (recovered === null) return `${stage}Range`;
  const end = recovered.length - TAIL_BYTES;
  if (recovered[recovered.length - 1] !== TRAILER) return `${stage}Trailer`;
  if (recovered[0] !== HEADER) return `${stage}Header`;
  if (!formats.includes(recovered[1]!)) return `${stage}Format`;
  if (recovered[algorithmAt] !== 1) return `${stage}Algorithm`;
  const hash = createHash('sha1').update(recovered.subarray(1, end));
  for (const part of more) hash.update(part);
  const digest = hash.digest();
  return equalRange(digest, 0, recovered, end, HASH_BYTES) ? recovered : `${stage}Hash`;
}
