/**
 * The application cryptogram of a purchase, verified where the issuer's keys are held: what the
 * card's cryptogram version (9F10, byte 3) says is computed over.
 *
 *     01  9F02 9F03 9F1A 95 5F2A 9A 9C 9F37 82 9F36 CVR(4)   [R]
 *     17  9F02 9F37 9F36 and byte 5 of 9F10, CVR byte 2        [1]
 *
 * Whether 17 is decimal (11) or the byte itself no source says: both are taken for it [U].
 */
import { equalBytes, writeU16 } from '../../bytes.ts';
import {
  applicationCryptogram,
  cardKey,
  cryptogramSessionKey,
} from '../../crypto/application-cryptogram.ts';
import type { EcashEvidence } from './evidence.ts';

const VERSION_AT = 2;
const CVR_AT = 3;
const CVR_BYTES = 4;

export type CryptogramVerdict = 'valid' | 'invalid' | 'versionUnknown';

/** What the cryptogram is computed over; null for a version other than 01 and 17. */
export function cryptogramData(evidence: EcashEvidence): Uint8Array | null {
  const { iad } = evidence;
  const atc = new Uint8Array(2);
  writeU16(atc, 0, evidence.atc);
  switch (iad[VERSION_AT]) {
    case 0x01:
      return Buffer.concat([
        evidence.amount,
        evidence.amountOther,
        evidence.country,
        evidence.verificationResults,
        evidence.currency,
        evidence.date,
        Uint8Array.of(evidence.transactionType),
        evidence.unpredictableNumber,
        evidence.aip,
        atc,
        iad.subarray(CVR_AT, CVR_AT + CVR_BYTES),
      ]);
    case 0x11:
    case 0x17:
      return Buffer.concat([
        evidence.amount,
        evidence.unpredictableNumber,
        atc,
        iad.subarray(CVR_AT + 1, CVR_AT + 2),
      ]);
    default:
      return null;
  }
}

/**
 * Whether the cryptogram is that of the card whose key follows from the issuer's.
 * @param master 16 bytes, the issuer's master key for cryptograms
 */
export function verifyCryptogram(
  evidence: EcashEvidence,
  algorithm: '3des' | 'sm4',
  master: Uint8Array,
): CryptogramVerdict {
  const { pan, panSequence } = evidence.card;
  return verifyWithCardKey(evidence, algorithm, cardKey(algorithm, master, pan, panSequence));
}

/** The same with the card's own key at hand, 16 bytes. */
export function verifyWithCardKey(
  evidence: EcashEvidence,
  algorithm: '3des' | 'sm4',
  key: Uint8Array,
): CryptogramVerdict {
  const data = cryptogramData(evidence);
  if (data === null) return 'versionUnknown';
  const session = cryptogramSessionKey(algorithm, key, evidence.atc);
  const expected = applicationCryptogram(algorithm, session, data);
  return equalBytes(expected, evidence.cryptogram) ? 'valid' : 'invalid';
}
