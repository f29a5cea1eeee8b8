/**
 * Certificates for virtual e-cash cards (EMV 4.3 Book 2, tables 1 and 7; PBOC 3.0 for SM2): a CA
 * signs the issuer's key, the issuer the card's. For CAs of our own, with keys of any length.
 */
import { randomBytes } from 'node:crypto';
import { type RsaSigner, type Sm2Signer, signRecoverable, signSm2 } from './ecash-crypto.ts';

/** A card's chain: what its records say of it, and the key that signs its transactions. */
export interface EcashChain {
  /** 8F. */
  readonly caIndex: number;
  /** 90; 92 where the issuer's key did not fit; 9F32. The latter two for RSA only. */
  readonly issuerCertificate: Uint8Array;
  readonly issuerRemainder: Uint8Array | null;
  readonly issuerExponent: Uint8Array | null;
  /** 9F46, 9F48, 9F47 likewise. */
  readonly cardCertificate: Uint8Array;
  readonly cardRemainder: Uint8Array | null;
  readonly cardExponent: Uint8Array | null;
  readonly signer: RsaSigner | Sm2Signer;
  /** Whether the card certificate covers the record of number and dates. */
  readonly coversRecord: boolean;
  /** 9F4A: covers the AIP too. */
  readonly coversAip: boolean;
}

/** What a chain says besides keys. */
export interface ChainDetails {
  readonly caIndex: number;
  /** 4 bytes: first digits of the card number, filled up with F. */
  readonly issuerIdentifier: Uint8Array;
  /** MMYY of both certificates, 2 BCD bytes each. */
  readonly issuerExpiry: Uint8Array;
  readonly cardExpiry: Uint8Array;
  /** 3 bytes each. */
  readonly issuerSerial: Uint8Array;
  readonly cardSerial: Uint8Array;
  /** 10 bytes, filled up with F. */
  readonly pan: Uint8Array;
  /** What the card certificate covers: the record, then the AIP. */
  readonly staticData: Uint8Array;
  readonly coversRecord: boolean;
  readonly coversAip: boolean;
}

/** An RSA key as certificates hold it: what fits into the signer's block, and the rest. */
function split(key: RsaSigner, room: number): { left: Uint8Array; rest: Uint8Array | null } {
  const { modulus } = key;
  const left = Buffer.alloc(room, 0xbb);
  left.set(modulus.subarray(0, room));
  return { left, rest: modulus.length > room ? modulus.subarray(room) : null };
}

const ISSUER_FRAME_BYTES = 36;
const CARD_FRAME_BYTES = 42;
const none = new Uint8Array(0);

export function issueRsaChain(
  ca: RsaSigner,
  issuer: RsaSigner,
  card: RsaSigner,
  details: ChainDetails,
): EcashChain {
  const issuerPart = split(issuer, ca.modulus.length - ISSUER_FRAME_BYTES);
  const cardPart = split(card, issuer.modulus.length - CARD_FRAME_BYTES);
  const lengths = (key: RsaSigner) => Uint8Array.of(key.modulus.length, key.exponent.length);
  const issuerContent = Buffer.concat([
    Uint8Array.of(0x02),
    details.issuerIdentifier,
    details.issuerExpiry,
    details.issuerSerial,
    Uint8Array.of(1, 1),
    lengths(issuer),
    issuerPart.left,
  ]);
  const cardContent = Buffer.concat([
    Uint8Array.of(0x04),
    details.pan,
    details.cardExpiry,
    details.cardSerial,
    Uint8Array.of(1, 1),
    lengths(card),
    cardPart.left,
  ]);
  const { caIndex, coversRecord, coversAip, staticData } = details;
  return {
    caIndex,
    issuerCertificate: signRecoverable(ca, issuerContent, issuerPart.rest ?? none, issuer.exponent),
    issuerRemainder: issuerPart.rest,
    issuerExponent: issuer.exponent,
    cardCertificate: signRecoverable(
      issuer,
      cardContent,
      cardPart.rest ?? none,
      card.exponent,
      staticData,
    ),
    cardRemainder: cardPart.rest,
    cardExponent: card.exponent,
    signer: card,
    coversRecord,
    coversAip,
  };
}

export function issueSm2Chain(
  ca: Sm2Signer,
  issuer: Sm2Signer,
  card: Sm2Signer,
  details: ChainDetails,
): EcashChain {
  const body = (format: number, subject: Uint8Array, dated: Uint8Array[], key: Sm2Signer) =>
    Buffer.concat([
      Uint8Array.of(format),
      subject,
      ...dated,
      Uint8Array.of(0x04, 0x00, 0x11, 0x40),
      key.publicKey,
    ]);
  const issuerDates = [details.issuerExpiry, details.issuerSerial];
  const cardDates = [details.cardExpiry, details.cardSerial];
  const issuerBody = body(0x12, details.issuerIdentifier, issuerDates, issuer);
  const cardBody = body(0x14, details.pan, cardDates, card);
  const { caIndex, coversRecord, coversAip, staticData } = details;
  const cardSigned = Buffer.concat([cardBody, staticData]);
  return {
    caIndex,
    issuerCertificate: Buffer.concat([issuerBody, signSm2(ca, issuerBody, randomBytes)]),
    issuerRemainder: null,
    issuerExponent: null,
    cardCertificate: Buffer.concat([cardBody, signSm2(issuer, cardSigned, randomBytes)]),
    cardRemainder: null,
    cardExponent: null,
    signer: card,
    coversRecord,
    coversAip,
  };
}
