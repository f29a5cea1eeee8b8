/** Evidence of whole batches: opens whole, for its gate and place, under its key, and else not. */
import assert from 'node:assert/strict';
import { createCipheriv, hkdfSync } from 'node:crypto';
import { test } from 'node:test';
import { BytePool } from '../../engine/byte-pool.ts';
import { BatchSealer, openBatch } from '../../engine/debit/batch-evidence.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';

const key = new Uint8Array(32).map((_, i) => i);
const salt = new Uint8Array(16).fill(9);
const id = { gateId: 'central-07', gateSequence: 70_000 };
/** Layout version 2, and no two alike. */
const records = new Uint8Array(3 * DEBIT_BYTES).map((_, i) =>
  i % DEBIT_BYTES === 0 ? 2 : (i * 7) ^ (i >> 8),
);

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

test('what is the same in all records is sealed once, and comes back', () => {
  const alike = new Uint8Array(300 * DEBIT_BYTES);
  for (let i = 0; i < 300; i++) alike.set([2, 1, i >> 8, i], i * DEBIT_BYTES);
  const sealed = new BatchSealer(key, salt, new BytePool()).seal(alike, id);
  assert.equal(sealed.length, 40 + 14 + 79 * 2 + 2 * 300);
  assert.deepEqual(openBatch(key, sealed, id), alike);
});

test('a batch that was sealed before records were packed opens', () => {
  // Salt, count, records and tag as the layout had it, made by node:crypto alone.
  const derived = hkdfSync('sha256', key, salt, 'faregate batch evidence', 32);
  const nonce = Buffer.from('000000000000000000000007', 'hex');
  const cipher = createCipheriv('aes-256-gcm', new Uint8Array(derived), nonce);
  cipher.setAAD(Buffer.from('63656e7472616c2d30370000000000011170', 'hex'));
  const parts = [salt, nonce.subarray(4), cipher.update(records), cipher.final()];
  const sealed = new Uint8Array(Buffer.concat([...parts, cipher.getAuthTag()]));
  assert.deepEqual(openBatch(key, sealed, id), records);
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
