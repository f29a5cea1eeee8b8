/** One fare below zero: an AES card leaves with it once, and does not ride again until loaded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeDebit } from '../../engine/debit/codec.ts';
import { encodeEvent } from '../../engine/debit/event.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { tacCodes } from '../../engine/ledger/received.ts';
import { DesfireVerifier } from '../../engine/operator/desfire-evidence.ts';
import { StationKit } from '../kit/station-kit.ts';

const DESFIRE = { desfire: 'first' } as const;
const ENTRY_MINOR = 300;

function kitOf(negativeBalanceMinor: number): { kit: StationKit; fareMinor: number } {
  const kit = new StationKit({ entryBalanceMinor: ENTRY_MINOR, negativeBalanceMinor });
  const fareMinor = kit.fares.fareMinor(0, 29, 0);
  assert(fareMinor > ENTRY_MINOR, 'a fare that the balance at entry does not pay');
  return { kit, fareMinor };
}

test('a fare takes the value below zero once; then the card has to be loaded', async () => {
  const { kit, fareMinor } = kitOf(1000);
  const card = kit.desfireCard({ valueMinor: ENTRY_MINOR, lowerLimit: -1000 });
  assert.equal((await kit.gate('entry', 0, DESFIRE).tap(card)).decision.reason, 'open');
  kit.pass(20);
  const { decision } = await kit.gate('exit', 29, DESFIRE).tap(card);
  assert.equal(decision.reason, 'open');
  assert.equal(decision.balanceMinor, ENTRY_MINOR - fareMinor);
  assert.equal(card.state.application.value.value, ENTRY_MINOR - fareMinor);

  const records = new Uint8Array(2 * DEBIT_BYTES);
  encodeDebit(decision.closed[0]!, records, 0);
  encodeEvent(decision.evidence!, records, DEBIT_BYTES);
  const verdicts = new Uint8Array(2);
  new DesfireVerifier(kit.desfireScheme).verify(records, 2, verdicts);
  assert.equal(tacCodes[verdicts[0]!], 'valid');

  for (const side of ['entry', 'exit', 'single'] as const) {
    kit.pass(20);
    const again = await kit.gate(side, 8, DESFIRE).tap(card);
    assert.equal(again.decision.reason, 'balanceTooLow', side);
    assert.equal(again.decision.closed.length, 0);
  }
  kit.topUp(card, fareMinor);
  assert.equal((await kit.gate('entry', 29, DESFIRE).tap(card)).decision.reason, 'open');
});

test('not further than the rule says, nor than the card lets it, nor where there is no rule', async () => {
  const { fareMinor } = kitOf(0);
  const missingMinor = fareMinor - ENTRY_MINOR;
  const cases = [
    { rule: missingMinor, limit: -missingMinor, reason: 'open' },
    { rule: missingMinor - 1, limit: -1000, reason: 'balanceTooLow' },
    { rule: 1000, limit: 1 - missingMinor, reason: 'balanceTooLow' },
    { rule: 0, limit: -1000, reason: 'balanceTooLow' },
  ];
  for (const { rule, limit, reason } of cases) {
    const { kit } = kitOf(rule);
    const card = kit.desfireCard({ valueMinor: ENTRY_MINOR, lowerLimit: limit });
    await kit.gate('entry', 0, DESFIRE).tap(card);
    kit.pass(20);
    const { decision } = await kit.gate('exit', 29, DESFIRE).tap(card);
    assert.equal(decision.reason, reason, `${rule} ${limit}`);
  }
});

test('a purse never goes below zero', async () => {
  const { kit } = kitOf(1000);
  const card = kit.card({ balanceMinor: ENTRY_MINOR });
  await kit.gate('entry', 0).tap(card);
  kit.pass(20);
  const { decision } = await kit.gate('exit', 29).tap(card);
  assert.equal(decision.reason, 'balanceTooLow');
});
