/**
 * The outcome of a certified contactless kernel (EMV Contactless Book A, 6.2; Book C) in place of
 * our own dialogue: its verdict, and the elements of card and terminal as TLV. Of whatever scheme:
 * the card's decision is taken from 9F27, for only qPBOC has it in 9F10.
 */
import { readU16 } from '../../bytes.ts';
import { KERNEL_ELEMENTS_BYTES_MAX } from '../../card-limits.ts';
import { take } from '../apdu.ts';
import { parseTlv } from '../tlv.ts';
import { type Cryptogram, readCardNumber } from './card-data.ts';
import { bcdNumber, type Elements, elementOf } from './elements.ts';
import type { EcashReason } from './reasons.ts';
import { tag } from './tags.ts';
import type { EcashTransaction } from './transaction.ts';

export interface KernelOutcome {
  /**
   * `online`: the issuer is to be asked; `tryAgain`: the card left, or is to be held again;
   * `otherInterface`: it is to be used on its contacts; `ended`: End Application, nothing was done;
   * `noApplication`: the card has none that the kernel knows.
   */
  readonly verdict: KernelVerdict;
  /**
   * Elements of card and terminal, BER-TLV one behind the other, in templates or not: 84 (or 4F,
   * 9F06), 82, 9F36, 9F26, 9F27, 9F10, 57 or 5A, 5F34, 5F24, 9F5D; and 9F02, 9F03, 9F1A, 95, 5F2A,
   * 9A, 9F21, 9C, 9F37, 9F66. Not looked at where the verdict takes nothing.
   */
  readonly elements: Uint8Array;
  /** Whether it authenticated the card offline; absent: 95 alone says so. */
  readonly authentication?: 'passed' | 'failed' | 'none';
}

export type KernelVerdict = (typeof kernelVerdicts)[number];

export const kernelVerdicts = [
  'approved',
  'online',
  'declined',
  'tryAgain',
  'otherInterface',
  'ended',
  'noApplication',
] as const;

/** Bytes of what the terminal says. */
const terminalTags: readonly (readonly [tag: number, bytes: number, isBcd: boolean])[] = [
  [tag.amount, 6, true],
  [tag.amountOther, 6, true],
  [tag.country, 2, true],
  [tag.verificationResults, 5, false],
  [tag.currency, 2, true],
  [tag.date, 3, true],
  [tag.time, 3, true],
  [tag.transactionType, 1, true],
  [tag.unpredictableNumber, 4, false],
  [tag.terminalQualifiers, 4, false],
];

/** As evidence has room for it (`evidence-payload.ts`). */
const IAD_BYTES = { min: 7, max: 32 };
const AID_BYTES = { min: 5, max: 16 };
const kinds: Readonly<Record<number, Cryptogram>> = { 64: 'TC', 128: 'ARQC', 0: 'AAC' };
const KIND_BITS = 0xc0;
const AMOUNT_MINOR_MAX = 0xffff_ffff;
/** 95, byte 1: authentication was not performed (80), or failed: static, dynamic, combined. */
const UNAUTHENTICATED_BITS = 0xcc;

/** The transaction that the kernel made, or what is wrong with its elements. */
export function kernelTransaction(outcome: KernelOutcome): EcashTransaction | EcashReason {
  const elements = elementsIn(outcome.elements);
  if (typeof elements === 'string') return elements;
  const terminal = new Map<number, Uint8Array>();
  for (const [wanted, bytes, isBcd] of terminalTags) {
    const value = elementOf(elements, wanted, bytes);
    if (value === null || (isBcd && bcdNumber(value) === null)) return 'elementMalformed';
    terminal.set(wanted, value);
  }
  // What no debit record has room for.
  if (bcdNumber(terminal.get(tag.amount)!)! > AMOUNT_MINOR_MAX) return 'elementMalformed';
  const aid = elements.get(tag.name) ?? elements.get(tag.aid) ?? elements.get(tag.terminalName);
  const aip = elementOf(elements, tag.aip, 2);
  const counter = elementOf(elements, tag.atc, 2);
  const cryptogram = elementOf(elements, tag.cryptogram, 8);
  const information = elementOf(elements, tag.cryptogramInformation, 1);
  const iad = elements.get(tag.iad);
  const kind = information && kinds[information[0]! & KIND_BITS];
  if (!aip || !counter || !cryptogram || !kind) return 'elementMalformed';
  if (!within(aid, AID_BYTES) || !within(iad, IAD_BYTES)) return 'elementMalformed';
  const card = readCardNumber(elements);
  if (typeof card === 'string') return card;
  const atc = readU16(counter, 0);
  const options = { aip, atc, kind, cryptogram, iad: iad!, cardQualifiers: null };
  return { aid: aid!, options, card, elements, terminal, staticData: new Uint8Array(0) };
}

/**
 * Whether the kernel's own word, 95 or what it says beside it, is that it did not authenticate the
 * card, as where it leaves that to an issuer whom no gate asks. Kernels of qPBOC leave 95 at zeros.
 */
export function isUnauthenticated(
  { authentication = 'passed' }: Pick<KernelOutcome, 'authentication'>,
  { terminal }: EcashTransaction,
): boolean {
  if (authentication !== 'passed') return true;
  return (terminal.get(tag.verificationResults)![0]! & UNAUTHENTICATED_BITS) !== 0;
}

function within(bytes: Uint8Array | undefined, { min, max }: typeof AID_BYTES): boolean {
  return bytes !== undefined && bytes.length >= min && bytes.length <= max;
}

function elementsIn(bytes: Uint8Array): Elements | EcashReason {
  if (bytes.length > KERNEL_ELEMENTS_BYTES_MAX) return 'elementsTooMany';
  const parsed = parseTlv(bytes, 0, bytes.length);
  if (!('objects' in parsed)) return 'elementMalformed';
  const elements = new Map<number, Uint8Array>();
  for (const [i, object] of parsed.objects.entries()) {
    const next = parsed.objects[i + 1];
    if (next !== undefined && next.depth > object.depth) continue;
    if (elements.has(object.tag)) return 'elementTwice';
    elements.set(object.tag, take(bytes, object.at, object.length));
  }
  return elements;
}
