/** Rides whose fare is held on an e-cash card at the entry, and taken of it at the exit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { journeyType, readUint } from '../../engine/card/journey-record.ts';
import { readBankPayload } from '../../engine/card/qpboc/evidence-payload.ts';
import { DebitState, ECASH_TRANSACTION, TapKind } from '../../engine/debit/record.ts';
import { mostFrom } from '../../engine/tap/ecash-hold.ts';
import type { HoldRule, Side } from '../../engine/tap/setting.ts';
import type { TapReport } from '../../gate/controller.ts';
import type { EcashCard } from '../../gate/reader/virtual/ecash-card.ts';
import { recordBytes } from '../../gate/reader/virtual/ecash-extended.ts';
import { heldOf, heldProfile, holdingCard } from '../kit/extended-cards.ts';
import { type GateKit, StationKit } from '../kit/station-kit.ts';

const START_MINOR = 10_000;

function gateOf(kit: StationKit, side: Side, station: number, hold?: HoldRule): GateKit {
  const held = hold === undefined ? {} : { hold };
  return kit.gate(side, station, { bank: { extendedProfile: heldProfile, ...held } });
}

function record(card: EcashCard): Uint8Array {
  return recordBytes(card.state.extended!, 21, '2701');
}

function journeyOn(card: EcashCard): string {
  return journeyType(heldProfile.layout, record(card));
}

/** What a card's record says is held on it. */
function shownOn(card: EcashCard): number {
  return readUint(record(card), heldProfile.layout.maxIncompleteAmount);
}

/** Balance and hold. */
function moneyOn(card: EcashCard): readonly [number, number] {
  return [card.state.balanceMinor, heldOf(card)];
}

function proofOf({ decision }: TapReport) {
  const proof = readBankPayload(decision.evidence!.payload, decision.closed[0]!);
  assert(proof);
  return proof;
}

test('the most that a ride from a station may cost', () => {
  const { fares } = new StationKit({ maxMinutes: 0, sameStationMinutes: 0 });
  const all = fares.stations.map((_, to) => fares.fareMinor(3, to, 0));
  assert.equal(mostFrom(fares, 3, 0), Math.max(...all));
  const stay = new StationKit({ maxMinutes: 60, sameStationMinutes: 0, overstayMinor: 5000 });
  assert.equal(mostFrom(stay.fares, 3, 0), 5000);
  const same = new StationKit({ maxMinutes: 0, sameStationMinutes: 9, sameStationMinor: 7000 });
  assert.equal(mostFrom(same.fares, 3, 0), 7000);
});

for (const provesHolds of [false, true]) {
  test(`held at the entry, completed at the exit; a proof of the hold: ${provesHolds}`, async () => {
    const kit = new StationKit();
    const card = holdingCard({ quirks: { provesHolds } });
    const heldMinor = mostFrom(kit.fares, 3, 0);
    const entry = await gateOf(kit, 'entry', 3, 'maxFare').tap(card);
    assert.equal(entry.decision.reason, 'open', entry.decision.detail);
    assert.equal(entry.decision.amountMinor, 0);
    assert.deepEqual(moneyOn(card), [START_MINOR - heldMinor, heldMinor]);
    assert.deepEqual([journeyOn(card), shownOn(card)], ['entry', heldMinor]);
    const [hold] = entry.decision.closed;
    assert.deepEqual(
      [hold!.transactionType, hold!.tapKind, hold!.amountMinor, hold!.balanceBeforeMinor],
      [ECASH_TRANSACTION, TapKind.entry, 0, START_MINOR],
    );
    const held = proofOf(entry);
    assert.deepEqual([held.application, held.hold], [2, { heldMinor, dueMinor: 0 }]);
    assert.equal(Number(Buffer.from(held.evidence.amount).toString('hex')), heldMinor);
    assert.equal(
      held.evidence.cryptogram.every((byte) => byte === 0),
      !provesHolds,
    );

    kit.pass(20);
    // Whatever its own gate holds, an exit completes what is open.
    const exit = await gateOf(kit, 'exit', 8).tap(card);
    const fareMinor = kit.fares.fareMinor(3, 8, 0);
    assert.equal(exit.decision.reason, 'open', exit.decision.detail);
    assert.equal(exit.decision.amountMinor, fareMinor);
    assert.equal(exit.decision.balanceMinor, START_MINOR - fareMinor);
    assert.deepEqual(moneyOn(card), [START_MINOR - fareMinor, 0]);
    assert.deepEqual([journeyOn(card), shownOn(card)], ['exit', 0]);
    const [debit] = exit.decision.closed;
    assert.deepEqual(
      [debit!.amountMinor, debit!.balanceBeforeMinor, debit!.state],
      [fareMinor, START_MINOR, DebitState.confirmed],
    );
    const completed = proofOf(exit);
    assert.deepEqual(
      [completed.application, completed.hold, completed.evidence.cryptogramInformation],
      [3, { heldMinor, dueMinor: fareMinor }, 0x40],
    );
    assert.deepEqual(completed.authenticated, { method: 'fddaV01', algorithm: 'rsa' });
  });
}

test('a fare over the hold takes the hold and tells what was due', async () => {
  const rules = { maxMinutes: 60, overstayMinor: 2000 };
  for (const minutes of [20, 3 * 24 * 60]) {
    const kit = new StationKit(rules);
    const dueMinor = minutes > 60 ? 2000 : kit.fares.fareMinor(3, 20, 0);
    const card = holdingCard();
    await gateOf(kit, 'entry', 3, 100).tap(card);
    assert.deepEqual(moneyOn(card), [START_MINOR - 100, 100]);
    kit.pass(minutes);
    const exit = await gateOf(kit, 'exit', 20).tap(card);
    assert.equal(exit.decision.reason, 'open', exit.decision.detail);
    assert.deepEqual(moneyOn(card), [START_MINOR - 100, 0]);
    const [debit] = exit.decision.closed;
    assert.equal(debit!.amountMinor, 100);
    assert.equal(debit!.balanceBeforeMinor, 0, 'it would be the same were it held still');
    assert.deepEqual(proofOf(exit).hold, { heldMinor: 100, dueMinor });
  }
  // The longest stay is within the most that a ride may cost.
  const kit = new StationKit(rules);
  const card = holdingCard();
  await gateOf(kit, 'entry', 3, 'maxFare').tap(card);
  assert.equal(heldOf(card), 2000);
  kit.pass(3 * 24 * 60);
  await gateOf(kit, 'exit', 20).tap(card);
  assert.deepEqual(moneyOn(card), [START_MINOR - 2000, 0]);
});

test('an entry tapped twice holds once', async () => {
  const kit = new StationKit({ passBackSeconds: 300 });
  const card = holdingCard();
  const entry = gateOf(kit, 'entry', 3, 'maxFare');
  await entry.tap(card);
  const before = moneyOn(card);
  const again = await entry.tap(card);
  assert.deepEqual([again.decision.reason, again.decision.closed], ['passBack', []]);
  assert.deepEqual(moneyOn(card), before);
});

test('a hold that the balance does not cover is none: the gate stays closed', async () => {
  const kit = new StationKit();
  const heldMinor = mostFrom(kit.fares, 3, 0);
  const entry = gateOf(kit, 'entry', 3, 'maxFare');
  // No segment limit lends to a hold.
  const card = holdingCard({ balanceMinor: heldMinor - 1, segmentLimitMinor: 5000 });
  const { decision } = await entry.tap(card);
  assert.deepEqual([decision.open, decision.reason], [false, 'balanceTooLow']);
  assert.equal(decision.balanceMinor, heldMinor - 1);
  assert.deepEqual(decision.closed, []);
  assert.deepEqual([moneyOn(card), journeyOn(card)], [[heldMinor - 1, 0], 'none']);
  const just = await gateOf(new StationKit(), 'entry', 3, 'maxFare').tap(
    holdingCard({ balanceMinor: heldMinor }),
  );
  assert.equal(just.decision.reason, 'open', just.decision.detail);
});

test('no more is held than one tap may take', async () => {
  const kit = new StationKit();
  const card = holdingCard();
  const bank = { extendedProfile: heldProfile, hold: 'maxFare', maxAmountMinor: 300 } as const;
  await kit.gate('entry', 3, { bank }).tap(card);
  assert.equal(heldOf(card), 300);
});

test('an exit without an entry is charged or refused as other cards are', async () => {
  const kit = new StationKit({ missingTapMinor: 700 });
  const card = holdingCard();
  const exit = await gateOf(kit, 'exit', 8, 'maxFare').tap(card);
  assert.equal(exit.decision.reason, 'open', exit.decision.detail);
  assert.deepEqual(moneyOn(card), [START_MINOR - 700, 0]);
  assert.equal(proofOf(exit).application, 1);
  const strict = new StationKit({ missingTapMinor: null });
  const refused = await gateOf(strict, 'exit', 8, 'maxFare').tap(holdingCard());
  assert.deepEqual([refused.decision.reason, refused.decision.closed], ['noEntry', []]);
});

test('an entry with a hold open takes of it what the missing exit costs, and holds no other', async () => {
  for (const [hold, takenMinor] of [
    ['maxFare', 500],
    [300, 300],
  ] as const) {
    const kit = new StationKit({ missingTapMinor: 500 });
    const card = holdingCard();
    await gateOf(kit, 'entry', 3, hold).tap(card);
    kit.pass(24 * 60);
    const second = await gateOf(kit, 'entry', 8, hold).tap(card);
    assert.equal(second.decision.reason, 'open', second.decision.detail);
    assert.equal(second.decision.amountMinor, takenMinor);
    assert.deepEqual(moneyOn(card), [START_MINOR - takenMinor, 0]);
    assert.deepEqual([journeyOn(card), shownOn(card)], ['entry', 0]);
    assert.equal(proofOf(second).hold?.dueMinor, 500);
    kit.pass(20);
    const exit = await gateOf(kit, 'exit', 20).tap(card);
    const fareMinor = kit.fares.fareMinor(8, 20, 0);
    assert.equal(exit.decision.reason, 'open', exit.decision.detail);
    assert.equal(proofOf(exit).application, 1, 'a segmented fare');
    assert.deepEqual(moneyOn(card), [START_MINOR - takenMinor - fareMinor, 0]);
  }
  const strict = new StationKit({ missingTapMinor: null });
  const card = holdingCard();
  await gateOf(strict, 'entry', 3, 'maxFare').tap(card);
  strict.pass(24 * 60);
  const before = moneyOn(card);
  const refused = await gateOf(strict, 'entry', 8, 'maxFare').tap(card);
  assert.deepEqual([refused.decision.reason, moneyOn(card)], ['noExit', before]);
});

test('a card that cannot hold rides by segmented fares', async () => {
  const kit = new StationKit();
  const card = holdingCard({ services: '01' });
  const entry = await gateOf(kit, 'entry', 3, 'maxFare').tap(card);
  assert.equal(entry.decision.reason, 'open', entry.decision.detail);
  assert.deepEqual([moneyOn(card), proofOf(entry).application], [[START_MINOR, 0], 1]);
});

test('a ride tapped once leaves the hold and its journey alone', async () => {
  const kit = new StationKit();
  const card = holdingCard();
  await gateOf(kit, 'entry', 3, 'maxFare').tap(card);
  const [, heldMinor] = moneyOn(card);
  const single = await gateOf(kit, 'single', 8).tap(card);
  assert.equal(single.decision.reason, 'open', single.decision.detail);
  const { amountMinor } = single.decision;
  assert.deepEqual(moneyOn(card), [START_MINOR - heldMinor - amountMinor, heldMinor]);
  assert.equal(journeyOn(card), 'entry');
  kit.pass(20);
  await gateOf(kit, 'exit', 20).tap(card);
  const fareMinor = kit.fares.fareMinor(3, 20, 0);
  assert.deepEqual(moneyOn(card), [START_MINOR - amountMinor - fareMinor, 0]);
});

test('record and card that disagree about a hold: the card refuses, and nothing is taken', async () => {
  for (const heldOnCard of [0, 400]) {
    const kit = new StationKit();
    const inside = holdingCard();
    await gateOf(kit, 'entry', 3, 'maxFare').tap(inside);
    const [kept] = inside.state.extended!.records;
    const bytes = Uint8Array.from(kept!.bytes);
    // Either the record shows a hold that is none, or shows none where one is.
    if (heldOnCard > 0) bytes[heldProfile.layout.type.offset] = 0x04;
    const card = holdingCard({
      extended: { records: [{ ...kept!, bytes, heldMinor: heldOnCard }] },
    });
    const fresh = new StationKit();
    fresh.pass(60);
    const side = heldOnCard > 0 ? 'entry' : 'exit';
    const { decision } = await gateOf(fresh, side, 8, 'maxFare').tap(card);
    assert.equal(decision.open, false);
    assert.match(decision.detail, /pre-authorisation is open on this record/);
    assert.deepEqual(moneyOn(card), [START_MINOR, heldOnCard]);
    assert.deepEqual(decision.closed, []);
  }
});
