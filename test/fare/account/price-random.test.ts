/**
 * The counters and the twin that looks through all of history agree on random terms and journeys,
 * and what a late journey changes adds up. FAREGATE_PRICE_RUNS sets how many, FAREGATE_SEED
 * repeats a run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TakenJourney } from '../../../engine/fare/account/account.ts';
import { adjustmentsOf, type Settled } from '../../../engine/fare/account/adjustments.ts';
import { type AccountJourney, priceAccount } from '../../../engine/fare/account/price.ts';
import { RideRules } from '../../../engine/fare/account/rules.ts';
import { plainFrame } from '../../kit/account-kit.ts';
import { amountOf } from '../../reference/account-terms.ts';
import { AccountTwin } from '../../reference/account-twin.ts';
import { account, change, journeys, randomPrices, terms } from '../../reference/price-random.ts';

const RUNS = Number(process.env.FAREGATE_PRICE_RUNS ?? 250);
const seed = Number(process.env.FAREGATE_SEED ?? Math.floor(Math.random() * 2 ** 31));

function amounts(priced: readonly AccountJourney[]): (number | null)[] {
  return priced.map((journey) => ('error' in journey ? null : amountOf(journey)));
}

test(`the twin agrees on ${RUNS} accounts, whose versions change (seed ${seed})`, () => {
  const rulesTaken = new Map<string, number>();
  fc.assert(
    fc.property(terms, terms, change, account, journeys, (early, late, atMs, holder, taken) => {
      const versions = [early, late].map((each) => new RideRules(each, plainFrame, 2));
      const book = { at: (ms: number) => versions[ms < atMs ? 0 : 1]! };
      const priced = priceAccount(book, randomPrices, holder, taken);
      const termsAt = (ms: number) => (ms < atMs ? early : late);
      const twin = new AccountTwin(termsAt, randomPrices, holder, plainFrame.defaultRider);
      assert.deepEqual(
        amounts(priced),
        taken.map((journey) => twin.price(journey)),
      );
      for (const journey of priced) {
        for (const { off } of 'items' in journey ? journey.items : []) {
          for (const { rule } of off) rulesTaken.set(rule, (rulesTaken.get(rule) ?? 0) + 1);
        }
      }
    }),
    { seed, numRuns: RUNS },
  );
  for (const rule of ['pass', 'transfer', 'discount', 'cumulative', 'cap']) {
    assert((rulesTaken.get(rule) ?? 0) > RUNS / 10, `${rule}: ${rulesTaken.get(rule)} times`);
  }
});

test(`late journeys and their adjustments add up (seed ${seed})`, () => {
  let moved = 0;
  fc.assert(
    fc.property(terms, account, journeys, fc.nat(), (each, holder, taken, drawn) => {
      const rules = new RideRules(each, plainFrame, 2);
      const price = (list: readonly TakenJourney[]) =>
        priceAccount({ at: () => rules }, randomPrices, holder, list);
      const late = taken[drawn % taken.length]!;
      const before = price(taken.filter((journey) => journey !== late));
      const after = price([...taken.filter((journey) => journey !== late), late]);
      const alone = (list: readonly TakenJourney[]) => JSON.stringify(price(list));
      // Journeys that begin at one instant stay in the order given.
      if (taken.filter(({ atMs }) => atMs === late.atMs).length === 1) {
        assert.equal(JSON.stringify(after), alone(taken), 'late is as good as in time');
      }
      const [settled, now] = [before, after].map((list) =>
        list.flatMap((journey): Settled[] => ('error' in journey ? [] : [journey])),
      ) as [Settled[], Settled[]];
      const sum = (list: readonly { amountMinor: number }[]) =>
        list.reduce((total, { amountMinor }) => total + amountMinor, 0);
      const adjustments = adjustmentsOf(settled, now);
      assert.equal(sum(adjustments), sum(now) - sum(settled));
      for (const { kind, amountMinor, beforeMinor, afterMinor } of adjustments) {
        assert.notEqual(amountMinor, 0);
        assert.equal(amountMinor, afterMinor - beforeMinor);
        if (kind === 'repriced') moved++;
      }
      assert.deepEqual(adjustmentsOf(now, now), []);
    }),
    { seed, numRuns: RUNS },
  );
  assert(moved > 0, 'some late journey moves what another costs');
});
