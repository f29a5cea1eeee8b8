/** Counters on cards: their bytes, which rules fit, and rides priced by them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  COUNTER_BYTES,
  DAY_SPENT_MAX,
  MONTH_SPENT_MAX,
  newCounters,
  readCounters,
  writeCounters,
} from '../../../engine/fare/card/counters.ts';
import { beginRide, endRide, networkIndex, turnCounters } from '../../../engine/fare/card/meter.ts';
import { type CardRules, cardRulesOf } from '../../../engine/fare/card/rules.ts';
import { checkMatrixTerms } from '../../../engine/fare/terms/matrix.ts';
import type { FareTerms } from '../../../engine/fare/terms/terms.ts';
import { cardPrices, type TwinRide, type TwinRules } from '../../reference/card-counters.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const NETWORKS = ['bus', 'ferry', 'metro'];

test('six bytes hold every value of every field', () => {
  const counters = fc.record(
    {
      daySpentMinor: fc.nat(DAY_SPENT_MAX),
      monthSpentMinor: fc.nat(MONTH_SPENT_MAX),
      transfers: fc.nat(7),
      transferRow: fc.nat(15),
      network: fc.nat(15),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(counters, (given) => {
      const bytes = new Uint8Array(COUNTER_BYTES + 2).fill(0xa5);
      writeCounters(given, bytes, 1);
      const read = newCounters();
      readCounters(bytes, 1, read);
      assert.deepEqual(read, given);
      assert.deepEqual([bytes[0], bytes[COUNTER_BYTES + 1]], [0xa5, 0xa5]);
    }),
  );
  const bytes = new Uint8Array(COUNTER_BYTES);
  const one = { daySpentMinor: 1, monthSpentMinor: 2, transfers: 3, transferRow: 4, network: 5 };
  writeCounters(one, bytes, 0);
  // 17 bits 1, 20 bits 2, 3 bits 3, 4 bits 4, 4 bits 5: by hand.
  assert.equal(Buffer.from(bytes).toString('hex'), '000080001345');
});

function termsOf(tables: Readonly<Record<string, string>>): FareTerms {
  const files = Object.entries({ settings: 'timezone\nUTC\n', ...tables }).map(([name, text]) => ({
    name: `faregate_${name}.txt`,
    rows: text
      .trim()
      .split('\n')
      .map((line, index) => ({ line: index + 1, fields: line.split(',') })),
    fault: null,
  }));
  const frame = { decimals: 2, stations: ['A', 'B'], riders: ['adult', 'student'] };
  const checked = checkMatrixTerms(files, Object.keys(tables), frame);
  assert(checked.terms, JSON.stringify(checked.findings.list));
  return checked.terms;
}

test('what fits on a card, and what is left with its reason', () => {
  const terms = termsOf({
    discounts:
      'rider_category_id,network_id,fare_media_id,percent\nstudent,,,50\n,bus,app,10\n,bus,,5\n',
    transfers:
      'from_network_id,minutes,duration_type,percent\nbus,60,,100\nbus,90,1,50\nmetro,60,2,10\n',
    cumulative:
      'scheme_id,span,from_amount,percent\nbeijing,month,100,20\nbeijing,month,150,50\nother,month,10,5\n',
    caps: 'cap_id,span,days,amount,rides,network_id\nweek,week,,30,,\nday,day,,7.00,,bus\nagain,day,,9,,\nomny,rolling,7,,12,\n',
    passes: 'pass_id,days\nmonthly,30\n',
  });
  const { rules, left } = cardRulesOf(terms, ['adult', 'student'], ['metro']);
  assert.deepEqual(left.map(({ file, line }) => `${file.slice(9, -4)}:${line}`).sort(), [
    ...['caps:2', 'caps:4', 'caps:5', 'cumulative:4', 'discounts:3', 'discounts:4', 'passes:2'],
    ...['transfers:3', 'transfers:4'],
  ]);
  assert.deepEqual(rules?.networks, ['metro', 'bus'], 'earlier networks keep their numbers');
  const [adult, student] = rules!.riders;
  assert.deepEqual(adult?.discounts, []);
  assert.deepEqual(student?.discounts, [{ network: -1, percent: 50, offMinor: 0, roundMinor: 1 }]);
  assert.equal(adult?.transfers.length, 1);
  assert.deepEqual(adult?.dayCap, { network: 1, amountMinor: 700 });
  assert.deepEqual(
    adult?.month?.steps.map(({ fromMinor, percent }) => [fromMinor, percent]),
    [
      [10_000, 20],
      [15_000, 50],
    ],
  );
  assert.equal(cardRulesOf(termsOf({ passes: 'pass_id,days\nm,30\n' }), ['adult'], []).rules, null);
});

/** Rides through six bytes, as gates do it. */
function metered(rules: CardRules, rides: readonly TwinRide[]): number[] {
  const record = new Uint8Array(COUNTER_BYTES);
  let lastLocalMs = Number.NaN;
  const rider = rules.riders[0]!;
  return rides.map(({ network, entryLocalMs, exitLocalMs, fareMinor }) => {
    const own = networkIndex(rules, network);
    const atEntry = newCounters();
    readCounters(record, 0, atEntry);
    turnCounters(atEntry, rules, lastLocalMs, entryLocalMs);
    beginRide(atEntry, rider, own, entryLocalMs - lastLocalMs);
    writeCounters(atEntry, record, 0);
    const atExit = newCounters();
    readCounters(record, 0, atExit);
    const minor = endRide(atExit, rider, own, fareMinor);
    turnCounters(atExit, rules, entryLocalMs, exitLocalMs);
    writeCounters(atExit, record, 0);
    lastLocalMs = exitLocalMs;
    return minor;
  });
}

const network = fc.constantFrom('', ...NETWORKS);
const reduction = {
  percent: fc.nat(100),
  offMinor: fc.constantFrom(0, 0, 50),
  roundMinor: fc.constantFrom(1, 10, 50),
};
const twinRules: fc.Arbitrary<TwinRules> = fc.record({
  dayStartMs: fc.constantFrom(0, 4 * 60 * MINUTE_MS),
  transfers: fc.array(
    fc.record({
      from: network,
      to: network,
      minutes: fc.constantFrom(15, 60, 600),
      count: fc.integer({ min: 1, max: 3 }),
      ...reduction,
    }),
    { maxLength: 3 },
  ),
  discounts: fc.array(fc.record({ network, ...reduction }), { maxLength: 2 }),
  month: fc.option(
    fc.record({
      network,
      steps: fc.uniqueArray(
        fc.record({
          from: fc.nat(60).map((n) => n * 100),
          percent: fc.nat(100),
          round: fc.constantFrom(1, 10),
        }),
        { minLength: 1, maxLength: 3, selector: ({ from }) => from },
      ),
    }),
  ),
  dayCap: fc.option(fc.record({ network, amount: fc.nat(2000) })),
});
const rides = fc
  .array(
    fc.record({
      network: fc.constantFrom('boat', ...NETWORKS),
      waitMinutes: fc.constantFrom(0, 10, 15, 60, 61, 400, 1440, 9000, 45_000),
      minutes: fc.constantFrom(0, 20, 90, 500),
      fareMinor: fc.nat(1500),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((steps) => {
    let atMs = Date.UTC(2026, 10, 28, 21, 30);
    return steps.map(({ network: on, waitMinutes, minutes, fareMinor }): TwinRide => {
      const entryLocalMs = atMs + waitMinutes * MINUTE_MS;
      const exitLocalMs = entryLocalMs + minutes * MINUTE_MS;
      atMs = exitLocalMs;
      return { network: on, entryLocalMs, exitLocalMs, fareMinor };
    });
  });

function compiled(rules: TwinRules): CardRules {
  const index = (id: string) => (id === '' ? -1 : NETWORKS.indexOf(id));
  return {
    networks: NETWORKS,
    dayStartMs: rules.dayStartMs,
    riders: [
      {
        discounts: rules.discounts.map(({ network: id, ...rest }) => ({
          ...rest,
          network: index(id),
        })),
        transfers: rules.transfers.map(({ from, to, minutes, ...rest }) => ({
          ...rest,
          fromNetwork: index(from),
          toNetwork: index(to),
          limitMs: minutes * MINUTE_MS,
        })),
        month: rules.month && {
          network: index(rules.month.network),
          steps: rules.month.steps
            .map(({ from, percent, round }) => ({ fromMinor: from, percent, roundMinor: round }))
            .sort((a, b) => a.fromMinor - b.fromMinor),
        },
        dayCap: rules.dayCap && {
          network: index(rules.dayCap.network),
          amountMinor: rules.dayCap.amount,
        },
      },
    ],
  };
}

test('rides priced through the bytes cost what the plain words say', () => {
  fc.assert(
    fc.property(twinRules, rides, (rules, taken) => {
      assert.deepEqual(metered(compiled(rules), taken), cardPrices(rules, taken));
    }),
    { numRuns: 3000 },
  );
});

test('a clock behind the record resets nothing; the first of a month resets both sums', () => {
  const rules = compiled({
    dayStartMs: 0,
    transfers: [],
    discounts: [],
    month: null,
    dayCap: null,
  });
  const spent = { ...newCounters(), daySpentMinor: 500, monthSpentMinor: 9000 };
  const turned = (fromMs: number, toMs: number) => {
    const counters = { ...spent };
    turnCounters(counters, rules, fromMs, toMs);
    return [counters.daySpentMinor, counters.monthSpentMinor];
  };
  const last = Date.UTC(2026, 10, 30, 12);
  assert.deepEqual(turned(last, last - 40 * DAY_MS), [500, 9000]);
  assert.deepEqual(turned(last, last + 1), [500, 9000]);
  assert.deepEqual(turned(last - DAY_MS, last), [0, 9000]);
  assert.deepEqual(turned(last, last + DAY_MS), [0, 0]);
  assert.deepEqual(turned(last, last + 365 * DAY_MS), [0, 0], 'the same month of another year');
  assert.deepEqual(turned(Number.NaN, last), [0, 0]);
});
