/**
 * The card's own key out of its certificate 9F46 (EMV 4.3 Book 2, 6.4), and the static data that
 * the certificate covers: the signed records and, where 9F4A says so, the AIP.
 */
import type { RsaKey } from '../../../crypto/rsa.ts';
import type { Elements } from '../elements.ts';
import type { EcashReason } from '../reasons.ts';
import { tag } from '../tags.ts';
import { certifiedKey, hasPassed, isPan, lastMonth } from './certificate.ts';
import type { ChainKey } from './issuers.ts';
import { recoverSigned } from './recovery.ts';
import { readSm2Certificate } from './sm2-certificate.ts';

const nothing = new Uint8Array(0);

/** Contents of signed records ‖ AIP where 9F4A is 82, the one list allowed (Book 3, 10.3). */
export function signedStaticData(
  elements: Elements,
  records: Uint8Array,
): { readonly data: Uint8Array } | EcashReason {
  const list = elements.get(tag.staticTagList);
  if (list === undefined || list.length === 0) return { data: records };
  const aip = elements.get(tag.aip);
  if (list.length !== 1 || list[0] !== tag.aip || aip === undefined) return 'staticTagList';
  return { data: Buffer.concat([records, aip]) };
}

/** @param staticData what `signedStaticData` gave; @param day YYYYMMDD */
export function cardKeyOf(
  issuer: ChainKey,
  elements: Elements,
  staticData: Uint8Array,
  pan: string,
  day: number,
): ChainKey | EcashReason {
  const certificate = elements.get(tag.cardCertificate);
  if (issuer.algorithm === 'rsa') {
    return recoverCard(issuer.key, certificate, elements, staticData, pan, day);
  }
  const read = readSm2Certificate('cardCertificate', issuer.key, certificate, staticData);
  if (typeof read === 'string') return read;
  if (!isPan(read.subject, pan)) return 'cardCertificatePan';
  if (hasPassed(lastMonth(read.expiry), day)) return 'cardCertificateExpired';
  return { algorithm: 'sm2', key: read.key };
}

/**
 * 6A ‖ 04 ‖ PAN(10) ‖ MMYY(2) ‖ serial(3) ‖ hash algorithm ‖ key algorithm ‖ modulus length ‖
 * exponent length ‖ modulus or its left digits ‖ hash ‖ BC.
 */
function recoverCard(
  issuer: RsaKey,
  certificate: Uint8Array | undefined,
  elements: Elements,
  staticData: Uint8Array,
  pan: string,
  day: number,
): ChainKey | EcashReason {
  const remainder = elements.get(tag.cardRemainder) ?? nothing;
  const exponent = elements.get(tag.cardExponent) ?? nothing;
  const more = [remainder, exponent, staticData];
  const recovered = recoverSigned('cardCertificate', issuer, certificate, [0x04], 17, more);
  if (typeof recovered === 'string') return recovered;
  if (!isPan(recovered.subarray(2, 12), pan)) return 'cardCertificatePan';
  if (hasPassed(lastMonth(recovered.subarray(12, 14)), day)) return 'cardCertificateExpired';
  const key = certifiedKey('cardCertificate', { recovered, at: 18, remainder, exponent });
  return typeof key === 'string' ? key : { algorithm: 'rsa', key };
}
