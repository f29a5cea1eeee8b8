/** Adjustments: kinds, taps and exact sums where taps join, part and vanish. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { adjustmentsOf, type Settled } from '../../../engine/fare/account/adjustments.ts';

const seed = Number(process.env.FAREGATE_SEED ?? Math.floor(Math.random() * 2 ** 31));

function journey(taps: string, amountMinor: number): Settled {
  return { taps: [...taps], amountMinor };
}

/** `kind taps before>after` of each. */
function told(before: readonly Settled[], after: readonly Settled[]): string[] {
  return adjustmentsOf(before, after).map(
    ({ kind, taps, beforeMinor, afterMinor }) =>
      `${kind} ${taps.join('')} ${beforeMinor}>${afterMinor}`,
  );
}

test('what is equal needs no adjustment', () => {
  assert.deepEqual(told([journey('ab', 300)], [journey('ab', 300)]), []);
});

test('an exit that came late joins its entry: the maximum is paid back', () => {
  assert.deepEqual(told([journey('a', 900)], [journey('ab', 300)]), ['regrouped ab 900>300']);
});

test('a late tap between two parts a ride, and a late ride moves the price of the next', () => {
  assert.deepEqual(told([journey('ad', 700)], [journey('ab', 300), journey('cd', 250)]), [
    'regrouped abcd 700>550',
  ]);
  const before = [journey('ab', 200), journey('ef', 200)];
  const after = [journey('ab', 200), journey('cd', 200), journey('ef', 100)];
  assert.deepEqual(told(before, after), ['added cd 0>200', 'repriced ef 200>100']);
});

test('taps that are taken back', () => {
  assert.deepEqual(told([journey('ab', 200), journey('cd', 300)], [journey('cd', 300)]), [
    'withdrawn ab 200>0',
  ]);
});

test(`their sum is the difference of the totals, and no tap is in two (seed ${seed})`, () => {
  // Taps 0 to 11, cut into journeys in two ways; some are left out.
  const cuts = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.nat(900)), { maxLength: 8 });
  const settled = (list: readonly (readonly [number, number])[], skip: number): Settled[] => {
    let next = skip;
    return list.flatMap(([length, amountMinor]) => {
      const taps = Array.from({ length }, () => `t${next++}`);
      return length === 0 ? [] : [{ taps, amountMinor }];
    });
  };
  fc.assert(
    fc.property(cuts, cuts, fc.nat(5), (first, second, skip) => {
      const [before, after] = [settled(first, 0), settled(second, skip)];
      const found = adjustmentsOf(before, after);
      const sum = (list: readonly { amountMinor: number }[]) =>
        list.reduce((total, { amountMinor }) => total + amountMinor, 0);
      assert.equal(sum(found), sum(after) - sum(before));
      const taps = found.flatMap((each) => each.taps);
      assert.equal(new Set(taps).size, taps.length);
    }),
    { seed },
  );
});
