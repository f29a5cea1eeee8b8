/**
 * Random rules for taps and random taps of an account, for fast-check. Times and limits are whole
 * five minutes, and now and then a millisecond more, so that limits are met sharp; all is around a
 * change of clocks in London, over midnight and over the beginning of a service day.
 */
import fc from 'fast-check';
import type {
  Account,
  AccountTap,
  SwitchPeriod,
  TakenLeg,
} from '../../engine/fare/account/account.ts';
import type { FareFrame } from '../../engine/fare/account/frame.ts';
import { noTerms } from '../../engine/fare/terms/none.ts';
import type { FareTerms } from '../../engine/fare/terms/terms.ts';

const MINUTE = 60_000;
export const HOUR: number = 60 * MINUTE;

export interface AccountCase {
  readonly terms: FareTerms;
  readonly frame: FareFrame;
  readonly account: Account;
  readonly switches: readonly SwitchPeriod[];
  /** In order. */
  readonly taps: readonly AccountTap[];
  readonly nowMs: number;
}

/** `A1` and `A2` are platforms of `A`. */
const STOPS = ['A', 'A1', 'A2', 'B', 'B', 'C', 'D'];
const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values);
/** Mostly empty, so that rows meet rides. */
const stop = pick('', '', '', 'A', 'A1', 'B', 'C');
const network = pick('', '', '', '', 'metro', 'bus');
const rider = pick('', '', '', 'adult', 'child');
const media = pick('', '', '', '', 'card');
const period = pick('', '', '', 'peak', 'night');
const minutes = (...choices: readonly number[]) => pick(...choices).map((count) => count * MINUTE);
const amount = pick(null, null, 100, 250);
const times = pick(0, 4 * HOUR, 7 * HOUR, 16 * HOUR);

/** Rows with the lines they would stand on. */
function rowsOf<T>(row: fc.Arbitrary<T>, maxLength: number) {
  return fc
    .array(row, { maxLength })
    .map((rows) => rows.map((fields, index) => ({ ...fields, line: index + 2 })));
}

const periods = rowsOf(
  fc
    .record({
      id: pick('peak', 'night'),
      weekdays: fc.array(pick(true, true, false), { minLength: 7, maxLength: 7 }),
      startMs: times,
      lengthMs: pick(HOUR, 3 * HOUR, 10 * HOUR),
    })
    .map(({ lengthMs, ...row }) => ({ ...row, endMs: row.startMs + lengthMs })),
  4,
).map((rows) => [
  // Both are always known, if only for no time.
  ...rows,
  ...['peak', 'night'].map((id) => {
    return { id, weekdays: Array<boolean>(7).fill(false), startMs: 0, endMs: 1, line: 9 };
  }),
]);

const stopZones = fc
  .record({
    A: fc.subarray(['one', 'two']),
    A2: fc.subarray(['three']),
    B: fc.subarray(['one', 'two', 'three', 'four']),
    C: fc.subarray(['three', 'four']),
  })
  .map((zones) => new Map(Object.entries(zones).filter(([, list]) => list.length > 0)));

const tables = fc.record({
  missingTaps: rowsOf(
    fc.record({
      ...{ stop, network, rider, media },
      missing: pick<'entry' | 'exit'>('entry', 'exit'),
      charge: pick<'amount' | 'maximum' | 'usual' | 'none'>(
        ...(['amount', 'maximum', 'usual', 'usual', 'usual', 'none'] as const),
      ),
      amountMinor: amount,
    }),
    4,
  ).map((rows) => rows.map((row) => ({ ...row, amountMinor: amountOf(row) }))),
  sameStation: rowsOf(
    fc.record({
      ...{ stop, network, rider, media },
      untilMs: fc.oneof(fc.constant(null), minutes(5, 15, 30)),
      charge: pick<'fare' | 'amount' | 'minimum' | 'maximum' | 'incomplete' | 'none'>(
        ...(['fare', 'amount', 'minimum', 'maximum', 'incomplete', 'none'] as const),
      ),
      amountMinor: fc.constant(250),
      reentryMs: fc.oneof(fc.constant(null), minutes(15, 60)),
    }),
    4,
  ).map((rows) => rows.map((row) => ({ ...row, amountMinor: amountOf(row) }))),
  timeLimits: rowsOf(
    fc.record({
      ...{ network, period },
      zones: pick(null, 1, 2, 3),
      limitMs: minutes(30, 60, 120, 900),
      charge: pick<'incomplete' | 'surcharge' | 'maximum'>('incomplete', 'surcharge', 'maximum'),
      amountMinor: amount,
    }),
    3,
  ).map((rows) =>
    rows.map((row) => ({
      ...row,
      amountMinor: row.charge === 'surcharge' ? row.amountMinor : null,
    })),
  ),
  interchanges: rowsOf(
    fc.record({
      stops: pick(['', ''], ['A', 'B'], ['A1', 'C'], ['B', 'A'], ['C', 'C'], ['B', 'C']),
      limitMs: minutes(0, 10, 20, 40),
      period,
      switchId: pick('', '', 'works', 'storm'),
    }),
    4,
  ).map((rows) => rows.map(({ stops, ...row }) => ({ ...row, from: stops[0]!, to: stops[1]! }))),
  continuations: rowsOf(
    fc.record({
      fromNetwork: network,
      toNetwork: network,
      rider,
      transfers: pick(0, 1, 2, 5),
      totalMs: minutes(60, 120, 600),
      gapMs: minutes(15, 45, 90),
      mayRepeat: fc.boolean(),
      pricing: pick<'sum' | 'distance' | 'through'>('sum', 'distance', 'through'),
    }),
    3,
  ),
});

function amountOf(row: { readonly charge: string; readonly amountMinor: number | null }) {
  if (row.charge === 'amount') return row.amountMinor ?? 300;
  return row.charge === 'usual' ? row.amountMinor : null;
}

const terms: fc.Arbitrary<FareTerms> = fc
  .record({ tables, periods, stopZones, dayStartMs: pick(0, 4 * HOUR + 30 * MINUTE) })
  .map(({ tables: rows, periods: known, stopZones: zones, dayStartMs }) => {
    const none = noTerms('Europe/London');
    return {
      ...none,
      ...rows,
      settings: { ...none.settings, dayStartMs },
      holidays: new Map([[Date.UTC(2026, 9, 26) / (24 * HOUR), 6]]),
      periods: known,
      zoneNumbers: new Map([
        ['one', 1],
        ['two', 2],
        ['three', 3],
        ['four', 4],
      ]),
      stopZones: zones,
    };
  });

const frame: fc.Arbitrary<FareFrame> = fc.record({
  stationOf: fc.constant((text: string) => text[0]!),
  has: fc.constant(() => true),
  networkOf: fc.constant((route: string) => (route === '7' || route === '9' ? 'bus' : '')),
  defaultRider: fc.constant('adult'),
  missingTapMinor: pick(null, 700),
  transferMs: pick(null, 15 * MINUTE, 30 * MINUTE, Number.POSITIVE_INFINITY),
  costMinor: fc.constant(costMinor),
});

/** A ride soon after another is free, and there is no fare from D on route 9. */
function costMinor(legs: readonly TakenLeg[]): number | null {
  if (legs.some(({ from, route }) => from === 'D' && route === '9')) return null;
  const isFree = ({ departureMs }: TakenLeg, index: number) =>
    index > 0 && departureMs - legs[index - 1]!.arrivalMs <= 30 * MINUTE;
  return legs.filter((leg, index) => !isFree(leg, index)).length * 100;
}

const account: fc.Arbitrary<Account> = fc.record({
  rider: pick(null, 'adult', 'child'),
  media: pick(null, 'card'),
  passes: fc.constant([]),
});

/** Clocks go back on 25 October 2026 at 01:00 UTC, and forward on 29 March. */
const start = pick('2026-10-24T17:00Z', '2026-10-25T00:00Z', '2026-03-28T22:00Z').map(Date.parse);
const GAPS = [0, 5, 5, 10, 10, 15, 15, 20, 30, 30, 40, 45, 60, 90, 120, 300, 600, 1500];

const step = fc.record({
  kind: pick<AccountTap['kind']>(...(['entry', 'entry', 'exit', 'exit', 'single'] as const)),
  stop: pick(...STOPS),
  network: pick('', 'metro', 'metro', 'bus'),
  route: pick('', '', '', '7', '9'),
  gapMs: pick(...GAPS).map((count) => count * MINUTE),
  moreMs: pick(0, 0, 0, 0, 0, 1),
  /** Instead of its own, the kind that makes a ride of it and the tap before. */
  isPaired: pick(true, true, false),
  id: fc.nat(999),
});

const taps = fc
  .tuple(start, fc.array(step, { minLength: 1, maxLength: 16 }))
  .map(([from, steps]) => {
    let atMs = from;
    let isIn = false;
    return steps.map(({ gapMs, moreMs, isPaired, kind, id, ...tap }, index): AccountTap => {
      atMs += gapMs + moreMs;
      const own = isPaired ? (isIn ? 'exit' : 'entry') : kind;
      isIn = own === 'entry';
      // Ids rise in order here; where instants are the same they decide.
      return { ...tap, kind: own, atMs, id: `g${id % 3}/${String(index).padStart(3, '0')}` };
    });
  });

const switches = fc.array(
  fc.record({ id: pick('works', 'storm'), at: fc.nat(40), hours: pick(1, 5, 30, Infinity) }),
  { maxLength: 2 },
);

export const accountCase: fc.Arbitrary<AccountCase> = fc
  .record({
    terms,
    frame,
    account,
    switches,
    taps,
    laterMs: pick(0, 60, 359, 360, 361, 1800, 9000),
  })
  .map(({ switches: drawn, taps: unsorted, laterMs, ...rest }) => {
    const firstMs = unsorted[0]!.atMs;
    const lastMs = unsorted.at(-1)!.atMs;
    return {
      ...rest,
      taps: [...unsorted].sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1)),
      switches: drawn.map(({ id, at, hours }) => {
        const fromMs = firstMs + at * 15 * MINUTE;
        return { id, fromMs, toMs: fromMs + hours * HOUR };
      }),
      nowMs: lastMs + laterMs * MINUTE,
    };
  });
