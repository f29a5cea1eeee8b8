/** Columns against records received one by one: the same debits, the same refusals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { openBatch } from '../../engine/debit/batch-evidence.ts';
import { at, encodeDebit } from '../../engine/debit/codec.ts';
import { EVENT_KIND } from '../../engine/debit/event.ts';
import { openEvidence } from '../../engine/debit/evidence.ts';
import { DEBIT_BYTES, type Debit } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { createRecordChecks } from '../../engine/operator/record-checks.ts';
import type { Batch } from '../../engine/wire/envelope.ts';
import { debitOf, recordsOf } from '../gate/uplink/fakes.ts';
import { receivePlainly } from '../reference/received.ts';

const GATE = 'G01';
const storageKey = new Uint8Array(32).fill(0x3c);
const keyring = new Keyring([
  { use: 'tac', index: 1, version: 1, algorithm: '3des', master: new Uint8Array(16).fill(7) },
  { use: 'tac', index: 2, version: 1, algorithm: 'sm4', master: new Uint8Array(16).fill(8) },
]);
const cardHash = cmacKey(new Uint8Array(16).fill(0x5a));
const checks = createRecordChecks({
  keyring,
  cardHash,
  storageKey,
  salt: new Uint8Array(16).fill(1),
});

function batchOf(first: number, records: Uint8Array): Batch {
  return { type: 'batch', first, count: records.length / DEBIT_BYTES, records, status: null };
}

/** What either path answers: debits, or the text of its refusal. */
function answer<T>(receive: () => T): T | string {
  try {
    return receive();
  } catch (error) {
    assert(error instanceof FaregateError && error.code === 'UPLOAD_MALFORMED', String(error));
    return error.message;
  }
}

function byColumns(batch: Batch) {
  const received = receiveBatch(GATE, batch, checks);
  return Array.from({ length: batch.count }, (_, i) => {
    const { digest: _digest, sealed: _sealed, ...debit } = received.debitAt(i);
    return debit;
  });
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const arbitraryDebit: fc.Arbitrary<Partial<Debit>> = fc
  .record({
    state: fc.constantFrom(1, 1, 1, 2, 3),
    evidence: fc.constantFrom(0, 1, 2, 3, 4, 5),
    tapKind: fc.constantFrom(1, 2, 3),
    settles: fc.boolean(),
    cardNumber: bytes(10),
    issuer: bytes(8),
    tac: fc.oneof(bytes(4), fc.constant(new Uint8Array(4))),
    keyIndex: fc.constantFrom(1, 2, 3),
    algorithm: fc.constantFrom(0, 2),
    factorLevels: fc.constantFrom(1, 2),
    amountMinor: fc.nat(),
  })
  .map(({ settles, ...debit }) => ({
    ...debit,
    ...(settles ? { kind: 2, refersTo: { gateId: 'G02', gateSequence: 9 } } : {}),
  })) as fc.Arbitrary<Partial<Debit>>;

/** Bytes to write over those of one record: mostly where they matter. */
const arbitraryDamage = fc.record({
  record: fc.nat(),
  place: fc.oneof(
    fc.nat(DEBIT_BYTES - 1),
    fc.constantFrom(at.version, at.kind, at.state, at.evidence, at.tapKind, at.factorLevels),
    fc.integer({ min: at.gateId, max: at.instantMs }),
    fc.integer({ min: at.refGateId, max: at.refGateSequence }),
  ),
  value: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.nat(255)),
});

test('columns say the same as records one by one, and refuse with the same words', () => {
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(arbitraryDebit, { minLength: 1, maxLength: 40 }),
      fc.constantFrom(1, 500, 2 ** 32 - 3, 2 ** 48 - 64),
      fc.array(arbitraryDamage, { maxLength: 2 }),
      fc.nat(3),
      (debits, first, damages, shift) => {
        // In a frame, records stand at any offset.
        const whole = new Uint8Array(shift + debits.length * DEBIT_BYTES);
        const records = whole.subarray(shift);
        for (const [i, other] of debits.entries()) {
          encodeDebit(debitOf(GATE, first + i, other), records, i * DEBIT_BYTES);
        }
        for (const { record, place, value } of damages) {
          // An event is no debit: `test/debit/event.test.ts`.
          if (place === at.kind && value === EVENT_KIND) continue;
          records[(record % debits.length) * DEBIT_BYTES + place] = value;
        }
        const batch = batchOf(first, records);
        const plain = answer(() => receivePlainly(GATE, batch, keyring, cardHash));
        assert.deepEqual(
          answer(() => byColumns(batch)),
          plain,
        );
        if (typeof plain === 'string') refused++;
      },
    ),
    { numRuns: 400 },
  );
  assert(refused > 20, `${refused} refused`);
});

test('the refusal names the first record that is wrong and its field', () => {
  const sound = recordsOf([1, 2, 3].map((sequence) => debitOf(GATE, sequence)));
  const wrongs: [number, number, string][] = [
    [at.version, 3, 'record 1: debit record: field version is 3'],
    [at.kind, 4, 'record 1: debit record: field kind is 4'],
    [at.kind, 2, 'record 1: debit record: field refersTo is 2'],
    [at.state, 4, 'record 1: debit record: field state is 4'],
    [at.state, 0, 'record 1: field state is 0, not an outcome'],
    [at.evidence, 6, 'record 1: debit record: field evidence is 6'],
    [at.tapKind, 0, 'record 1: debit record: field tapKind is 0'],
    [at.factorLevels, 3, 'record 1: debit record: field factorLevels is 3'],
    [at.gateId + 2, 0x32, 'record 1: field gateId is G02, not G01'],
    [at.gateId, 0x20, 'record 1: debit record: field gateId is " 01"'],
    [at.gateSequence + 5, 9, 'record 1: field gateSequence is 9, not 2'],
    [at.refGateId, 0x47, 'record 1: debit record: field refersTo is 1'],
  ];
  for (const [place, value, message] of wrongs) {
    const records = sound.slice();
    records[DEBIT_BYTES + place] = value;
    // A later wrong record does not hide the first.
    records[2 * DEBIT_BYTES + at.version] = 9;
    assert.throws(() => receiveBatch(GATE, batchOf(1, records), checks), { message });
  }
});

test('a digest is of the whole record and of nothing else', () => {
  const one = recordsOf([1, 2].map((sequence) => debitOf(GATE, sequence)));
  const digest = receiveBatch(GATE, batchOf(1, one), checks).digests.slice(16);
  const alone = receiveBatch(GATE, batchOf(2, one.slice(DEBIT_BYTES)), checks);
  assert.deepEqual(alone.digests, digest, 'another split, the same digest');
  assert.deepEqual(alone.debitAt(0).digest, digest);
  const again = createRecordChecks({ keyring, cardHash, storageKey, salt: new Uint8Array(16) });
  assert.deepEqual(receiveBatch(GATE, batchOf(1, one), again).digests.slice(16), digest);
  for (const place of [at.instantMs, at.random, at.tapMs, at.hostUs + 3, DEBIT_BYTES - 1]) {
    const other = one.slice();
    other[DEBIT_BYTES + place]! ^= 1;
    const digests = receiveBatch(GATE, batchOf(1, other), checks).digests;
    assert.notDeepEqual(digests.slice(16), digest, `byte ${place}`);
    assert.deepEqual(
      digests.slice(0, 16),
      receiveBatch(GATE, batchOf(1, one), checks).digests.slice(0, 16),
    );
  }
});

test('records are sealed, all together and each when asked for', () => {
  const records = recordsOf([5, 6, 7].map((sequence) => debitOf(GATE, sequence)));
  const received = receiveBatch(GATE, batchOf(5, records), checks);
  const first = { gateId: GATE, gateSequence: 5 };
  assert.deepEqual(openBatch(storageKey, received.sealed, first), records);
  assert.notDeepEqual(receiveBatch(GATE, batchOf(5, records), checks).sealed, received.sealed);
  const { sealed } = received.debitAt(1);
  const second = { gateId: GATE, gateSequence: 6 };
  assert.deepEqual(openEvidence(storageKey, sealed, second), records.slice(160, 320));
});
