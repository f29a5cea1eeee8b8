/**
 * Why a contactless e-cash purchase does not end in an approval: one value for each cause, so that
 * a log tells a forged card from an old one. `docs/ecash.md` lists the same codes (kept equal by a
 * test).
 */

/** Faults of a certificate or signature that RSA recovers (EMV 4.3 Book 2, 5 and 6). */
const recoveryFaults = {
  Missing: 'is not on the card',
  Length: 'is not as long as the key that signed it',
  Range: 'is no number below the modulus',
  Trailer: 'does not end in BC',
  Header: 'does not begin with 6A',
  Format: 'is of another kind',
  Algorithm: 'names another hash than SHA-1, or another key algorithm',
  Hash: 'does not hash to what it says',
} as const;

/** Faults of what SM2 signs; it signs no static data. */
const sm2Faults = { Signature: 'has an SM2 signature that is wrong' } as const;

/** Faults of what a certificate says, once it is known to be genuine. */
const contentFaults = {
  Expired: 'has expired',
  Exponent: 'has an exponent other than 3 and 65537',
  KeyLength: 'has a key of another length than its parts',
  Key: 'has a key that is none',
} as const;

type ContentFault = keyof typeof contentFaults;

/** What is verified, one after the other. */
export type CertificateStage = 'issuerCertificate' | 'cardCertificate';
export type SignedStage = CertificateStage | 'dynamicSignature' | 'staticSignature';

type SignedReason =
  | `${SignedStage}${keyof typeof recoveryFaults}`
  | `${Exclude<SignedStage, 'staticSignature'>}${keyof typeof sm2Faults}`
  | `${CertificateStage}${ContentFault}`;

const others = {
  applicationMissing: 'the card has no application that is accepted here',
  pdolMalformed: 'the card asks for terminal data in a list that is malformed',
  otherInterface: 'the card wants another interface',
  optionsMalformed: 'the answer to GET PROCESSING OPTIONS is no template of elements',
  cryptogramMissing: 'the card made no application cryptogram: it does not do e-cash here',
  elementMalformed: 'a mandatory element is missing or has another length',
  elementTwice: 'an element came twice',
  elementsTooMany: 'the card has more elements than any card has',
  cryptogramContradicts: '9F27 and 9F10 speak of different cryptograms',
  declinedByCard: 'the card declined (AAC)',
  onlineByCard: 'the card wants its issuer asked (ARQC)',
  fileLocatorMalformed: 'the file locator is malformed or names too many records',
  recordMalformed: 'a record is no template of elements',
  panMalformed: 'the card number is missing or malformed',
  panContradicts: 'two elements have different card numbers',
  expired: 'the application has expired, or says no date',
  notYetEffective: 'the application is not effective yet',
  authenticationUnsupported: 'the card does not authenticate itself offline',
  fddaVersion: 'the card signs by a version of fDDA that is not accepted here',
  caKeyMissing: 'the card names no CA key',
  caKeyUnknown: 'there is no CA key of that index',
  caKeyExpired: 'the CA key has expired',
  issuerCertificateRevoked: 'the issuer certificate is on the revocation list',
  issuerCertificateIdentifier: 'the issuer certificate is of another issuer than the card number',
  cardCertificatePan: 'the card certificate is of another card number',
  staticTagList: 'the list of signed elements is not the one allowed, the AIP',
  staticDataTooLong: 'the records that are signed are longer than any card has',
  dynamicSignatureData: 'the dynamic signature has no data of the length it says',
  recordKeyUnknown: 'the gate has no key for the record of the extended application',
  recordMacInvalid: 'the record of the extended application does not verify',
  dynamicSignatureAtc: 'the dynamic signature is of another transaction counter',
} as const;

export type EcashReason = SignedReason | keyof typeof others;

const stages: Readonly<Record<SignedStage, string>> = {
  issuerCertificate: 'the issuer certificate',
  cardCertificate: 'the card certificate',
  dynamicSignature: 'the dynamic signature',
  staticSignature: 'the static signature',
};

function signedReasons(): [string, string][] {
  return Object.entries(stages).flatMap(([stage, what]) => {
    const faults = {
      ...recoveryFaults,
      ...(stage === 'staticSignature' ? {} : sm2Faults),
      ...(stage.endsWith('Certificate') ? contentFaults : {}),
    };
    return Object.entries(faults).map(([fault, text]): [string, string] => [
      `${stage}${fault}`,
      `${what} ${text}`,
    ]);
  });
}

/** Code -> what it means, for logs and staff; never with card data. */
export const ecashReasons = Object.fromEntries([
  ...Object.entries(others),
  ...signedReasons(),
]) as Readonly<Record<EcashReason, string>>;
