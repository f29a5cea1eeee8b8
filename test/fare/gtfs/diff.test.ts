/**
 * Two feeds compared over all pairs of stops: what is priced once for stops that no rule tells
 * apart must be what the twin says of every pair. FAREGATE_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  diffWay,
  pricesOf,
  scopeOf,
  type Way,
  type WayDiff,
} from '../../../engine/fare/gtfs/diff.ts';
import { GtfsFares } from '../../../engine/fare/gtfs/fares.ts';
import type { GtfsFeed } from '../../../engine/fare/gtfs/feed.ts';
import { twinFare } from '../../reference/gtfs-evaluator.ts';
import { feedOf, type Texts } from '../../reference/gtfs-feeds.ts';
import { feedTexts } from '../../reference/gtfs-random.ts';
import { small, smallV1 } from '../../reference/gtfs-small.ts';

const seed = Number(process.env.FAREGATE_SEED ?? Math.floor(Math.random() * 2 ** 31));

function compare(was: Texts, is: Texts, atMs = 0) {
  const [before, after] = [new GtfsFares(feedOf(was), 1, 0), new GtfsFares(feedOf(is), 2, 0)];
  const scope = scopeOf(before, after);
  const on = (way: Way) => diffWay(before, after, scope.groups, way, atMs);
  return { scope, on };
}

/** The counts of a way by the twin, pair of stops by pair of stops. */
function slowCounts(feeds: readonly [GtfsFeed, GtfsFeed], way: Way, atMs: number) {
  const [was, is] = feeds.map(({ stops }) => stops.filter(({ type }) => type < 2));
  const shared = is!.map(({ id }) => id).filter((id) => was!.some((stop) => stop.id === id));
  const counts = { pairs: 0, dearer: 0, cheaper: 0, onlyBefore: 0, onlyAfter: 0 };
  for (const from of shared) {
    for (const to of shared) {
      const leg = { from, to, network: way.network ?? '', departureMs: atMs, arrivalMs: atMs };
      const [a, b] = feeds.map((feed) => twinFare(feed, [leg], way.rider, way.media)) as [
        number | null,
        number | null,
      ];
      counts.pairs += 1;
      if (a !== null && b !== null && b > a) counts.dearer += 1;
      if (a !== null && b !== null && b < a) counts.cheaper += 1;
      if (a !== null && b === null) counts.onlyBefore += 1;
      if (a === null && b !== null) counts.onlyAfter += 1;
    }
  }
  return counts;
}

function countsOf({ pairs, dearer, cheaper, onlyBefore, onlyAfter }: WayDiff) {
  return { pairs, dearer, cheaper, onlyBefore, onlyAfter };
}

test(`any two feeds differ as the twin says of every pair of stops (seed ${seed})`, () => {
  const instants = [
    '2024-03-08T08:00:00-05:00',
    '2024-03-10T02:30:00Z',
    '2024-03-12T22:30:00-04:00',
  ];
  let changed = 0;
  fc.assert(
    fc.property(feedTexts, feedTexts, fc.constantFrom(...instants), (was, is, instant) => {
      const atMs = Date.parse(instant);
      const feeds = [feedOf(was), feedOf(is)] as const;
      const { scope, on } = compare(was, is, atMs);
      for (const rider of scope.riders) {
        for (const media of scope.media) {
          for (const network of scope.networks) {
            const way = { rider, media, network };
            const expected = slowCounts(feeds, way, atMs);
            assert.deepEqual(countsOf(on(way)), expected);
            if (expected.dearer + expected.cheaper > 0) changed++;
          }
        }
      }
    }),
    { seed, numRuns: 120 },
  );
  assert(changed > 20, `only ${changed} changed`);
});

test('stops that rules do not tell apart are one group', () => {
  const { scope, on } = compare(small, {
    ...small,
    fare_products: small.fare_products!.replace('cheap,Off peak,,,2.00', 'cheap,Off peak,,,2.10'),
  });
  assert.deepEqual(
    scope.groups.map(({ id, stops }) => [id, stops]),
    [
      ['hub', 3],
      ['east', 1],
      ['west', 1],
    ],
  );
  assert.equal(scope.dependsOnTime, true);
  assert.deepEqual(scope.riders, ['adult', 'senior']);
  assert.deepEqual(scope.media, ['card', 'cash']);
  // Every route is in a network that a rule names.
  assert.deepEqual(scope.networks, ['metro', 'bus']);
  assert.equal(pricesOf(scope), 2 * 2 * 2 * 9);
  const way = on({ rider: 'senior', media: 'cash', network: 'metro' });
  assert.deepEqual(countsOf(way), {
    pairs: 25,
    dearer: 25,
    cheaper: 0,
    onlyBefore: 0,
    onlyAfter: 0,
  });
  assert.equal(way.riseMinor, 10);
  assert.equal(on({ rider: 'adult', media: 'card', network: 'bus' }).dearer, 0);
});

test('what only one feed has is named, and a rule that is gone takes the price', () => {
  const rules = small.fare_leg_rules!.split('\n').filter((row) => !row.startsWith('bus'));
  const transfers = 'from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type\n';
  const { scope, on } = compare(small, {
    ...small,
    stops: small.stops!.replace('west,West', 'north,North'),
    rider_categories: small.rider_categories!.replace('senior', 'youth'),
    fare_products: small.fare_products!.replace('senior', 'youth').replace('cash', 'phone'),
    fare_media: small.fare_media!.replace('cash', 'phone'),
    fare_leg_rules: rules.join('\n'),
    fare_transfer_rules: `${transfers}ride,ride,1,0\n`,
  });
  assert.deepEqual(scope.onlyStops, { before: ['west'], after: ['north'] });
  assert.deepEqual(scope.onlyRiders, { before: ['senior'], after: ['youth'] });
  assert.deepEqual(scope.onlyMedia, { before: ['cash'], after: ['phone'] });
  const way = on({ rider: 'adult', media: 'card', network: 'bus' });
  // Three places of the hub to the one in the east.
  assert.deepEqual(countsOf(way), {
    pairs: 16,
    dearer: 0,
    cheaper: 0,
    onlyBefore: 3,
    onlyAfter: 0,
  });
});

test('fares of version 1 go by routes and zones', () => {
  const { scope, on } = compare(smallV1, {
    ...smallV1,
    fare_attributes: smallV1.fare_attributes!.replace('town,2.00', 'town,1.80'),
  });
  assert.deepEqual(
    scope.groups.map(({ id, stops }) => [id, stops]),
    [
      ['a', 2],
      ['b', 1],
      ['c', 1],
    ],
  );
  // R2 is as R1 to any rule; R3 has a fare of its own.
  assert.deepEqual(scope.networks, ['R1', 'R3']);
  assert.equal(scope.dependsOnTime, false);
  const way = on({ rider: null, media: null, network: 'R1' });
  assert.deepEqual([way.cheaper, way.fallMinor], [4, 20]);
});
