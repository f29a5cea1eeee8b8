/** Events to post in ledger tests. */
import { createHash } from 'node:crypto';
import {
  EVENT_MODES,
  encodeEvent,
  type GateEvent,
  type ShiftClosed,
} from '../../engine/debit/event.ts';
import { DEBIT_BYTES, NOTHING_IN_FORCE } from '../../engine/debit/record.ts';
import type { ReceivedBatch } from '../../engine/ledger/received.ts';
import { CARD_BYTES, DIGEST_BYTES } from '../../engine/ledger/rows.ts';

const HEAD = {
  ...NOTHING_IN_FORCE,
  instantMs: 1_760_000_000_000,
  dateTime: Uint8Array.of(0x20, 0x25, 0x10, 0x09, 0x16, 0x53, 0x20),
  station: Uint8Array.of(0, 0, 1, 1),
};

export function modeChanged(gateId: string, gateSequence: number, modeAfter = 1): GateEvent {
  return { ...HEAD, gateId, gateSequence, event: 'modeChange', modeBefore: 0, modeAfter };
}

const NONE = { count: 0, amountMinor: 0 };

/** A shift that counted nothing, unless told otherwise; it covers everything before the event. */
export function shiftClosed(
  gateId: string,
  gateSequence: number,
  counts: Partial<ShiftClosed['counts']> = {},
  other: Partial<ShiftClosed> = {},
): GateEvent {
  return {
    ...HEAD,
    gateId,
    gateSequence,
    event: 'shiftClosed',
    shift: 1,
    openedMs: HEAD.instantMs - 1000,
    first: 1,
    last: gateSequence - 1,
    counts: {
      confirmed: NONE,
      unconfirmed: NONE,
      void: NONE,
      settlement: NONE,
      denied: 0,
      underMode: new Array<number>(EVENT_MODES).fill(0),
      ...counts,
    },
    ...other,
  };
}

/** @param events of one gate, with sequences that follow each other. */
export function eventColumns(events: readonly GateEvent[]): ReceivedBatch {
  const { gateId, gateSequence } = events[0]!;
  const count = events.length;
  const records = new Uint8Array(count * DEBIT_BYTES);
  const digests = new Uint8Array(count * DIGEST_BYTES);
  for (const [i, event] of events.entries()) {
    encodeEvent(event, records, i * DEBIT_BYTES);
    const record = records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
    const digest = createHash('sha256').update(record).digest();
    digests.set(digest.subarray(0, DIGEST_BYTES), i * DIGEST_BYTES);
  }
  return {
    gateId,
    firstSequence: gateSequence,
    count,
    records,
    cards: new Uint8Array(count * CARD_BYTES),
    tacs: new Uint8Array(count),
    digests,
    sealed: new Uint8Array(20),
    debitAt: () => {
      throw new Error('an event is no debit');
    },
  };
}
