/**
 * Authentication before the last record is read, as far as it can be had: nothing is taken from a
 * card that fails it. Most cards send their dynamic signature (9F4B) last, others with the options.
 */
import type { EcashReason } from '../reasons.ts';
import { tag } from '../tags.ts';
import type { PendingPurchase } from '../transaction.ts';
import { type Authentication, type AuthenticationPolicy, authenticate } from './authenticate.ts';
import type { Issuers } from './issuers.ts';

/** No further record can mend these: what they look at was there, or is not the records' to say. */
const settled: ReadonlySet<EcashReason> = new Set([
  'authenticationUnsupported',
  'caKeyUnknown',
  'caKeyExpired',
  'issuerCertificateIdentifier',
  'issuerCertificateExpired',
  'issuerCertificateRevoked',
  'cardCertificatePan',
  'cardCertificateExpired',
]);

/** What each stage looks at, of RSA chains; the signature's last two say that v01 was meant. */
const stages: readonly (readonly [stage: string, tags: readonly number[]])[] = [
  ['issuerCertificate', [tag.issuerCertificate, tag.issuerRemainder, tag.issuerExponent]],
  ['cardCertificate', [tag.cardCertificate, tag.cardRemainder, tag.cardExponent]],
  ['dynamicSignature', [tag.dynamicSignature, tag.cardAuthentication]],
];

/**
 * What `authenticate` will say whatever the last record brings, or null: that is not known yet.
 * @param day YYYYMMDD
 */
export function authenticateEarly(
  { transaction, last }: PendingPurchase,
  issuers: Issuers,
  policy: AuthenticationPolicy,
  day: number,
): Authentication | null {
  const authentication = authenticate(transaction, issuers, policy, day);
  if (!('failed' in authentication)) return last.isSigned ? null : authentication;
  const { failed } = authentication;
  if (settled.has(failed)) return authentication;
  const [stage, tags] = stages.find(([name]) => failed.startsWith(name)) ?? ['', []];
  const isWhole = stage !== '' && tags.every((wanted) => transaction.elements.has(wanted));
  // More static data may be what is missing, except to an issuer's certificate, which covers none.
  const isOver = stage === 'issuerCertificate' || !last.isSigned;
  return isWhole && isOver ? authentication : null;
}
