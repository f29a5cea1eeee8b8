/** The event record: what is written comes back, and what a gate may not send is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { at } from '../../engine/debit/codec.ts';
import {
  decodeEvent,
  EVENT_MODES,
  EVIDENCE_BYTES,
  EventCode,
  EvidenceFamily,
  encodeEvent,
  eventAt,
  type GateEvent,
} from '../../engine/debit/event.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { checkBatch } from '../../engine/operator/received.ts';
import { shiftClosed } from '../ledger/event-samples.ts';

const u32 = fc.nat(0xffff_ffff);
const u48 = fc.nat(2 ** 48 - 1);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const tally = fc.record({ count: u32, amountMinor: u48 }, { noNullPrototype: true });

const heads = fc.record(
  {
    gateId: fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/),
    gateSequence: u48,
    instantMs: u48,
    dateTime: bytes(7),
    station: bytes(4),
    mode: fc.nat(0xffff),
    denylistVersion: u32,
    clockQuality: fc.nat(0xff),
    parametersVersion: fc.nat(0xff_ffff),
  },
  { noNullPrototype: true },
);
const bodies = fc.oneof(
  fc.record({
    event: fc.constant('modeChange' as const),
    modeBefore: fc.nat(0xffff),
    modeAfter: fc.nat(0xffff),
  }),
  fc.record({
    event: fc.constant('clockJump' as const),
    jumpMs: fc.oneof(
      u48,
      fc.integer({ min: 1, max: 1e9 }).map((ms) => -ms),
    ),
    sinceMs: u48,
  }),
  fc.record({
    event: fc.constant('shiftClosed' as const),
    shift: u32,
    openedMs: u48,
    first: u48,
    last: u48,
    counts: fc.record(
      {
        confirmed: tally,
        unconfirmed: tally,
        void: tally,
        settlement: tally,
        denied: u32,
        underMode: fc.array(u32, { minLength: EVENT_MODES, maxLength: EVENT_MODES }),
      },
      { noNullPrototype: true },
    ),
  }),
  fc.record({
    event: fc.constant('evidence' as const),
    family: fc.constant(EvidenceFamily.desfire),
    payload: bytes(EVIDENCE_BYTES),
  }),
);

test('an event comes back as it was written', () => {
  fc.assert(
    fc.property(heads, bodies, (head, body) => {
      const event = { ...head, ...body } as GateEvent;
      const record = new Uint8Array(DEBIT_BYTES + 3);
      encodeEvent(event, record, 3);
      assert.deepEqual(decodeEvent(record, 3), event);
    }),
  );
});

const wrongs: readonly [field: string, at: number, value: number, says: RegExp][] = [
  ['version', at.version, 1, /field version is 1/],
  ['state', at.state, 0, /field state is 0/],
  ['event', eventAt.event, 5, /field event is 5/],
  ['family', eventAt.event, EventCode.evidence, /field family is 0/],
  ['gate', at.gateId, 0x5a, /field gateId is Z1, not G1/],
  ['sequence', at.gateSequence + 5, 9, /field gateSequence is 9, not 7/],
  ['last', eventAt.last + 5, 7, /field last is 7, not from 1 to before 7/],
  ['first', eventAt.first + 5, 0, /field last is 6, not from 0 to before 7/],
];
for (const [field, place, value, says] of wrongs) {
  test(`an event with a wrong ${field} is refused, and the record named`, () => {
    const records = new Uint8Array(DEBIT_BYTES);
    encodeEvent(shiftClosed('G1', 7), records, 0);
    const batch = { type: 'batch', first: 7, count: 1, records, status: null } as const;
    checkBatch('G1', batch);
    records[place] = value;
    assert.throws(
      () => checkBatch('G1', batch),
      (error) =>
        error instanceof FaregateError &&
        error.code === 'UPLOAD_MALFORMED' &&
        /^record 0: /.test(error.message) &&
        says.test(error.message),
    );
  });
}
