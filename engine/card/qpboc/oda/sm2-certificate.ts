/**
 * SM2 certificates of PBOC 3.0 [R, from the published test card]: they hold the key in clear and
 * end in the signature of all before it, user id 1234567812345678.
 *
 *     issuer 12 ‖ issuer(4) ‖ MMYY(2) ‖ serial(3) ‖ 04 ‖ 00 ‖ curve ‖ 40 ‖ key(64) ‖ R(32) ‖ S(32)
 *     card   14 ‖ PAN(10)   ‖ MMYY(2) ‖ serial(3) ‖ 04 ‖ 00 ‖ curve ‖ 40 ‖ key(64) ‖ R(32) ‖ S(32)
 *
 * The curve is 11; test cards also have 04 there. A card's signature also covers its static data.
 */
import {
  SM2_KEY_BYTES,
  SM2_SIGNATURE_BYTES,
  type Sm2Key,
  sm2Key,
  verifySm2,
} from '../../../crypto/sm2/signature.ts';
import type { CertificateStage, EcashReason } from '../reasons.ts';

const SIGNATURE_ALGORITHM = 0x04;
const CURVES: readonly number[] = [0x11, 0x04];

/** A certificate whose signature was right. */
export interface Sm2Certificate {
  readonly key: Sm2Key;
  /** Issuer identifier, 4 bytes, or PAN, 10 bytes. */
  readonly subject: Uint8Array;
  /** MMYY, 2 BCD bytes. */
  readonly expiry: Uint8Array;
  /** 3 bytes. */
  readonly serial: Uint8Array;
}

const kinds = {
  issuerCertificate: { format: 0x12, subjectBytes: 4, use: 'known' },
  cardCertificate: { format: 0x14, subjectBytes: 10, use: 'once' },
} as const;

/** Reads and verifies 90 or 9F46. @param staticData what a card's covers; empty for an issuer's */
export function readSm2Certificate(
  stage: CertificateStage,
  signer: Sm2Key,
  bytes: Uint8Array | undefined,
  staticData: Uint8Array,
): Sm2Certificate | EcashReason {
  const { format, subjectBytes, use } = kinds[stage];
  const expiryAt = 1 + subjectBytes;
  const algorithmAt = expiryAt + 5;
  const keyAt = algorithmAt + 4;
  const bodyBytes = keyAt + SM2_KEY_BYTES;
  if (bytes === undefined) return `${stage}Missing`;
  if (bytes.length !== bodyBytes + SM2_SIGNATURE_BYTES) return `${stage}Length`;
  if (bytes[0] !== format) return `${stage}Format`;
  const [algorithm, encryption, curve, keyBytes] = bytes.subarray(algorithmAt, keyAt);
  if (algorithm !== SIGNATURE_ALGORITHM || encryption !== 0 || !CURVES.includes(curve!)) {
    return `${stage}Algorithm`;
  }
  if (keyBytes !== SM2_KEY_BYTES) return `${stage}KeyLength`;
  const body = bytes.subarray(0, bodyBytes);
  const message = staticData.length === 0 ? body : Buffer.concat([body, staticData]);
  if (!verifySm2(signer, message, bytes.subarray(bodyBytes))) return `${stage}Signature`;
  const key = sm2Key(bytes.subarray(keyAt, bodyBytes), use);
  if (key === null) return `${stage}Key`;
  return {
    key,
    subject: bytes.slice(1, expiryAt),
    expiry: bytes.slice(expiryAt, expiryAt + 2),
    serial: bytes.slice(expiryAt + 2, algorithmAt),
  };
}
