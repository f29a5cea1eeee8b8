/**
 * Bank cards of the extended application torn away at every command and in every phase, at the tap
 * and again at the one that settles it: balance and debits agree, nobody pays twice, no gate opens
 * without a durable intent.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import { DebitKind, DebitState } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { EcashCard, EcashState } from '../../gate/reader/virtual/ecash-card.ts';
import { recordBytes } from '../../gate/reader/virtual/ecash-extended.ts';
import type { Tear } from '../../gate/reader/virtual/reader.ts';
import { extendedCard, extendedProfile } from '../kit/extended-cards.ts';
import { claimedMinor, debitsOf } from '../kit/journal-debits.ts';
import { type GateKit, StationKit } from '../kit/station-kit.ts';

const options = { bank: { extendedProfile }, families: ['bank'] } as const;
const PHASES = ['before', 'during', 'after'] as const;
/** PPSE, SELECT, READ CAPP DATA, GET PROCESSING OPTIONS, UPDATE CAPP DATA CACHE, four records. */
const LAST = 9;

function spentMinor(card: EcashCard): number {
  return 10_000 - card.state.balanceMinor;
}

interface Scene {
  readonly kit: StationKit;
  readonly card: EcashCard;
  readonly gate: GateKit;
  readonly fareMinor: number;
}

/** A card before its tap at station 8: about to enter, or inside since station 3. */
async function sceneOf(side: 'entry' | 'exit'): Promise<Scene> {
  const kit = new StationKit({ missingTapMinor: null });
  const card = extendedCard();
  if (side === 'exit') {
    const { decision } = await kit.gate('entry', 3, options).tap(card);
    assert.equal(decision.reason, 'open', decision.detail);
    kit.pass(20);
  }
  const fareMinor = side === 'exit' ? kit.fares.fareMinor(3, 8, 0) : 0;
  return { kit, card, gate: kit.gate(side, 8, options), fareMinor };
}

for (const side of ['entry', 'exit'] as const) {
  for (const when of PHASES) {
    for (const next of ['the same gate', 'its neighbour'] as const) {
      test(`torn ${when} every command at the ${side}, then ${next}`, async () => {
        for (let command = 1; command <= LAST; command++) {
          await tearAndReturn(side, { command, when }, next === 'the same gate');
        }
      });
    }
  }
}

async function tearAndReturn(side: 'entry' | 'exit', tear: Tear, isSame: boolean): Promise<void> {
  const { kit, card, gate, fareMinor } = await sceneOf(side);
  const torn = await gate.tap(card, tear);
  const where = `${side} ${tear.when} ${tear.command}: `;
  assert.equal(torn.decision.reason, 'cardGone', where);
  assert.equal(gate.barrier.opened, 0);
  const isLast = tear.command === LAST;
  const committed = isLast && tear.when === 'after';
  assert.equal(spentMinor(card), committed ? fareMinor : 0);
  assert.equal(kit.unconfirmed.size, isLast ? 1 : 0, where);

  kit.clock.advance(kit.clock.nowMs() + 3000);
  const second = isSame ? gate : kit.gate(side, 8, options);
  const { decision } = await second.tap(card);
  assert.equal(decision.open, true, where + decision.reason + decision.detail);
  assert.equal(decision.reason, committed ? 'recovered' : 'open', where);
  assert.equal(spentMinor(card), fareMinor, 'charged once');
  assert.equal(kit.unconfirmed.size, 0);
  const debits = await debitsOf(gate.journal, second.journal);
  assert.equal(claimedMinor(debits), fareMinor, 'claimed once');
  const settlements = debits.filter(({ kind }) => kind === DebitKind.settlement);
  assert.equal(settlements.length, isLast ? 1 : 0);
  if (!isLast) return;
  assert.equal(settlements[0]!.state, committed ? DebitState.confirmed : DebitState.void);
}

for (const side of ['entry', 'exit'] as const) {
  for (const first of ['during', 'after'] as const) {
    test(`torn ${first} the last record at the ${side}, and torn again while it is settled`, async () => {
      let settledBy = 0;
      for (let command = 1; command <= 20; command++) {
        for (const when of PHASES) {
          const { kit, card, gate, fareMinor } = await sceneOf(side);
          await gate.tap(card, { command: LAST, when: first });
          kit.clock.advance(kit.clock.nowMs() + 3000);
          const again = await gate.tap(card, { command, when });
          const where = `${when} ${command} ${again.decision.reason}`;
          if (again.decision.open) settledBy += 1;
          else assert.equal(again.decision.reason, 'cardGone', where);
          kit.clock.advance(kit.clock.nowMs() + 3000);
          const third = again.decision.open ? again : await gate.tap(card);
          assert.equal(third.decision.open, true, `${where} then ${third.decision.reason}`);
          assert.equal(spentMinor(card), fareMinor, where);
          assert.equal(gate.barrier.opened, 1);
          assert.equal(kit.unconfirmed.size, 0, where);
          assert.equal(claimedMinor(await debitsOf(gate.journal)), fareMinor, where);
        }
      }
      assert(settledBy > 0, 'some tears come after its last command');
    });
  }
}

test('torn over and over, the card is charged once in the end', async () => {
  const { card, gate, fareMinor } = await sceneOf('exit');
  for (const when of ['during', 'before', 'during', 'before'] as const) {
    const torn = await gate.tap(card, { command: LAST, when });
    assert.equal(torn.decision.reason, 'cardGone');
  }
  const { decision } = await gate.tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  assert.equal(spentMinor(card), fareMinor);
  const debits = await debitsOf(gate.journal);
  assert.equal(claimedMinor(debits), fareMinor);
  // The card proved itself in the last tap alone; the ledger has those before from its balances.
  const settled = debits.filter(({ kind }) => kind === DebitKind.settlement);
  assert.deepEqual(
    settled.map(({ state, refersTo }) => [state, refersTo?.gateSequence]),
    [[DebitState.void, 7]],
  );
});

/** The card as it comes back after something else was done to it. */
function changed(card: EcashCard, state: Partial<EcashState>): EcashCard {
  const { balanceMinor, atc, extended } = { ...card.state, ...state };
  return extendedCard({ balanceMinor, atc, extended: extended! });
}

test('an exit that was paid opens after a load too: the card proves it', async () => {
  const { kit, card, gate } = await sceneOf('exit');
  await gate.tap(card, { command: LAST, when: 'after' });
  const loaded = changed(card, { balanceMinor: card.state.balanceMinor + 1000 });
  kit.pass(300);
  const { decision } = await gate.tap(loaded);
  assert.equal(decision.reason, 'recovered', decision.detail);
  assert.equal(loaded.state.balanceMinor, card.state.balanceMinor + 1000);
});

test('a record alone, without proof and with another balance, opens nothing and settles nothing', async () => {
  const { kit, card, gate } = await sceneOf('exit');
  await gate.tap(card, { command: LAST, when: 'after' });
  const { extended, balanceMinor } = card.state;
  const forged = changed(card, {
    balanceMinor: balanceMinor + 1,
    extended: { ...extended!, proof: null },
  });
  const { decision } = await gate.tap(forged);
  assert.equal(decision.open, false);
  assert.equal(decision.reason, 'mac2Invalid');
  assert.deepEqual(decision.closed, []);
  assert.equal(kit.unconfirmed.size, 1);
  assert.equal(gate.barrier.opened, 0);
});

test('a card that proves the debit and not itself opens nothing', async () => {
  const { kit, card, gate } = await sceneOf('exit');
  await gate.tap(card, { command: LAST, when: 'after' });
  const { balanceMinor, atc, extended } = card.state;
  const quirks = { spoilsSignature: true };
  const forged = extendedCard({ balanceMinor, atc, extended: extended!, quirks });
  const { decision } = await gate.tap(forged);
  assert.equal(decision.open, false);
  assert.equal(decision.reason, 'answerForged');
  assert.equal(kit.unconfirmed.size, 1);
});

test('a made-up card of the same number settles nothing, whatever it says', async () => {
  for (const first of ['during', 'after'] as const) {
    const { kit, card, gate } = await sceneOf('exit');
    const before = card.state;
    await gate.tap(card, { command: LAST, when: first });
    const said = first === 'after' ? before : { ...before, balanceMinor: 0 };
    const { balanceMinor, extended } = said;
    const clone = extendedCard({
      balanceMinor,
      atc: card.state.atc,
      extended: extended!,
      quirks: { spoilsSignature: true },
    });
    const { decision } = await gate.tap(clone);
    assert.equal(decision.open, false);
    assert.equal(decision.settled, null);
    const debits = await debitsOf(gate.journal);
    assert(!debits.some(({ kind }) => kind === DebitKind.settlement), first);
    assert(kit.unconfirmed.size > 0);
  }
});

test('an entry that no gate opened for is an entry anew later, and no missing exit', async () => {
  for (const missingTapMinor of [null, 900]) {
    const kit = new StationKit({ missingTapMinor });
    const card = extendedCard();
    const gate = kit.gate('entry', 0, options);
    await gate.tap(card, { command: LAST, when: 'after' });
    kit.pass(11);
    const later = await gate.tap(card);
    assert.equal(later.decision.reason, 'open', later.decision.detail);
    assert.equal(later.decision.amountMinor, 0);
    assert.equal(later.decision.closed[1]?.kind, DebitKind.settlement);
    assert.equal(kit.unconfirmed.size, 0);
    kit.pass(20);
    await kit.gate('exit', 8, options).tap(card);
    assert.equal(spentMinor(card), kit.fares.fareMinor(0, 8, 0));
  }
});

test('on the other side a debit that is open is proven and the tap judged anew', async () => {
  const kit = new StationKit({ missingTapMinor: null });
  const card = extendedCard();
  await kit.gate('entry', 0, options).tap(card, { command: LAST, when: 'after' });
  kit.pass(20);
  const { decision } = await kit.gate('exit', 8, options).tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  assert.deepEqual(
    decision.closed.map(({ kind, state }) => [kind, state]),
    [
      [DebitKind.debit, DebitState.confirmed],
      [DebitKind.settlement, DebitState.confirmed],
    ],
  );
  assert.equal(spentMinor(card), kit.fares.fareMinor(0, 8, 0));
  assert.equal(kit.unconfirmed.size, 0);
});

test('a single ride that was paid is proven at an entry, where no record tells of it', async () => {
  for (const [when, state] of [
    ['after', DebitState.confirmed],
    ['during', DebitState.void],
  ] as const) {
    const kit = new StationKit();
    const card = extendedCard();
    const last = { command: LAST - 2, when } as const;
    await kit.gate('single', 8, options).tap(card, last);
    assert.equal(kit.unconfirmed.size, 1);
    const paidMinor = spentMinor(card);
    assert.equal(paidMinor > 0, when === 'after');
    const { decision } = await kit.gate('entry', 8, options).tap(card);
    assert.equal(decision.reason, 'open', decision.detail);
    assert.equal(decision.closed[1]?.state, state);
    assert.equal(spentMinor(card), paidMinor);
    assert.equal(kit.unconfirmed.size, 0);
  }
});

test('an entry that took nothing is not settled by the balance where a ride is tapped once', async () => {
  const kit = new StationKit();
  const card = extendedCard();
  await kit.gate('entry', 8, options).tap(card, { command: LAST, when: 'after' });
  const { decision } = await kit.gate('single', 8, options).tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  assert.deepEqual(
    decision.closed.map(({ kind }) => kind),
    [DebitKind.debit],
  );
  assert(spentMinor(card) > 0);
});

test('an entry that was never committed leaves the journey before it as it was', async () => {
  const kit = new StationKit({ missingTapMinor: 900 });
  const card = extendedCard();
  await kit.gate('entry', 3, options).tap(card);
  kit.pass(20);
  const entry = kit.gate('entry', 8, options);
  await entry.tap(card, { command: LAST, when: 'during' });
  const { decision } = await entry.tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  assert.equal(decision.amountMinor, 900, 'the ride from station 3 has no exit');
  assert.equal(spentMinor(card), 900);
});

test('a journal that takes no intent lets nothing go to the card', async () => {
  for (const refused of ['debit', 'evidence'] as const) {
    const { card, gate } = await sceneOf('exit');
    const before = toHex(recordBytes(card.state.extended!, 21, '2701'));
    const { journal } = gate;
    const { intent } = journal;
    const full = new FaregateError('JOURNAL_FULL', 'no room');
    journal.intent = (record) => {
      const isDebit = record[at.kind] === DebitKind.debit;
      return isDebit === (refused === 'debit')
        ? Promise.reject(full)
        : intent.call(journal, record);
    };
    const { decision } = await gate.tap(card);
    assert.equal(decision.reason, 'gateClosed');
    assert.equal(gate.barrier.opened, 0);
    assert.equal(spentMinor(card), 0);
    assert.equal(toHex(recordBytes(card.state.extended!, 21, '2701')), before);
    assert.equal(claimedMinor(await debitsOf(journal)), 0);
  }
});

test('a tap that comes too late is given up before the last record', async () => {
  const { kit, card, fareMinor } = await sceneOf('exit');
  const gate = kit.gate('exit', 8, { ...options, deadlineMs: 150 });
  const { decision } = await gate.tap(card);
  assert.equal(decision.reason, 'deadline');
  assert.equal(spentMinor(card), 0);
  const { decision: later } = await kit.gate('exit', 8, options).tap(card);
  assert.equal(later.reason, 'open', later.detail);
  assert.equal(spentMinor(card), fareMinor);
});
