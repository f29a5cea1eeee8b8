/** The records a journal keeps in memory: the newest, whole, and no other under their name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEBIT_BYTES } from '../../../engine/debit/record.ts';
import { Recent } from '../../../gate/journal/recent.ts';

test('the newest records are given as they were kept, older ones not at all', () => {
  const recent = new Recent(4);
  for (let sequence = 1; sequence <= 6; sequence++) {
    recent.keep(sequence, new Uint8Array(DEBIT_BYTES).fill(sequence));
  }
  const out = new Uint8Array(2 * DEBIT_BYTES);
  for (const gone of [1, 2, 7]) {
    assert.equal(recent.copy(gone, out, 0), false);
    assert(out.every((byte) => byte === 0));
  }
  assert.equal(recent.copy(6, out, DEBIT_BYTES), true);
  assert(out.every((byte, i) => byte === (i < DEBIT_BYTES ? 0 : 6)));
  assert.equal(recent.copy(3, out, 0), true);
  assert.equal(out[0], 3);
});
