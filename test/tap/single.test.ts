/** Validators that are tapped once, as on a bus: one tap is the whole ride. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DebitState, TapKind } from '../../engine/debit/record.ts';
import { TAP_RECOVERY_WINDOW_MS } from '../../engine/durations.ts';
import { ModeHistory } from '../../engine/tap/mode-history.ts';
import { Mode } from '../../engine/tap/modes.ts';
import { StationKit } from '../kit/station-kit.ts';

const BUS = 4;

test('a ride costs what the fares have from the station to itself, in five commands', async () => {
  const kit = new StationKit();
  const card = kit.card();
  const bus = kit.gate('single', BUS);
  const flat = kit.fares.fareMinor(BUS, BUS, 0);
  assert(flat > 0);
  const rode = await bus.tap(card);
  assert.equal(rode.decision.reason, 'open');
  assert.equal(rode.decision.amountMinor, flat);
  assert.equal(rode.stages.length, 5);
  assert.equal(card.state.balanceMinor, 10_000 - flat);
  const debit = rode.decision.closed[0]!;
  assert.equal(debit.tapKind, TapKind.purchase);
  assert.equal(debit.entryInstantMs, 0);
  assert.deepEqual(debit.toStation, kit.fares.stations[BUS]!.code);
  assert.equal(kit.verify(debit), 'valid');

  assert.equal((await bus.tap(card)).decision.reason, 'passBack');
  kit.pass(10);
  assert.equal((await bus.tap(card)).decision.amountMinor, flat, 'a ride of its own');
  // A single ride leaves no open journey behind.
  const left = await kit.gate('exit', 0).tap(card);
  assert.equal(left.decision.amountMinor, kit.fares.rules.missingTapMinor);
});

test('a card that is still inside pays the missing exit with the ride', async () => {
  const kit = new StationKit();
  const card = kit.card();
  await kit.gate('entry', 0).tap(card);
  kit.pass(20);
  const rode = await kit.gate('single', BUS).tap(card);
  const owed = kit.fares.rules.missingTapMinor! + kit.fares.fareMinor(BUS, BUS, 0);
  assert.equal(rode.decision.amountMinor, owed);

  const strict = new StationKit({ missingTapMinor: null });
  const other = strict.card();
  await strict.gate('entry', 0).tap(other);
  strict.pass(20);
  assert.equal((await strict.gate('single', BUS).tap(other)).decision.reason, 'noExit');
});

test('too little on the card for the ride', async () => {
  const kit = new StationKit();
  const card = kit.card({ balanceMinor: kit.fares.fareMinor(BUS, BUS, 0) - 1 });
  assert.equal((await kit.gate('single', BUS).tap(card)).decision.reason, 'balanceTooLow');
});

test('modes: no door for single rides while entries are closed, nothing charged in fareFree', async () => {
  const kit = new StationKit();
  const card = kit.card();
  const tapIn = async (mode: number) => {
    const gate = kit.gate('single', BUS, { modes: { mode, history: new ModeHistory() } });
    return (await gate.tap(card)).decision;
  };
  assert.equal((await tapIn(Mode.exitOnly)).reason, 'entryClosed');
  assert.equal((await tapIn(Mode.trainFailure)).reason, 'noTrains');
  const free = await tapIn(Mode.fareFree);
  assert.equal(free.reason, 'open');
  assert.equal(free.amountMinor, 0);
  kit.pass(5);
  await kit.gate('entry', 0).tap(card);
  kit.pass(20);
  const excused = await tapIn(Mode.orderFree);
  assert.equal(excused.amountMinor, kit.fares.fareMinor(BUS, BUS, 0), 'the ride alone');
});

for (const waitMs of [2 * 60_000, TAP_RECOVERY_WINDOW_MS + 60_000]) {
  test(`a card torn off after DEBIT, back after ${waitMs / 60_000} minutes`, async () => {
    const kit = new StationKit();
    const card = kit.card();
    const bus = kit.gate('single', BUS);
    const flat = kit.fares.fareMinor(BUS, BUS, 0);
    const torn = await bus.tap(card, { command: 'DEBIT', when: 'after' });
    assert.equal(torn.decision.open, false);
    assert.equal(torn.decision.unconfirmed?.state, DebitState.unconfirmed);
    assert.equal(card.state.balanceMinor, 10_000 - flat, 'the card has paid');
    kit.pass(waitMs / 60_000);
    const back = await bus.tap(card);
    assert.equal(back.decision.reason, 'recovered', 'who has paid rides, however late');
    assert.equal(back.decision.closed[0]!.state, DebitState.confirmed);
    assert.equal(card.state.balanceMinor, 10_000 - flat);
    kit.pass(1);
    assert.equal((await bus.tap(card)).decision.amountMinor, flat, 'the next ride is paid');
  });
}
