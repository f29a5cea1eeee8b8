/**
 * What is signed per transaction and per card (EMV 4.3 Book 2, 6.5; PBOC 3.0): dynamic signatures
 * of DDA and fDDA, and static application data. RSA recovers them; SM2 verifies them [1].
 */
import { equalRange } from '../../../bytes.ts';
import { SM2_SIGNATURE_BYTES, verifySm2 } from '../../../crypto/sm2/signature.ts';
import type { EcashReason } from '../reasons.ts';
import type { ChainKey } from './issuers.ts';
import { recoverSigned } from './recovery.ts';

/** 05 is that of EMV; contactless cards also sign with 95 [R on a card of another scheme]. */
const DYNAMIC_FORMATS: readonly number[] = [0x05, 0x95];
const STATIC_FORMATS: readonly number[] = [0x03];
const SM2_DYNAMIC_FORMAT = 0x15;
/** Bytes of a recovered signature that are neither data nor padding. */
const FRAME_BYTES = 25;

/** Whether the card's data has the form 02 ‖ ATC and is of another transaction. */
function isOfAnother(data: Uint8Array, atc: Uint8Array): boolean {
  return data.length >= 3 && data[0] === 2 && !equalRange(data, 1, atc, 0, 2);
}

/**
 * The card's dynamic data in a signature (9F4B), verified over it and `signed`.
 *
 *     RSA 6A ‖ 05 or 95 ‖ 01 ‖ length ‖ data ‖ BB.. ‖ hash(20) ‖ BC
 *     SM2 15 ‖ length ‖ data ‖ R(32) ‖ S(32)
 *
 * @param signed what the terminal adds: see `fddaData`, or the values of a DDOL on contacts
 * @param atc 2 bytes, which the data must name where it names one
 */
export function dynamicData(
  card: ChainKey,
  signature: Uint8Array | undefined,
  signed: Uint8Array,
  atc: Uint8Array,
): { readonly data: Uint8Array } | EcashReason {
  const data =
    card.algorithm === 'rsa'
      ? recoverDynamic(card, signature, signed)
      : verifyDynamic(card, signature, signed);
  if (typeof data === 'string') return data;
  return isOfAnother(data, atc) ? 'dynamicSignatureAtc' : { data };
}

function recoverDynamic(
  { key }: ChainKey & { readonly algorithm: 'rsa' },
  signature: Uint8Array | undefined,
  signed: Uint8Array,
): Uint8Array | EcashReason {
  const formats = DYNAMIC_FORMATS;
  const recovered = recoverSigned('dynamicSignature', key, signature, formats, 2, [signed]);
  if (typeof recovered === 'string') return recovered;
  const length = recovered[3]!;
  if (length > recovered.length - FRAME_BYTES) return 'dynamicSignatureData';
  return recovered.slice(4, 4 + length);
}

function verifyDynamic(
  { key }: ChainKey & { readonly algorithm: 'sm2' },
  signature: Uint8Array | undefined,
  signed: Uint8Array,
): Uint8Array | EcashReason {
  if (signature === undefined) return 'dynamicSignatureMissing';
  if (signature.length < 2 + SM2_SIGNATURE_BYTES) return 'dynamicSignatureLength';
  if (signature[0] !== SM2_DYNAMIC_FORMAT) return 'dynamicSignatureFormat';
  const end = signature.length - SM2_SIGNATURE_BYTES;
  if (signature[1] !== end - 2) return 'dynamicSignatureData';
  const message = Buffer.concat([signature.subarray(0, end), signed]);
  if (!verifySm2(key, message, signature.subarray(end))) return 'dynamicSignatureSignature';
  return signature.slice(2, end);
}

/**
 * The data authentication code, 2 bytes, in signed static data (93): 6A ‖ 03 ‖ 01 ‖ code(2) ‖ BB..
 * ‖ hash ‖ BC, by the issuer's RSA key over the static data.
 */
export function staticCode(
  issuer: ChainKey,
  signature: Uint8Array | undefined,
  staticData: Uint8Array,
): { readonly data: Uint8Array } | EcashReason {
  // No layout of an SM2 one was found.
  if (issuer.algorithm !== 'rsa') return 'authenticationUnsupported';
  const formats = STATIC_FORMATS;
  const recovered = recoverSigned('staticSignature', issuer.key, signature, formats, 2, [
    staticData,
  ]);
  return typeof recovered === 'string' ? recovered : { data: recovered.slice(3, 5) };
}
