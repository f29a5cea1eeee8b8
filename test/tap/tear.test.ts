/**
 * Cards torn away at every command and in every phase, at entry and exit, and what the next tap
 * makes of it: nobody pays twice, nothing a card committed is lost, and no debit stays unknown.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeDebit } from '../../engine/debit/codec.ts';
import { type Debit, DebitKind, DebitState } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { Journal } from '../../gate/journal/port.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import type { Tear } from '../../gate/reader/virtual/reader.ts';
import { type GateKit, StationKit } from '../kit/station-kit.ts';

const COMMANDS = ['SELECT', 'READ RECORD', 'INITIALIZE', 'UPDATE', 'DEBIT'] as const;
const PHASES = ['before', 'during', 'after'] as const;

async function recordsOf(journal: Journal): Promise<Debit[]> {
  const { records, count } = await journal.read(1, 1000);
  return Array.from({ length: count }, (_, i) => decodeDebit(records, i * 160));
}

/** Amount the journals claim as debited for good: confirmed debits and settlements. */
function claimedMinor(records: readonly Debit[]): number {
  return records
    .filter((record) => record.state === DebitState.confirmed)
    .reduce((sum, record) => sum + record.amountMinor, 0);
}

for (const side of ['entry', 'exit'] as const) {
  for (const command of COMMANDS) {
    for (const when of PHASES) {
      for (const next of ['the same gate', 'its neighbour'] as const) {
        test(`torn ${when} ${command} at the ${side}, then ${next}`, () =>
          tearAndReturn(side, { command, when }, next));
      }
    }
  }
}

async function tearAndReturn(side: 'entry' | 'exit', tear: Tear, next: string): Promise<void> {
  const kit = new StationKit({ missingTapMinor: null });
  const card = kit.card();
  if (side === 'exit') {
    await kit.gate('entry', 3).tap(card);
    kit.pass(20);
  }
  const fare = side === 'exit' ? kit.fares.fareMinor(3, 8, 0) : 0;
  const first = kit.gate(side, 8);
  const torn = await first.tap(card, tear);
  assert.equal(torn.decision.reason, 'cardGone');
  assert.equal(torn.decision.open, false);
  assert.equal(first.barrier.opened, 0);

  const committed = tear.command === 'DEBIT' && tear.when === 'after';
  assert.equal(kit.unconfirmed.size, tear.command === 'DEBIT' ? 1 : 0);
  kit.clock.advance(kit.clock.nowMs() + 3000);
  const second = next === 'the same gate' ? first : kit.gate(side, 8);
  const returned = await second.tap(card);
  assert.equal(returned.decision.open, true, returned.decision.reason);
  assert.equal(returned.decision.reason, committed ? 'recovered' : 'open');
  assert.equal(card.state.spentMinor, fare, 'charged once');
  assert.equal(kit.unconfirmed.size, 0);

  const records = [...(await recordsOf(first.journal)), ...(await othersOf(first, second))];
  assert.equal(claimedMinor(records), fare, 'claimed once');
  const gates = new Set([first, second]);
  const debits = [...gates].reduce((sum, { gate }) => sum + gate.counts.debits, 0);
  assert.equal(debits, 1, 'counted once, though settled later');
  const settlements = records.filter((record) => record.kind === DebitKind.settlement);
  assert.equal(settlements.length, tear.command === 'DEBIT' ? 1 : 0);
  for (const record of records) {
    if (record.state === DebitState.confirmed) assert.equal(kit.verify(record), 'valid');
  }
}

async function othersOf(first: GateKit, second: GateKit): Promise<Debit[]> {
  return first === second ? [] : recordsOf(second.journal);
}

test('torn again while proving: the debit stays open and the third tap settles it', async () => {
  const kit = new StationKit();
  const card = kit.card();
  const gate = kit.gate('entry', 0);
  await gate.tap(card, { command: 'DEBIT', when: 'after' });
  const again = await gate.tap(card, { command: 'PROVE', when: 'before' });
  assert.equal(again.decision.reason, 'cardGone');
  assert.equal(kit.unconfirmed.size, 1);
  const third = await gate.tap(card);
  assert.equal(third.decision.reason, 'recovered');
  assert.equal(kit.unconfirmed.size, 0);
});

test('a card that only shows the journey record, without a proof, opens nothing', async () => {
  const kit = new StationKit();
  const card = kit.card();
  await kit.gate('entry', 3).tap(card);
  kit.pass(20);
  const exit = kit.gate('exit', 8);
  const torn = await exit.tap(card, { command: 'DEBIT', when: 'before' });
  const update = torn.stages.find(({ command }) => command.startsWith('UPDATE'))!;
  const journey = update.apdu!.slice(5, 53);
  const forged = new VirtualCard({
    state: { ...card.state, journey },
    randomBytes: (length) => new Uint8Array(length).fill(1),
  });
  const { decision } = await exit.tap(forged);
  assert.equal(decision.open, false);
  assert.equal(decision.reason, 'mac2Invalid');
  assert.deepEqual(decision.closed, []);
  assert.equal(exit.barrier.opened, 0);
  assert.equal(kit.unconfirmed.size, 1, 'nothing is settled by it');
});

test('torn over and over, the card is charged once in the end', async () => {
  const kit = new StationKit();
  const card = kit.card();
  await kit.gate('entry', 3).tap(card);
  kit.pass(20);
  const exit = kit.gate('exit', 8);
  for (const when of ['during', 'before', 'during', 'before'] as const) {
    await exit.tap(card, { command: 'DEBIT', when });
  }
  const last = await exit.tap(card);
  assert.equal(last.decision.reason, 'open');
  assert.equal(card.state.spentMinor, kit.fares.fareMinor(3, 8, 0));
  const records = await recordsOf(exit.journal);
  assert.equal(claimedMinor(records), card.state.spentMinor);
  const settled = records.filter((r) => r.kind === DebitKind.settlement);
  assert.equal(settled.length, 4);
  assert(settled.every((record) => record.state === DebitState.void));
});

test('an entry that no gate opened for is an entry anew later, and no missing exit', async () => {
  for (const missingTapMinor of [null, 900]) {
    const kit = new StationKit({ missingTapMinor });
    const card = kit.card();
    const gate = kit.gate('entry', 0);
    await gate.tap(card, { command: 'DEBIT', when: 'after' });
    const before = card.state.journey;
    kit.pass(11);
    const later = await gate.tap(card);
    assert.equal(later.decision.reason, 'open');
    assert.equal(later.decision.amountMinor, 0);
    assert.equal(later.decision.closed[0]?.kind, DebitKind.settlement);
    assert.equal(kit.unconfirmed.size, 0, 'settled all the same');
    assert.notDeepEqual(card.state.journey, before, 'the time inside counts from now');
    kit.pass(20);
    await kit.gate('exit', 8).tap(card);
    assert.equal(card.state.spentMinor, kit.fares.fareMinor(0, 8, 0));
  }
});

test('an entry that no gate opened for is none at an exit of the station', async () => {
  const kit = new StationKit({ missingTapMinor: 900 });
  const card = kit.card();
  await kit.gate('entry', 0).tap(card, { command: 'DEBIT', when: 'after' });
  const out = await kit.gate('exit', 0).tap(card);
  assert.equal(out.decision.closed[0]?.kind, DebitKind.settlement);
  assert.equal(out.decision.reason, 'open');
});

test('an exit that was paid opens at any later time, and is charged once', async () => {
  const kit = new StationKit({ missingTapMinor: 900 });
  const card = kit.card();
  await kit.gate('entry', 3).tap(card);
  kit.pass(20);
  const exit = kit.gate('exit', 8);
  await exit.tap(card, { command: 'DEBIT', when: 'after' });
  kit.pass(300);
  const later = await exit.tap(card);
  assert.equal(later.decision.reason, 'recovered');
  assert.equal(card.state.spentMinor, kit.fares.fareMinor(3, 8, 0));
  assert.equal(kit.unconfirmed.size, 0);
  kit.pass(1);
  const again = await exit.tap(card);
  assert.equal(again.decision.amountMinor, 900, 'whoever follows has no entry');
});

test('a card that committed and then rode elsewhere is left to the ledger', async () => {
  const kit = new StationKit();
  const card = kit.card();
  await kit.gate('entry', 3).tap(card);
  kit.pass(20);
  const exit = kit.gate('exit', 8);
  await exit.tap(card, { command: 'DEBIT', when: 'after' });
  const pending = [...kit.unconfirmed.all()][0]!;
  // Another operator's gate, which knows nothing of it.
  await kit.unconfirmed.settle(pending);
  kit.pass(60);
  await kit.gate('entry', 5).tap(card);
  await kit.unconfirmed.add(pending);
  kit.pass(20);
  const seen = await kit.gate('exit', 9).tap(card);
  assert.equal(seen.decision.reason, 'open');
  // Its counter has moved on, but another debit may have moved it: see the next test.
  assert.equal(seen.decision.settled, null);
  assert.equal(seen.decision.closed.length, 1);
});

test('a debit whose counter another gate has used is not taken for committed', async () => {
  const kit = new StationKit();
  const card = kit.card();
  await kit.gate('entry', 3).tap(card);
  kit.pass(20);
  await kit.gate('exit', 8).tap(card, { command: 'DEBIT', when: 'during' });
  const pending = [...kit.unconfirmed.all()][0]!;
  // A gate that knows nothing of it takes another fare under the same counter.
  await kit.unconfirmed.settle(pending);
  await kit.gate('exit', 20).tap(card);
  assert.equal(card.state.offlineCounter, pending.offlineCounter + 1);
  await kit.unconfirmed.add(pending);
  kit.pass(20);
  const seen = await kit.gate('entry', 8).tap(card);
  assert.equal(seen.decision.reason, 'open');
  assert.equal(seen.decision.settled, null);
});

test('what a crash cut off is taken over as unconfirmed and settled by the next tap', async () => {
  const kit = new StationKit();
  const card = kit.card();
  const before = kit.gate('entry', 0);
  const { journal } = before;
  // The process dies after the intent: what it had not closed is still open in the journal.
  const close = journal.close;
  journal.close = () => {};
  await before.tap(card);
  journal.close = close;
  assert.equal(journal.open().length, 1);
  const after = kit.gate('entry', 0, { journal });
  assert.equal(kit.unconfirmed.size, 1);
  // The new process is another gate kit with another terminal; proof and record name the first.
  const { decision } = await after.tap(card);
  assert.equal(decision.reason, 'recovered');
  assert.equal(kit.unconfirmed.size, 0);
});

test('a settlement counts though the journal has no room for the debit behind it', async () => {
  const kit = new StationKit();
  const card = kit.card();
  await kit.gate('entry', 3).tap(card);
  kit.pass(20);
  const exit = kit.gate('exit', 8);
  await exit.tap(card, { command: 'DEBIT', when: 'before' });
  assert.equal(kit.unconfirmed.size, 1);
  const { journal } = exit;
  const { intent } = journal;
  const full = new FaregateError('JOURNAL_FULL', 'no room');
  let intents = 0;
  journal.intent = (record) =>
    ++intents === 2 ? Promise.reject(full) : intent.call(journal, record);
  const { decision } = await exit.tap(card);
  assert.equal(decision.reason, 'gateClosed');
  assert.equal(exit.barrier.opened, 0);
  const [torn, settlement, ...rest] = await recordsOf(journal);
  assert.deepEqual(rest, [], 'the refused debit left nothing');
  assert.equal(torn?.state, DebitState.unconfirmed);
  assert.equal(settlement?.kind, DebitKind.settlement);
  assert.equal(settlement?.state, DebitState.void);
  assert.equal(kit.unconfirmed.size, 0, 'and the debit it settles is known');
  journal.intent = intent;
  assert.equal((await exit.tap(card)).decision.reason, 'open');
  assert.equal(card.state.spentMinor, kit.fares.fareMinor(3, 8, 0), 'charged once');
});

test('a clock that jumps between a torn tap and the next charges nobody twice', async () => {
  const kit = new StationKit();
  const card = kit.card();
  await kit.gate('entry', 3).tap(card);
  kit.pass(20);
  const exit = kit.gate('exit', 8);
  await exit.tap(card, { command: 'DEBIT', when: 'after' });
  kit.clock.jump(26 * 60);
  const { decision } = await exit.tap(card);
  assert.equal(decision.reason, 'recovered');
  assert.equal(card.state.spentMinor, kit.fares.fareMinor(3, 8, 0));
});
