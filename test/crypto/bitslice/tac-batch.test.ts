/** Batches of TACs against one at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTacBatch } from '../../../engine/crypto/bitslice/tac-batch.ts';
import { Keyring } from '../../../engine/crypto/keyring.ts';
import { tacCodes } from '../../../engine/crypto/tac.ts';
import { DEBIT_BYTES } from '../../../engine/debit/record.ts';

test('records of keys that are not on the ring are unknown, and no more than count are judged', () => {
  const verdicts = new Uint8Array(4);
  createTacBatch(new Keyring([])).verify(new Uint8Array(3 * DEBIT_BYTES), 3, verdicts);
  assert.deepEqual([...verdicts], [...new Array(3).fill(tacCodes.unknownKey), tacCodes.none]);
});
