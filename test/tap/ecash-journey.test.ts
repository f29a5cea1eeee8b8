/** Rides in and out with bank cards of the extended application: fares, pass-back, missing taps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { journeyType } from '../../engine/card/journey-record.ts';
import { cardNumberOf } from '../../engine/card/qpboc/card-data.ts';
import { readBankPayload } from '../../engine/card/qpboc/evidence-payload.ts';
import { DebitState, ECASH_TRANSACTION, TapKind } from '../../engine/debit/record.ts';
import type { EcashCard } from '../../gate/reader/virtual/ecash-card.ts';
import { recordBytes } from '../../gate/reader/virtual/ecash-extended.ts';
import { testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import { ecashCard } from '../kit/ecash-cards.ts';
import { blankRecord, extendedCard, extendedProfile } from '../kit/extended-cards.ts';
import { StationKit } from '../kit/station-kit.ts';

const bank = { bank: { extendedProfile } };

function journeyOn(card: EcashCard): string {
  return journeyType(extendedProfile.layout, recordBytes(card.state.extended!, 21, '2701'));
}

test('in and out: nothing at the entry, the fare at the exit, a journey on the card', async () => {
  const kit = new StationKit();
  const card = extendedCard();
  const entry = await kit.gate('entry', 3, bank).tap(card);
  assert.equal(entry.decision.reason, 'open', entry.decision.detail);
  assert.equal(entry.decision.tapKind, TapKind.entry);
  assert.deepEqual([card.state.balanceMinor, journeyOn(card)], [10_000, 'entry']);
  kit.pass(20);
  const exit = await kit.gate('exit', 8, bank).tap(card);
  const fareMinor = kit.fares.fareMinor(3, 8, 0);
  assert(fareMinor > 0);
  assert.equal(exit.decision.reason, 'open', exit.decision.detail);
  assert.equal(exit.decision.amountMinor, fareMinor);
  assert.equal(exit.decision.balanceMinor, 10_000 - fareMinor);
  assert.deepEqual([card.state.balanceMinor, journeyOn(card)], [10_000 - fareMinor, 'exit']);
  assert.deepEqual(exit.stages.map(({ command }) => command).slice(-8), [
    'SELECT',
    'READ CAPP DATA',
    'GET PROCESSING OPTIONS',
    'UPDATE CAPP DATA CACHE',
    'READ RECORD',
    'READ RECORD',
    'READ RECORD',
    'READ RECORD',
  ]);
  const [debit] = exit.decision.closed;
  assert.equal(debit?.transactionType, ECASH_TRANSACTION);
  assert.equal(debit.state, DebitState.confirmed);
  assert.equal(debit.offlineCounter, card.state.atc);
  assert.equal(toHex(debit.fromStation), toHex(kit.fares.stations[3]!.code));
  const proof = readBankPayload(exit.decision.evidence!.payload, debit);
  assert.equal(proof?.application, 1);
  assert.deepEqual(proof.authenticated, { method: 'fddaV01', algorithm: 'rsa' });
});

test('pass-back, and a second tap of the same rider', async () => {
  const kit = new StationKit({ passBackSeconds: 300 });
  const card = extendedCard();
  const entry = kit.gate('entry', 3, bank);
  await entry.tap(card);
  const again = await entry.tap(card);
  assert.equal(again.decision.reason, 'passBack');
  assert.equal(again.decision.open, false);
  assert.deepEqual(again.decision.closed, []);
  kit.pass(20);
  const exit = kit.gate('exit', 8, bank);
  assert.equal((await exit.tap(card)).decision.reason, 'open');
  const { balanceMinor } = card.state;
  assert.equal((await exit.tap(card)).decision.reason, 'passBack');
  assert.equal(card.state.balanceMinor, balanceMinor);
});

test('a missing exit costs what the fares say, and a missing entry is refused or charged', async () => {
  const kit = new StationKit({ missingTapMinor: 700 });
  const card = extendedCard();
  await kit.gate('entry', 3, bank).tap(card);
  kit.pass(60);
  const second = await kit.gate('entry', 8, bank).tap(card);
  assert.equal(second.decision.reason, 'open', second.decision.detail);
  assert.equal(card.state.balanceMinor, 9300);
  const unentered = extendedCard();
  const exit = await kit.gate('exit', 8, bank).tap(unentered);
  assert.equal(unentered.state.balanceMinor, 10_000 - exit.decision.amountMinor);
  const strict = new StationKit({ missingTapMinor: null });
  const refused = await strict.gate('exit', 8, bank).tap(extendedCard());
  assert.equal(refused.decision.open, false);
  assert.deepEqual(refused.decision.closed, []);
});

test('a balance that does not pay the fare, and one that does by the segment limit', async () => {
  const kit = new StationKit();
  const fareMinor = kit.fares.fareMinor(3, 20, 0);
  const rides = async (card: EcashCard) => {
    const entry = await kit.gate('entry', 3, bank).tap(card);
    kit.pass(20);
    const exit = await kit.gate('exit', 20, bank).tap(card);
    return [entry.decision, exit.decision] as const;
  };
  const short = fareMinor - 1;
  const card = extendedCard({ balanceMinor: short });
  const [entered, out] = await rides(card);
  assert.deepEqual([entered.reason, out.reason], ['open', 'balanceTooLow']);
  assert.equal(card.state.balanceMinor, short);
  assert.equal(journeyOn(card), 'entry');
  const limited = extendedCard({ balanceMinor: short, segmentLimitMinor: 1000 });
  kit.recent.note(cardNumberOf(testCard), recentNothing);
  const [, paid] = await rides(limited);
  assert.equal(paid.reason, 'open', paid.detail);
  assert.equal(limited.state.balanceMinor, 0);
  assert.equal(limited.state.extended!.deductedMinor, 1);
});

test('a stopped card, a spoilt signature and a gate without the key open nothing', async () => {
  const kit = new StationKit();
  const card = extendedCard();
  kit.stopNumbers(cardNumberOf(testCard));
  const stopped = await kit.gate('entry', 3, bank).tap(card);
  assert.equal(stopped.decision.reason, 'denylisted');
  assert.equal(journeyOn(card), 'none');
  kit.stopNumbers();
  const spoilt = extendedCard({ quirks: { spoilsSignature: true } });
  const forged = await kit.gate('entry', 3, bank).tap(spoilt);
  assert.equal(forged.decision.reason, 'answerForged');
  assert.equal(forged.decision.open, false);
  const settings = { ...extendedProfile.settings, key: { index: 9, version: 9 } };
  const keyless = { bank: { extendedProfile: { ...extendedProfile, settings } } };
  const unknown = await kit.gate('entry', 3, keyless).tap(extendedCard());
  assert.equal(unknown.decision.reason, 'keyUnknown');
});

test('where the card has no extended application, rides are what they were without', async () => {
  const kit = new StationKit();
  for (const card of [ecashCard(), extendedCard({ extended: { records: [] } })]) {
    const at = { bank: { ...bank.bank, openLoop: true } };
    const open = await kit.gate('entry', 3, at).tap(card);
    assert.equal(open.decision.reason, 'open', open.decision.detail);
    assert.equal(card.state.balanceMinor, 10_000);
    kit.recent.note(cardNumberOf(testCard), recentNothing);
    const closed = await kit.gate('entry', 3, bank).tap(card);
    assert.equal(closed.decision.reason, 'cardUnsupported');
  }
  // A single ride is paid plainly, and the record stays as it was.
  const card = extendedCard();
  const single = await kit.gate('single', 3, bank).tap(card);
  assert.equal(single.decision.reason, 'open', single.decision.detail);
  assert.equal(journeyOn(card), 'none');
});

/** As if the card had never tapped here. */
const recentNothing = {
  where: 'outside',
  station: new Uint8Array(4),
  instantMs: 0,
  counter: 0,
} as const;

test('a card that names no records keeps no journey: what it took is told, the gate stays closed', async () => {
  const kit = new StationKit({ missingTapMinor: 700 });
  const inside = extendedCard();
  await kit.gate('entry', 3, bank).tap(inside);
  const { records } = inside.state.extended!;
  const card = extendedCard({ personality: { chainFor: () => null }, extended: { records } });
  kit.recent.note(cardNumberOf(testCard), recentNothing);
  kit.pass(20);
  const exit = kit.gate('exit', 8, bank);
  const { decision } = await exit.tap(card);
  assert.equal(decision.open, false);
  assert.equal(decision.reason, 'cardFaulty');
  const takenMinor = 10_000 - card.state.balanceMinor;
  assert(takenMinor > 0);
  const { state, amountMinor } = decision.closed[0]!;
  assert.deepEqual([state, amountMinor], [DebitState.unconfirmed, takenMinor]);
  assert.equal(exit.barrier.opened, 0);
});

test('a foreign record type is no journey, and bytes that gates do not write stay', async () => {
  const kit = new StationKit();
  const record = blankRecord();
  record.bytes.fill(0x5a, 45);
  record.bytes[extendedProfile.layout.type.offset] = 0x77;
  const card = extendedCard({ extended: { records: [record] } });
  const { decision } = await kit.gate('entry', 3, bank).tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  const written = recordBytes(card.state.extended!, 21, '2701');
  assert.deepEqual(written.slice(45), fromHex('5A5A5A'));
  assert.equal(toHex(written.slice(0, 3)), '27012D');
});
