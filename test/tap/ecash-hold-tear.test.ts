/**
 * Cards whose fare is held, torn away at every command and in every phase, at the tap and at the
 * one that settles it: what the card lost is what debits claim, and a hold is neither lost nor
 * doubled.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DebitKind, DebitState } from '../../engine/debit/record.ts';
import { mostFrom } from '../../engine/tap/ecash-hold.ts';
import type { HoldRule } from '../../engine/tap/setting.ts';
import type { EcashCard } from '../../gate/reader/virtual/ecash-card.ts';
import type { Tear } from '../../gate/reader/virtual/reader.ts';
import { heldOf, heldProfile, holdingCard } from '../kit/extended-cards.ts';
import { claimedMinor, debitsOf } from '../kit/journal-debits.ts';
import { type GateKit, StationKit } from '../kit/station-kit.ts';

const PHASES = ['before', 'during', 'after'] as const;
/** PPSE, SELECT, READ CAPP DATA, GET PROCESSING OPTIONS, UPDATE CAPP DATA CACHE, four records. */
const LAST = 9;

/** What the card lost for good. */
function spentMinor(card: EcashCard): number {
  return 10_000 - card.state.balanceMinor - heldOf(card);
}

interface Scene {
  readonly kit: StationKit;
  readonly card: EcashCard;
  readonly gate: GateKit;
  readonly takenMinor: number;
  /** Held once the tap is through. */
  readonly heldMinor: number;
  another(): GateKit;
}

/** What a tap at station 8 is: an entry, an exit, or an entry with a hold open. */
type Kind = 'entry' | 'exit' | 'return';
const named = { entry: 'an entry', exit: 'an exit', return: 'an entry with a hold' } as const;
const MISSING_MINOR = 500;

async function sceneOf(kind: Kind, hold: HoldRule = 'maxFare'): Promise<Scene> {
  const kit = new StationKit({ missingTapMinor: kind === 'return' ? MISSING_MINOR : null });
  const options = { bank: { extendedProfile: heldProfile, hold }, families: ['bank'] } as const;
  const card = holdingCard();
  if (kind !== 'entry') {
    const { decision } = await kit.gate('entry', 3, options).tap(card);
    assert.equal(decision.reason, 'open', decision.detail);
    kit.pass(20);
  }
  const another = () => kit.gate(kind === 'exit' ? 'exit' : 'entry', 8, options);
  const wantedMinor = { entry: 0, exit: kit.fares.fareMinor(3, 8, 0), return: MISSING_MINOR }[kind];
  const takenMinor = Math.min(wantedMinor, heldOf(card));
  const heldMinor = kind === 'entry' ? mostFrom(kit.fares, 8, 0) : 0;
  return { kit, card, gate: another(), takenMinor, heldMinor, another };
}

async function tearAndReturn(kind: Kind, tear: Tear, isSame: boolean, hold: HoldRule) {
  const { kit, card, gate, takenMinor, heldMinor, another } = await sceneOf(kind, hold);
  const torn = await gate.tap(card, tear);
  const where = `${kind} ${tear.when} ${tear.command}: `;
  assert.equal(torn.decision.reason, 'cardGone', where);
  assert.equal(gate.barrier.opened, 0);
  const isLast = tear.command === LAST;
  const committed = isLast && tear.when === 'after';
  assert.equal(spentMinor(card), committed ? takenMinor : 0, where);
  assert.equal(kit.unconfirmed.size, isLast ? 1 : 0, where);

  kit.clock.advance(kit.clock.nowMs() + 3000);
  const second = isSame ? gate : another();
  const { decision } = await second.tap(card);
  assert.equal(decision.open, true, where + decision.reason + decision.detail);
  assert.equal(decision.reason, committed ? 'recovered' : 'open', where);
  assert.equal(spentMinor(card), takenMinor, `${where}charged once`);
  assert.equal(heldOf(card), heldMinor, `${where}held once`);
  assert.equal(kit.unconfirmed.size, 0, where);
  const debits = await debitsOf(gate.journal, second.journal);
  assert.equal(claimedMinor(debits), takenMinor, `${where}claimed once`);
  const settlements = debits.filter(({ kind }) => kind === DebitKind.settlement);
  assert.equal(settlements.length, isLast ? 1 : 0, where);
  if (!isLast) return;
  assert.equal(settlements[0]!.state, committed ? DebitState.confirmed : DebitState.void, where);
}

for (const kind of ['entry', 'exit', 'return'] as const) {
  for (const when of PHASES) {
    test(`torn ${when} every command of ${named[kind]}, then the same gate or its neighbour`, async () => {
      for (let command = 1; command <= LAST; command++) {
        for (const isSame of [true, false]) {
          await tearAndReturn(kind, { command, when }, isSame, 'maxFare');
        }
      }
    });
  }
}

test('an exit that takes all of the hold is settled by what the card proves', async () => {
  const { kit } = await sceneOf('entry');
  const fareMinor = kit.fares.fareMinor(3, 8, 0);
  for (const hold of [fareMinor, fareMinor - 1]) {
    for (const when of PHASES) await tearAndReturn('exit', { command: LAST, when }, true, hold);
  }
});

for (const kind of ['entry', 'exit', 'return'] as const) {
  for (const first of ['during', 'after'] as const) {
    test(`torn ${first} the last record of ${named[kind]}, and torn again while it is settled`, async () => {
      let settledBy = 0;
      for (let command = 1; command <= 20; command++) {
        for (const when of PHASES) {
          const { kit, card, gate, takenMinor, heldMinor } = await sceneOf(kind);
          await gate.tap(card, { command: LAST, when: first });
          kit.clock.advance(kit.clock.nowMs() + 3000);
          const again = await gate.tap(card, { command, when });
          const where = `${when} ${command} ${again.decision.reason}`;
          if (again.decision.open) settledBy += 1;
          else assert.equal(again.decision.reason, 'cardGone', where);
          kit.clock.advance(kit.clock.nowMs() + 3000);
          const third = again.decision.open ? again : await gate.tap(card);
          assert.equal(third.decision.open, true, `${where} then ${third.decision.reason}`);
          assert.deepEqual([spentMinor(card), heldOf(card)], [takenMinor, heldMinor], where);
          assert.equal(gate.barrier.opened, 1);
          assert.equal(kit.unconfirmed.size, 0, where);
          assert.equal(claimedMinor(await debitsOf(gate.journal)), takenMinor, where);
        }
      }
      assert(settledBy > 0, 'some tears come after its last command');
    });
  }
}

test('an entry that held and opened for nobody is released where it begins anew', async () => {
  const { kit, card, gate } = await sceneOf('entry');
  await gate.tap(card, { command: LAST, when: 'after' });
  assert(heldOf(card) > 0);
  kit.pass(11);
  const later = await gate.tap(card);
  assert.equal(later.decision.reason, 'open', later.decision.detail);
  assert.deepEqual([later.decision.amountMinor, spentMinor(card), heldOf(card)], [0, 0, 0]);
  assert.equal(kit.unconfirmed.size, 0);
});

test('at an exit the open hold of a torn entry is proven, and the ride taken of it', async () => {
  const { kit, card, gate } = await sceneOf('entry');
  await gate.tap(card, { command: LAST, when: 'after' });
  kit.pass(20);
  const bank = { extendedProfile: heldProfile };
  const exit = kit.gate('exit', 8, { bank, families: ['bank'] });
  const { decision } = await exit.tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  assert.deepEqual(
    decision.closed.map(({ kind, state }) => [kind, state]),
    [
      [DebitKind.debit, DebitState.confirmed],
      [DebitKind.settlement, DebitState.confirmed],
    ],
  );
  assert.deepEqual([spentMinor(card), heldOf(card)], [kit.fares.fareMinor(8, 8, 0), 0]);
});
