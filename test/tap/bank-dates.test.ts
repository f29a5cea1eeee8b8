/**
 * Bank cards that have run out: refused, excused where dates are free, and let out of the station
 * that they came into in time (`engine/tap/expiry.ts`), as purses are.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../engine/bytes.ts';
import { ModeHistory } from '../../engine/tap/mode-history.ts';
import { Mode } from '../../engine/tap/modes.ts';
import { ownChain, ownIssuers, ownKeys } from '../kit/ecash-cards.ts';
import { extendedCard, extendedProfile } from '../kit/extended-cards.ts';
import { type GateOptions, StationKit } from '../kit/station-kit.ts';

const keys = ownKeys();
/** Certificates outlast the application, which ends with 2030 (5F24). */
const chain = ownChain(keys, 'rsa', { issuerExpiry: fromHex('1245'), cardExpiry: fromHex('1245') });
const issuers = ownIssuers(keys, 'rsa');
const dateFree = { modes: { mode: Mode.dateFree, history: new ModeHistory() } };

function bankOf(more: GateOptions['bank'] = {}): GateOptions {
  return { bank: { issuers, extendedProfile, ...more }, families: ['bank'] };
}

/** A station at half past eleven at night, local time, and a card that ends at midnight. */
function lastNight() {
  const kit = new StationKit();
  kit.clock.jump((Date.UTC(2030, 11, 31, 15, 30) - kit.clock.nowMs()) / 60_000);
  return { kit, card: extendedCard({ personality: { chainFor: () => chain } }) };
}

test('an expired card is refused, and taken where dates are free: e-cash and open loop', async () => {
  for (const bank of [{}, { ecash: false, openLoop: true }]) {
    const { extendedProfile: _, ...plain } = bankOf(bank).bank!;
    const options = { bank: plain, families: ['bank'] } as const;
    const { kit, card } = lastNight();
    kit.pass(60);
    const refused = (await kit.gate('single', 3, options).tap(card)).decision;
    assert.deepEqual([refused.open, refused.reason], [false, 'expired']);
    assert.equal(card.state.balanceMinor, 10_000);
    const taken = (await kit.gate('single', 3, { ...options, ...dateFree }).tap(card)).decision;
    assert.equal(taken.reason, 'open', taken.detail);
  }
});

test('a ride that began in time ends after midnight, and no other begins', async () => {
  const { kit, card } = lastNight();
  assert.equal((await kit.gate('entry', 3, bankOf()).tap(card)).decision.reason, 'open');
  kit.pass(60);
  const exit = kit.gate('exit', 8, bankOf());
  const { decision } = await exit.tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  assert.equal(decision.amountMinor, kit.fares.fareMinor(3, 8, 0));
  kit.pass(60);
  const next = (await kit.gate('entry', 3, bankOf()).tap(card)).decision;
  assert.deepEqual([next.open, next.reason], [false, 'expired']);
});

test('who paid in time and was torn away is let through after midnight, for nothing', async () => {
  const { kit, card } = lastNight();
  await kit.gate('entry', 3, bankOf()).tap(card);
  kit.pass(20);
  const exit = kit.gate('exit', 8, bankOf());
  // Directory, application, journey, options, journey anew, and of four records the last.
  const torn = await exit.tap(card, { command: 9, when: 'after' });
  assert.equal(torn.decision.reason, 'cardGone');
  const { balanceMinor } = card.state;
  assert.equal(balanceMinor, 10_000 - kit.fares.fareMinor(3, 8, 0));
  kit.pass(40);
  const { decision } = await exit.tap(card);
  assert.equal(decision.reason, 'recovered', decision.detail);
  assert.equal(card.state.balanceMinor, balanceMinor);
});
