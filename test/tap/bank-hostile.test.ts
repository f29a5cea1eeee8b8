/**
 * Bank cards that make up their answers, links that change the last of them, kernels that hand over
 * anything: by a printed seed, thousands of taps. No tap throws, whatever is refused has a named
 * reason without a card number in it, no gate opens for who is not genuine, and a genuine card pays
 * once for each ride.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../engine/bytes.ts';
import type { KernelOutcome } from '../../engine/card/qpboc/kernel.ts';
import { decodeDebit } from '../../engine/debit/codec.ts';
import { isEvent, wantsEvidence } from '../../engine/debit/event.ts';
import { DEBIT_BYTES, DebitKind, DebitState } from '../../engine/debit/record.ts';
import type { Decision } from '../../engine/tap/decision.ts';
import { kernelTap } from '../../engine/tap/kernel-tap.ts';
import { reasons } from '../../engine/tap/reasons.ts';
import type { Journal } from '../../gate/journal/port.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import type { Tear } from '../../gate/reader/virtual/reader.ts';
import { ecashCard } from '../kit/ecash-cards.ts';
import { encodeElements } from '../kit/ecash-disguise.ts';
import { extendedCard, extendedProfile } from '../kit/extended-cards.ts';
import { MadeUpCard, Random } from '../kit/made-up-cards.ts';
import { type GateKit, StationKit } from '../kit/station-kit.ts';

const SEED = 20_261_130;
const PHASES = ['before', 'during', 'after'] as const;
const both = { ecash: true, openLoop: true, extendedProfile };

/** What holds of every decision: a named reason, and no number of a card in what staff reads. */
function check(decision: Decision, pan: string, run: number): void {
  assert(decision.reason in reasons, `run ${run}: ${decision.reason}`);
  const said = `${decision.reason} ${decision.detail}`;
  assert(!said.includes(pan) && !/\d{7}/.test(said), `run ${run}: a card number is told`);
  for (const debit of decision.closed) {
    assert(!said.includes(toHex(debit.cardNumber)), `run ${run}: a card number is told`);
  }
}

/** Claimed: what is confirmed, by debits and settlements. Each debit's evidence is behind it. */
async function claimedMinor(journals: readonly Journal[]): Promise<number> {
  let sumMinor = 0;
  for (const journal of journals) {
    const { records, count } = await journal.read(1, 100_000);
    for (let i = 0; i < count; i++) {
      const from = i * DEBIT_BYTES;
      if (isEvent(records, from)) continue;
      const { state, amountMinor } = decodeDebit(records, from);
      if (state === DebitState.confirmed) sumMinor += amountMinor;
      if (wantsEvidence(records, from)) assert(isEvent(records, from + DEBIT_BYTES));
    }
  }
  return sumMinor;
}

test('cards that make up their answers open nothing and confirm nothing', async () => {
  console.log(`seed ${SEED}`);
  const random = new Random(SEED);
  const kit = new StationKit({ missingTapMinor: 900 });
  const gates = (['entry', 'exit', 'single'] as const).flatMap((side) => [
    kit.gate(side, 3, { bank: both, families: ['bank'] }),
    kit.gate(side, 3, { bank: { extendedProfile }, families: ['bank', 'purse'] }),
    kit.gate(side, 3, { bank: { ecash: false, openLoop: true }, families: ['purse', 'bank'] }),
  ]);
  const met = new Set<string>();
  for (let run = 0; run < 4000; run++) {
    const gate = gates[random.below(gates.length)]!;
    const card = new MadeUpCard(random);
    const tear: Tear = { command: 1 + random.below(12), when: PHASES[random.below(3)]! };
    const { decision } = await gate.tap(card, random.below(4) === 0 ? tear : undefined);
    check(decision, card.pan, run);
    assert.equal(decision.open, false, `run ${run}: ${decision.reason}`);
    const debits = decision.closed.filter(({ kind }) => kind === DebitKind.debit);
    const states = debits.map(({ state }) => state);
    assert(!states.includes(DebitState.confirmed), `run ${run}: ${decision.detail}`);
    met.add(`${decision.reason} ${debits.length}`);
  }
  // Else the answers made up are too poor to get anywhere.
  for (const far of ['cardGone 1', 'answerForged 1', 'balanceTooLow 0', 'expired 0']) {
    assert(met.has(far), `none ended in ${far}: ${[...met].join(', ')}`);
  }
});

/** The card behind a link that changes the answers to commands of which `isLast` is true. */
function behind(card: HeldCard, random: Random, isLast: (apdu: Uint8Array) => boolean): HeldCard {
  return {
    uid: card.uid,
    power: () => card.power(),
    loseDuring: (apdu) => card.loseDuring(apdu),
    transmit: (apdu) => {
      if (!isLast(apdu)) return card.transmit(apdu);
      const isHeard = random.below(3) > 0;
      const answer = isHeard ? Uint8Array.from(card.transmit(apdu)) : Uint8Array.of(0x6a, 0x83);
      return random.below(3) === 0 ? answer : random.changed(answer);
    },
  };
}

const isLastRecord = (apdu: Uint8Array) => apdu[1] === 0xb2 && apdu[3] === 0x1c;

/** Taps, also torn and through the link, until the gate opens. @returns taps it took */
async function untilOpen(gate: GateKit, card: HeldCard, random: Random, run: number) {
  for (let taps = 1; taps < 40; taps++) {
    const tear: Tear = { command: 6 + random.below(5), when: PHASES[random.below(3)]! };
    const how = random.below(3);
    const held = how === 0 ? behind(card, random, isLastRecord) : card;
    const { decision } = await gate.tap(held, how === 1 ? tear : undefined);
    check(decision, '6228000100001117', run);
    if (decision.open) return taps;
  }
  return assert.fail(`run ${run}: the gate never opened`);
}

test('single rides over a link that spoils and refuses last records: each is paid once', async () => {
  console.log(`seed ${SEED}`);
  const random = new Random(SEED);
  const kit = new StationKit();
  const card = ecashCard({ state: { balanceMinor: 4_000_000 } });
  const gates = [1, 2].map(() => kit.gate('single', 3, { bank: {}, families: ['bank'] }));
  let taps = 0;
  const rides = 400;
  for (let ride = 0; ride < rides; ride++) {
    taps += await untilOpen(gates[random.below(2)]!, card, random, ride);
    assert.equal(kit.unconfirmed.size, 0);
    kit.pass(60);
  }
  assert(taps > rides * 1.4, `${taps} taps`);
  const paidMinor = rides * kit.fares.fareMinor(3, 3, 0);
  assert.equal(4_000_000 - card.state.balanceMinor, paidMinor);
  assert.equal(await claimedMinor(gates.map(({ journal }) => journal)), paidMinor);
});

test('rides in and out over such a link: each is paid once', async () => {
  console.log(`seed ${SEED}`);
  const random = new Random(SEED);
  const kit = new StationKit({ missingTapMinor: 900 });
  const card = extendedCard({ balanceMinor: 4_000_000 });
  const options = { bank: { extendedProfile }, families: ['bank'] } as const;
  const entry = kit.gate('entry', 3, options);
  const exit = kit.gate('exit', 8, options);
  const rides = 200;
  for (let ride = 0; ride < rides; ride++) {
    await untilOpen(entry, card, random, ride);
    kit.pass(20);
    await untilOpen(exit, card, random, ride);
    kit.pass(60);
  }
  const paidMinor = rides * kit.fares.fareMinor(3, 8, 0);
  assert.equal(4_000_000 - card.state.balanceMinor, paidMinor);
  assert.equal(await claimedMinor([entry.journal, exit.journal]), paidMinor);
});

/** Elements as a kernel hands them over, most of them as they should be. */
function kernelElements(random: Random, atc: number, amountMinor: number): [string, string][] {
  const all: [string, string][] = [
    ['84', 'A000000333010101'],
    ['82', '7C00'],
    ['9F36', toHex(Uint8Array.of(atc >> 8, atc))],
    ['9F26', random.hex(8)],
    ['9F27', random.of(['40', '80', '00', 'C0'])],
    ['9F10', random.of(['07010103900000010A01000000970012345678', '0110A00003220000', 'FF'])],
    ['57', '6228000100001117D30122010123456789'],
    ['9F5D', random.of(['000000009000', 'FFFFFFFFFFFF', random.hex(6)])],
    ['9F02', random.of([String(amountMinor).padStart(12, '0'), '000000000000', '999999999999'])],
    ['9F03', '000000000000'],
    ['9F1A', '0156'],
    ['95', random.of(['0000000000', '0000000000', '8000000000'])],
    ['5F2A', random.of(['0156', '0156', '0840'])],
    ['9A', random.of(['260302', '999999'])],
    ['9F21', random.of(['080001', '999999'])],
    ['9C', '00'],
    ['9F37', random.hex(4)],
    ['9F66', '28000080'],
  ];
  return random.below(4) === 0 ? all.filter(() => random.below(8) > 0) : all;
}

test('kernels that hand over anything: nothing throws, and no gate opens for less than its fare', async () => {
  console.log(`seed ${SEED}`);
  const random = new Random(SEED);
  const kit = new StationKit();
  const gates = (['entry', 'single'] as const).map((side) =>
    kit.gate(side, 3, { bank: { ecash: side === 'single', openLoop: side === 'entry' } }),
  );
  const fareMinor = kit.fares.fareMinor(3, 3, 0);
  const card = ecashCard();
  let opened = 0;
  for (let run = 0; run < 4000; run++) {
    const made = kernelElements(random, run + 1, fareMinor);
    const whole = encodeElements(made);
    const elements = random.below(3) === 0 ? random.changed(whole) : whole;
    const verdict = random.of(['approved', 'approved', 'online', 'declined', 'tryAgain'] as const);
    const outcome: KernelOutcome = { verdict, elements };
    const at = random.below(2);
    const { decision } = await gates[at]!.run(card, (setting, instantMs, sequence) =>
      kernelTap(setting, instantMs, sequence, outcome),
    );
    check(decision, '6228000100001117', run);
    if (!decision.open) continue;
    opened += 1;
    assert(verdict === 'approved' || verdict === 'online');
    assert.equal(decision.amountMinor, at === 1 ? fareMinor : 0);
    assert.equal(decision.closed[0]?.currency, 156);
    kit.pass(60);
  }
  assert(opened > 20, `${opened} opened`);
});
