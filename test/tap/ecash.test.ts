/** Taps of contactless e-cash cards at a gate where a ride costs one fare. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBankPayload } from '../../engine/card/qpboc/evidence-payload.ts';
import { DebitState, ECASH_TRANSACTION } from '../../engine/debit/record.ts';
import { ecashCard } from '../kit/ecash-cards.ts';
import { StationKit } from '../kit/station-kit.ts';

const STATION = 3;

function fareOf(kit: StationKit): number {
  return kit.fares.fareMinor(STATION, STATION, 0);
}

test('a card pays the flat fare and the gate opens', async () => {
  const kit = new StationKit();
  const card = ecashCard();
  const gate = kit.gate('single', STATION, { bank: {}, families: ['bank', 'purse'] });
  const { decision, stages } = await gate.tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  const fareMinor = fareOf(kit);
  assert.equal(decision.amountMinor, fareMinor);
  assert.equal(card.state.balanceMinor, 10_000 - fareMinor);
  assert.equal(decision.balanceMinor, card.state.balanceMinor);
  assert.equal(stages.length, 7);
  const [debit] = decision.closed;
  assert.equal(debit?.transactionType, ECASH_TRANSACTION);
  assert.equal(debit.state, DebitState.confirmed);
  assert.equal(debit.balanceBeforeMinor, 10_000);
  assert.equal(debit.offlineCounter, card.state.atc);
  const proof = readBankPayload(decision.evidence!.payload, debit);
  assert.deepEqual(proof?.authenticated, { method: 'fddaV01', algorithm: 'rsa' });
});
