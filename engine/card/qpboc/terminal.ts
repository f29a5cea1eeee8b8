/**
 * What a gate says of itself and of a purchase, and GET PROCESSING OPTIONS commands made ahead: for
 * each list (PDOL) met, a command in which only the purchase's own fields are still to be written.
 * One gate's own, because a command's bytes stay as they are only until it is answered.
 */
import assert from 'node:assert/strict';
import { toHex } from '../../bytes.ts';
import { PDOLS_KEPT } from '../../card-limits.ts';
import { buildCommand, COMMAND_DATA_AT, LE_ALL } from '../apdu.ts';
import { fitElement, parseDol } from './dol.ts';
import { writeBcd } from './elements.ts';
import { tag } from './tags.ts';

const AMOUNT_MINOR_MAX = 999_999_999_999;

/** What stays the same from purchase to purchase. */
export interface EcashTerminal {
  /** Terminal transaction qualifiers 9F66, 4 bytes: see `docs/ecash.md`. */
  readonly qualifiers: Uint8Array;
  /** ISO 3166 and ISO 4217 numbers: 156 for both in China. */
  readonly country: number;
  readonly currency: number;
  /** 9C: 00 is a purchase. */
  readonly transactionType: number;
  /** Whether cards may use SM2 (DF69). */
  readonly sm2: boolean;
}

/**
 * DF60 [1]: 0 a purchase without the extended application, 1 one with a journey record (segmented
 * fare), 2 a pre-authorisation, 3 its completion.
 */
export type EcashService = 0 | 1 | 2 | 3;

/** What is a purchase's own. */
export interface EcashPurchase {
  /** 0 to 12 digits. */
  readonly amountMinor: number;
  /** 9F37, 4 random bytes. */
  readonly unpredictableNumber: Uint8Array;
  /** 9A, YYMMDD in the operator's zone, 3 BCD bytes. */
  readonly date: Uint8Array;
  /** 9F21, hhmmss, 3 BCD bytes. */
  readonly time: Uint8Array;
  /** Left out: 0. */
  readonly service?: EcashService;
}

/** Elements of type n: digits, right-aligned. */
const numeric: ReadonlySet<number> = new Set([
  tag.amount,
  tag.amountOther,
  tag.country,
  tag.currency,
  tag.date,
  tag.time,
  tag.transactionType,
  tag.terminalType,
]);

type Values = ReadonlyMap<number, Uint8Array>;

function bcd(value: number, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  writeBcd(value, out);
  return out;
}

/** A transit gate is unattended and works offline: type 26 (EMV 4.3 Book 4, annex A1). */
const TERMINAL_TYPE = 0x26;

function fixedValues(terminal: EcashTerminal): Values {
  assert(terminal.qualifiers.length === 4, 'terminal qualifiers of 4 bytes');
  return new Map([
    [tag.terminalQualifiers, terminal.qualifiers],
    [tag.amountOther, new Uint8Array(6)],
    [tag.country, bcd(terminal.country, 2)],
    [tag.verificationResults, new Uint8Array(5)],
    [tag.currency, bcd(terminal.currency, 2)],
    [tag.transactionType, Uint8Array.of(terminal.transactionType)],
    [tag.terminalType, Uint8Array.of(TERMINAL_TYPE)],
    [tag.smSupported, Uint8Array.of(terminal.sm2 ? 1 : 0)],
  ]);
}

function ownValues(purchase: EcashPurchase): Values {
  const { amountMinor, unpredictableNumber, date, time, service = 0 } = purchase;
  assert(amountMinor >= 0 && amountMinor <= AMOUNT_MINOR_MAX, 'an amount of 12 digits');
  assert(unpredictableNumber.length === 4, 'an unpredictable number of 4 bytes');
  assert(date.length === 3 && time.length === 3, 'date and time of 3 bytes');
  return new Map([
    [tag.amount, bcd(amountMinor, 6)],
    [tag.unpredictableNumber, unpredictableNumber],
    [tag.date, date],
    [tag.time, time],
    [tag.extendedApplication, Uint8Array.of(service)],
  ]);
}

/** The elements a terminal gave for one purchase, as they stand in evidence and signatures. */
export function terminalElements(terminal: EcashTerminal, purchase: EcashPurchase): Values {
  return new Map([...fixedValues(terminal), ...ownValues(purchase)]);
}

const OWN: ReadonlySet<number> = new Set([
  tag.amount,
  tag.unpredictableNumber,
  tag.date,
  tag.time,
  tag.extendedApplication,
]);

interface Form {
  readonly apdu: Uint8Array;
  readonly own: readonly { readonly tag: number; readonly at: number; readonly length: number }[];
}

/** Commands made ahead for the lists a gate has met. */
export class OptionsForms {
  readonly terminal: EcashTerminal;
  readonly #fixed: Values;
  readonly #forms = new Map<string, Form>();

  constructor(terminal: EcashTerminal) {
    this.terminal = terminal;
    this.#fixed = fixedValues(terminal);
  }

  /**
   * GET PROCESSING OPTIONS (80 A8 00 00 Lc 83 len data 00) for a card's list, valid until the next
   * call; null where the list is malformed.
   */
  command(pdol: Uint8Array, purchase: EcashPurchase): Uint8Array | null {
    const name = toHex(pdol);
    let form = this.#forms.get(name);
    if (!form) {
      const made = this.#make(pdol);
      if (made === null) return null;
      if (this.#forms.size === PDOLS_KEPT) this.#forms.delete(this.#forms.keys().next().value!);
      this.#forms.set(name, made);
      form = made;
    }
    const values = ownValues(purchase);
    for (const { tag: own, at, length } of form.own) {
      fitElement(values.get(own)!, numeric.has(own), form.apdu, at, length);
    }
    return form.apdu;
  }

  #make(pdol: Uint8Array): Form | null {
    const list = parseDol(pdol);
    if (list === null) return null;
    const total = list.reduce((sum, { length }) => sum + length, 0);
    const long = total > 127 ? 1 : 0;
    const data = new Uint8Array(2 + long + total);
    data[0] = 0x83;
    if (long) data[1] = 0x81;
    data[1 + long] = total;
    const own: { tag: number; at: number; length: number }[] = [];
    let at = 2 + long;
    for (const { tag: wanted, length } of list) {
      if (OWN.has(wanted)) own.push({ tag: wanted, at: COMMAND_DATA_AT + at, length });
      // What the gate does not know is zeros.
      const value = this.#fixed.get(wanted);
      if (value) fitElement(value, numeric.has(wanted), data, at, length);
      at += length;
    }
    return { apdu: buildCommand(0x80, 0xa8, 0x00, 0x00, data, LE_ALL), own };
  }
}
