/** Taps of bank cards whose fare is charged later, and of gates that take both ways of paying. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cardNumberOf } from '../../engine/card/qpboc/card-data.ts';
import { readBankPayload } from '../../engine/card/qpboc/evidence-payload.ts';
import { decodeDebit } from '../../engine/debit/codec.ts';
import { decodeEvent, isEvent } from '../../engine/debit/event.ts';
import {
  DEBIT_BYTES,
  DebitState,
  ECASH_TRANSACTION,
  Evidence,
  OPEN_LOOP_TRANSACTION,
  TapKind,
} from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { Side } from '../../engine/tap/setting.ts';
import { testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import { ecashCard } from '../kit/ecash-cards.ts';
import { amountIn, asOnline, disguised, withOptions } from '../kit/ecash-disguise.ts';
import { type GateOptions, StationKit } from '../kit/station-kit.ts';

const STATION = 3;
const SIDES = ['entry', 'exit', 'single'] as const;
const kinds = { entry: TapKind.entry, exit: TapKind.exit, single: TapKind.purchase };
const later = { ecash: false, openLoop: true };
const both = { ecash: true, openLoop: true };

function gateOf(kit: StationKit, side: Side, bank = later, options: GateOptions = {}) {
  return kit.gate(side, STATION, { bank, families: ['bank'], ...options });
}

for (const side of SIDES) {
  for (const kind of ['TC', 'ARQC'] as const) {
    test(`${side}, the card answers ${kind}: recorded, and nothing on it changes`, async () => {
      const kit = new StationKit();
      const card = ecashCard();
      const gate = gateOf(kit, side);
      const held = kind === 'TC' ? card : disguised(card, withOptions(asOnline));
      const { decision, stages } = await gate.tap(held);
      assert.equal(decision.reason, 'open', decision.detail);
      assert.equal(stages.length, 7);
      const asked = stages.find(({ command }) => command === 'GET PROCESSING OPTIONS');
      assert.equal(amountIn(asked!.apdu!), 0);
      assert.equal(decision.amountMinor, 0);
      assert.equal(card.state.balanceMinor, 10_000);
      assert.equal(decision.closed.length, 1);
      const debit = decision.closed[0]!;
      assert.deepEqual(
        [debit.transactionType, debit.state, debit.amountMinor, debit.tapKind],
        [OPEN_LOOP_TRANSACTION, DebitState.confirmed, 0, kinds[side]],
      );
      assert.equal(debit.offlineCounter, card.state.atc);
      const proof = readBankPayload(decision.evidence!.payload, debit);
      assert.deepEqual(proof?.authenticated, { method: 'fddaV01', algorithm: 'rsa' });
      assert.equal(proof?.evidence.cryptogramInformation, kind === 'TC' ? 0x40 : 0x80);
      assert.equal(gate.barrier.opened, 1);
    });
  }
}

test('a card that wants to go online and sends no records is not let through', async () => {
  const kit = new StationKit();
  const { decision } = await gateOf(kit, 'entry').tap(ecashCard({ quirks: { decision: 'ARQC' } }));
  assert.deepEqual([decision.reason, decision.detail], ['onlineRequired', 'onlineByCard']);
  assert.deepEqual(decision.closed, []);
});

test('nobody is let through who is stopped, spoilt, expired or declined', async () => {
  const kit = new StationKit();
  const gate = gateOf(kit, 'entry');
  const forged = (await gate.tap(ecashCard({ quirks: { spoilsSignature: true } }))).decision;
  assert.equal(forged.reason, 'answerForged');
  const declined = (await gate.tap(ecashCard({ quirks: { decision: 'AAC' } }))).decision;
  assert.equal(declined.reason, 'cardDeclined');
  kit.stop(cardNumberOf(testCard));
  const stopped = (await gate.tap(ecashCard())).decision;
  assert.equal(stopped.reason, 'denylisted');
  const old = new StationKit();
  old.clock.jump((Date.UTC(2031, 5, 1) - old.clock.nowMs()) / 60_000);
  const expired = (await gateOf(old, 'entry').tap(ecashCard())).decision;
  assert.equal(expired.reason, 'expired');
  for (const { open, closed } of [forged, declined, stopped, expired]) {
    assert.deepEqual([open, closed], [false, []]);
  }
});

test('torn away at any command, the card just taps again', async () => {
  for (let command = 1; command <= 7; command++) {
    for (const when of ['before', 'during', 'after'] as const) {
      const kit = new StationKit();
      const card = ecashCard();
      const gate = gateOf(kit, 'entry');
      const { decision } = await gate.tap(card, { command, when });
      assert.deepEqual([decision.open, decision.reason], [false, 'cardGone']);
      assert.deepEqual(decision.closed, []);
      assert.equal((await gate.tap(card)).decision.reason, 'open');
      assert.equal(card.state.balanceMinor, 10_000);
      assert.equal(kit.unconfirmed.size, 0);
    }
  }
});

test('an entry and an exit at one station, and cards handed back', async () => {
  const kit = new StationKit();
  const card = ecashCard();
  const [entry, exit] = [gateOf(kit, 'entry'), gateOf(kit, 'exit')];
  assert.equal((await entry.tap(card)).decision.reason, 'open');
  assert.equal((await entry.tap(card)).decision.reason, 'passBack');
  assert.equal((await exit.tap(card)).decision.reason, 'open', 'out again at once');
  assert.equal((await exit.tap(card)).decision.reason, 'passBack');
  assert.equal((await entry.tap(card)).decision.reason, 'open');
  // Gates of one process at another station know nothing of it.
  const elsewhere = kit.gate('entry', 8, { bank: later, families: ['bank'] });
  assert.equal((await elsewhere.tap(card)).decision.reason, 'open');
});

test('the gate opens only on what is durable', async () => {
  const kit = new StationKit();
  const gate = gateOf(kit, 'entry');
  const { journal } = gate;
  const { intent } = journal;
  journal.intent = () => Promise.reject(new FaregateError('JOURNAL_FULL', 'no room'));
  const { decision } = await gate.tap(ecashCard());
  assert.deepEqual([decision.open, decision.reason], [false, 'gateClosed']);
  assert.equal(gate.barrier.opened, 0);
  journal.intent = intent;
  const late = gateOf(kit, 'entry', later, { deadlineMs: 150 });
  const slow = (await late.tap(ecashCard())).decision;
  assert.deepEqual([slow.reason, slow.closed[0]?.state], ['deadline', DebitState.void]);
  assert.equal((await gate.tap(ecashCard())).decision.reason, 'open');
});

test('with both, a single tap is e-cash while it lasts, then charged later', async () => {
  const kit = new StationKit();
  const fareMinor = kit.fares.fareMinor(STATION, STATION, 0);
  const card = ecashCard({ state: { balanceMinor: fareMinor + 1 } });
  const gate = gateOf(kit, 'single', both);
  const first = (await gate.tap(card)).decision;
  assert.equal(first.closed[0]?.transactionType, ECASH_TRANSACTION);
  assert.equal(card.state.balanceMinor, 1);
  kit.pass(60);
  const { decision, stages } = await gate.tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  assert.equal(decision.closed[0]?.transactionType, OPEN_LOOP_TRANSACTION);
  assert.equal(card.state.balanceMinor, 1);
  assert.equal(stages.length, 9, 'application and options once more');
  const dear = gateOf(kit, 'single', { ...both, maxAmountMinor: fareMinor - 1 } as typeof both);
  kit.pass(60);
  const over = (await dear.tap(ecashCard({ state: { atc: 0x300 } }))).decision;
  assert.equal(over.closed[0]?.transactionType, OPEN_LOOP_TRANSACTION);
  const entry = (await gateOf(kit, 'entry', both).tap(ecashCard({ state: { atc: 0x400 } })))
    .decision;
  assert.equal(entry.closed[0]?.transactionType, OPEN_LOOP_TRANSACTION);
});

test('another card that answers the second time is not let through', async () => {
  const kit = new StationKit();
  const gate = gateOf(kit, 'single', both);
  const card = ecashCard({ state: { balanceMinor: 0 } });
  let times = 0;
  const swapped = disguised(
    card,
    withOptions((elements) => {
      if (++times === 2) elements.set('5F34', '02');
    }),
  );
  const { decision } = await gate.tap(swapped);
  assert.deepEqual([decision.reason, decision.detail], ['cardFaulty', 'panContradicts']);
  assert.deepEqual(decision.closed, []);
});

test('a crash after an open-loop tap: with its evidence it counts, and nothing stays open', async () => {
  const kit = new StationKit();
  const card = ecashCard();
  const before = gateOf(kit, 'entry');
  const { journal } = before;
  const { close } = journal;
  journal.close = () => {};
  await before.tap(card);
  const isEvidence: boolean[] = [];
  journal.close = (record) => {
    isEvidence.push(isEvent(record, 0));
    close.call(journal, record);
  };
  const after = gateOf(kit, 'entry', later, { journal });
  assert.deepEqual(isEvidence, [true, false], 'no debit is confirmed without');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(kit.unconfirmed.size, 0);
  assert.equal(journal.open().length, 0);
  const { records, count } = await journal.read(1, 10);
  assert.equal(count, 2);
  const debit = decodeDebit(records, 0);
  assert.deepEqual([debit.state, debit.evidence], [DebitState.confirmed, Evidence.debitAnswer]);
  const behind = decodeEvent(records, DEBIT_BYTES);
  assert(behind.event === 'evidence');
  assert.equal(readBankPayload(behind.payload, debit)?.authenticated.method, 'fddaV01');
  kit.pass(60);
  const { decision } = await after.tap(card);
  assert.equal(decision.reason, 'open');
  assert.equal(decision.settled, null);
});

test('a crash before its evidence, or between the ends of both', async () => {
  for (const [lost, state] of [
    ['evidence', DebitState.void],
    ['end', DebitState.unconfirmed],
  ] as const) {
    const kit = new StationKit();
    const before = gateOf(kit, 'entry');
    const { journal } = before;
    const { close, intent } = journal;
    journal.close = (record) => {
      if (lost === 'end' && isEvent(record, 0)) close.call(journal, record);
    };
    if (lost === 'evidence') {
      journal.intent = (record) =>
        isEvent(record, 0) ? Promise.resolve() : intent.call(journal, record);
    }
    await before.tap(ecashCard());
    Object.assign(journal, { close, intent });
    gateOf(kit, 'entry', later, { journal });
    assert.equal(kit.unconfirmed.size, 0);
    const { records } = await journal.read(1, 10);
    assert.equal(decodeDebit(records, 0).state, state, lost);
  }
});

test('modes: nobody in without trains, and free order lets a card in twice', async () => {
  const kit = new StationKit();
  const { ModeHistory } = await import('../../engine/tap/mode-history.ts');
  const { Mode } = await import('../../engine/tap/modes.ts');
  const history = new ModeHistory();
  const card = ecashCard();
  const modes = (mode: number): GateOptions => ({ modes: { mode, history } });
  const noTrains = gateOf(kit, 'entry', later, modes(Mode.trainFailure));
  assert.equal((await noTrains.tap(card)).decision.reason, 'noTrains');
  const free = gateOf(kit, 'entry', later, modes(Mode.orderFree));
  for (let i = 0; i < 2; i++) assert.equal((await free.tap(card)).decision.reason, 'open');
  const fareFree = gateOf(kit, 'single', both, modes(Mode.fareFree));
  kit.pass(60);
  const { decision } = await fareFree.tap(card);
  assert.equal(decision.reason, 'open');
  assert.equal(card.state.balanceMinor, 10_000);
});
