/** What need be looked at only once in a while is looked at no more often, and not never. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seldom } from '../../engine/operator/seldom.ts';

test('it is due at first, and again when its time has passed since it last was', () => {
  let nowMs = 1000;
  const isDue = seldom(20, () => nowMs);
  const at = (ms: number): boolean => {
    nowMs = ms;
    return isDue();
  };
  assert.deepEqual([1000, 1000, 1019, 1020, 1021, 1039, 1040, 5000, 5019, 5020].map(at), [
    true,
    false,
    false,
    true,
    false,
    false,
    true,
    true,
    false,
    true,
  ]);
});

test('two that are asked by turns do not take each other’s turn', () => {
  const one = seldom(60_000);
  const other = seldom(60_000);
  assert.deepEqual([one(), other(), one(), other()], [true, true, false, false]);
});
