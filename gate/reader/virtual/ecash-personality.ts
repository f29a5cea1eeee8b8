/**
 * What a virtual e-cash card is made of, how its records are laid out and what it signs. Records:
 * file 2, 1: number and dates; 2: CA index and issuer certificate; 3: card certificate; file 3, 1:
 * what changes with each purchase, the dynamic signature.
 */

import { signRecoverable, signSm2 } from './ecash-crypto.ts';
import type { ExtendedPersonality } from './ecash-extended.ts';
import type { EcashChain } from './ecash-issuing.ts';

export interface EcashPersonality {
  readonly aid: Uint8Array;
  readonly label: Uint8Array;
  /** Digits. */
  readonly pan: string;
  readonly panSequence: number;
  /** 57: PAN ‖ D ‖ YYMM ‖ service code ‖ .. */
  readonly track2: Uint8Array;
  /** Content of the first record: 5A, 5F24, 5F25 and what else the issuer put there. */
  readonly holderRecord: Uint8Array;
  readonly aip: Uint8Array;
  readonly pdol: Uint8Array;
  /** 9F6C, 2 bytes. */
  readonly qualifiers: Uint8Array;
  readonly fdda: 'v00' | 'v01';
  /** Format byte of an RSA dynamic signature: 05 or 95. */
  readonly signatureFormat: number;
  readonly cryptogramVersion: 0x01 | 0x17;
  readonly algorithm: '3des' | 'sm4';
  /** The signature is read first, and last a file of no use; absent: the signature is last. */
  readonly signatureFirst?: boolean;
  /** 16 bytes each, the card's own. */
  readonly cryptogramKey: Uint8Array;
  readonly macKey: Uint8Array;
  /** The chain for a terminal that says this of itself; null: no offline authentication. */
  readonly chainFor: (values: ReadonlyMap<number, Uint8Array>) => EcashChain | null;
  /** Absent: the card has no extended application. */
  readonly extended?: ExtendedPersonality;
}

/** Ways in which a card misbehaves or decides otherwise. */
export interface EcashQuirks {
  readonly hasPpse: boolean;
  /** Answer to GET PROCESSING OPTIONS instead of a decision: 6984, 6985. */
  readonly optionsStatus: number;
  /** In place of the card's own judgement. */
  readonly decision: 'TC' | 'ARQC' | 'AAC' | null;
  readonly saysInformation: boolean;
  readonly spoilsSignature: boolean;
  /** Makes a cryptogram (9F26) for a pre-authorisation too [U]. */
  readonly provesHolds: boolean;
}

export const plainEcash: EcashQuirks = {
  hasPpse: true,
  optionsStatus: 0x9000,
  decision: null,
  saysInformation: true,
  spoilsSignature: false,
  provesHolds: false,
};

/** An object of BER-TLV. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = Buffer.concat(parts);
  const tagBytes = tag > 0xff ? [tag >> 8, tag & 0xff] : [tag];
  const length = value.length > 0x7f ? [0x81, value.length] : [value.length];
  return Buffer.concat([Uint8Array.from([...tagBytes, ...length]), value]);
}

/** 12 digits in 6 BCD bytes. */
export function bcdAmount(amountMinor: number): Uint8Array {
  return new Uint8Array(Buffer.from(String(amountMinor).padStart(12, '0'), 'hex'));
}

export function numberOfBcd(bytes: Uint8Array): number {
  return Number(Buffer.from(bytes).toString('hex') || '0');
}

/** The records of a purchase by P1 ‖ P2 of READ RECORD, which is the last, and the AFL. */
export function recordsOf(
  personality: EcashPersonality,
  chain: EcashChain,
  cardRelated: Uint8Array | null,
  signature: Uint8Array,
): { records: ReadonlyMap<number, Uint8Array>; last: number; locator: Uint8Array } {
  const some = (tag: number, value: Uint8Array | null) => (value ? tlv(tag, value) : none);
  const contents = [
    personality.holderRecord,
    Buffer.concat([
      tlv(0x8f, Uint8Array.of(chain.caIndex)),
      some(0x92, chain.issuerRemainder),
      some(0x9f32, chain.issuerExponent),
      tlv(0x90, chain.issuerCertificate),
      chain.coversAip ? tlv(0x9f4a, Uint8Array.of(0x82)) : none,
    ]),
    Buffer.concat([
      some(0x9f48, chain.cardRemainder),
      some(0x9f47, chain.cardExponent),
      tlv(0x9f46, chain.cardCertificate),
    ]),
    Buffer.concat([some(0x9f69, cardRelated), tlv(0x9f4b, signature)]),
  ];
  const names = [0x0114, 0x0214, 0x0314, 0x011c];
  const records = new Map(names.map((name, i) => [name, tlv(0x70, contents[i]!)]));
  const signed = chain.coversRecord ? 1 : 0;
  if (!personality.signatureFirst) {
    const locator = Uint8Array.of(0x10, 1, 3, signed, 0x18, 1, 1, 0);
    return { records, last: names.at(-1)!, locator };
  }
  const last = 0x0124;
  records.set(last, tlv(0x70, tlv(0x9f1f, Uint8Array.of(0))));
  return {
    records,
    last,
    locator: Uint8Array.of(0x18, 1, 1, 0, 0x10, 1, 3, signed, 0x20, 1, 1, 0),
  };
}

const none = new Uint8Array(0);

/** fDDA: over the terminal's random number, in v01 also over amount, currency and 9F69. */
export function dynamicSignature(
  chain: EcashChain,
  signatureFormat: number,
  atc: Uint8Array,
  values: ReadonlyMap<number, Uint8Array>,
  cardRelated: Uint8Array | null,
  randomBytes: (length: number) => Uint8Array,
): Uint8Array {
  const told = (tag: number) => values.get(tag) ?? none;
  const offered = (told(0x9f66)[3]! & 0x80) !== 0;
  const more =
    cardRelated && offered
      ? [told(0x9f37), told(0x9f02), told(0x5f2a), cardRelated]
      : [told(0x9f37)];
  const data = Buffer.concat([Uint8Array.of(3, 2), atc]);
  const { signer } = chain;
  if (signer.kind === 'rsa') {
    const content = Buffer.concat([Uint8Array.of(signatureFormat, 1), data]);
    return signRecoverable(signer, content, ...more);
  }
  const prefix = Buffer.concat([Uint8Array.of(0x15), data]);
  return Buffer.concat([prefix, signSm2(signer, Buffer.concat([prefix, ...more]), randomBytes)]);
}
