/**
 * From an uploaded batch to what the ledger takes: every record is decoded and checked before
 * anything costly is done, then each gets its TAC verdict, card hash, digest and sealed evidence.
 */
import { hash } from 'node:crypto';
import { setImmediate as others } from 'node:timers/promises';
import { toHex } from '../bytes.ts';
import { decodeDebit } from '../debit/codec.ts';
import {
  DEBIT_BYTES,
  type Debit,
  type DebitId,
  DebitKind,
  DebitState,
  Evidence,
} from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import type { ReceivedDebit, TacVerdict } from '../ledger/received.ts';
import { INGEST_SLICE_RECORDS } from '../limits.ts';
import type { Batch } from '../wire/envelope.ts';

const DIGEST_BYTES = 16;

/** What ingest needs done with keys it does not hold. */
export interface RecordChecks {
  /** Verifies the TAC of the record at `records[offset]`. */
  verifyTac(records: Uint8Array, offset: number): Exclude<TacVerdict, 'none'>;
  /** Keyed hash of a 10-byte card number, 16 bytes. */
  hashCard(cardNumber: Uint8Array): Uint8Array;
  /** Seals a 160-byte record under the operator's storage key. */
  seal(record: Uint8Array, id: DebitId): Uint8Array;
}

/**
 * The batch's records, all of them or none.
 * @throws FaregateError UPLOAD_MALFORMED naming the record's index and field: it does not decode,
 *   is another gate's, is out of sequence, or is an intent whose outcome is not known.
 */
export function decodeBatch(gateId: string, batch: Batch): Debit[] {
  const debits: Debit[] = [];
  for (let index = 0; index < batch.count; index++) {
    const debit = decodeRecord(batch.records, index);
    const wrong = (field: string, is: string | number, not: string | number): FaregateError =>
      new FaregateError('UPLOAD_MALFORMED', `record ${index}: field ${field} is ${is}, not ${not}`);
    if (debit.gateId !== gateId) throw wrong('gateId', debit.gateId, gateId);
    if (debit.gateSequence !== batch.first + index) {
      throw wrong('gateSequence', debit.gateSequence, batch.first + index);
    }
    if (debit.state === DebitState.intended) throw wrong('state', debit.state, 'an outcome');
    debits.push(debit);
  }
  return debits;
}

/**
 * What the ledger is told of decoded debits; lets other work have the thread between slices.
 * `records` holds them in the same order.
 */
export async function receiveDebits(
  debits: readonly Debit[],
  records: Uint8Array,
  checks: RecordChecks,
): Promise<ReceivedDebit[]> {
  const received: ReceivedDebit[] = [];
  for (const [index, debit] of debits.entries()) {
    if (index > 0 && index % INGEST_SLICE_RECORDS === 0) await others();
    received.push(receive(debit, records, index * DEBIT_BYTES, checks));
  }
  return received;
}

function receive(
  debit: Debit,
  records: Uint8Array,
  offset: number,
  checks: RecordChecks,
): ReceivedDebit {
  const record = records.subarray(offset, offset + DEBIT_BYTES);
  return {
    gateId: debit.gateId,
    gateSequence: debit.gateSequence,
    kind: debit.kind,
    state: debit.state,
    evidence: debit.evidence,
    tapKind: debit.tapKind,
    card: checks.hashCard(debit.cardNumber),
    issuer: toHex(debit.issuer),
    transactionType: debit.transactionType,
    offlineCounter: debit.offlineCounter,
    balanceBeforeMinor: debit.balanceBeforeMinor,
    amountMinor: debit.amountMinor,
    currency: debit.currency,
    instantMs: debit.instantMs,
    tac: carriesTac(debit) ? checks.verifyTac(records, offset) : 'none',
    digest: hash('sha256', record, 'buffer').subarray(0, DIGEST_BYTES),
    sealed: checks.seal(record, debit),
    refersTo: debit.refersTo,
  };
}

/**
 * A card that committed gave a TAC, except where only its later counter says that it did: the proof
 * of that debit is then no longer to be had.
 */
function carriesTac(debit: Debit): boolean {
  if (debit.state !== DebitState.confirmed) return false;
  const byCounter = debit.kind === DebitKind.settlement && debit.evidence === Evidence.cardState;
  return !byCounter || debit.tac.some((byte) => byte !== 0);
}

function decodeRecord(records: Uint8Array, index: number): Debit {
  try {
    return decodeDebit(records, index * DEBIT_BYTES);
  } catch (cause) {
    if (!(cause instanceof FaregateError)) throw cause;
    throw new FaregateError('UPLOAD_MALFORMED', `record ${index}: ${cause.message}`, { cause });
  }
}
