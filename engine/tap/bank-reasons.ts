/** What the causes of the e-cash dialogue (`engine/card/qpboc/reasons.ts`) are to a rider. */
import type { EcashReason } from '../card/qpboc/reasons.ts';
import type { Told } from './outcome.ts';
import type { Reason } from './reasons.ts';

/** Causes that are neither a malformed answer nor a chain that does not verify. */
const known: Readonly<Partial<Record<EcashReason, Reason>>> = {
  applicationMissing: 'cardUnsupported',
  authenticationUnsupported: 'cardUnsupported',
  fddaVersion: 'cardUnsupported',
  otherInterface: 'otherInterface',
  cryptogramMissing: 'otherInterface',
  declinedByCard: 'cardDeclined',
  onlineByCard: 'onlineRequired',
  expired: 'expired',
  issuerCertificateExpired: 'expired',
  cardCertificateExpired: 'expired',
  notYetEffective: 'notYetValid',
  caKeyMissing: 'keyUnknown',
  caKeyUnknown: 'keyUnknown',
  caKeyExpired: 'keyUnknown',
  recordKeyUnknown: 'keyUnknown',
  recordMacInvalid: 'answerForged',
};

const CHAIN = /^(issuerCertificate|cardCertificate|dynamicSignature|staticSignature|staticTagList)/;

/** The cause itself is the detail: it holds no card data. */
export function toldOf(cause: EcashReason): Told {
  const reason = known[cause] ?? (CHAIN.test(cause) ? 'answerForged' : 'cardFaulty');
  return { reason, detail: cause };
}
