/**
 * From an uploaded batch to what the ledger takes: every record is checked before anything costly
 * is done, then TAC verdicts, card hashes, digests and evidence are made for all together, as
 * columns. No object is made for a record, save where the ledger asks for one.
 */
import { toHex, writeU48 } from '../bytes.ts';
import { at, decodeDebit, isLayoutVersion } from '../debit/codec.ts';
import { decodeEvent, isEvent, wantsEvidence } from '../debit/event.ts';
import {
  DEBIT_BYTES,
  type DebitId,
  DebitKind,
  DebitState,
  Evidence,
  TapKind,
} from '../debit/record.ts';
import { gateIdBytes } from '../debit/seal.ts';
import { FaregateError } from '../errors.ts';
import { type ReceivedBatch, type ReceivedDebit, tacCodes } from '../ledger/received.ts';
import type { Batch } from '../wire/envelope.ts';
import type { RecordChecks } from './record-checks.ts';

const HASH_BYTES = 16;
const SEQUENCE_BYTES = 6;
const NO_TAC = tacCodes.indexOf('none');

/**
 * The batch as the ledger takes it, all of it or nothing. It keeps a view of `batch.records`.
 * @throws FaregateError UPLOAD_MALFORMED naming the record's index and field: it does not decode,
 *   is another gate's, is out of sequence, or is an intent whose outcome is not known.
 */
export function receiveBatch(gateId: string, batch: Batch, checks: RecordChecks): ReceivedBatch {
  checkBatch(gateId, batch);
  const { first, count, records } = batch;
  const tacs = new Uint8Array(count);
  checks.verifyTacs(records, count, tacs);
  for (let i = 0; i < count; i++) {
    const from = i * DEBIT_BYTES;
    if (!carriesTac(records, from) && !wantsEvidence(records, from)) tacs[i] = NO_TAC;
  }
  const cards = new Uint8Array(count * HASH_BYTES);
  checks.hashCards(records, count, cards);
  const digests = new Uint8Array(count * HASH_BYTES);
  checks.digest(records, count, digests);
  const received = { gateId, firstSequence: first, count, records, tacs, cards, digests };
  const sealed = checks.sealBatch(records, { gateId, gateSequence: first });
  return { ...received, sealed, debitAt: (index) => debitAt(received, index, checks) };
}

/**
 * Holds the records to what a gate may send: by a look at the bytes that every sound debit passes;
 * what does not is decoded, which says what is wrong or that nothing is.
 * @throws FaregateError UPLOAD_MALFORMED.
 */
export function checkBatch(gateId: string, batch: Batch): void {
  const { first, count, records } = batch;
  const gate = gateIdBytes(gateId);
  const sequence = new Uint8Array(SEQUENCE_BYTES);
  for (let i = 0; i < count; i++) {
    writeU48(sequence, 0, first + i);
    const from = i * DEBIT_BYTES;
    if (isEvent(records, from)) {
      checkEvent(gateId, batch, i);
      continue;
    }
    if (
      !looksSound(records, from) ||
      !same(records, from + at.gateId, gate) ||
      !same(records, from + at.gateSequence, sequence)
    ) {
      checkDecoded(gateId, batch, i);
    }
  }
}

function looksSound(records: Uint8Array, from: number): boolean {
  const state = records[from + at.state]!;
  const tapKind = records[from + at.tapKind]!;
  const levels = records[from + at.factorLevels]!;
  return (
    isLayoutVersion(records[from + at.version]!) &&
    records[from + at.kind] === DebitKind.debit &&
    records[from + at.refGateId] === 0 &&
    state >= DebitState.confirmed &&
    state <= DebitState.void &&
    records[from + at.evidence]! <= Evidence.refused &&
    tapKind >= TapKind.entry &&
    tapKind <= TapKind.purchase &&
    (levels === 1 || levels === 2)
  );
}

function same(records: Uint8Array, from: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    if (records[from + i] !== bytes[i]) return false;
  }
  return true;
}

function checkDecoded(gateId: string, batch: Batch, index: number): void {
  const debit = naming(index, () => decodeDebit(batch.records, index * DEBIT_BYTES));
  requireIdentity(debit, gateId, batch, index);
  if (debit.state === DebitState.intended) throw wrong(index, 'state', debit.state, 'an outcome');
}

function requireIdentity(id: DebitId, gateId: string, batch: Batch, index: number): void {
  if (id.gateId !== gateId) throw wrong(index, 'gateId', id.gateId, gateId);
  if (id.gateSequence !== batch.first + index) {
    throw wrong(index, 'gateSequence', id.gateSequence, batch.first + index);
  }
}

function wrong(
  index: number,
  field: string,
  is: string | number,
  not: string | number,
): FaregateError {
  const message = `record ${index}: field ${field} is ${is}, not ${not}`;
  return new FaregateError('UPLOAD_MALFORMED', message);
}

function checkEvent(gateId: string, batch: Batch, index: number): void {
  const event = naming(index, () => decodeEvent(batch.records, index * DEBIT_BYTES));
  requireIdentity(event, gateId, batch, index);
  if (event.event !== 'shiftClosed') return;
  const { first, last } = event;
  if (first < 1 || last < first - 1 || last >= event.gateSequence) {
    throw wrong(index, 'last', last, `from ${first} to before ${event.gateSequence}`);
  }
}

/**
 * A card that committed gave a TAC, except where only its later counter says that it did: the proof
 * of that debit is then no longer to be had.
 */
function carriesTac(records: Uint8Array, from: number): boolean {
  if (records[from + at.state] !== DebitState.confirmed || isEvent(records, from)) return false;
  const byCounter =
    records[from + at.kind] === DebitKind.settlement &&
    records[from + at.evidence] === Evidence.cardState;
  if (!byCounter) return true;
  const tac = from + at.tac;
  return (records[tac]! | records[tac + 1]! | records[tac + 2]! | records[tac + 3]!) !== 0;
}

function debitAt(
  batch: Omit<ReceivedBatch, 'sealed' | 'debitAt'>,
  index: number,
  checks: RecordChecks,
): ReceivedDebit {
  const from = index * DEBIT_BYTES;
  const debit = decodeDebit(batch.records, from);
  const hash = (column: Uint8Array) => column.slice(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  return {
    gateId: debit.gateId,
    gateSequence: debit.gateSequence,
    kind: debit.kind,
    state: debit.state,
    evidence: debit.evidence,
    tapKind: debit.tapKind,
    card: hash(batch.cards),
    issuer: toHex(debit.issuer),
    transactionType: debit.transactionType,
    offlineCounter: debit.offlineCounter,
    balanceBeforeMinor: debit.balanceBeforeMinor,
    amountMinor: debit.amountMinor,
    currency: debit.currency,
    instantMs: debit.instantMs,
    tac: tacCodes[batch.tacs[index]!]!,
    digest: hash(batch.digests),
    sealed: checks.seal(batch.records.subarray(from, from + DEBIT_BYTES), debit),
    refersTo: debit.refersTo,
  };
}

/** Runs `decode`; what it finds is said of the record `index`. */
function naming<T>(index: number, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof FaregateError)) throw cause;
    throw new FaregateError('UPLOAD_MALFORMED', `record ${index}: ${cause.message}`, { cause });
  }
}
