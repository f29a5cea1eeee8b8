/**
 * One contactless e-cash purchase (qPBOC, JR/T 0025.12) as a dialogue in two phases. The first:
 * directory, application, GET PROCESSING OPTIONS, in which the card decides, and all records of its
 * file locator but the last. The second reads the last, and with it the card takes the money [1].
 * Between them nothing is debited yet: there the denylist is asked, dates are looked at
 * (`outcome.ts`) and the intent is written. A card that goes after the last record was asked for
 * leaves the purchase `unknown`. A card that wants its issuer asked (ARQC) may be read the same way,
 * for a gate that authenticates it and has the fare charged later: its records take nothing.
 *
 * The card may go after its last record: whether it is genuine is `oda/authenticate.ts`'s to say,
 * from what was gathered here.
 */
import assert from 'node:assert/strict';
import { STATIC_DATA_BYTES_MAX } from '../../card-limits.ts';
import { HOLD_SERVICE } from '../../debit/hold.ts';
import { dataLength, statusWord } from '../apdu.ts';
import { type CardFault, type Dialogue, isFault } from '../dialogue.ts';
import { askOf, complete, isWhole } from '../exchange.ts';
import { refused, SW_OK } from '../status.ts';
import { parseTlv } from '../tlv.ts';
import { findApplications, type SelectedApplication, selectApplication } from './application.ts';
import { type CardNumber, type Options, readCardNumber, readOptions } from './card-data.ts';
import { getData } from './commands/get-data.ts';
import {
  getProcessingOptions,
  SW_NEXT_APPLICATION,
  SW_OTHER_INTERFACE,
} from './commands/get-processing-options.ts';
import { readRecord } from './commands/read-record.ts';
import { addElements, bcdNumber, type Elements } from './elements.ts';
import { type FileRecord, parseFileLocator } from './file-locator.ts';
import type { EcashReason } from './reasons.ts';
import { tag } from './tags.ts';
import { type EcashPurchase, type OptionsForms, terminalElements } from './terminal.ts';

const BALANCE_BYTES = 6;

/** A purchase that the card decided on. */
export interface EcashTransaction {
  /** Of the application, 5 to 16 bytes. */
  readonly aid: Uint8Array;
  readonly options: Options;
  readonly card: CardNumber;
  /** Everything the card said, from GET PROCESSING OPTIONS and its records. */
  readonly elements: Elements;
  /** What the gate said, whether the card asked for it or not. */
  readonly terminal: Elements;
  /** Contents of the records that are signed, in the order read. */
  readonly staticData: Uint8Array;
}

/** What ends a purchase without money. */
export type EcashRefusal =
  /** The card wants its issuer asked, with its records where these were wanted; or it declined. */
  | { readonly result: 'online' | 'declined'; readonly transaction: EcashTransaction }
  /** Not a purchase that can go on. */
  | { readonly result: 'refused'; readonly reason: EcashReason }
  /** The card left or failed before its last record was asked for. */
  | { readonly result: 'fault'; readonly fault: CardFault };

/** A purchase whose last record is still to be read; with a TC that takes the money. */
export interface PendingPurchase {
  readonly result: 'pending';
  /** As far as it is known. */
  readonly transaction: EcashTransaction;
  readonly last: FileRecord;
}

export type EcashResult =
  | EcashRefusal
  /** The card approved and all its records were read: it is debited. Authenticate it now. */
  | { readonly result: 'approved'; readonly transaction: EcashTransaction }
  /** The last record was asked for, and refused, not whole, or none: the card may be debited. */
  | {
      readonly result: 'unknown';
      readonly transaction: EcashTransaction;
      readonly fault: CardFault | null;
      readonly reason: EcashReason | null;
    };

/** How a gate begins its purchases. */
export interface PurchaseMeans {
  /** The gate's own, which also say who the terminal is. */
  readonly forms: OptionsForms;
  /** Whether the records of a card that wants its issuer asked are read too. */
  readonly readsOnline: boolean;
}

/** Both phases of a purchase, for a gate that has nothing to ask or write between them. */
export function* purchaseEcash(
  accepted: readonly Uint8Array[],
  forms: OptionsForms,
  purchase: EcashPurchase,
): Dialogue<EcashResult> {
  const begun = yield* beginPurchase(accepted, { forms, readsOnline: false }, purchase);
  return begun.result === 'pending' ? yield* completePurchase(begun) : begun;
}

/**
 * The first phase. A card that approved but has no records is debited already, and `approved`.
 * @param accepted names of applications, or what they begin with, 5 to 16 bytes each, best first
 */
export function* beginPurchase(
  accepted: readonly Uint8Array[],
  means: PurchaseMeans,
  purchase: EcashPurchase,
): Dialogue<PendingPurchase | EcashResult> {
  const names = yield* findApplications(accepted);
  if ('fault' in names) return { result: 'fault', fault: names };
  for (const name of names) {
    const decided = yield* beginWith(name, means, purchase);
    if (decided !== 'next') return decided;
  }
  return refusal('applicationMissing');
}

/** The first phase with an application that is selected; `next`: it wants another one tried. */
export function* beginSelected(
  application: SelectedApplication,
  means: PurchaseMeans,
  purchase: EcashPurchase,
): Dialogue<PendingPurchase | EcashResult | 'next'> {
  const decided = yield* askOptions(application, means, purchase);
  return decided === 'next' || 'result' in decided
    ? decided
    : yield* readAllButLast(decided.transaction, decided.records);
}

/**
 * The first phase again, of the application that decided on `former`: another purchase, and the end
 * of that one. `panContradicts` where another card answers.
 */
export function* beginAgain(
  former: EcashTransaction,
  means: PurchaseMeans,
  purchase: EcashPurchase,
): Dialogue<PendingPurchase | EcashResult> {
  const decided = yield* beginWith(former.aid, means, purchase);
  if (decided === 'next') return refusal('applicationMissing');
  if (!('transaction' in decided)) return decided;
  const { pan, panSequence } = decided.transaction.card;
  const isSame = pan === former.card.pan && panSequence === former.card.panSequence;
  return isSame ? decided : refusal('panContradicts');
}

function* beginWith(
  name: Uint8Array,
  means: PurchaseMeans,
  purchase: EcashPurchase,
): Dialogue<PendingPurchase | EcashResult | 'next'> {
  const application = yield* selectApplication(name);
  if (application === null) return 'next';
  if (isFault(application)) return { result: 'fault', fault: application };
  return yield* beginSelected(application, means, purchase);
}

/** A purchase that cannot go on, for this reason. */
export function refusal(reason: EcashReason): EcashRefusal {
  return { result: 'refused', reason };
}

/** A purchase that goes on with records, and which they are. */
export interface Approval {
  readonly transaction: EcashTransaction;
  readonly records: readonly FileRecord[];
}

/** GET PROCESSING OPTIONS alone; `next`: the card wants another application tried. */
export function* askOptions(
  application: SelectedApplication,
  { forms, readsOnline }: PurchaseMeans,
  purchase: EcashPurchase,
): Dialogue<Approval | EcashRefusal | 'next'> {
  const apdu = forms.command(application.pdol, purchase);
  if (apdu === null) return refusal('pdolMalformed');
  const answer = yield askOf(getProcessingOptions, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(getProcessingOptions, apdu, answer);
  if (isFault(response)) return { result: 'fault', fault: response };
  const sw = statusWord(response);
  if (sw === SW_NEXT_APPLICATION) return 'next';
  if (sw === SW_OTHER_INTERFACE) return refusal('otherInterface');
  if (sw !== SW_OK) return { result: 'fault', fault: refused(getProcessingOptions, sw) };

  const elements = new Map<number, Uint8Array>();
  const problem = getProcessingOptions.parse(response, elements);
  if (problem !== null) return refusal(problem);
  const options = readOptions(elements, purchase.service === HOLD_SERVICE);
  if (typeof options === 'string') return refusal(options);
  // 57 is mandatory here; a card that has its number in a record alone is another product.
  const card = readCardNumber(elements);
  if (typeof card === 'string') return refusal(card);
  const terminal = terminalElements(forms.terminal, purchase);
  const staticData = new Uint8Array(0);
  const transaction = { aid: application.aid, options, card, elements, terminal, staticData };
  if (options.kind === 'AAC') return { result: 'declined', transaction };
  if (options.kind === 'ARQC' && !readsOnline) return { result: 'online', transaction };
  const records = parseFileLocator(elements.get(tag.afl) ?? new Uint8Array(0));
  return records === null ? refusal('fileLocatorMalformed') : { transaction, records };
}

/** Reads the records but the last, which takes the money. */
export function* readAllButLast(
  transaction: EcashTransaction,
  records: readonly FileRecord[],
): Dialogue<PendingPurchase | EcashResult> {
  const last = records.at(-1);
  if (last === undefined) return whole(transaction);
  let known = transaction;
  for (const record of records.slice(0, -1)) {
    const response = yield* readOne(record);
    if (isFault(response)) return { result: 'fault', fault: response };
    const more = withRecord(known, record, response);
    if (typeof more === 'string') return refusal(more);
    known = more;
  }
  return { result: 'pending', transaction: known, last };
}

/** A purchase of which everything was read. */
function whole(transaction: EcashTransaction): EcashResult {
  return { result: transaction.options.kind === 'TC' ? 'approved' : 'online', transaction };
}

/** The second phase: reads the last record. */
export function* completePurchase({ transaction, last }: PendingPurchase): Dialogue<EcashResult> {
  const takes = transaction.options.kind === 'TC';
  const response = yield* readOne(last);
  if (isFault(response)) {
    if (!takes) return { result: 'fault', fault: response };
    return { result: 'unknown', transaction, fault: response, reason: null };
  }
  const known = withRecord(transaction, last, response);
  if (typeof known !== 'string') return whole(known);
  return takes ? { result: 'unknown', transaction, fault: null, reason: known } : refusal(known);
}

/**
 * The card's balance by GET DATA; null where it does not say. Ends a purchase under way, or may: it
 * is then begun again.
 */
export function* readBalance(): Dialogue<number | CardFault | null> {
  const apdu = getData.build(tag.balance);
  const answer = yield askOf(getData, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(getData, apdu, answer);
  if (isFault(response)) return response.fault === 'gone' ? response : null;
  if (statusWord(response) !== SW_OK) return null;
  const said = getData.parse(response, tag.balance);
  const value = said?.length === BALANCE_BYTES ? bcdNumber(said) : null;
  return value !== null && value <= 0xffff_ffff ? value : null;
}

/** The whole answer of status 9000 to READ RECORD, or a fault. */
function* readOne(record: FileRecord): Dialogue<Uint8Array | CardFault> {
  const apdu = readRecord.build(record.sfi, record.record);
  const answer = yield askOf(readRecord, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(readRecord, apdu, answer);
  if (isFault(response)) return response;
  const sw = statusWord(response);
  return sw === SW_OK ? response : refused(readRecord, sw);
}

/** The transaction with one more record, or what is wrong with that. */
function withRecord(
  known: EcashTransaction,
  record: FileRecord,
  response: Uint8Array,
): EcashTransaction | EcashReason {
  const end = dataLength(response);
  const elements = new Map(known.elements);
  const problem = addElements(elements, response, end, tag.record, 'recordMalformed');
  if (problem !== null) return problem;
  const card = readCardNumber(elements);
  if (typeof card === 'string') return card;
  if (!record.isSigned) return { ...known, elements, card };
  const content = signedContent(response, end, record.sfi);
  const staticData = Buffer.concat([known.staticData, content]);
  if (staticData.length > STATIC_DATA_BYTES_MAX) return 'staticDataTooLong';
  return { ...known, elements, card, staticData };
}

/**
 * What of a signed record, a template 70, goes into the static data (EMV 4.3 Book 3, 10.3): the
 * template's value for files 1 to 10, the whole record for others.
 */
function signedContent(response: Uint8Array, end: number, sfi: number): Uint8Array {
  if (sfi > 10) return response.subarray(0, end);
  const parsed = parseTlv(response, 0, end);
  assert('objects' in parsed && parsed.objects.length > 0, 'a record that was parsed before');
  const { at, length } = parsed.objects[0]!;
  return response.subarray(at, at + length);
}
