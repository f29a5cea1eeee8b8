/**
 * Events in the ledger: held under their identity in a table of their own, never posted. The record
 * stands there in clear, for it has no card in it. A closed shift is compared with what is held.
 */
import { copyBytes, equalRange } from '../bytes.ts';
import { type DebitEvidence, decodeEvent, type GateEvent } from '../debit/event.ts';
import { dueAtCompletion } from '../debit/hold.ts';
import { DEBIT_BYTES, type DebitId, DebitState } from '../debit/record.ts';
import type { Books } from './books.ts';
import type { GateHold } from './gate-hold.ts';
import type { Outcome } from './outcomes.ts';
import {
  CARD_BYTES,
  type DebitRow,
  DIGEST_BYTES,
  decodeDebitRow,
  ID_BYTES,
  ISSUER_BYTES,
  idKey,
  newBytes,
  readId,
  Standing,
} from './rows.ts';
import { differencesOf, tallyHeld } from './shifts.ts';
import type { StoreReader } from './store.ts';
import type { ViewWriter } from './view.ts';

/** An event as ingest hands it over. */
export interface ReceivedEvent extends DebitId {
  /** 160 bytes, known to decode. */
  readonly record: Uint8Array;
  /** As a debit's. */
  readonly digest: Uint8Array;
}

const EVENT_ROW_BYTES = DIGEST_BYTES + DEBIT_BYTES;
const NOTHING = new Uint8Array(0);

/** What an exception says of an event, which has no card, no issuer and no amount. */
const NO_DEBIT = {
  standing: Standing.refused,
  card: new Uint8Array(CARD_BYTES),
  issuer: new Uint8Array(ISSUER_BYTES),
  offlineCounter: 0,
  amountMinor: 0,
  currency: 0,
};

/** Whether an event is held under this id. */
export function holdsEvent(reader: StoreReader, id: DebitId): boolean {
  return reader.get('events', idKey(id)) !== undefined;
}

/** The events of a gate, or of all, in order of their ids. */
export function* readEvents(reader: StoreReader, gateId?: string): Generator<GateEvent> {
  const range =
    gateId === undefined
      ? {}
      : {
          from: idKey({ gateId, gateSequence: 0 }),
          to: idKey({ gateId, gateSequence: 2 ** 48 - 1 }),
        };
  for (const { value } of reader.range('events', range)) yield decodeEvent(value, DIGEST_BYTES);
}

/** Ids of all events, in order. */
export function* eventIds(reader: StoreReader): Generator<DebitId> {
  for (const { key } of reader.range('events', {})) yield readId(key, 0);
}

/**
 * Takes an event of the gate's batch.
 * @param writer shows debits of blocks too.
 */
export function receiveEvent(
  event: ReceivedEvent,
  writer: ViewWriter,
  books: Books,
  gate: GateHold,
): Outcome {
  const key = idKey(event);
  if (event.gateSequence <= gate.highest) {
    const held = writer.get('events', key);
    if (held && equalRange(held, 0, event.digest, 0, DIGEST_BYTES)) return 'exists';
    if (held || writer.get('debits', key)) return conflict(event, writer, books);
  }
  gate.arrive(event.gateSequence);
  const row = newBytes(EVENT_ROW_BYTES);
  copyBytes(event.digest, 0, row, 0, DIGEST_BYTES);
  copyBytes(event.record, 0, row, DIGEST_BYTES, DEBIT_BYTES);
  writer.put('events', key, row);
  books.count('events', 1);
  const told = decodeEvent(event.record, 0);
  if (told.event === 'shiftClosed') {
    const held = tallyHeld(writer, told);
    if (differencesOf(told, held).length > 0) {
      books.report('shiftMismatch', event, null, rowFor(told), NOTHING);
    }
  }
  if (told.event === 'evidence') hearEvidence(told, event.record, writer, books);
  return 'recorded';
}

/** A ride that cost more than was held for it: the debit is what it is, and somebody is told. */
function hearEvidence(
  told: GateEvent & DebitEvidence,
  record: Uint8Array,
  writer: ViewWriter,
  books: Books,
): void {
  const dueMinor = dueAtCompletion(told);
  if (dueMinor === null) return;
  const id = { gateId: told.gateId, gateSequence: told.gateSequence - 1 };
  const held = writer.get('debits', idKey(id));
  const row = held && decodeDebitRow(held);
  const isTaken = row?.state === DebitState.confirmed;
  if (isTaken && row.amountMinor < dueMinor) books.report('fareOverHold', id, null, row, record);
}

/** Another record is held under this id; told once, with the event that came in as evidence. */
function conflict(event: ReceivedEvent, writer: ViewWriter, books: Books): Outcome {
  const seen = newBytes(ID_BYTES + DIGEST_BYTES);
  seen.set(idKey(event));
  seen.set(event.digest.subarray(0, DIGEST_BYTES), ID_BYTES);
  if (!writer.get('conflicts', seen)) {
    writer.put('conflicts', seen, NOTHING);
    const told = decodeEvent(event.record, 0);
    books.report('identityConflict', event, null, rowFor(told), event.record);
  }
  return 'identityConflict';
}

function rowFor({ instantMs }: GateEvent): DebitRow {
  return { ...NO_DEBIT, instantMs } as DebitRow;
}
