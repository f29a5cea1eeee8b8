/**
 * One contactless e-cash purchase (qPBOC, JR/T 0025.12) as a dialogue: directory, application,
 * GET PROCESSING OPTIONS, in which the card decides, and the records its file locator names. A card
 * that approves takes the money when its last record is read [1]; so until that command is sent
 * nothing is debited, and afterwards a card that has gone leaves a purchase `unknown`.
 *
 * The card may go after its last record: whether it is genuine is `oda/authenticate.ts`'s to say,
 * from what was gathered here.
 */
import { copyBytes } from '../../bytes.ts';
import { STATIC_DATA_BYTES_MAX } from '../../limits.ts';
import { dataLength, statusWord } from '../apdu.ts';
import { type CardFault, type Dialogue, isFault } from '../dialogue.ts';
import { askOf, complete, isWhole } from '../exchange.ts';
import { refused, SW_OK } from '../status.ts';
import { parseTlv } from '../tlv.ts';
import { findApplications, type SelectedApplication, selectApplication } from './application.ts';
import { type CardNumber, type Options, readCardNumber, readOptions } from './card-data.ts';
import {
  getProcessingOptions,
  SW_NEXT_APPLICATION,
  SW_OTHER_INTERFACE,
} from './commands/get-processing-options.ts';
import { readRecord } from './commands/read-record.ts';
import { addElements, type Elements } from './elements.ts';
import { type FileRecord, parseFileLocator } from './file-locator.ts';
import type { EcashReason } from './reasons.ts';
import { tag } from './tags.ts';
import { type EcashPurchase, type OptionsForms, terminalElements } from './terminal.ts';

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

export type EcashResult =
  /** The card approved and all its records were read: it is debited. Authenticate it now. */
  | { readonly result: 'approved'; readonly transaction: EcashTransaction }
  /** The card wants its issuer asked, or declined; nothing is debited. */
  | { readonly result: 'online' | 'declined'; readonly transaction: EcashTransaction }
  /** Not a purchase that can go on; nothing is debited. */
  | { readonly result: 'refused'; readonly reason: EcashReason }
  /** The card left or failed before its last record was asked for; nothing is debited. */
  | { readonly result: 'fault'; readonly fault: CardFault }
  /** The last record was asked for and did not come, or not whole: the card may be debited. */
  | {
      readonly result: 'unknown';
      readonly transaction: EcashTransaction;
      readonly fault: CardFault | null;
      readonly reason: EcashReason | null;
    };

/**
 * One purchase.
 * @param accepted names of applications, or what they begin with, 5 to 16 bytes each, best first
 * @param forms the gate's, which also say who the terminal is
 */
export function* purchaseEcash(
  accepted: readonly Uint8Array[],
  forms: OptionsForms,
  purchase: EcashPurchase,
): Dialogue<EcashResult> {
  const names = yield* findApplications(accepted);
  if ('fault' in names) return { result: 'fault', fault: names };
  for (const name of names) {
    const application = yield* selectApplication(name);
    if (application === null) continue;
    if (isFault(application)) return { result: 'fault', fault: application };
    const decided = yield* decide(application, forms, purchase);
    if (decided !== 'next') return decided;
  }
  return { result: 'refused', reason: 'applicationMissing' };
}

function refusal(reason: EcashReason): EcashResult {
  return { result: 'refused', reason };
}

function* decide(
  application: SelectedApplication,
  forms: OptionsForms,
  purchase: EcashPurchase,
): Dialogue<EcashResult | 'next'> {
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
  const options = readOptions(elements);
  if (typeof options === 'string') return refusal(options);
  const card = readCardNumber(elements);
  // 57 is mandatory here; a card that has its number in a record alone is another product.
  if (typeof card === 'string') return refusal(card);
  const said = {
    aid: application.aid,
    options,
    card,
    elements,
    terminal: terminalElements(forms.terminal, purchase),
    staticData: new Uint8Array(0),
  };
  if (options.kind === 'AAC') return { result: 'declined', transaction: said };
  if (options.kind === 'ARQC') return { result: 'online', transaction: said };
  const records = parseFileLocator(elements.get(tag.afl) ?? new Uint8Array(0));
  return records === null
    ? refusal('fileLocatorMalformed')
    : yield* readAll(said, elements, records);
}

/** Reads the records of a card that approved. */
function* readAll(
  said: EcashTransaction,
  elements: Map<number, Uint8Array>,
  records: readonly FileRecord[],
): Dialogue<EcashResult> {
  const signed = new Uint8Array(STATIC_DATA_BYTES_MAX);
  let signedBytes = 0;
  for (const [i, record] of records.entries()) {
    const isLast = i === records.length - 1;
    const apdu = readRecord.build(record.sfi, record.record);
    const answer = yield askOf(readRecord, apdu, null);
    const response = isWhole(answer) ? answer : yield* complete(readRecord, apdu, answer);
    const staticData = signed.slice(0, signedBytes);
    if (isFault(response)) return stopped({ ...said, staticData }, isLast, response);
    const sw = statusWord(response);
    // A status word other than 9000 says that the card did not finish.
    if (sw !== SW_OK) return { result: 'fault', fault: refused(readRecord, sw) };
    const end = dataLength(response);
    const content = record.isSigned ? signedContent(response, end, record.sfi) : null;
    let problem = addElements(elements, response, end, tag.record, 'recordMalformed');
    if (content && signedBytes + content.length > signed.length) problem ??= 'staticDataTooLong';
    if (problem !== null) return misread({ ...said, staticData }, isLast, problem);
    if (content) {
      copyBytes(content, 0, signed, signedBytes, content.length);
      signedBytes += content.length;
    }
  }
  const card = readCardNumber(elements);
  const transaction = { ...said, staticData: signed.slice(0, signedBytes) };
  if (typeof card === 'string') return misread(transaction, true, card);
  return { result: 'approved', transaction: { ...transaction, card } };
}

function stopped(transaction: EcashTransaction, isLast: boolean, fault: CardFault): EcashResult {
  if (!isLast) return { result: 'fault', fault };
  return { result: 'unknown', transaction, fault, reason: null };
}

function misread(transaction: EcashTransaction, isLast: boolean, reason: EcashReason): EcashResult {
  if (!isLast) return refusal(reason);
  return { result: 'unknown', transaction, fault: null, reason };
}

/**
 * What of a signed record goes into the static data (EMV 4.3 Book 3, 10.3): the value of template
 * 70 for files 1 to 10, the whole answer for others. Null where there is no such template.
 */
function signedContent(response: Uint8Array, end: number, sfi: number): Uint8Array | null {
  if (sfi > 10) return response.subarray(0, end);
  const parsed = parseTlv(response, 0, end);
  const record = 'objects' in parsed ? parsed.objects[0] : undefined;
  if (record === undefined || record.tag !== tag.record) return null;
  return response.subarray(record.at, record.at + record.length);
}
