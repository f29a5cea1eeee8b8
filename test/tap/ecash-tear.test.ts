/**
 * Bank cards torn away at every command and in every phase, and what the next tap makes of it: the
 * card's balance and the debits agree, nobody pays twice for one ride, and no gate opens without a
 * durable intent and a genuine card.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fromHex } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import { DebitKind, DebitState, Evidence } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { RecentTaps } from '../../engine/tap/recent-taps.ts';
import { EcashCard } from '../../gate/reader/virtual/ecash-card.ts';
import { testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import type { Tear } from '../../gate/reader/virtual/reader.ts';
import { type EcashSetUp, ecashCard } from '../kit/ecash-cards.ts';
import { disguised, withOptions } from '../kit/ecash-disguise.ts';
import { claimedMinor, debitsOf, recordsOf } from '../kit/journal-debits.ts';
import { type GateOptions, StationKit } from '../kit/station-kit.ts';

const STATION = 3;
const START_MINOR = 10_000;
const PHASES = ['before', 'during', 'after'] as const;
/** Directory, application, options, three records, and the last. */
const COMMANDS = 7;
const LAST = COMMANDS;

function gateOf(kit: StationKit, options: GateOptions = {}) {
  return kit.gate('single', STATION, { bank: {}, families: ['bank'], ...options });
}

function fareOf(kit: StationKit): number {
  return kit.fares.fareMinor(STATION, STATION, 0);
}

for (const signatureFirst of [false, true]) {
  const last = signatureFirst ? LAST + 1 : LAST;
  for (let command = 1; command <= last; command++) {
    for (const when of PHASES) {
      for (const isSame of [true, false]) {
        const how = `${when} command ${command} of ${last}`;
        test(`torn ${how}, then ${isSame ? 'the same gate' : 'its neighbour'}`, () =>
          tearAndReturn({ personality: { signatureFirst } }, { command, when }, last, isSame));
      }
    }
  }
}

async function tearAndReturn(
  setUp: EcashSetUp,
  tear: Tear,
  last: number,
  isSame: boolean,
): Promise<void> {
  const kit = new StationKit();
  const card = ecashCard(setUp);
  const fareMinor = fareOf(kit);
  const first = gateOf(kit);
  const torn = await first.tap(card, tear);
  assert.equal(torn.decision.reason, 'cardGone');
  assert.equal(first.barrier.opened, 0);
  const isLast = tear.command === last;
  const committed = isLast && tear.when === 'after';
  assert.equal(card.state.balanceMinor, START_MINOR - (committed ? fareMinor : 0));
  assert.equal(kit.unconfirmed.size, isLast ? 1 : 0);

  kit.clock.advance(kit.clock.nowMs() + 3000);
  const second = isSame ? first : gateOf(kit);
  const { decision } = await second.tap(card);
  assert.equal(decision.reason, committed ? 'recovered' : 'open', decision.detail);
  assert.equal(card.state.balanceMinor, START_MINOR - fareMinor, 'charged once');
  assert.equal(kit.unconfirmed.size, 0);
  const read = await recordsOf(first.journal, second.journal);
  assert.equal(claimedMinor(read.debits), fareMinor, 'claimed once');
  const settlements = read.debits.filter(({ kind }) => kind === DebitKind.settlement);
  assert.equal(settlements.length, isLast ? 1 : 0);
  kit.clock.advance(kit.clock.nowMs() + 3000);
  assert.equal((await second.tap(card)).decision.reason, 'passBack');
  if (!isLast) return;
  assert.equal(settlements[0]!.state, committed ? DebitState.confirmed : DebitState.void);
  assert.equal(settlements[0]!.evidence, Evidence.cardState);
}

test('torn at every command of the tap that recovers, and once more', async () => {
  // The purchase of nothing: application, options and four records.
  for (let command = 1; command <= COMMANDS - 1 + 6; command++) {
    for (const when of PHASES) {
      const kit = new StationKit();
      const card = ecashCard();
      const gate = gateOf(kit);
      await gate.tap(card, { command: LAST, when: 'after' });
      const again = (await gate.tap(card, { command, when })).decision;
      assert.deepEqual([again.open, again.reason], [false, 'cardGone'], `${when} ${command}`);
      assert.deepEqual(again.closed, []);
      assert.equal(kit.unconfirmed.size, 1);
      assert.equal((await gate.tap(card)).decision.reason, 'recovered');
      assert.equal(card.state.balanceMinor, START_MINOR - fareOf(kit));
      assert.equal(claimedMinor(await debitsOf(gate.journal)), fareOf(kit));
    }
  }
});

test('the tap that recovers takes nothing, and costs six exchanges where the signature is last', async () => {
  for (const [signatureFirst, commands] of [
    [false, 12],
    [true, 7],
  ] as const) {
    const kit = new StationKit();
    const card = ecashCard({ personality: { signatureFirst } });
    const gate = gateOf(kit);
    await gate.tap(card, { command: signatureFirst ? LAST + 1 : LAST, when: 'after' });
    const { decision, stages } = await gate.tap(card);
    assert.equal(decision.reason, 'recovered');
    assert.equal(stages.length, commands);
    assert.equal(decision.balanceMinor, card.state.balanceMinor);
  }
});

test('torn over and over, the card is charged once in the end', async () => {
  const kit = new StationKit();
  const card = ecashCard();
  const gate = gateOf(kit);
  for (const when of ['during', 'before', 'during', 'before'] as const) {
    await gate.tap(card, { command: LAST, when });
  }
  assert.equal((await gate.tap(card)).decision.reason, 'open');
  assert.equal(card.state.balanceMinor, START_MINOR - fareOf(kit));
  const read = await recordsOf(gate.journal);
  assert.equal(claimedMinor(read.debits), fareOf(kit));
  // The card proved itself in the last tap alone; the ledger has those before from its balances.
  const settled = read.debits.filter(({ kind }) => kind === DebitKind.settlement);
  assert.deepEqual(
    settled.map(({ state, refersTo }) => [state, refersTo?.gateSequence]),
    [[DebitState.void, 7]],
  );
});

test('a card emptied by the fare that was torn away goes through on it', async () => {
  for (const decision of [null, 'ARQC'] as const) {
    const kit = new StationKit();
    const card = ecashCard({ state: { balanceMinor: fareOf(kit) } });
    const gate = gateOf(kit);
    await gate.tap(card, { command: LAST, when: 'after' });
    assert.equal(card.state.balanceMinor, 0);
    const online = decision && withOptions((elements) => elements.set('9F6C', '2000'));
    const held = online ? disguised(card, online) : card;
    assert.equal((await gate.tap(held)).decision.reason, 'recovered');
  }
});

test('a card that says it has paid, and is not genuine, is not let through', async () => {
  const kit = new StationKit();
  const card = ecashCard();
  const gate = gateOf(kit);
  await gate.tap(card, { command: LAST, when: 'after' });
  const state = card.state;
  const clone = ecashCard({ state, quirks: { spoilsSignature: true } });
  const { decision } = await gate.tap(clone);
  assert.deepEqual([decision.open, decision.reason], [false, 'answerForged']);
  assert.deepEqual(decision.closed, []);
  assert.equal(kit.unconfirmed.size, 1, 'its own card settles it');
  assert.equal((await gate.tap(card)).decision.reason, 'recovered');
});

test('a card that was used elsewhere in between is left to the ledger, and pays', async () => {
  for (const changeMinor of [-150, 5000]) {
    const kit = new StationKit();
    const fareMinor = fareOf(kit);
    const card = ecashCard();
    const gate = gateOf(kit);
    await gate.tap(card, { command: LAST, when: 'after' });
    const { balanceMinor, atc } = card.state;
    const later = ecashCard({ state: { balanceMinor: balanceMinor + changeMinor, atc: atc + 1 } });
    const { decision } = await gate.tap(later);
    assert.equal(decision.reason, 'open');
    assert.equal(decision.settled?.offlineCounter, atc);
    assert.equal(decision.closed.length, 1, 'the ledger settles it');
    assert.equal(later.state.balanceMinor, balanceMinor + changeMinor - fareMinor);
    assert.equal(kit.unconfirmed.size, 0);
  }
});

test('a card that tells no balance is asked for it before it is settled', async () => {
  for (const when of ['during', 'after'] as const) {
    const kit = new StationKit();
    const card = ecashCard();
    const gate = gateOf(kit, { deadlineMs: 1000 });
    await gate.tap(card, { command: LAST, when });
    const silent = withOptions((elements) => {
      elements.delete('9F5D');
      elements.set('9F10', elements.get('9F10')!.slice(0, 14));
    });
    const { decision } = await gate.tap(disguised(card, silent));
    assert.equal(decision.reason, when === 'after' ? 'recovered' : 'open');
    assert.equal(card.state.balanceMinor, START_MINOR - fareOf(kit));
    assert.equal(kit.unconfirmed.size, 0);
    assert.equal(claimedMinor(await debitsOf(gate.journal)), fareOf(kit));
  }
});

test('a last record that is none leaves the debit unconfirmed, and the next tap settles it', async () => {
  const kit = new StationKit();
  const card = ecashCard();
  const gate = gateOf(kit);
  const broken = disguised(card, (apdu) =>
    apdu[1] === 0xb2 && apdu[3] === 0x1c ? fromHex('7003019000') : null,
  );
  const { decision } = await gate.tap(broken);
  assert.deepEqual([decision.open, decision.reason], [false, 'cardFaulty']);
  assert.equal(kit.unconfirmed.size, 1);
  assert.equal((await gate.tap(card)).decision.reason, 'recovered');
  assert.equal(card.state.balanceMinor, START_MINOR - fareOf(kit));
});

test('a last record refused by the card, or by the link in its place: the next tap tells', async () => {
  for (const isLinks of [false, true]) {
    const kit = new StationKit();
    const card = ecashCard();
    const gate = gateOf(kit);
    const refusing = {
      ...disguised(card, () => null),
      transmit: (apdu: Uint8Array) => {
        const isLast = apdu[1] === 0xb2 && apdu[3] === 0x1c;
        const answer = isLast && !isLinks ? null : card.transmit(apdu);
        return isLast ? fromHex('6985') : answer!;
      },
    };
    const { decision } = await gate.tap(refusing);
    assert.equal(decision.reason, 'cardRefused');
    assert.equal(decision.closed[0]?.state, DebitState.unconfirmed);
    assert.equal(card.state.balanceMinor, START_MINOR - (isLinks ? fareOf(kit) : 0));
    const next = (await gate.tap(card)).decision;
    assert.equal(next.reason, isLinks ? 'recovered' : 'open');
    assert.equal(card.state.balanceMinor, START_MINOR - fareOf(kit), 'taken once');
    assert.equal(claimedMinor(await debitsOf(gate.journal)), fareOf(kit), 'claimed once');
  }
});

test('no last record is asked for before the intents are durable, and the gate stays closed', async () => {
  for (const kind of ['debit', 'evidence', 'both'] as const) {
    const kit = new StationKit();
    const card = ecashCard();
    const gate = gateOf(kit);
    const { journal } = gate;
    const { intent } = journal;
    const full = new FaregateError('JOURNAL_FULL', 'no room');
    journal.intent = (record) => {
      const isDebit = record[at.kind] === DebitKind.debit;
      const refuses = kind === 'both' || (kind === 'debit') === isDebit;
      return refuses ? Promise.reject(full) : intent.call(journal, record);
    };
    const { decision } = await gate.tap(card);
    assert.deepEqual([decision.open, decision.reason], [false, 'gateClosed'], kind);
    assert.equal(card.state.balanceMinor, START_MINOR, kind);
    journal.intent = intent;
    assert.equal((await gate.tap(card)).decision.reason, 'open');
    assert.equal(claimedMinor(await debitsOf(journal)), fareOf(kit));
  }
});

test('a gate that crashed after the last record: unconfirmed, and the card goes through on it', async () => {
  const kit = new StationKit();
  const card = ecashCard();
  const before = gateOf(kit);
  const { journal } = before;
  const { close } = journal;
  journal.close = () => {};
  await before.tap(card);
  journal.close = close;
  assert.equal(journal.open().length, 2);
  // A new process remembers no taps.
  const after = gateOf(kit, { journal, recent: new RecentTaps() });
  await setImmediate();
  assert.equal(kit.unconfirmed.size, 1);
  assert.equal((await after.tap(card)).decision.reason, 'recovered');
  const read = await recordsOf(journal);
  assert.equal(claimedMinor(read.debits), fareOf(kit));
  assert.deepEqual(read.evidence, [2]);
});

test('any bytes in place of any answer: a named reason, nothing open, nothing taken twice', async () => {
  const seed = 20_261_130;
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 300; round++) {
    const kit = new StationKit();
    const card = ecashCard({ state: { balanceMinor: START_MINOR, atc: 10 } });
    const gate = gateOf(kit);
    let commands = 0;
    const where = 1 + random(COMMANDS);
    const broken = disguised(card, (_, response) => {
      if (++commands !== where) return null;
      const bytes = Uint8Array.from(response);
      if (random(4) === 0) return bytes.subarray(0, random(bytes.length + 1));
      bytes[random(bytes.length)]! ^= 1 << random(8);
      return bytes;
    });
    const { decision } = await gate.tap(broken);
    assert.notEqual(decision.reason, undefined);
    const takenMinor = START_MINOR - card.state.balanceMinor;
    assert(takenMinor === 0 || takenMinor === fareOf(kit), `round ${round}: ${takenMinor}`);
    if (decision.open) assert.equal(takenMinor, fareOf(kit));
    const states = decision.closed.map((debit) => debit.state);
    const isKnown =
      states.includes(DebitState.confirmed) || states.includes(DebitState.unconfirmed);
    assert.equal(takenMinor === 0 || isKnown, true, `round ${round}: taken and not recorded`);
    const claimed = claimedMinor(await debitsOf(gate.journal));
    assert(claimed <= takenMinor, `round ${round}: claimed ${claimed} of ${takenMinor}`);
  }
});

test('a day of taps, torn at random: balance and debits agree, each ride paid once', async () => {
  const seed = 4_711;
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const kit = new StationKit();
  const gates = [gateOf(kit), gateOf(kit)];
  const card = new EcashCard({
    personality: testCard,
    state: { balanceMinor: 1_000_000, atc: 1 },
    randomBytes: (length) => new Uint8Array(length).fill(random(256)),
  });
  let rides = 0;
  for (let tapped = 0; tapped < 300; tapped++) {
    const gate = gates[random(2)]!;
    const tear: Tear = { command: 1 + random(14), when: PHASES[random(3)]! };
    const { decision } = random(3) === 0 ? await gate.tap(card) : await gate.tap(card, tear);
    if (decision.open) {
      rides++;
      kit.pass(60);
    }
  }
  while (kit.unconfirmed.size > 0) {
    if ((await gates[0]!.tap(card)).decision.open) rides++;
    kit.pass(60);
  }
  const paidMinor = 1_000_000 - card.state.balanceMinor;
  assert.equal(paidMinor, rides * fareOf(kit));
  assert.equal(claimedMinor(await debitsOf(...gates.map(({ journal }) => journal))), paidMinor);
  assert(rides > 50);
});
