/** A card that was issued here, torn away on the way, loaded at the desk, and taken by gates. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeDebit } from '../../engine/debit/codec.ts';
import { encodeEvent } from '../../engine/debit/event.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { tacCodes } from '../../engine/ledger/received.ts';
import { DesfireVerifier } from '../../engine/operator/desfire-evidence.ts';
import type { Decision } from '../../engine/tap/decision.ts';
import type { VirtualDesfireCard } from '../../gate/reader/virtual/desfire/card.ts';
import { IssuingKit, issuerMasters } from '../kit/issuing-kit.ts';
import { StationKit } from '../kit/station-kit.ts';

const station = new StationKit();
const keys = issuerMasters.map((key) => {
  const { desfireMasters } = station;
  const master = key.use in desfireMasters ? desfireMasters[key.use as 'debit'] : key.master;
  return { ...key, master };
});

function verdictOf({ closed, evidence }: Decision): string {
  const records = new Uint8Array(2 * DEBIT_BYTES);
  encodeDebit(closed.at(-1)!, records, 0);
  encodeEvent(evidence!, records, DEBIT_BYTES);
  const verdicts = new Uint8Array(2);
  new DesfireVerifier(station.desfireScheme).verify(records, 2, verdicts);
  return tacCodes[verdicts[0]!]!;
}

const entry = station.gate('entry', 3, { desfire: 'first' });
const exit = station.gate('exit', 8, { desfire: 'first' });
const fare = station.fares.fareMinor(3, 8, 0);

async function ride(card: VirtualDesfireCard): Promise<void> {
  const poor = await entry.tap(card);
  assert.equal(poor.decision.reason, 'balanceTooLow', 'no money is on a new card');
  station.topUp(card, 2000);
  for (const [i, gate] of [entry, exit].entries()) {
    const { decision } = await gate.tap(card);
    assert.equal(decision.reason, 'open');
    assert.equal(decision.closed[0]?.offlineCounter, i, 'its count begins at 0');
    assert.equal(verdictOf(decision), 'valid');
    station.pass(20);
  }
  assert.equal(card.state.application.value.value, 2000 - fare);
}

test('torn away at every command of its issuing, a card rides in the end', async () => {
  const kit = new IssuingKit('desfire-ev2', {}, keys);
  const uidOf = (serial: number) => Uint8Array.of(0x04, 0x99, 1, 2, 3, serial >> 8, serial);
  const first = kit.blank(uidOf(0));
  kit.run(first);
  const commands = kit.sent.length;
  await ride(first);
  let cards = 1;
  for (let command = 1; command <= commands; command++) {
    for (const when of ['during', 'after'] as const) {
      const card = kit.blank(uidOf(cards));
      kit.run(card, { tear: { command, when } });
      assert.notEqual((await entry.tap(card)).decision.reason, 'open', 'it is no purse yet');
      assert.equal(kit.run(card).outcome, 'issued');
      await ride(card);
      cards += 1;
    }
  }
  console.log(`${cards} cards rode`);
});
