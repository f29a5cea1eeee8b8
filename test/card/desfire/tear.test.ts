/**
 * A card torn away at every command of a debit, before, during and after: what the gate takes for
 * open, and what the card's next session tells. Whole taps are in test/tap/desfire-tear.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desfireProfileNames } from '../../../engine/card/desfire/profiles.ts';
import { DesfireKit } from '../../kit/desfire-kit.ts';

const FARE = 300;

for (const name of desfireProfileNames) {
  const commands = name === 'desfire-ev1' ? 9 : 8;
  for (let command = 1; command <= commands; command++) {
    for (const when of ['before', 'during', 'after'] as const) {
      test(`${name}: torn ${when} command ${command} of ${commands}`, () => {
        const kit = new DesfireKit(name);
        const card = kit.card();
        const before = kit.record(3, 1);
        const written = kit.record(4, 2);
        kit.tap(card, 0, before);
        const torn = kit.tap(card, FARE, written, { tear: { command, when } });
        assert.equal(torn.fault?.fault, 'gone');
        const isCommit = command === commands;
        assert.equal(torn.pending, isCommit);
        const didCommit = isCommit && when === 'after';
        assert.equal(card.state.debitedMinor, didCommit ? FARE : 0);
        const { newest, valueMinor } = kit.open(card);
        assert.deepEqual(newest, didCommit ? written : before);
        assert.equal(valueMinor, didCommit ? 5000 - FARE : 5000);
      });
    }
  }
}
