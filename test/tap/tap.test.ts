/** Taps at gates, end to end against independent virtual cards: rules, reasons, deadline. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readU48 } from '../../engine/bytes.ts';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import { at } from '../../engine/debit/codec.ts';
import { DebitState, TapKind } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { type Reason, reasonOrder } from '../../engine/tap/reasons.ts';
import { MemoryJournal } from '../../gate/journal/memory.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { StationKit } from '../kit/station-kit.ts';

const names = (stages: readonly { command: string }[]): string[] => stages.map((s) => s.command);

test('an entry and an exit take five commands each and debit the fare once', async () => {
  const kit = new StationKit();
  const card = kit.card();
  const entry = kit.gate('entry', 2);
  const exit = kit.gate('exit', 9);
  const came = await entry.tap(card);
  assert.equal(came.decision.reason, 'open');
  assert.equal(came.decision.amountMinor, 0);
  assert.equal(came.stages.length, 5, names(came.stages).join());
  kit.pass(25);
  const left = await exit.tap(card);
  const fare = kit.fares.fareMinor(2, 9, 0);
  assert(fare > 0);
  assert.equal(left.decision.reason, 'open');
  assert.equal(left.decision.amountMinor, fare);
  assert.equal(left.decision.balanceMinor, 10_000 - fare);
  assert.equal(left.stages.length, 5, names(left.stages).join());
  assert.equal(card.state.balanceMinor, 10_000 - fare);
  assert.equal(exit.barrier.opened, 1);

  const debit = left.decision.closed[0]!;
  assert.equal(debit.state, DebitState.confirmed);
  assert.equal(debit.tapKind, TapKind.exit);
  assert.deepEqual(debit.fromStation, kit.fares.stations[2]!.code);
  assert.deepEqual(debit.toStation, kit.fares.stations[9]!.code);
  assert.equal(debit.entryInstantMs, came.instantMs);
  assert.equal(kit.verify(debit), 'valid');
  assert.equal(kit.verify({ ...debit, amountMinor: fare + 1 }), 'invalid');
  const { records, count } = await exit.journal.read(1, 10);
  assert.equal(count, 1);
  assert.equal(readU48(records, at.gateSequence), 1);
});

test('each rider class pays its fare', async () => {
  const kit = new StationKit();
  for (const [rider] of kit.fares.riders.entries()) {
    assert(kit.fares.fareMinor(0, 12, rider) >= 0);
  }
  // The built-in profiles name no class: everybody pays as the default rider.
  const card = kit.card();
  await kit.gate('entry', 0).tap(card);
  kit.pass(30);
  const left = await kit.gate('exit', 12).tap(card);
  assert.equal(left.decision.amountMinor, kit.fares.fareMinor(0, 12, 0));
});

test('cards of the built-in schemes with a journey record ride', async () => {
  const kit = new StationKit();
  for (const scheme of ['tunion', 'city-union'] as const) {
    const card = kit.card({}, scheme);
    const profiles = [compileProfile(builtInProfile(scheme))];
    const came = await kit.gate('entry', 1, { profiles }).tap(card);
    assert.equal(came.decision.reason, 'open', scheme);
    kit.pass(20);
    const left = await kit.gate('exit', 5, { profiles }).tap(card);
    assert.equal(left.decision.reason, 'open', scheme);
    assert.equal(kit.verify(left.decision.closed[0]!), 'valid', scheme);
  }
});

test('a scheme without a journey record cannot ride by distance', async () => {
  const kit = new StationKit();
  const profiles = [compileProfile(builtInProfile('jrt0025'))];
  const report = await kit.gate('entry', 1, { profiles }).tap(kit.card({}, 'jrt0025'));
  assert.equal(report.decision.reason, 'cardUnsupported');
  assert.equal(report.decision.detail, 'jrt0025');
});

const date = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

const refusals: readonly [Reason, Parameters<StationKit['card']>][] = [
  ['expired', [{ validTo: date('20251231') }]],
  ['notYetValid', [{ validFrom: date('20270101') }]],
  ['purseFlagWrong', [{ startFlag: 0 }]],
  ['applicationLocked', [{ application: 'locked' }]],
  ['applicationLocked', [{ application: 'permanentlyLocked' }]],
  ['balanceTooLow', [{ balanceMinor: 299 }]],
];

for (const [reason, details] of refusals) {
  test(`refused at entry: ${reason} (${JSON.stringify(details)})`, async () => {
    const kit = new StationKit();
    const card = kit.card(...details);
    const gate = kit.gate('entry', 0);
    const { decision } = await gate.tap(card);
    assert.equal(decision.reason, reason);
    assert.equal(decision.open, false);
    assert.deepEqual(decision.closed, []);
    assert.equal(gate.journal.backlog, 0);
    assert.equal(card.state.offlineCounter, 0);
    assert.equal(gate.gate.counts.denied[reason], 1);
  });
}

test('valid on the very first and last day', async () => {
  const kit = new StationKit();
  const card = kit.card({ validFrom: date('20260302'), validTo: date('20260302') });
  assert.equal((await kit.gate('entry', 0).tap(card)).decision.reason, 'open');
});

test('a denylisted card is refused before anything is asked of its purse', async () => {
  const kit = new StationKit();
  const [stopped, other] = [kit.card(), kit.card()];
  kit.stop(stopped);
  const gate = kit.gate('entry', 0);
  const report = await gate.tap(stopped);
  assert.equal(report.decision.reason, 'denylisted');
  assert.equal(report.stages.length, 2);
  assert.equal((await gate.tap(other)).decision.reason, 'open');
});

test('of several reasons the rider is told the first', async () => {
  const kit = new StationKit();
  const card = kit.card({ startFlag: 0, validTo: date('20200101'), balanceMinor: 0 });
  kit.stop(card);
  assert.equal((await kit.gate('entry', 0).tap(card)).decision.reason, 'purseFlagWrong');
  assert(reasonOrder.indexOf('purseFlagWrong') < reasonOrder.indexOf('expired'));
  assert(reasonOrder.indexOf('expired') < reasonOrder.indexOf('balanceTooLow'));
});

test('an exit with too little money debits nothing and can be made good', async () => {
  const kit = new StationKit();
  const card = kit.card({ balanceMinor: 300 });
  await kit.gate('entry', 0).tap(card);
  kit.pass(40);
  let far = 0;
  for (const [i] of kit.fares.stations.entries()) if (kit.fares.fareMinor(0, i, 0) > 300) far = i;
  const exit = kit.gate('exit', far);
  const { decision } = await exit.tap(card);
  assert.equal(decision.reason, 'balanceTooLow');
  assert.equal(card.state.balanceMinor, 300);
  assert.equal(exit.journal.backlog, 0);
});

test('leaving where one came in, soon and late', async () => {
  const kit = new StationKit();
  const { rules } = kit.fares;
  const soon = kit.card();
  const late = kit.card();
  const [entry, exit] = [kit.gate('entry', 4), kit.gate('exit', 4)];
  await entry.tap(soon);
  await entry.tap(late);
  kit.pass(rules.sameStationMinutes - 1);
  assert.equal((await exit.tap(soon)).decision.amountMinor, rules.sameStationMinor);
  kit.pass(2);
  assert.equal((await exit.tap(late)).decision.amountMinor, rules.overstayMinor);
});

test('a double tap within the pass-back time is told so and costs nothing', async () => {
  const kit = new StationKit();
  const card = kit.card();
  const [entry, exit] = [kit.gate('entry', 4), kit.gate('exit', 7)];
  await entry.tap(card);
  assert.equal((await entry.tap(card)).decision.reason, 'passBack');
  kit.pass(20);
  await exit.tap(card);
  const { balanceMinor } = card.state;
  assert.equal((await exit.tap(card)).decision.reason, 'passBack');
  assert.equal(card.state.balanceMinor, balanceMinor);
});

test('a missing tap is charged, or refused where the fare set says so', async () => {
  const charging = new StationKit({ missingTapMinor: 700 });
  const rider = charging.card();
  const unentered = await charging.gate('exit', 3).tap(rider);
  assert.equal(unentered.decision.amountMinor, 700);
  const twice = charging.card();
  await charging.gate('entry', 3).tap(twice);
  charging.pass(600);
  const again = await charging.gate('entry', 3).tap(twice);
  assert.equal(again.decision.reason, 'open');
  assert.equal(again.decision.amountMinor, 700);

  const refusing = new StationKit({ missingTapMinor: null });
  assert.equal((await refusing.gate('exit', 3).tap(refusing.card())).decision.reason, 'noEntry');
  const inside = refusing.card();
  await refusing.gate('entry', 3).tap(inside);
  refusing.pass(600);
  assert.equal((await refusing.gate('entry', 3).tap(inside)).decision.reason, 'noExit');
});

test('a replayed card is refused: its MAC2 proves nothing', async () => {
  const kit = new StationKit();
  const honest = kit.card();
  await kit.gate('entry', 0).tap(honest);
  const attacker = new VirtualCard({
    state: honest.state,
    quirks: { replay: true },
    randomBytes: (length) => new Uint8Array(length),
  });
  kit.pass(30);
  const gate = kit.gate('exit', 6);
  const { decision } = await gate.tap(attacker);
  assert.equal(decision.open, false);
  assert.equal(decision.reason, 'mac2Invalid');
  assert.equal(decision.closed[0]?.state, DebitState.unconfirmed);
  assert.equal(gate.barrier.opened, 0);
});

test('the deadline is kept by giving up before the debit, never after', async () => {
  const kit = new StationKit();
  const card = kit.card();
  const gate = kit.gate('entry', 0, { deadlineMs: 90 });
  const report = await gate.tap(card);
  assert.equal(report.decision.reason, 'deadline');
  assert(
    !names(report.stages).some((name) => name.startsWith('DEBIT')),
    names(report.stages).join(),
  );
  assert.equal(report.decision.closed[0]?.state, DebitState.void);
  assert.equal(card.state.offlineCounter, 0);
  // Long enough for DEBIT to be sent, too short for its answer: the debit stands and the gate
  // opens.
  const enough = kit.gate('entry', 0, { deadlineMs: 150 });
  const second = await enough.tap(card);
  assert.equal(second.decision.reason, 'open');
});

test('a full journal keeps the gate closed and leaves the card untouched', async () => {
  class FullJournal extends MemoryJournal {
    override reserve(): void {
      throw new FaregateError('JOURNAL_FULL', '128 segments hold unacknowledged debits');
    }
  }
  const kit = new StationKit();
  const card = kit.card();
  const report = await kit.gate('entry', 0, { journal: new FullJournal() }).tap(card);
  assert.equal(report.decision.reason, 'gateClosed');
  assert.equal(report.stages.length, 0);
  assert.match(report.decision.detail, /128 segments/);
});

test('a journal that fails opens no gate and stops the process', async () => {
  class FailingJournal extends MemoryJournal {
    override intent(): Promise<void> {
      return Promise.reject(new FaregateError('DISK_FAILED', 'fdatasync: EIO'));
    }
  }
  const kit = new StationKit();
  const card = kit.card();
  const gate = kit.gate('entry', 0, { journal: new FailingJournal() });
  await assert.rejects(gate.tap(card), { code: 'DISK_FAILED' });
  assert.equal(gate.barrier.opened, 0);
  assert.equal(card.state.offlineCounter, 0, 'DEBIT was never sent');
});

test('a card that no profile fits is unsupported', async () => {
  const kit = new StationKit();
  const profiles = [compileProfile(builtInProfile('tunion'))];
  const report = await kit.gate('entry', 0, { profiles }).tap(kit.card({}, 'jrt0025'));
  assert.equal(report.decision.reason, 'cardUnsupported');
});

test("a gate without the card's key says so before anything is debited", async () => {
  const kit = new StationKit();
  const foreign = new StationKit();
  const odd = foreign.masters.purchase;
  const card = kit.card();
  const state = {
    ...card.state,
    purchaseKey: { ...card.state.purchaseKey, version: odd.version + 8 },
  };
  const other = new VirtualCard({ state, randomBytes: (n) => new Uint8Array(n).fill(7) });
  const report = await kit.gate('entry', 0).tap(other);
  assert.equal(report.decision.reason, 'keyUnknown');
  assert.deepEqual(report.decision.closed, []);
});
