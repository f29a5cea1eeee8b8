/**
 * AES closed-loop cards torn away at every command and in every phase, and what the next tap makes
 * of it, at the same gate, at its neighbour and elsewhere: nobody pays twice, nothing that a card
 * committed is lost, and no debit is confirmed without its evidence.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { at } from '../../engine/debit/codec.ts';
import { isEvent } from '../../engine/debit/event.ts';
import { DebitKind, DebitState, Evidence } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { CommandName } from '../../gate/reader/virtual/command.ts';
import type { Tear } from '../../gate/reader/virtual/reader.ts';
import { UnconfirmedDebits } from '../../gate/unconfirmed.ts';
import { claimedMinor, recordsOf } from '../kit/journal-debits.ts';
import { StationKit } from '../kit/station-kit.ts';

const COMMANDS: readonly CommandName[] = [
  'SELECT',
  'AUTHENTICATE',
  'MORE',
  'GET VALUE',
  'READ RECORDS',
  'CHANGE VALUE',
  'WRITE RECORD',
  'COMMIT',
];
const PHASES = ['before', 'during', 'after'] as const;
const desfire = 'first';

/** A gate that starts keeps what a crash cut off before it closes it. */
const taken = (): Promise<void> => setImmediate();

for (const side of ['entry', 'exit'] as const) {
  for (const command of COMMANDS) {
    if (side === 'entry' && command === 'CHANGE VALUE') continue;
    for (const when of PHASES) {
      for (const next of ['the same gate', 'its neighbour'] as const) {
        test(`torn ${when} ${command} at the ${side}, then ${next}`, () =>
          tearAndReturn(side, { command, when }, next === 'the same gate'));
      }
    }
  }
}

async function tearAndReturn(side: 'entry' | 'exit', tear: Tear, isSame: boolean): Promise<void> {
  const kit = new StationKit({ missingTapMinor: null });
  const card = kit.desfireCard();
  if (side === 'exit') {
    await kit.gate('entry', 3, { desfire }).tap(card);
    kit.pass(20);
  }
  const fare = side === 'exit' ? kit.fares.fareMinor(3, 8, 0) : 0;
  const first = kit.gate(side, 8, { desfire });
  const torn = await first.tap(card, tear);
  assert.equal(torn.decision.reason, 'cardGone');
  assert.equal(first.barrier.opened, 0);
  const isCommit = tear.command === 'COMMIT';
  const committed = isCommit && tear.when === 'after';
  assert.equal(kit.unconfirmed.size, isCommit ? 1 : 0);

  kit.clock.advance(kit.clock.nowMs() + 3000);
  const second = isSame ? first : kit.gate(side, 8, { desfire });
  const { decision } = await second.tap(card);
  assert.equal(decision.open, true, decision.reason);
  assert.equal(decision.reason, committed ? 'recovered' : 'open');
  assert.equal(card.state.debitedMinor, fare, 'charged once');
  assert.equal(kit.unconfirmed.size, 0);
  const read = await recordsOf(first.journal, second.journal);
  assert.equal(claimedMinor(read.debits), fare, 'claimed once');
  const settlements = read.debits.filter(({ kind }) => kind === DebitKind.settlement);
  assert.equal(settlements.length, isCommit ? 1 : 0);
  if (!isCommit) return;
  assert.equal(settlements[0]!.state, committed ? DebitState.confirmed : DebitState.void);
  assert.equal(settlements[0]!.evidence, Evidence.cardState);
}

test('torn over and over, the card is charged once in the end', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  await kit.gate('entry', 3, { desfire }).tap(card);
  kit.pass(20);
  const exit = kit.gate('exit', 8, { desfire });
  for (const when of ['during', 'before', 'during', 'before'] as const) {
    await exit.tap(card, { command: 'COMMIT', when });
  }
  assert.equal((await exit.tap(card)).decision.reason, 'open');
  assert.equal(card.state.debitedMinor, kit.fares.fareMinor(3, 8, 0));
  const read = await recordsOf(exit.journal);
  assert.equal(claimedMinor(read.debits), card.state.debitedMinor);
  const settled = read.debits.filter(({ kind }) => kind === DebitKind.settlement);
  assert(settled.length === 4 && settled.every(({ state }) => state === DebitState.void));
});

test('an exit that was paid opens after a load too: the session proves the record', async () => {
  const kit = new StationKit({ missingTapMinor: 900 });
  const card = kit.desfireCard();
  await kit.gate('entry', 3, { desfire }).tap(card);
  kit.pass(20);
  const exit = kit.gate('exit', 8, { desfire });
  await exit.tap(card, { command: 'COMMIT', when: 'after' });
  kit.topUp(card, 1000);
  kit.pass(300);
  assert.equal((await exit.tap(card)).decision.reason, 'recovered');
  assert.equal(card.state.debitedMinor, kit.fares.fareMinor(3, 8, 0));
  assert.equal(kit.unconfirmed.size, 0);
});

test('an entry that no gate opened for is an entry anew later, and no missing exit', async () => {
  for (const missingTapMinor of [null, 900]) {
    const kit = new StationKit({ missingTapMinor });
    const card = kit.desfireCard();
    const gate = kit.gate('entry', 0, { desfire });
    await gate.tap(card, { command: 'COMMIT', when: 'after' });
    kit.pass(11);
    const later = await gate.tap(card);
    assert.equal(later.decision.reason, 'open');
    assert.equal(later.decision.amountMinor, 0);
    assert.equal(later.decision.closed[0]?.kind, DebitKind.settlement);
    assert.equal(kit.unconfirmed.size, 0);
    kit.pass(20);
    await kit.gate('exit', 8, { desfire }).tap(card);
    assert.equal(card.state.debitedMinor, kit.fares.fareMinor(0, 8, 0));
  }
});

test('an entry voided by its counter leaves the journey before it as it was', async () => {
  const kit = new StationKit({ missingTapMinor: 900 });
  const card = kit.desfireCard();
  await kit.gate('entry', 3, { desfire }).tap(card);
  kit.pass(20);
  const entry = kit.gate('entry', 8, { desfire });
  await entry.tap(card, { command: 'COMMIT', when: 'during' });
  const { decision } = await entry.tap(card);
  assert.equal(decision.reason, 'open');
  assert.equal(decision.amountMinor, 900, 'the ride from station 3 has no exit');
});

test('at another station nothing is known, and nothing is claimed there', async () => {
  const kit = new StationKit({ missingTapMinor: 900 });
  const card = kit.desfireCard();
  await kit.gate('entry', 3, { desfire }).tap(card);
  kit.pass(20);
  await kit.gate('exit', 8, { desfire }).tap(card, { command: 'COMMIT', when: 'after' });
  kit.pass(20);
  const elsewhere = new UnconfirmedDebits(kit.clock);
  const gate = kit.gate('entry', 20, { desfire, unconfirmed: elsewhere });
  const { decision } = await gate.tap(card);
  assert.equal(decision.reason, 'open');
  assert.equal(decision.settled, null);
  assert.equal(kit.unconfirmed.size, 1, 'the ledger settles it');
});

test('a debit whose counter another gate has used is left to the ledger', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  await kit.gate('entry', 3, { desfire }).tap(card);
  kit.pass(20);
  await kit.gate('exit', 8, { desfire }).tap(card, { command: 'COMMIT', when: 'during' });
  const pending = [...kit.unconfirmed.all()][0]!;
  await kit.unconfirmed.settle(pending);
  await kit.gate('exit', 20, { desfire }).tap(card);
  await kit.unconfirmed.add(pending);
  kit.pass(20);
  const { decision } = await kit.gate('entry', 8, { desfire }).tap(card);
  assert.equal(decision.reason, 'open');
  assert.equal(decision.settled, null);
  assert.equal(kit.unconfirmed.size, 1);
});

test('a crash between evidence and debit leaves an unconfirmed debit, which its card settles', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  const before = kit.gate('entry', 0, { desfire });
  const { journal } = before;
  const { close } = journal;
  // Dies with the debit's own final record.
  journal.close = (record) => {
    if (isEvent(record, 0)) close.call(journal, record);
  };
  await before.tap(card);
  journal.close = close;
  assert.equal(journal.open().length, 1);
  const after = kit.gate('entry', 0, { desfire, journal });
  await taken();
  assert.equal(kit.unconfirmed.size, 1);
  const read = await recordsOf(journal);
  assert.deepEqual(read.evidence, [2]);
  assert.equal(read.debits[0]?.state, DebitState.unconfirmed);
  assert.equal((await after.tap(card)).decision.reason, 'recovered');
});

test('a crash before anything was final leaves empty evidence, and the same', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  const before = kit.gate('entry', 0, { desfire });
  const { journal } = before;
  const { close } = journal;
  journal.close = () => {};
  await before.tap(card);
  journal.close = close;
  assert.equal(journal.open().length, 2);
  const after = kit.gate('entry', 0, { desfire, journal });
  await taken();
  assert.equal(kit.unconfirmed.size, 1);
  assert.equal(journal.open().length, 0);
  assert.equal((await after.tap(card)).decision.reason, 'recovered');
});

test('a journal with room for the debit alone lets no debit go to the card', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  const gate = kit.gate('entry', 0, { desfire });
  const { journal } = gate;
  const { intent } = journal;
  const full = new FaregateError('JOURNAL_FULL', 'no room');
  journal.intent = (record) =>
    record[at.kind] === DebitKind.debit ? intent.call(journal, record) : Promise.reject(full);
  const { decision } = await gate.tap(card);
  assert.equal(decision.reason, 'gateClosed');
  assert.equal(card.state.application.transactionMac?.tmc, 0);
  const { debits, evidence } = await recordsOf(journal);
  assert.deepEqual(evidence, []);
  assert.deepEqual(
    debits.map(({ state }) => state),
    [DebitState.void],
  );
  journal.intent = intent;
  assert.equal((await gate.tap(card)).decision.reason, 'open');
});

test('a settlement that finds no room behind it for the debit', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  const gate = kit.gate('entry', 0, { desfire });
  await gate.tap(card, { command: 'COMMIT', when: 'during' });
  const { journal } = gate;
  const { intent } = journal;
  const full = new FaregateError('JOURNAL_FULL', 'no room');
  journal.intent = (record) =>
    record[at.kind] === DebitKind.settlement ? intent.call(journal, record) : Promise.reject(full);
  assert.equal((await gate.tap(card)).decision.reason, 'gateClosed');
  journal.intent = intent;
  assert.equal(kit.unconfirmed.size, 0, 'the settlement counts');
  assert.equal((await gate.tap(card)).decision.reason, 'open');
  const { debits } = await recordsOf(journal);
  assert.deepEqual(
    debits.map(({ kind, state }) => [kind, state]),
    [
      [DebitKind.debit, DebitState.unconfirmed],
      [DebitKind.settlement, DebitState.void],
      [DebitKind.debit, DebitState.confirmed],
    ],
  );
});
