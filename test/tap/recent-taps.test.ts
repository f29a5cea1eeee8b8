/** What a station remembers of bank cards, and the numbers that its gates give out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../engine/bytes.ts';
import { UNPREDICTABLE_AHEAD } from '../../engine/limits.ts';
import { type RecentTap, RecentTaps } from '../../engine/tap/recent-taps.ts';
import { UnpredictableNumbers } from '../../gate/station-bank.ts';

const tapAt = (instantMs: number): RecentTap => ({
  where: 'outside',
  station: new Uint8Array(4),
  instantMs,
  counter: instantMs,
});

test('the last tap of a card takes the place of the one before; over the bound the oldest goes', () => {
  const recent = new RecentTaps(3);
  const number = (i: number) => new Uint8Array(10).fill(i);
  for (const i of [1, 2, 1, 3, 4]) recent.note(number(i), tapAt(i));
  assert.equal(recent.size, 3);
  assert.equal(recent.find(number(2)), null);
  recent.note(number(1), tapAt(9));
  recent.note(number(5), tapAt(5));
  assert.equal(recent.find(number(1))?.instantMs, 9);
  assert.equal(recent.find(number(3)), null);
});

test('numbers are drawn ahead, given out once, and stay as they were', () => {
  let drawn = 0;
  const numbers = new UnpredictableNumbers((length) => {
    drawn++;
    return Uint8Array.from({ length }, (_, i) => (i % 4 === 3 ? drawn : i >> 2));
  });
  const given = Array.from({ length: 2 * UNPREDICTABLE_AHEAD }, () => numbers.next());
  assert.equal(drawn, 2);
  assert.equal(new Set(given.map(toHex)).size, given.length);
});
