/** Caps, transfers and discounts that a gate counts on the card, over whole taps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { parseProfile } from '../../engine/card/purse/profile.ts';
import { newCounters, readCounters } from '../../engine/fare/card/counters.ts';
import type { CardRules } from '../../engine/fare/card/rules.ts';
import { ModeHistory } from '../../engine/tap/mode-history.ts';
import { Mode } from '../../engine/tap/modes.ts';
import type { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { StationKit } from '../kit/station-kit.ts';

const OFFSET = 42;
const city = {
  extends: 'tunion',
  name: 'counting',
  journeyFile: {
    fields: {
      maxIncompleteAmount: null,
      maxTime: null,
      counters: { offset: OFFSET, length: 6 },
    },
  },
};
const profiles = [compileProfile(parseProfile(JSON.stringify(city), 'counting.json'))];

/** 40 % off the bus, an hour's transfer from bus to metro for 2.00 less, 7.00 a day at most. */
function rulesFor(riders: number): CardRules {
  const one = {
    discounts: [{ network: 0, percent: 40, offMinor: 0, roundMinor: 1 }],
    transfers: [
      {
        fromNetwork: 0,
        toNetwork: 1,
        limitMs: 60 * 60_000,
        count: 1,
        percent: 0,
        offMinor: 200,
        roundMinor: 1,
      },
    ],
    month: null,
    dayCap: { network: -1, amountMinor: 700 },
  };
  return {
    networks: ['bus', 'metro'],
    dayStartMs: 4 * 3_600_000,
    riders: Array.from({ length: riders }, () => one),
  };
}

const BUS = 4;
const riders = new StationKit().fares.riders.length;

function countersOf(card: VirtualCard) {
  const counters = newCounters();
  readCounters(card.state.journey!, OFFSET, counters);
  return counters;
}

test('a bus, a transfer to the metro, and the cap of the day', async () => {
  const kit = new StationKit({}, 'Asia/Shanghai', rulesFor(riders));
  const card = kit.card();
  const bus = kit.gate('single', BUS, { profiles, network: 'bus' });
  const entry = kit.gate('entry', 2, { profiles, network: 'metro' });
  const exit = kit.gate('exit', 9, { profiles, network: 'metro' });
  const flat = kit.fares.fareMinor(BUS, BUS, 0);
  const fare = kit.fares.fareMinor(2, 9, 0);
  assert.equal(flat, 300);

  assert.equal((await bus.tap(card)).decision.amountMinor, 180);
  assert.equal(countersOf(card).daySpentMinor, 180);
  kit.pass(60);
  await entry.tap(card);
  assert.equal(countersOf(card).transferRow, 1, 'the hour is inclusive');
  kit.pass(30);
  assert.equal((await exit.tap(card)).decision.amountMinor, fare - 200);
  let spent = 180 + fare - 200;
  assert.equal(countersOf(card).daySpentMinor, spent);
  assert.equal(countersOf(card).transfers, 1);
  kit.pass(10);
  for (let ride = 0; ride < 4; ride++) {
    const { decision } = await bus.tap(card);
    assert.equal(decision.amountMinor, Math.min(180, 700 - spent));
    spent += decision.amountMinor;
    kit.pass(5);
  }
  assert.equal(spent, 700);
  assert.equal(card.state.balanceMinor, 10_000 - 700);
  kit.pass(24 * 60);
  assert.equal((await bus.tap(card)).decision.amountMinor, 180, 'another service day');
});

test('an hour and a minute is no transfer, and a missing exit neither capped nor counted', async () => {
  const kit = new StationKit({}, 'Asia/Shanghai', rulesFor(riders));
  const card = kit.card();
  const bus = kit.gate('single', BUS, { profiles, network: 'bus' });
  const entry = kit.gate('entry', 2, { profiles, network: 'metro' });
  await bus.tap(card);
  kit.pass(61);
  await entry.tap(card);
  assert.equal(countersOf(card).transferRow, 0);
  kit.pass(120);
  const again = await entry.tap(card);
  assert.equal(again.decision.amountMinor, kit.fares.rules.missingTapMinor);
  assert.equal(countersOf(card).daySpentMinor, 180);
});

test('an entry in fareFree ends no ride: the transfer is still there at the exit', async () => {
  const kit = new StationKit({}, 'Asia/Shanghai', rulesFor(riders));
  const card = kit.card();
  await kit.gate('single', BUS, { profiles, network: 'bus' }).tap(card);
  kit.pass(10);
  const modes = { mode: Mode.fareFree, history: new ModeHistory() };
  await kit.gate('entry', 2, { profiles, network: 'metro', modes }).tap(card);
  assert.deepEqual([countersOf(card).transferRow, countersOf(card).transfers], [1, 0]);
  kit.pass(20);
  const left = await kit.gate('exit', 9, { profiles, network: 'metro' }).tap(card);
  assert.equal(left.decision.amountMinor, kit.fares.fareMinor(2, 9, 0) - 200);
});

test('after a stay that is charged as such the next ride is no transfer', async () => {
  const kit = new StationKit(
    { sameStationMinutes: 20, sameStationMinor: 100 },
    'Asia/Shanghai',
    rulesFor(riders),
  );
  const card = kit.card();
  const metro = { profiles, network: 'metro' };
  await kit.gate('single', BUS, { profiles, network: 'bus' }).tap(card);
  kit.pass(5);
  await kit.gate('entry', 2, metro).tap(card);
  kit.pass(5);
  assert.equal((await kit.gate('exit', 2, metro).tap(card)).decision.amountMinor, 100);
  kit.pass(5);
  await kit.gate('entry', 2, metro).tap(card);
  assert.deepEqual([countersOf(card).transferRow, countersOf(card).transfers], [0, 0]);
  kit.pass(20);
  const left = await kit.gate('exit', 9, metro).tap(card);
  assert.equal(left.decision.amountMinor, Math.min(kit.fares.fareMinor(2, 9, 0), 700 - 180));
});

test('a torn debit counts if it was committed, and only then', async () => {
  const kit = new StationKit({}, 'Asia/Shanghai', rulesFor(riders));
  const bus = kit.gate('single', BUS, { profiles, network: 'bus' });
  const paid = kit.card();
  await bus.tap(paid, { command: 'DEBIT', when: 'after' });
  assert.equal(countersOf(paid).daySpentMinor, 180);
  const unpaid = kit.card();
  await bus.tap(unpaid, { command: 'DEBIT', when: 'before' });
  assert.equal(countersOf(unpaid).daySpentMinor, 0);
  kit.pass(1);
  assert.equal((await bus.tap(unpaid)).decision.amountMinor, 180);
  assert.equal(countersOf(unpaid).daySpentMinor, 180);
});

test('fares without rules for cards clear the counters; a gate without a network counts as none', async () => {
  const kit = new StationKit({}, 'Asia/Shanghai', rulesFor(riders));
  const card = kit.card();
  const nowhere = kit.gate('single', BUS, { profiles });
  assert.equal((await nowhere.tap(card)).decision.amountMinor, 300);
  assert.equal(countersOf(card).daySpentMinor, 300);
  kit.fares = new StationKit().fares;
  kit.pass(5);
  const other = kit.gate('single', BUS, { profiles });
  await other.tap(card);
  assert.deepEqual(countersOf(card), { ...newCounters() });
});
