/**
 * Legs of an account priced by GTFS fares: on random feeds the sum is the quote of the standard's
 * rules, and the extremes are those of all rides that the twin of the standard finds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TakenLeg } from '../../../engine/fare/account/account.ts';
import { gtfsFrame } from '../../../engine/fare/account/frame.ts';
import { GtfsPrices } from '../../../engine/fare/account/gtfs-prices.ts';
import { fareBook } from '../../../engine/fare/book.ts';
import { GtfsFares } from '../../../engine/fare/gtfs/fares.ts';
import { noTerms } from '../../../engine/fare/terms/none.ts';
import { type Asked, briefs, journeysOf } from '../../kit/account-kit.ts';
import { twinFare } from '../../reference/gtfs-evaluator.ts';
import { feedOf } from '../../reference/gtfs-feeds.ts';
import { feedTexts, journey } from '../../reference/gtfs-random.ts';
import { small, smallV1 } from '../../reference/gtfs-small.ts';

const RUNS = Number(process.env.FAREGATE_ACCOUNT_RUNS ?? 200);
const seed = Number(process.env.FAREGATE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const anyone = { rider: null, media: null, passes: [] };

test(`legs cost what the twin of the standard says (seed ${seed})`, () => {
  let priced = 0;
  fc.assert(
    fc.property(feedTexts, journey, (texts, { legs, rider, media }) => {
      const feed = feedOf(texts);
      const prices = new GtfsPrices(fareBook([new GtfsFares(feed, 1, 0)]));
      const taken: TakenLeg[] = legs.map((leg) => ({ ...leg, route: '', completed: null }));
      const expected = twinFare(feed, legs, rider, media);
      const told = prices.legs(taken, 'sum', { rider, media, passes: [] });
      if ('error' in told) {
        assert.equal(told.error.code, 'FARES_UNKNOWN_FARE');
        assert.equal(expected, null);
        return;
      }
      priced++;
      assert.equal(told.length, legs.length);
      assert.equal(
        told.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
        expected,
      );
      const through = prices.legs(taken, 'through', { rider, media, passes: [] });
      const { to, arrivalMs } = legs.at(-1)!;
      const one = twinFare(feed, [{ ...legs[0]!, to, arrivalMs }], rider, media);
      if (legs.length > 1) assert.equal('error' in through ? null : through[0]!.amountMinor, one);
    }),
    { seed, numRuns: RUNS },
  );
  assert(priced > RUNS / 20, `only ${priced} of ${RUNS} journeys had a price`);
});

test(`extremes are those of all single rides from or to a stop (seed ${seed})`, () => {
  let found = 0;
  fc.assert(
    fc.property(feedTexts, journey, (texts, { legs, rider, media }) => {
      const feed = feedOf(texts);
      const fares = new GtfsFares(feed, 1, 0);
      const prices = new GtfsPrices(fareBook([fares]));
      const { from: here, network, departureMs } = legs[0]!;
      const { stationOf } = gtfsFrame(fares);
      const costs = feed.stops
        .filter(({ id }) => stationOf(id) !== stationOf(here))
        .flatMap(({ id }) => [
          [here, id],
          [id, here],
        ])
        .map(([from, to]) => {
          const ride = { from: from!, to: to!, network, departureMs, arrivalMs: departureMs };
          return twinFare(feed, [ride], rider, media);
        })
        .filter((cost) => cost !== null);
      const account = { rider, media, passes: [] };
      // Asked twice: what is kept must be what was found.
      for (let again = 0; again < 2; again++) {
        const ask = (which: 'minimum' | 'maximum') =>
          prices.extreme(which, here, network, departureMs, account);
        assert.equal(ask('minimum'), costs.length === 0 ? null : Math.min(...costs));
        assert.equal(ask('maximum'), costs.length === 0 ? null : Math.max(...costs));
      }
      if (costs.length > 0) found++;
    }),
    { seed, numRuns: RUNS / 4 },
  );
  assert(found > RUNS / 80, `only ${found} stops had fares`);
});

const fares = new GtfsFares(feedOf(small), 1, 0);
const prices = new GtfsPrices(fareBook([fares]));
const berlin: Asked = {
  terms: noTerms('Europe/Berlin'),
  offset: '+01:00',
  frame: gtfsFrame(fares),
};

test("a feed's transfers hold for rides within their longest duration", () => {
  const rides = (again: string) => [
    ...['2026-11-24T12:00:00 in west metro', '12:20:00 out hub1 metro'],
    ...[`${again} in hub2  U1`, '14:00:00 out west'],
  ];
  // Line 2: an hour from departure to departure.
  assert.deepEqual(briefs(rides('13:00:00'), berlin), ['west-hub1 hub2-west sum']);
  assert.deepEqual(briefs(rides('13:00:01'), berlin), ['west-hub1', 'hub2-west']);
  const [one] = journeysOf(rides('12:50:00'), berlin).journeys;
  assert.deepEqual(prices.legs(one!.legs, one!.pricing, anyone), [
    {
      amountMinor: 200,
      why: 'West (west) to Hub (hub1): cheap, fare_leg_rules.txt, line 3: 2.00',
    },
    {
      amountMinor: 0,
      why: 'Hub (hub2) to West (west): transfer, fare_transfer_rules.txt, line 2: 0.00',
    },
  ]);
});

test('a new journey begins where no transfer makes a difference, or where one ride has no fare', () => {
  const before = ['2026-11-24T12:00 in west metro', '12:20 out hub metro'];
  const again = ['12:30 in hub metro', '12:50 out west metro'];
  const third = ['13:10 in west metro', '13:20 out hub metro'];
  // One transfer within a group is free; the third ride is paid again.
  assert.deepEqual(briefs([...before, ...again, ...third], berlin), [
    ...['west-hub hub-west sum', 'west-hub'],
  ]);
  const unknown = ['12:30 in west bus', '12:50 out east bus'];
  assert.deepEqual(briefs([...before, ...unknown], berlin), ['west-hub', 'west-east']);
});

test('platforms of one station are one station, and a route tells its network', () => {
  const same = journeysOf(['2026-11-24T12:00 in hub1  U1', '12:10 out hub2'], berlin).journeys;
  assert.equal(same[0]!.legs[0]!.network, 'metro');
  const frame = gtfsFrame(fares);
  assert.deepEqual(['hub1', 'door', 'Hub', 'east', 'X'].map(frame.stationOf), [
    ...['hub', 'hub', 'hub', 'east', 'X'],
  ]);
  assert.equal(frame.defaultRider, 'adult');
});

test('rides of one service day go together where no transfer has a duration', () => {
  const rules = small.fare_transfer_rules!.replace(',3600,1,', ',,,');
  const frame = gtfsFrame(new GtfsFares(feedOf({ ...small, fare_transfer_rules: rules }), 1, 0));
  assert.equal(frame.transferMs, Number.POSITIVE_INFINITY);
  const rides = (again: string) => [
    ...['2026-11-24T12:00 in west metro', '12:20 out hub metro'],
    ...[`${again} in hub metro`, '23:59 out west metro'],
  ];
  const asked = { ...berlin, frame };
  assert.deepEqual(briefs(rides('2026-11-24T20:00'), asked), ['west-hub hub-west sum']);
  assert.deepEqual(briefs(rides('2026-11-25T20:00'), asked), ['west-hub', 'hub-west']);
});

test('without transfers each ride is a journey; version 1 has them in its fares', () => {
  const { fare_transfer_rules: _, ...rest } = small;
  assert.equal(gtfsFrame(new GtfsFares(feedOf(rest), 1, 0)).transferMs, null);
  const v1 = new GtfsFares(feedOf(smallV1), 1, 0);
  assert.equal(gtfsFrame(v1).transferMs, 3600 * 1000);
  const ride = { from: 'a', to: 'd', network: '', route: '', completed: null } as const;
  const legs = [{ ...ride, departureMs: 0, arrivalMs: 60_000 }];
  const told = new GtfsPrices(fareBook([v1])).legs(legs, 'sum', anyone);
  assert(!('error' in told), JSON.stringify(told));
  assert.equal(told[0]!.amountMinor, 200);
});

test('what has no price is told by code', () => {
  const leg = { from: 'west', to: 'east', network: 'metro', route: '', completed: null } as const;
  const legs = [0, 1].map((at) => ({ ...leg, departureMs: at, arrivalMs: at }));
  const code = (told: ReturnType<GtfsPrices['legs']>) => ('error' in told ? told.error.code : '');
  assert.equal(code(prices.legs(legs, 'distance', anyone)), 'FARES_NO_DISTANCE');
  assert.equal(code(prices.legs([legs[0]!], 'distance', anyone)), '');
  assert.equal(code(prices.legs(legs, 'sum', { ...anyone, rider: 'king' })), 'FARES_UNKNOWN_RIDER');
  const late = new GtfsPrices(fareBook([new GtfsFares(feedOf(small), 1, 5)]));
  assert.equal(code(late.legs(legs, 'sum', anyone)), 'FARES_NO_VERSION');
  assert.equal(late.extreme('maximum', 'west', 'metro', 0, anyone), null);
  assert.equal(prices.extreme('maximum', 'nowhere', 'metro', 0, anyone), null);
});
