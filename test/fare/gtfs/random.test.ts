/**
 * The compiled fares and the twin written from the reference agree on random feeds and journeys,
 * and answers written of parts are what `JSON.stringify` makes of the plain value.
 * FAREGATE_GTFS_RUNS sets how many (100000 for the long form), FAREGATE_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fareBook } from '../../../engine/fare/book.ts';
import { GtfsFares } from '../../../engine/fare/gtfs/fares.ts';
import { quoteGtfs } from '../../../engine/fare/gtfs/quote.ts';
import type { GtfsItem } from '../../../engine/fare/gtfs/why.ts';
import type { PricedAs, RefusedJourney } from '../../../engine/fare/journey.ts';
import { GTFS_LEG_CELLS_MAX } from '../../../engine/limits.ts';
import { twinFare } from '../../reference/gtfs-evaluator.ts';
import { feedOf } from '../../reference/gtfs-feeds.ts';
import { feedTexts, journey, type RandomJourney } from '../../reference/gtfs-random.ts';
import { twinAnswer } from '../../reference/gtfs-reasons.ts';

const RUNS = Number(process.env.FAREGATE_GTFS_RUNS ?? 3000);
const seed = Number(process.env.FAREGATE_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** What the compiled fares say, each byte of it checked: minor units, or null. */
function compiled(fares: GtfsFares, { legs, rider, media }: RandomJourney): number | null {
  const texts = legs.map((leg) => ({ ...leg, network: leg.network || null, route: null, via: [] }));
  const journey = { id: 'é"\\', rider, media, legs: texts };
  const text = quoteGtfs(fareBook([fares]), journey);
  const priced: PricedAs<GtfsItem> | RefusedJourney = JSON.parse(text);
  if ('error' in priced) {
    assert.equal(priced.error.code, 'FARES_UNKNOWN_FARE');
    return null;
  }
  const sum = priced.items.reduce((total, { amountMinor }) => total + amountMinor, 0);
  assert.equal(sum, priced.amountMinor, 'the items add up');
  assert.equal(text, JSON.stringify(twinAnswer(fares, journey, priced.amountMinor)));
  return priced.amountMinor;
}

test(`the twin agrees on ${RUNS} random feeds and journeys (seed ${seed})`, () => {
  let priced = 0;
  // With lists of leg rules made ahead, and without.
  const cells = fc.constantFrom(GTFS_LEG_CELLS_MAX, 0);
  const asked = fc.array(journey, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(feedTexts, cells, asked, (texts, cellsMax, journeys) => {
      const feed = feedOf(texts);
      const fares = new GtfsFares(feed, 1, 0, cellsMax);
      // One after the other, so that what one journey leaves behind would be seen in the next.
      for (const one of journeys) {
        const expected = twinFare(feed, one.legs, one.rider, one.media);
        if (expected !== null) priced++;
        assert.equal(compiled(fares, one), expected);
      }
    }),
    { seed, numRuns: RUNS },
  );
  assert(priced > RUNS / 20, `only ${priced} of ${RUNS} journeys had a price`);
});
