/**
 * A gate writes its commands and MAC1 into buffers that the next tap overwrites. Nothing that lives
 * longer may be a view of them: two taps command by command in turn at two gates, and what one tap
 * left after many more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Debit } from '../../engine/debit/record.ts';
import type { TapReport } from '../../gate/controller.ts';
import type { CardSession } from '../../gate/reader/reader.ts';
import type { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { StationKit } from '../kit/station-kit.ts';

const FARE_FROM = 3;

/** Every byte and number of a report, apart from the object itself. */
const copyOf = (report: TapReport): TapReport => structuredClone(report);

/** A link that takes up a command only after every other gate had its turn. */
function slowSession(card: VirtualCard): CardSession {
  card.power();
  return {
    uid: card.uid,
    modelledUs: 0,
    transceive: async (apdu) => {
      await setImmediate();
      return card.transmit(apdu);
    },
    release: async () => {},
  };
}

test('taps in turn, command by command, at two gates that share keys do not meet', async () => {
  const kit = new StationKit();
  const cards = [kit.card(), kit.card({ balanceMinor: 7777 })];
  const gates = [8, 11].map((station) => kit.gate('exit', station));
  const entry = kit.gate('entry', FARE_FROM);
  for (const card of cards) assert.equal((await entry.tap(card)).decision.reason, 'open');
  kit.pass(20);
  const reports = await Promise.all(gates.map((each, i) => each.gate.tap(slowSession(cards[i]!))));
  for (const [i, { decision, stages }] of reports.entries()) {
    const fare = kit.fares.fareMinor(FARE_FROM, [8, 11][i]!, 0);
    assert.equal(decision.reason, 'open');
    assert.equal(decision.amountMinor, fare);
    assert.equal(cards[i]!.state.balanceMinor, [10_000, 7777][i]! - fare);
    assert.deepEqual(decision.closed[0]!.cardNumber, cards[i]!.state.cardNumber);
    assert.equal(kit.verify(decision.closed[0]!), 'valid');
    assert.equal(stages.length, 5);
  }
});

test('what a tap left is unchanged after many other taps at its gate', async () => {
  const kit = new StationKit();
  const [entry, exit] = [kit.gate('entry', FARE_FROM), kit.gate('exit', 8)];
  const kept: { report: TapReport; copy: TapReport }[] = [];
  const debits: Debit[] = [];
  for (let i = 0; i < 8; i++) {
    const card = kit.card({ balanceMinor: 5000 + i });
    for (const gate of [entry, exit]) {
      const report = await gate.tap(card);
      assert.equal(report.decision.reason, 'open');
      kept.push({ report, copy: copyOf(report) });
      debits.push(...report.decision.closed);
      kit.pass(10);
    }
  }
  for (const { report, copy } of kept) assert.deepEqual(report, copy);
  for (const debit of debits) assert.equal(kit.verify(debit), 'valid');
  assert.equal(new Set(debits.map(({ tac }) => tac.join())).size, debits.length);
});
