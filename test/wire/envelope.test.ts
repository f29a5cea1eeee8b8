/** Messages: they come back as sent, and nothing from outside is believed or crashes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { HISTOGRAM_BUCKETS, Histogram } from '../../engine/histogram.ts';
import {
  BATCH_RECORDS_MAX,
  FRAME_BYTES_MAX,
  PARAMETER_PIECE_BYTES,
  PARAMETERS_VERSION_MAX,
} from '../../engine/limits.ts';
import {
  decodeEngineMessage,
  decodeGateMessage,
  type EngineMessage,
  encodeMessage,
  type GateMessage,
  refusal,
  SEQUENCE_MAX,
} from '../../engine/wire/envelope.ts';
import { debitOf, recordsOf, statusOf } from '../gate/uplink/fakes.ts';

const free = new Packr({ useRecords: false });
const raw = (value: unknown): Uint8Array => free.pack(value);

const batch = (other: object = {}): Record<string, unknown> => ({
  type: 'batch',
  first: 1,
  count: 2,
  records: recordsOf([debitOf('G01', 1), debitOf('G01', 2)]),
  status: null,
  ...other,
});

const fromGate: GateMessage[] = [
  { type: 'hello', protocol: 1, gateId: 'G01', nextSequence: SEQUENCE_MAX },
  { type: 'batch', first: 5, count: 1, records: recordsOf([debitOf('G01', 5)]), status: null },
  {
    type: 'batch',
    first: 5,
    count: 1,
    records: recordsOf([debitOf('G01', 5)]),
    status: statusOf('G01'),
  },
  { type: 'status', status: statusOf('G01') },
  {
    type: 'status',
    status: statusOf('G01', { parameters: { version: 7, staged: 8, fault: 'set-8: cut' } }),
  },
  {
    type: 'status',
    status: statusOf('G01', {
      bankTapMs: { max: 410, counts: [120, 2] },
      bankHostUs: { max: 9, counts: [9, 2] },
    }),
  },
  { type: 'ask', after: 0 },
  { type: 'fetch', set: 7, item: 255, offset: 1_000_000, length: PARAMETER_PIECE_BYTES },
];

const fromEngine: EngineMessage[] = [
  { type: 'welcome', acknowledgedThrough: 0, nowMs: 1_790_000_000_000 },
  { type: 'welcome', acknowledgedThrough: 0, nowMs: 1_790_000_000_000, parameters: 0 },
  { type: 'ack', through: 1, outcomes: {}, nowMs: null, parameters: PARAMETERS_VERSION_MAX },
  { type: 'set', version: 7, manifest: Uint8Array.of(1, 2, 3) },
  { type: 'piece', set: 7, item: 0, offset: 0, bytes: new Uint8Array(0) },
  {
    type: 'ack',
    through: 5_000_000_000,
    outcomes: { posted: 4096, exists: 0 },
    nowMs: 1_790_000_000_000,
  },
  { type: 'refuse', code: 'GATE_REFUSED', message: 'gate G01 was revoked' },
];

test('every message comes back as it was sent', () => {
  for (const message of fromGate) {
    const back = decodeGateMessage(encodeMessage(message));
    if (back.type === 'batch') {
      assert.deepEqual({ ...back, records: new Uint8Array(back.records) }, message);
    } else assert.deepEqual(back, message);
  }
  for (const message of fromEngine) {
    const back = decodeEngineMessage(encodeMessage(message));
    if (back.type === 'set') {
      assert.deepEqual({ ...back, manifest: new Uint8Array(back.manifest) }, message);
    } else if (back.type === 'piece') {
      assert.deepEqual({ ...back, bytes: new Uint8Array(back.bytes) }, message);
    } else assert.deepEqual(back, message);
  }
});

test('a full batch with a full status fits in a frame', () => {
  const histogram = new Histogram();
  for (let exponent = 0; exponent < 32; exponent++) {
    for (let step = 0; step < 64; step++)
      histogram.add(2 ** exponent + (step * 2 ** exponent) / 64);
  }
  const data = histogram.data();
  assert.ok(data.counts.length > HISTOGRAM_BUCKETS);
  const counts = data.counts.map((n, i) => (i % 2 === 1 ? Number.MAX_SAFE_INTEGER : n));
  const status = statusOf('G01', {
    tapMs: { max: data.max, counts },
    hostUs: { max: data.max, counts },
    bankTapMs: { max: data.max, counts },
    bankHostUs: { max: data.max, counts },
  });
  const records = new Uint8Array(BATCH_RECORDS_MAX * DEBIT_BYTES);
  const message = { type: 'batch', first: 1, count: BATCH_RECORDS_MAX, records, status } as const;
  const body = encodeMessage(message);
  assert.ok(body.length <= FRAME_BYTES_MAX);
  assert.equal(decodeGateMessage(body).type, 'batch');
});

test('a batch is a blob: its envelope costs less than half a byte a record', () => {
  const records = new Uint8Array(512 * DEBIT_BYTES);
  const body = encodeMessage({ type: 'batch', first: 1, count: 512, records, status: null });
  assert.ok(body.length - records.length < 256);
});

test('each field that does not fit is named', () => {
  const hello = { type: 'hello', protocol: 1, gateId: 'G01', nextSequence: 1 };
  const status = { type: 'status', status: statusOf('G01') };
  const wrong: [unknown, RegExp][] = [
    [{}, /field type/],
    [[], /not a map/],
    ['hello', /not a map/],
    [null, /not a map/],
    [{ ...hello, type: 'welcome' }, /field type is "welcome"/],
    [{ type: 'ask', after: PARAMETERS_VERSION_MAX + 1 }, /field after/],
    [{ type: 'fetch', set: 0, item: 0, offset: 0, length: 1 }, /field set/],
    [{ type: 'fetch', set: 1, item: 256, offset: 0, length: 1 }, /field item/],
    [{ type: 'fetch', set: 1, item: 0, offset: -1, length: 1 }, /field offset/],
    [{ type: 'fetch', set: 1, item: 0, offset: 0, length: 65_537 }, /field length/],
    [{ ...hello, protocol: 1.5 }, /field protocol/],
    [{ ...hello, gateId: 'G 01' }, /field gateId/],
    [{ ...hello, gateId: 7 }, /field gateId/],
    [{ ...hello, nextSequence: 0 }, /field nextSequence/],
    [{ ...hello, nextSequence: 2 ** 48 }, /field nextSequence/],
    [{ ...hello, nextSequence: '1' }, /field nextSequence/],
    [batch({ first: -1 }), /field first/],
    [batch({ first: SEQUENCE_MAX }), /field first/],
    [batch({ count: 0 }), /field count/],
    [batch({ count: 3 }), /field records has 320 bytes, not 3 times 160/],
    [batch({ records: 'text' }), /field records is not a byte string/],
    [batch({ records: [1, 2] }), /field records is not a byte string/],
    [batch({ records: new Uint8Array(319) }), /field records has 319 bytes/],
    [batch({ status: 4 }), /field status is not a map/],
    [batch({ status: { ...statusOf('G01'), taps: -1 } }), /field status.taps/],
    [{ ...status, status: { ...statusOf('G01'), station: 'x'.repeat(501) } }, /status.station/],
    [{ ...status, status: { ...statusOf('G01'), denied: { a: 'b' } } }, /status.denied.a/],
    [{ ...status, status: { ...statusOf('G01'), tapMs: 5 } }, /status.tapMs/],
    [{ ...status, status: { ...statusOf('G01'), tapMs: { max: 1, counts: [1] } } }, /odd length/],
    [
      { ...status, status: { ...statusOf('G01'), hostUs: { max: 1, counts: [5, 1, 5, 1] } } },
      /status.hostUs.counts has bucket 5 out of place/,
    ],
    [{ ...status, status: { ...statusOf('G01'), bankTapMs: 5 } }, /status.bankTapMs/],
    [
      { ...status, status: { ...statusOf('G01'), bankHostUs: { max: 1, counts: [1] } } },
      /status.bankHostUs.counts has an odd length/,
    ],
    [
      { ...status, status: { ...statusOf('G01'), hostUs: { max: 1, counts: [896, 1] } } },
      /bucket 896/,
    ],
  ];
  for (const [value, message] of wrong) {
    assert.throws(
      () => decodeGateMessage(raw(value)),
      (error) => {
        assert.ok(error instanceof FaregateError && error.code === 'UPLOAD_MALFORMED', `${error}`);
        assert.match(error.message, message);
        return true;
      },
    );
  }
  const engine: [unknown, RegExp][] = [
    [{ type: 'hello' }, /field type is "hello"/],
    [{ type: 'ack', through: -1, outcomes: {} }, /field through/],
    [{ type: 'ack', through: 1, outcomes: { posted: 4097 } }, /outcomes.posted/],
    [{ type: 'refuse', code: 'toString', message: '' }, /field code/],
    [{ type: 'welcome', acknowledgedThrough: 0, nowMs: Number.NaN }, /field nowMs/],
  ];
  for (const [value, message] of engine) {
    assert.throws(() => decodeEngineMessage(raw(value)), message);
  }
});

test('a batch over its bound is too large, whatever it carries', () => {
  assert.throws(
    () => decodeGateMessage(raw(batch({ count: BATCH_RECORDS_MAX + 1 }))),
    (error) => error instanceof FaregateError && error.code === 'UPLOAD_TOO_LARGE',
  );
});

test('what MessagePack offers beyond plain values is refused before it is decoded', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  const moreTypes = new Packr({ useRecords: true, moreTypes: true, structuredClone: true });
  const refused: [Uint8Array, RegExp][] = [
    [free.pack({ type: 'hello', date: new Date() }), /not used here/],
    [moreTypes.pack({ type: 'hello' }), /not used here/],
    [moreTypes.pack(new Set([1])), /not used here/],
    [moreTypes.pack(/a+/), /not used here/],
    [raw(nested(7)), /nested too deep/],
    [Uint8Array.of(0xc1), /type c1/],
    [Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff), /the message is cut/],
    [Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff), /the message is cut/],
    [Uint8Array.of(0xc6, 0xff, 0xff, 0xff, 0xff), /the message is cut/],
    [Uint8Array.of(0x81, 0x01, 0x02), /map key/],
    [Uint8Array.of(0x80, 0x80), /behind the message/],
    [raw(new Array(9000).fill(1)), /too many values/],
    [Uint8Array.of(), /cut/],
  ];
  for (const [bytes, message] of refused) assert.throws(() => decodeGateMessage(bytes), message);
});

test('a name that means something to JavaScript is only a name', () => {
  const text = '{"type":"status","__proto__":{"status":1}}';
  const bytes = raw(new Map(Object.entries(JSON.parse(text) as object)));
  assert.throws(() => decodeGateMessage(bytes), /field status/);
  assert.equal(({} as { status?: number }).status, undefined);
});

test('random and damaged bytes are refused, never worse', () => {
  const survives = (bytes: Uint8Array): void => {
    for (const decode of [decodeGateMessage, decodeEngineMessage]) {
      try {
        decode(bytes);
      } catch (error) {
        assert.ok(error instanceof FaregateError && error.code.startsWith('UPLOAD_'), `${error}`);
      }
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), survives), { numRuns: 3000 });
  const sound = [...fromGate, ...fromEngine].map((message) => encodeMessage(message));
  const change = fc.tuple(fc.nat(sound.length - 1), fc.nat(), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(), (changes, cut) => {
      const bytes = new Uint8Array(sound[changes[0]![0]]!);
      for (const [, position, value] of changes) bytes[position % bytes.length] = value;
      survives(bytes);
      survives(bytes.subarray(0, cut % bytes.length));
    }),
    { numRuns: 3000 },
  );
});

test('a refusal is cut to what a message may hold', () => {
  const long = refusal(new FaregateError('UPLOAD_MALFORMED', 'x'.repeat(10_000)));
  assert.equal(decodeEngineMessage(encodeMessage(long)).type, 'refuse');
});
