/**
 * Who settles the open debit of a bank card: a card that has proved itself in this tap, and no
 * made-up one of its number. The settlement is the last record of the tap. A debit that a tap
 * cannot tell of is forgotten by it, for the ledger.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { at } from '../../engine/debit/codec.ts';
import { type Debit, DebitKind, DebitState } from '../../engine/debit/record.ts';
import { BANK_TAP_DEADLINE_MS } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { EcashCard, EcashState } from '../../gate/reader/virtual/ecash-card.ts';
import { ecashCard } from '../kit/ecash-cards.ts';
import { debitsOf } from '../kit/journal-debits.ts';
import { type GateOptions, StationKit } from '../kit/station-kit.ts';

const STATION = 3;
const START_MINOR = 10_000;
/** Directory, application, options, three records, and the last. */
const LAST = 7;

function gateOf(kit: StationKit, options: GateOptions = {}) {
  return kit.gate('single', STATION, { bank: {}, families: ['bank'], ...options });
}

function fareOf(kit: StationKit): number {
  return kit.fares.fareMinor(STATION, STATION, 0);
}

function settlementsOf(debits: readonly Debit[]): Debit[] {
  return debits.filter(({ kind }) => kind === DebitKind.settlement);
}

/** A made-up card of the same number, which says of itself what it likes. */
function forgery(state: Partial<EcashState>, signatureFirst: boolean): EcashCard {
  return ecashCard({
    state,
    personality: { signatureFirst },
    quirks: { spoilsSignature: true },
  });
}

test('a made-up card with the balance of before does not void what its like has paid', async () => {
  for (const signatureFirst of [false, true]) {
    for (const tear of [undefined, { command: LAST, when: 'before' }] as const) {
      const kit = new StationKit();
      const gate = gateOf(kit);
      const card = ecashCard();
      await gate.tap(card, { command: LAST, when: 'after' });
      const { atc } = card.state;
      const { decision } = await gate.tap(
        forgery({ balanceMinor: START_MINOR, atc }, signatureFirst),
        tear,
      );
      assert.equal(decision.open, false);
      assert.equal(decision.settled, null);
      const debits = await debitsOf(gate.journal);
      assert(!debits.some(({ kind }) => kind === DebitKind.settlement));
      if (signatureFirst) assert.equal((await gate.tap(card)).decision.reason, 'recovered');
    }
  }
});

test('a made-up card without the fare does not confirm what its like has not paid', async () => {
  for (const signatureFirst of [false, true]) {
    const kit = new StationKit();
    const single = gateOf(kit);
    const card = ecashCard();
    await single.tap(card, { command: LAST, when: 'during' });
    const { balanceMinor, atc } = card.state;
    const clone = forgery({ balanceMinor: balanceMinor - fareOf(kit), atc }, signatureFirst);
    const bank = { ecash: false, openLoop: true };
    const entry = kit.gate('entry', STATION, { bank, families: ['bank'] });
    const { decision } = await entry.tap(clone);
    assert.deepEqual([decision.open, decision.reason], [false, 'answerForged']);
    assert.deepEqual(decision.closed, []);
    assert.equal(kit.unconfirmed.size, 1);
    assert.equal((await single.tap(card)).decision.reason, 'open');
    const claimed = (await debitsOf(single.journal)).filter(
      ({ state }) => state === DebitState.confirmed,
    );
    assert.deepEqual(
      claimed.map(({ amountMinor }) => amountMinor),
      [fareOf(kit)],
    );
  }
});

test('a debit at a counter that the card has not come to is not what it paid: for the ledger', async () => {
  const kit = new StationKit();
  const gate = gateOf(kit);
  const card = ecashCard();
  const { balanceMinor, atc } = card.state;
  const clone = forgery({ balanceMinor: balanceMinor + fareOf(kit), atc: atc + 1 }, false);
  await gate.tap(clone, { command: LAST, when: 'before' });
  const { decision } = await gate.tap(card);
  assert.equal(decision.reason, 'open');
  assert.equal(decision.settled?.offlineCounter, clone.state.atc);
  assert.deepEqual(settlementsOf(decision.closed), []);
  assert.equal(kit.unconfirmed.size, 0);
  assert.equal(gate.gate.counts.recovered, 0, 'that is not known');
  assert.equal(card.state.balanceMinor, balanceMinor - fareOf(kit));
});

test('a balance that fits an old debit by chance, after rides elsewhere and a load, settles nothing', async () => {
  for (const when of ['during', 'after'] as const) {
    const kit = new StationKit();
    const gate = gateOf(kit);
    const elsewhere = new StationKit();
    const there = elsewhere.gate('single', 5, { bank: {}, families: ['bank'] });
    const startMinor = 6 * fareOf(kit);
    let card = ecashCard({ state: { balanceMinor: startMinor } });
    await gate.tap(card, { command: LAST, when });
    const torn = [...kit.unconfirmed.all()][0]!;
    for (let ride = 0; ride < 2; ride++) {
      elsewhere.pass(600);
      assert.equal((await there.tap(card)).decision.reason, 'open');
    }
    kit.pass(600);
    const first = (await gate.tap(card)).decision;
    assert.equal(first.reason, 'open');
    assert.equal(first.settled?.gateSequence, torn.gateSequence);
    assert.equal(kit.unconfirmed.size, 0);
    // What it would have had without the debit that was torn, or with it.
    for (const leftMinor of [torn.balanceBeforeMinor, torn.balanceBeforeMinor - fareOf(kit)]) {
      card = ecashCard({ state: { ...card.state, balanceMinor: leftMinor } });
      kit.pass(600);
      const { decision } = await gate.tap(card);
      assert.deepEqual([decision.reason, decision.settled], ['open', null]);
      assert.equal(card.state.balanceMinor, leftMinor - fareOf(kit), 'a ride is paid');
    }
    assert.deepEqual(settlementsOf(await debitsOf(gate.journal)), []);
  }
});

test('a settlement that found no room: the debit before it stands, and the ledger decides', async () => {
  const kit = new StationKit();
  const gate = gateOf(kit);
  const { journal } = gate;
  const card = ecashCard();
  await gate.tap(card, { command: LAST, when: 'during' });
  const { intent } = journal;
  journal.intent = (record) =>
    record[at.kind] === DebitKind.settlement
      ? Promise.reject(new FaregateError('JOURNAL_FULL', 'no room'))
      : intent.call(journal, record);
  const { decision } = await gate.tap(card);
  assert.equal(decision.reason, 'open');
  assert.equal(card.state.balanceMinor, START_MINOR - fareOf(kit));
  assert.equal(kit.unconfirmed.size, 0, 'the balance of now fits it, had it been committed');
  assert.equal(gate.gate.counts.recovered, 0);
  journal.intent = intent;
  kit.pass(600);
  assert.equal((await gate.tap(card)).decision.reason, 'open');
  assert.equal(card.state.balanceMinor, START_MINOR - 2 * fareOf(kit), 'each ride is paid');
  const debits = await debitsOf(journal);
  assert.deepEqual(settlementsOf(debits), []);
  assert.deepEqual(
    debits.map(({ state }) => state),
    [DebitState.unconfirmed, DebitState.confirmed, DebitState.confirmed],
  );
});

test('what an earlier tap left open is settled behind the records of this one', async () => {
  const kit = new StationKit();
  const gate = gateOf(kit);
  const card = ecashCard();
  await gate.tap(card, { command: LAST, when: 'during' });
  const { decision } = await gate.tap(card);
  assert.deepEqual(
    decision.closed.map(({ kind, state, gateSequence }) => [kind, state, gateSequence]),
    [
      [DebitKind.debit, DebitState.confirmed, 3],
      [DebitKind.settlement, DebitState.void, 5],
    ],
  );
  assert.equal(decision.evidence?.gateSequence, 4);
  assert.equal(gate.gate.counts.recovered, 1);
  assert.equal(gate.journal.open().length, 0);
});

test('a gate that crashed after a settlement forgets what it settled', async () => {
  const kit = new StationKit();
  const card = ecashCard();
  const before = gateOf(kit);
  const { journal } = before;
  const torn = (await before.tap(card, { command: LAST, when: 'after' })).decision.unconfirmed!;
  const { close } = journal;
  journal.close = () => {};
  assert.equal((await before.tap(card)).decision.reason, 'recovered');
  journal.close = close;
  // As if that had not come to the disk.
  await kit.unconfirmed.add(torn);
  gateOf(kit, { journal });
  await setImmediate();
  assert.equal(kit.unconfirmed.size, 0);
  assert.equal(journal.open().length, 0);
});

/** A card torn away from the first gate, with no fare left for the second. */
async function tornWithLittleLeft() {
  const kit = new StationKit();
  const first = gateOf(kit);
  const gate = kit.gate('single', STATION + 1, { bank: {}, families: ['bank'] });
  const fareMinor = fareOf(kit);
  const card = ecashCard({ state: { balanceMinor: fareMinor + 1 } });
  await first.tap(card, { command: LAST, when: 'after' });
  return { kit, first, gate, fareMinor, card };
}

test('a card with too little left for its fare settles its earlier debit, and a made-up one does not', async () => {
  const { gate, fareMinor, card } = await tornWithLittleLeft();
  const { atc } = card.state;
  const madeUp = await gate.tap(forgery({ balanceMinor: 1, atc }, false));
  assert.equal(madeUp.decision.settled, null);
  const { decision } = await gate.tap(card);
  assert.deepEqual([decision.open, decision.reason], [false, 'balanceTooLow'], decision.detail);
  assert.equal(decision.settled?.amountMinor, fareMinor);
  const settlements = settlementsOf(await debitsOf(gate.journal));
  assert.deepEqual(
    settlements.map(({ state }) => state),
    [DebitState.confirmed],
  );
});

test('a card with too little does not prove itself past the deadline of bank cards', async () => {
  const promiseUs = BANK_TAP_DEADLINE_MS * 1000;
  // Slow to refuse, and slow to prove itself.
  for (const slow of [1, 2]) {
    const { kit, first, gate, card } = await tornWithLittleLeft();
    slowAt(kit, card, slow);
    const { decision, tapUs } = await gate.tap(card);
    assert.deepEqual([decision.open, decision.reason], [false, 'balanceTooLow'], decision.detail);
    assert(tapUs <= promiseUs, `${tapUs} us`);
    assert.equal(decision.settled, null);
    assert.deepEqual(decision.closed, []);
    assert.equal(kit.unconfirmed.size, 1, 'the earlier debit waits for the next tap');
    assert.equal((await first.tap(card)).decision.reason, 'recovered');
  }
});

/** The card's n-th GET PROCESSING OPTIONS from here on takes an eighth of a second longer. */
function slowAt(kit: StationKit, card: EcashCard, n: number): void {
  const transmit = card.transmit.bind(card);
  let options = 0;
  card.transmit = (apdu) => {
    if (apdu[1] === 0xa8) options += 1;
    if (apdu[1] === 0xa8 && options === n) kit.clock.advance(kit.clock.nowMs() + 125);
    return transmit(apdu);
  };
}
