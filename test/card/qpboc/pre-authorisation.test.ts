/** Offline pre-authorisation: the published money check, and what a card refuses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../../engine/bytes.ts';
import { availableMinor, readOptions } from '../../../engine/card/qpboc/card-data.ts';
import { bcdNumber } from '../../../engine/card/qpboc/elements.ts';
import { readData } from '../../../engine/card/qpboc/extended/card-asks.ts';
import { tag } from '../../../engine/card/qpboc/tags.ts';
import type { EcashCard } from '../../../gate/reader/virtual/ecash-card.ts';
import { driveWith } from '../../kit/ecash-cards.ts';
import { blankRecord, extendedCard, ride } from '../../kit/extended-cards.ts';

function available(result: ReturnType<typeof ride>): number | null {
  assert(result.result === 'approved', JSON.stringify(result));
  return availableMinor(result.transaction.elements);
}

function told(card: EcashCard, wanted: number): number | null {
  const value = driveWith(readData(wanted), (apdu) => card.transmit(apdu));
  assert(value !== null && !('fault' in value));
  return bcdNumber(value);
}

test('balance 100000: pre-authorisation 60000, segment 80000, completion 30000', () => {
  const card = extendedCard({ balanceMinor: 100_000, segmentLimitMinor: 50_000 });
  assert.equal(available(ride(card, 60_000, { service: 2 })), 40_000);
  assert.equal(told(card, tag.segmentDeducted), 0);
  assert.equal(available(ride(card, 80_000, { service: 1 })), 0);
  assert.equal(told(card, tag.segmentDeducted), 40_000);
  assert.equal(available(ride(card, 30_000, { service: 3 })), 0);
  assert.equal(told(card, tag.segmentDeducted), 10_000);
  assert.equal(told(card, tag.balance), 0);
});

test('what a completion gives back beyond what is owed is balance again', () => {
  const card = extendedCard({ balanceMinor: 1000, segmentLimitMinor: 500 });
  ride(card, 600, { service: 2 });
  ride(card, 500, { service: 1 });
  assert.equal(told(card, tag.segmentDeducted), 100);
  assert.equal(available(ride(card, 200, { service: 3 })), 300);
  assert.equal(told(card, tag.segmentDeducted), 0);
});

function meaningOf(result: ReturnType<typeof ride>): string {
  assert(result.result === 'fault' && result.fault.fault === 'status', JSON.stringify(result));
  return result.fault.meaning;
}

test('a second pre-authorisation on the record, and completions of nothing or too much', () => {
  const card = extendedCard();
  const none = 'no pre-authorisation is open on this record';
  assert.equal(meaningOf(ride(card, 100, { service: 3 })), none);
  available(ride(card, 600, { service: 2 }));
  const second = meaningOf(ride(card, 100, { service: 2 }));
  assert.equal(second, 'a pre-authorisation is open on this record');
  assert.equal(ride(card, 10_001, { service: 3 }).result, 'declined');
  assert.equal(available(ride(card, 601, { service: 3 })), 9399);
  assert.equal(meaningOf(ride(card, 1, { service: 3 })), none);
});

test('a fourth hold finds no room on the card', () => {
  const records = ['2701', '2702', '2703', '2704'].map((id) => ({
    ...blankRecord(id),
    heldMinor: id === '2701' ? 0 : 100,
  }));
  const card = extendedCard({ extended: { records } });
  const full = meaningOf(ride(card, 100, { service: 2 }));
  assert.equal(full, 'the card has no room for a further pre-authorisation');
  assert.equal(card.state.balanceMinor, 10_000);
});

test('a hold is approved without a cryptogram; nothing else is', () => {
  for (const provesHolds of [false, true]) {
    const card = extendedCard({ quirks: { provesHolds } });
    const held = ride(card, 600, { service: 2 });
    assert(held.result === 'approved');
    const isZeros = held.transaction.options.cryptogram.every((byte) => byte === 0);
    assert.equal(isZeros, !provesHolds);
  }
  const elements = new Map([
    [tag.aip, fromHex('7C00')],
    [tag.atc, fromHex('0001')],
    [tag.iad, fromHex('07010103900000')],
  ]);
  assert.equal(readOptions(elements), 'cryptogramMissing');
  assert.equal(typeof readOptions(elements, true), 'object');
  elements.set(tag.iad, fromHex('07010103A00000'));
  assert.equal(readOptions(elements, true), 'cryptogramMissing', 'who wants its issuer asked');
});

test('a segment beyond the limit and a pre-authorisation beyond the balance are declined', () => {
  const card = extendedCard({ balanceMinor: 100, segmentLimitMinor: 50 });
  assert.equal(ride(card, 151, { service: 1 }).result, 'declined');
  assert.equal(ride(card, 101, { service: 2 }).result, 'declined');
  assert.equal(available(ride(card, 120, { service: 1 })), 0);
  assert.equal(ride(card, 31, { service: 1 }).result, 'declined');
  assert.equal(available(ride(card, 30, { service: 1 })), 0);
  assert.equal(told(card, tag.segmentDeducted), 50);
});

test('money is kept whatever is pre-authorised, spent and completed', () => {
  // Balance + held - owed is what the rider brought less what was spent.
  let seed = 20261130;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  const card = extendedCard({ balanceMinor: 5000, segmentLimitMinor: 1000 });
  let spent = 0;
  let approvals = 0;
  for (let i = 0; i < 300; i++) {
    const service = (1 + next(3)) as 1 | 2 | 3;
    const amount = next(400);
    const result = ride(card, amount, { service });
    if (result.result === 'approved') {
      approvals++;
      if (service !== 2) spent += amount;
    }
    const { balanceMinor, extended } = card.state;
    const held = extended!.records[0]!.heldMinor;
    assert.equal(balanceMinor + held - extended!.deductedMinor, 5000 - spent, `step ${i}`);
    assert(balanceMinor >= 0 && extended!.deductedMinor <= 1000);
  }
  assert(approvals > 20);
});
