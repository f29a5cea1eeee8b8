/**
 * What a card's elements say, checked once: cryptogram and decision from 9F10, 9F27 and 9F26, the
 * card number from 5A and 57, balance and qualifiers. Sources and grades: `docs/ecash.md`.
 */
import { fromHex, readU16, toHex } from '../../bytes.ts';
import { bcdNumber, type Elements, elementOf } from './elements.ts';
import type { EcashReason } from './reasons.ts';
import { tag } from './tags.ts';

/** The application cryptogram: TC approves offline, ARQC wants the issuer asked, AAC declines. */
export type Cryptogram = 'TC' | 'ARQC' | 'AAC';

/** What the answer to GET PROCESSING OPTIONS says. */
export interface Options {
  /** 2 bytes: byte 1 has 20 for dynamic and 40 for static data authentication. */
  readonly aip: Uint8Array;
  readonly atc: number;
  readonly kind: Cryptogram;
  /** 9F26, 8 bytes. */
  readonly cryptogram: Uint8Array;
  /** 9F10, 7 to 32 bytes. */
  readonly iad: Uint8Array;
  /** 9F6C: byte 1 has 20 for "online" and 10 for "contact" where authentication fails; or null. */
  readonly cardQualifiers: Uint8Array | null;
}

/** CVR byte 2, after key index, cryptogram version and the CVR's length (03); its bits 6 and 5. */
const DECISION_AT = 4;
const DECISION_BITS = 0x30;
const kinds: Readonly<Record<number, Cryptogram>> = { 16: 'TC', 32: 'ARQC', 0: 'AAC' };
/** The same in 9F27, bits 8 and 7. */
const INFORMATION_BITS = 0xc0;
const informationOf = { TC: 0x40, ARQC: 0x80, AAC: 0x00 } as const;

const IAD_BYTES_MIN = 7;
const IAD_BYTES_MAX = 32;

/**
 * Reads them; `cryptogramMissing` where the card answered as it does on contacts.
 * @param isHold a pre-authorisation, which a card approves without a cryptogram [1]: zeros here
 */
export function readOptions(elements: Elements, isHold = false): Options | EcashReason {
  const aip = elementOf(elements, tag.aip, 2);
  if (aip === null) return 'elementMalformed';
  const isLeftOut = !elements.has(tag.cryptogram);
  if (isLeftOut && !isHold) return 'cryptogramMissing';
  const cryptogram = isLeftOut ? new Uint8Array(8) : elementOf(elements, tag.cryptogram, 8);
  const counter = elementOf(elements, tag.atc, 2);
  const iad = elements.get(tag.iad);
  if (cryptogram === null || counter === null || iad === undefined) return 'elementMalformed';
  const isIad = iad.length >= IAD_BYTES_MIN && iad.length <= IAD_BYTES_MAX;
  const kind = kinds[iad[DECISION_AT]! & DECISION_BITS];
  if (!isIad || iad[3] !== 3 || kind === undefined) return 'elementMalformed';
  const information = elements.get(tag.cryptogramInformation);
  if (information !== undefined) {
    if (information.length !== 1) return 'elementMalformed';
    if ((information[0]! & INFORMATION_BITS) !== informationOf[kind]) {
      return 'cryptogramContradicts';
    }
  }
  if (isLeftOut && kind !== 'TC') return 'cryptogramMissing';
  const qualifiers = elementOf(elements, tag.cardQualifiers, 2);
  if (qualifiers === null && elements.has(tag.cardQualifiers)) return 'elementMalformed';
  return { aip, atc: readU16(counter, 0), kind, cryptogram, iad, cardQualifiers: qualifiers };
}

/** A card's number. Never to be logged; the denylist takes it under its keyed hash. */
export interface CardNumber {
  /** Digits, 13 to 19. */
  readonly pan: string;
  /** 5F34, 0 to 99; 0 where the card has none. */
  readonly panSequence: number;
}

/** From 5A and 57 (which must agree) and 5F34. */
export function readCardNumber(elements: Elements): CardNumber | EcashReason {
  const inRecord = elements.get(tag.pan);
  const inTrack = elements.get(tag.track2);
  const fromRecord = inRecord && /^(\d{13,19})F*$/.exec(toHex(inRecord))?.[1];
  const fromTrack = inTrack && /^(\d{13,19})D\d/.exec(toHex(inTrack))?.[1];
  if (inRecord && !fromRecord) return 'panMalformed';
  if (inTrack && !fromTrack) return 'panMalformed';
  const pan = fromRecord ?? fromTrack;
  if (pan === undefined || pan === '') return 'panMalformed';
  if (fromRecord && fromTrack && fromRecord !== fromTrack) return 'panContradicts';
  const sequence = elements.get(tag.panSequence);
  const panSequence = sequence === undefined ? 0 : bcdNumber(sequence);
  if (panSequence === null || (sequence?.length ?? 1) !== 1) return 'panMalformed';
  return { pan, panSequence };
}

const CARD_NUMBER_BYTES = 10;
const PAN_DIGITS_MIN = 13;
const PAN_DIGITS_MAX = 19;

/**
 * The card number as debit records and the denylist have it, 10 bytes: PAN filled up with zeros to
 * 19 digits as a number of 8 bytes ‖ how many digits it has ‖ sequence. So the cards of one issuer
 * (BIN) are one range, and each sequence of a PAN, which is a card of its own, is a number of its
 * own.
 */
export function cardNumberOf({ pan, panSequence }: CardNumber): Uint8Array {
  const number = new Uint8Array(CARD_NUMBER_BYTES);
  new DataView(number.buffer).setBigUint64(0, BigInt(pan.padEnd(PAN_DIGITS_MAX, '0')));
  number[8] = pan.length;
  number[9] = panSequence;
  return number;
}

const ISSUER_BYTES = 8;
const ISSUER_DIGITS = 6;

/**
 * The issuer as debit records name it, 8 bytes: its identification number (ISO/IEC 7812-1), the
 * first six digits of the PAN, as BCD, then zeros.
 */
export function issuerOf({ pan }: CardNumber): Uint8Array {
  const issuer = new Uint8Array(ISSUER_BYTES);
  issuer.set(fromHex(pan.slice(0, ISSUER_DIGITS)));
  return issuer;
}

/** The card of such a number; null where it is none. */
export function cardOfNumber(number: Uint8Array): CardNumber | null {
  const digits = number[8]!;
  const panSequence = number[9]!;
  if (digits < PAN_DIGITS_MIN || digits > PAN_DIGITS_MAX || panSequence > 99) return null;
  const view = new DataView(number.buffer, number.byteOffset, CARD_NUMBER_BYTES);
  const filled = view.getBigUint64(0).toString().padStart(PAN_DIGITS_MAX, '0');
  const isFilled = filled.length === PAN_DIGITS_MAX && /^0*$/.test(filled.slice(digits));
  return isFilled ? { pan: filled.slice(0, digits), panSequence } : null;
}

/** Issuer data behind the CVR in 9F10: .. 01 ‖ 0A ‖ what is told ‖ value(5) ‖ MAC(4) [1]. */
const ISSUER_DATA_AT = 8;
const ISSUER_DATA_BYTES = 10;
const TOLD_BALANCE = 0x01;
const TOLD_AVAILABLE = 0x05;

/**
 * The offline balance, 32 bits, after the purchase that the card approved, or as it is where it did
 * not: 9F5D, or what 9F10 says where the card does not send that; null where neither does.
 */
export function availableMinor(elements: Elements): number | null {
  const balance = elementOf(elements, tag.availableBalance, 6) ?? balanceInIssuerData(elements);
  const value = balance && bcdNumber(balance);
  return value !== null && value <= 0xffff_ffff ? value : null;
}

function balanceInIssuerData(elements: Elements): Uint8Array | null {
  const iad = elements.get(tag.iad);
  if (!iad || iad.length < ISSUER_DATA_AT + 1 + ISSUER_DATA_BYTES) return null;
  const told = iad[ISSUER_DATA_AT + 1];
  const isBalance = told === TOLD_BALANCE || told === TOLD_AVAILABLE;
  if (iad[ISSUER_DATA_AT] !== ISSUER_DATA_BYTES || !isBalance) return null;
  return iad.subarray(ISSUER_DATA_AT + 2, ISSUER_DATA_AT + 7);
}
