/**
 * What a bank needs to pay for an offline purchase (clearing of a TC): the cryptogram and all it
 * was computed over, as card and terminal had them. Made from a purchase, for a debit record.
 */
import assert from 'node:assert/strict';
import { take } from '../apdu.ts';
import type { CardNumber } from './card-data.ts';
import { type Elements, elementOf } from './elements.ts';
import { tag } from './tags.ts';
import type { EcashTransaction } from './transaction.ts';

export interface EcashEvidence {
  /** Never to be logged. */
  readonly card: CardNumber;
  /** 5 to 16 bytes. */
  readonly aid: Uint8Array;
  /** 9F26, 8 bytes: the TC. */
  readonly cryptogram: Uint8Array;
  /** 9F27 as the kind says: 40 TC, 80 ARQC, 00 AAC. */
  readonly cryptogramInformation: number;
  /** 9F36. */
  readonly atc: number;
  /** 9F10, 7 to 32 bytes. */
  readonly iad: Uint8Array;
  /** 82, 2 bytes. */
  readonly aip: Uint8Array;
  /** 9F02 and 9F03, 6 BCD bytes each. */
  readonly amount: Uint8Array;
  readonly amountOther: Uint8Array;
  /** 9F1A and 5F2A, 2 BCD bytes each. */
  readonly country: Uint8Array;
  readonly currency: Uint8Array;
  /** 95, 5 bytes. */
  readonly verificationResults: Uint8Array;
  /** 9A, YYMMDD, and 9F21, hhmmss; 3 BCD bytes each. */
  readonly date: Uint8Array;
  readonly time: Uint8Array;
  /** 9C. */
  readonly transactionType: number;
  /** 9F37, 4 bytes. */
  readonly unpredictableNumber: Uint8Array;
  /** 9F66, 4 bytes. */
  readonly terminalQualifiers: Uint8Array;
  /** 5F24, 3 BCD bytes; null where no record said it. */
  readonly expiry: Uint8Array | null;
  /** 9F5D, 6 BCD bytes; null where the card does not say. */
  readonly availableBalance: Uint8Array | null;
}

const information = { TC: 0x40, ARQC: 0x80, AAC: 0x00 } as const;

/** Copies: the evidence outlives the purchase. */
export function evidenceOf(transaction: EcashTransaction): EcashEvidence {
  const { card, aid, options, elements, terminal } = transaction;
  const said = (wanted: number) => terminalCopy(terminal, wanted);
  return {
    card,
    aid: copyOf(aid),
    cryptogram: copyOf(options.cryptogram),
    cryptogramInformation: information[options.kind],
    atc: options.atc,
    iad: copyOf(options.iad),
    aip: copyOf(options.aip),
    amount: said(tag.amount),
    amountOther: said(tag.amountOther),
    country: said(tag.country),
    currency: said(tag.currency),
    verificationResults: said(tag.verificationResults),
    date: said(tag.date),
    time: said(tag.time),
    transactionType: said(tag.transactionType)[0]!,
    unpredictableNumber: said(tag.unpredictableNumber),
    terminalQualifiers: said(tag.terminalQualifiers),
    expiry: elementOf(elements, tag.expiry, 3),
    availableBalance: elementOf(elements, tag.availableBalance, 6),
  };
}

function copyOf(bytes: Uint8Array): Uint8Array {
  return take(bytes, 0, bytes.length);
}

function terminalCopy(terminal: Elements, wanted: number): Uint8Array {
  const value = terminal.get(wanted);
  assert(value !== undefined, 'a terminal says all of its elements');
  return copyOf(value);
}
