/** Evidence of whole batches: opens whole, for its gate and place, under its key, and else not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BytePool } from '../../engine/byte-pool.ts';
import { BatchSealer, openBatch } from '../../engine/debit/batch-evidence.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';

const key = new Uint8Array(32).map((_, i) => i);
const salt = new Uint8Array(16).fill(9);
const id = { gateId: 'central-07', gateSequence: 70_000 };
const records = new Uint8Array(3 * DEBIT_BYTES).map((_, i) => i * 7);

test('a batch opens to its records; two sealings differ; another process opens it', () => {
  const sealer = new BatchSealer(key, salt, new BytePool());
  const one = sealer.seal(records, id);
  const two = sealer.seal(records, id);
  assert.equal(one.length, records.length + 40);
  assert.notDeepEqual(one, two);
  assert.deepEqual(openBatch(key, one, id), records);
  assert.deepEqual(openBatch(key, two, id), records);
  const later = new BatchSealer(key, new Uint8Array(16).fill(8), new BytePool()).seal(records, id);
  assert.deepEqual(openBatch(key, later, id), records);
  assert.notDeepEqual(later.subarray(24), one.subarray(24));
});

test('no count is used twice under one salt', () => {
  const sealer = new BatchSealer(key, salt, new BytePool());
  const heads = new Set<string>();
  for (let i = 0; i < 1000; i++) {
    heads.add(Buffer.from(sealer.seal(records, id).subarray(0, 24)).toString('hex'));
  }
  assert.equal(heads.size, 1000);
});

test('what was changed, cut, moved or sealed under another key does not open', () => {
  const sealed = new BatchSealer(key, salt, new BytePool()).seal(records, id);
  assert.equal(openBatch(new Uint8Array(32), sealed, id), null);
  assert.equal(openBatch(key, sealed, { ...id, gateId: 'central-08' }), null);
  assert.equal(openBatch(key, sealed, { ...id, gateSequence: 70_001 }), null);
  for (let byte = 0; byte < sealed.length; byte++) {
    const changed = sealed.slice();
    changed[byte]! ^= 1 << (byte & 7);
    assert.equal(openBatch(key, changed, id), null, `byte ${byte}`);
  }
  for (const length of [0, 16, 39, 40 + DEBIT_BYTES, sealed.length - 1]) {
    assert.equal(openBatch(key, sealed.subarray(0, length), id), null, `${length} bytes`);
  }
});
