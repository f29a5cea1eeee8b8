/** Keys of many cards at once against node:crypto. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CardKeyBatch } from '../../../engine/crypto/bitslice/card-keys.ts';
import { Keyring } from '../../../engine/crypto/keyring.ts';
import { loadKey } from '../../../engine/crypto/words.ts';
import { CARD_KEY_LANES_MIN } from '../../../engine/limits.ts';
import { nodeCardKey } from '../../reference/crypto-node.ts';
import { Draw } from './records.ts';

const COUNTS = [0, 1, CARD_KEY_LANES_MIN - 1, CARD_KEY_LANES_MIN, 127, 128, 129, 300];
const COUNT_MAX = 300;

for (const algorithm of ['3des', 'sm4'] as const) {
  for (const levels of [1, 2]) {
    test(`${algorithm} keys of ${levels} levels, for few cards and many`, () => {
      const draw = new Draw(levels);
      const master = draw.fill(new Uint8Array(16));
      const ring = new Keyring([{ use: 'purchase', index: 1, version: 1, algorithm, master }]);
      const factors = draw.fill(new Uint8Array(16 * COUNT_MAX));
      const expected = new Int32Array(4 * COUNT_MAX);
      for (let i = 0; i < COUNT_MAX; i++) {
        const own = [0, 8]
          .slice(0, levels)
          .map((at) => factors.slice(16 * i + at, 16 * i + at + 8));
        loadKey(nodeCardKey(algorithm, master, own), 0, expected.subarray(4 * i));
      }
      for (const batch of [new CardKeyBatch(), new CardKeyBatch(null)]) {
        for (const count of COUNTS) {
          const keys = new Int32Array(4 * COUNT_MAX);
          batch.derive(ring.list()[0]!, factors, levels, count, keys);
          const empty = new Array<number>(4 * (COUNT_MAX - count)).fill(0);
          assert.deepEqual([...keys], [...expected.subarray(0, 4 * count), ...empty]);
        }
      }
    });
  }
}

test('factors or keys too short for the count, and levels that are none, are our own mistake', () => {
  const master = new Uint8Array(16);
  const [key] = new Keyring([
    { use: 'purchase', index: 1, version: 1, algorithm: '3des', master },
  ]).list();
  const batch = new CardKeyBatch();
  const factors = new Uint8Array(32);
  const keys = new Int32Array(8);
  assert.throws(() => batch.derive(key!, factors.subarray(1), 1, 2, keys), /AssertionError/);
  assert.throws(() => batch.derive(key!, factors, 1, 2, keys.subarray(1)), /AssertionError/);
  assert.throws(() => batch.derive(key!, factors, 3, 2, keys), /AssertionError/);
});
