/**
 * An account over fare versions that change: each tap is of one journey, which the version in force
 * at its first tap has made and priced.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AccountTap, LegPrices } from '../../../engine/fare/account/account.ts';
import { type AccountFares, accountHistory } from '../../../engine/fare/account/history.ts';
import { JourneyRules } from '../../../engine/fare/account/journeys.ts';
import { RideRules } from '../../../engine/fare/account/rules.ts';
import { fareBook } from '../../../engine/fare/book.ts';
import { plainFrame, tapsOf, termsOf } from '../../kit/account-kit.ts';
import { amountOf, nobody } from '../../reference/account-terms.ts';

const seed = Number(process.env.FAREGATE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const MATRIX = { decimals: 2, stations: [...'ABC'], riders: ['adult'] };
const settings = 'timezone\nUTC\n';

const prices: LegPrices = {
  legs: (legs) => legs.map(() => ({ amountMinor: 200, why: 'a fare' })),
  extreme: () => 900,
};

function faresOf(
  versions: readonly { readonly from: string; readonly tables: Record<string, string> }[],
): AccountFares {
  const made = versions.map(({ from, tables }, index) => {
    const terms = termsOf({ settings, ...tables }, MATRIX);
    return {
      version: index + 1,
      effectiveMs: Date.parse(from),
      frame: plainFrame,
      journeys: new JourneyRules(terms, plainFrame),
      rides: new RideRules(terms, plainFrame, 2),
    };
  });
  return { book: fareBook(made), prices, currency: 'EUR', decimals: 2 };
}

const EARLY = { missing_taps: 'missing,charge,amount\nexit,amount,5.00\n' };
const LATE = {
  missing_taps: 'missing,charge,amount\nexit,usual,7.00\n',
  continuations: 'transfers,total_minutes,gap_minutes\n3,300,60\n',
  caps: 'cap_id,span,amount\nday,day,9.00\n',
};
const FARES = faresOf([
  { from: '2026-05-01T00:00:00Z', tables: EARLY },
  // Overtaken at once by the next.
  { from: '2026-05-04T09:00:00Z', tables: EARLY },
  { from: '2026-05-04T09:00:00Z', tables: LATE },
]);

function priced(taps: readonly AccountTap[]) {
  return accountHistory(FARES, nobody, taps, [], Date.parse('2026-06-01T00:00:00Z'));
}

test('the version at its first tap makes and prices a journey; what was usual stays so', () => {
  const { journeys } = priced(
    tapsOf(
      [
        ...['2026-04-30T08:00 on A', '2026-05-04T07:00 in A', '07:20 out B', '08:00 in C'],
        // Begun before the change, and ended after it.
        ...['08:50 in A', '09:10 out B', '09:30 in A', '09:50 out C', '10:10 in C', '10:30 out A'],
        // Twice to B, once to C.
        '20:00 in A',
      ],
      'Z',
    ),
  );
  // A charge counts to no cap, so 5.00 of 9.00 are left for the last two.
  const told = journeys.map((each) => ('error' in each ? each.error.code : amountOf(each)));
  assert.deepEqual(told, ['FARES_NO_VERSION', 200, 500, 200, 400, 100]);
  assert.deepEqual(
    journeys.map(({ taps }) => taps.join(' ')),
    ['1', '2 3', '4', '5 6', '7 8 9 10', '11'],
  );
  const last = journeys.at(-1)!;
  assert('items' in last && last.items[0]!.to === 'B', JSON.stringify(last));
});

test(`every tap is of one journey, or open, or ignored (seed ${seed})`, () => {
  const tap = fc.record({
    id: fc.integer({ min: 0, max: 30 }).map(String),
    atMs: fc
      .integer({ min: -300, max: 300 })
      .map((minutes) => Date.parse('2026-05-04T09:00:00Z') + minutes * 60_000),
    kind: fc.constantFrom('entry' as const, 'exit' as const, 'single' as const),
    stop: fc.constantFrom(...'ABC'),
    network: fc.constantFrom('', 'bus'),
    route: fc.constant(''),
  });
  fc.assert(
    fc.property(fc.array(tap, { maxLength: 30, size: 'max' }), (taps) => {
      const { journeys, open } = priced(taps);
      const used = [...journeys.flatMap((journey) => journey.taps), ...(open?.taps ?? [])];
      assert.deepEqual(used.sort(), [...new Set(taps.map(({ id }) => id))].sort());
    }),
    { seed },
  );
});
