/**
 * A card torn away at every command of a tap, before, during and after, and what its next tap makes
 * of it: charged once, settled with the evidence that the card can give.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desfireProfileNames } from '../../../engine/card/desfire/profiles.ts';
import { settle } from '../../../engine/card/desfire/settle.ts';
import { DesfireKit, type TapEnd, type Tear } from '../../kit/desfire-kit.ts';

const FARE = 300;

for (const name of desfireProfileNames) {
  const commands = name === 'desfire-ev1' ? 9 : 8;
  for (let command = 1; command <= commands; command++) {
    for (const when of ['before', 'during', 'after'] as const) {
      test(`${name}: torn ${when} command ${command} of ${commands}`, () => {
        const kit = new DesfireKit(name);
        const card = kit.card();
        kit.tap(card, 0, kit.record(3, 1));
        const torn = kit.tap(card, FARE, kit.record(4, 2), { tear: { command, when } });
        assert.equal(torn.fault?.fault, 'gone');
        const isCommit = command === commands;
        assert.equal(torn.pending !== null, isCommit);
        const didCommit = isCommit && when === 'after';
        assert.equal(card.state.debitedMinor, didCommit ? FARE : 0);

        const again = kit.tap(card, FARE, kit.record(4, 3), { pending: torn.pending });
        assert.equal(again.fault, null);
        assert.equal(again.pending, null);
        assert.equal(card.state.debitedMinor, FARE, 'charged once');
        assert.equal(card.state.application.value.value, 5000 - FARE);
        if (!isCommit) assert.equal(again.settlement, null);
        else if (!didCommit) {
          assert.deepEqual(again.settlement, { state: 'notCommitted', evidence: 'record' });
        } else {
          assert.equal(again.settlement?.state, 'committed');
          assert.equal(evidenceOf(again), name === 'desfire-ev1' ? 'record' : 'proof');
        }
      });
    }
  }
}

function evidenceOf({ settlement }: TapEnd): string {
  assert(settlement !== null && settlement.state !== 'unknown');
  return settlement.evidence;
}

/** A kit, its card, and the end of a debit whose commit was torn. */
function torn(
  name: (typeof desfireProfileNames)[number],
  when: Tear['when'],
  options: { transactionMacKey?: boolean } = {},
) {
  const kit = new DesfireKit(name, options);
  const card = kit.card();
  kit.tap(card, 0, kit.record(3, 1));
  const command = name === 'desfire-ev1' ? 9 : 8;
  const end = kit.tap(card, FARE, kit.record(4, 2), { tear: { command, when } });
  assert(end.pending);
  return { kit, card, pending: end.pending };
}

for (const name of desfireProfileNames) {
  test(`${name}: other gates debited in between; the record file still tells`, () => {
    for (const when of ['during', 'after'] as const) {
      const { kit, card, pending } = torn(name, when);
      // Four records are visible: the one before, ours where it was written, and two more.
      kit.tap(card, 10, kit.record(3, 7));
      kit.tap(card, 10, kit.record(4, 8));
      const purse = kit.open(card);
      const settled = kit.run(card, settle(purse, pending));
      assert.deepEqual(
        settled,
        when === 'after'
          ? { state: 'committed', evidence: 'record', proof: null }
          : { state: 'notCommitted', evidence: 'record' },
      );
    }
  });

  test(`${name}: written over by other gates, nothing is claimed`, () => {
    for (const when of ['during', 'after'] as const) {
      const { kit, card, pending } = torn(name, when);
      for (let i = 0; i < 5; i++) kit.tap(card, 10, kit.record(3, 10 + i));
      const purse = kit.open(card);
      assert.deepEqual(kit.run(card, settle(purse, pending)), { state: 'unknown' });
    }
  });

  test(`${name}: torn again while settling, the third tap settles`, () => {
    const { kit, card, pending } = torn(name, 'after');
    const settling = kit.tap(card, FARE, kit.record(4, 3), {
      pending,
      tear: { command: 5, when: 'before' },
    });
    assert.equal(settling.fault?.fault, 'gone');
    assert.equal(settling.pending, pending);
    const third = kit.tap(card, FARE, kit.record(4, 4), { pending });
    assert.equal(third.settlement?.state, 'committed');
    assert.equal(card.state.debitedMinor, FARE);
  });

  test(`${name}: two records alike are told apart by the value`, () => {
    for (const when of ['during', 'after'] as const) {
      const { kit, card, pending } = torn(name, when);
      const alike = { ...pending, recordBefore: pending.recordWritten };
      if (when === 'during') kit.tap(card, 0, pending.recordWritten);
      const purse = kit.open(card);
      const settled = kit.run(card, settle(purse, alike));
      assert(!('fault' in settled));
      assert.equal(settled.state, when === 'after' ? 'committed' : 'notCommitted');
      const other = { ...alike, valueBeforeMinor: 12_345 };
      assert.deepEqual(kit.run(card, settle(kit.open(card), other)), { state: 'unknown' });
    }
  });
}

test('a gate without the transaction MAC key hands the proof on, unverified', () => {
  const { kit, card, pending } = torn('desfire-ev2', 'after', { transactionMacKey: false });
  const settled = kit.run(card, settle(kit.open(card), pending));
  assert(!('fault' in settled) && settled.state === 'committed');
  assert.equal(settled.evidence, 'record');
  assert.equal(settled.proof?.tmc, 2);
});

test('a transaction MAC of another transaction is no proof of this one', () => {
  const { kit, card, pending } = torn('desfire-ev2', 'after');
  const other = { ...pending, input: pending.input.slice() };
  other.input[5]! ^= 1;
  const settled = kit.run(card, settle(kit.open(card), other));
  assert.deepEqual(settled, { state: 'committed', evidence: 'record', proof: null });
});

test('torn over and over, the card is charged once in the end', () => {
  const kit = new DesfireKit('desfire-ev2');
  const card = kit.card();
  let pending: TapEnd['pending'] = null;
  for (const [i, when] of (['during', 'before', 'during', 'before'] as const).entries()) {
    const end: TapEnd = kit.tap(card, FARE, kit.record(4, i), {
      pending,
      tear: { command: 8, when },
    });
    assert(end.pending);
    pending = end.pending;
  }
  kit.tap(card, FARE, kit.record(4, 9), { pending });
  assert.equal(card.state.debitedMinor, FARE);
});
