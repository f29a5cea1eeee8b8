/**
 * Where a debit in the dark comes to light: the card was torn away during DEBIT at an exit, and is
 * seen next at the same gate, at a neighbour, at another station, the next day, after a top-up, at
 * a counter, or never. The rider pays once, and the ledger ends with what left the card.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { fromBcd, toHex } from '../../engine/bytes.ts';
import { decodeDebit } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { writeLocalDateTime } from '../../engine/time.ts';
import { topUp } from '../../gate/demo/desk.ts';
import type { VirtualCard } from '../../gate/reader/virtual/card.ts';
import type { CardDetails } from '../../gate/reader/virtual/card-state.ts';
import { UnconfirmedDebits } from '../../gate/unconfirmed.ts';
import { type GateKit, StationKit } from '../kit/station-kit.ts';

class City {
  readonly kit = new StationKit();
  readonly card: VirtualCard;
  readonly #gates: GateKit[] = [];
  readonly #stations = new Map<number, UnconfirmedDebits>();

  constructor(card: CardDetails = {}) {
    this.card = this.kit.card(card);
  }

  gate(side: 'entry' | 'exit', station: number): GateKit {
    let unconfirmed = this.#stations.get(station);
    if (!unconfirmed) {
      unconfirmed = new UnconfirmedDebits(this.kit.clock);
      this.#stations.set(station, unconfirmed);
    }
    const gate = this.kit.gate(side, station, { unconfirmed });
    this.#gates.push(gate);
    return gate;
  }

  topUp(): void {
    const dateTime = new Uint8Array(7);
    writeLocalDateTime(this.kit.zone, this.kit.clock.nowMs(), dateTime, 0);
    topUp(this.card, 5000, dateTime);
  }

  /** All journals into a ledger, the last gate's first. */
  async ledger(): Promise<{ ledger: Ledger; postedMinor: number; unresolved: number }> {
    const store = new MemoryStore();
    const ledger = await Ledger.open(store);
    for (const gate of this.#gates.toReversed()) {
      const { records, count } = await gate.journal.read(1, 100);
      const debits = Array.from({ length: count }, (_, i) =>
        this.#received(decodeDebit(records, i * DEBIT_BYTES)),
      );
      if (count > 0) await ledger.post(debits[0]!.gateId, debits);
    }
    assert.deepEqual(checkLedger(store).findings, []);
    assert.deepEqual(ledger.exceptions({}), []);
    const postedMinor = [...ledger.cardTotals()].reduce((sum, one) => sum + one.postedMinor, 0);
    const unresolved = ledger.unconfirmed({}).filter(({ presumed }) => presumed === null).length;
    return { ledger, postedMinor, unresolved };
  }

  #received(debit: Debit): ReceivedDebit {
    const hash = (text: string) =>
      new Uint8Array(createHash('sha256').update(text).digest().subarray(0, 16));
    const hasTac = debit.state === 1 && debit.tac.some((byte) => byte !== 0);
    return {
      ...debit,
      card: hash(toHex(debit.cardNumber)),
      issuer: toHex(debit.issuer),
      tac: hasTac ? (this.kit.verify(debit) as 'valid') : 'none',
      digest: hash(`${debit.gateId}/${debit.gateSequence}`),
      sealed: new Uint8Array(1),
    };
  }
}

interface Place {
  readonly name: string;
  readonly next: (city: City, exit: GateKit) => Promise<unknown>;
  /** What the card has paid in the end, beside the fare: where DEBIT was not committed. */
  readonly penaltyMinor: number;
  /** Whether the debit stays in the dark. */
  readonly dark?: boolean;
}

const MINUTE = 1 / 60;
const places: readonly Place[] = [
  {
    name: 'at the same gate',
    penaltyMinor: 0,
    next: (city, exit) => exit.tap(city.card),
  },
  {
    name: 'at another gate of the station',
    penaltyMinor: 0,
    next: (city) => city.gate('exit', 8).tap(city.card),
  },
  {
    name: 'at the counter of the station, where it is topped up',
    penaltyMinor: 0,
    next: async (city, exit) => {
      city.topUp();
      // A purchase of nothing reads the counter, and proves with its MAC2 that the card is one.
      const settled = await exit.buy(city.card, 0);
      assert.equal(settled.decision.settled?.amountMinor, city.kit.fares.fareMinor(3, 8, 0));
      // It overwrote nothing of the journey: who is still inside pays at the gate.
      city.kit.pass(MINUTE);
      await exit.tap(city.card);
    },
  },
  {
    name: 'at the entry of another station, which knows nothing of it',
    penaltyMinor: 1000,
    next: (city) => {
      city.kit.pass(40);
      return city.gate('entry', 5).tap(city.card);
    },
  },
  {
    name: "at the next day's entry of the same station",
    penaltyMinor: 1000,
    next: (city) => {
      city.kit.pass(14 * 60);
      return city.gate('entry', 8).tap(city.card);
    },
  },
  {
    name: 'the next day at another station, after a top-up',
    penaltyMinor: 1000,
    next: (city) => {
      city.kit.pass(14 * 60);
      city.topUp();
      return city.gate('entry', 2).tap(city.card);
    },
  },
  {
    name: 'at another station, where the card is torn away again',
    penaltyMinor: 1000,
    next: async (city) => {
      city.kit.pass(40);
      const gate = city.gate('entry', 5);
      await gate.tap(city.card, { command: 'DEBIT', when: 'after' });
      city.kit.pass(MINUTE);
      return gate.tap(city.card);
    },
  },
  { name: 'never', penaltyMinor: 0, dark: true, next: async () => undefined },
];

test('a load takes the proof away: the gate opens for nothing that is not proven', async () => {
  const city = new City();
  await city.gate('entry', 3).tap(city.card);
  city.kit.pass(20);
  const exit = city.gate('exit', 8);
  await exit.tap(city.card, { command: 'DEBIT', when: 'after' });
  city.topUp();
  const { decision } = await exit.tap(city.card);
  assert.deepEqual([decision.open, decision.reason], [false, 'mac2Invalid']);
  assert.equal((await city.ledger()).postedMinor, 0);
  city.kit.pass(11);
  await city.gate('entry', 8).tap(city.card);
  const { postedMinor, unresolved } = await city.ledger();
  assert.deepEqual([postedMinor, unresolved], [city.card.state.spentMinor, 0]);
});

for (const committed of [true, false]) {
  for (const { name, next, penaltyMinor, dark } of places) {
    test(`a debit the card ${committed ? 'committed' : 'did not commit'}, seen ${name}`, async () => {
      const city = new City();
      await city.gate('entry', 3).tap(city.card);
      city.kit.pass(20);
      const exit = city.gate('exit', 8);
      const fare = city.kit.fares.fareMinor(3, 8, 0);
      const when = committed ? 'after' : 'before';
      const { decision } = await exit.tap(city.card, { command: 'DEBIT', when });
      assert.equal(decision.reason, 'cardGone');
      city.kit.pass(MINUTE);
      await next(city, exit);
      const { postedMinor, unresolved } = await city.ledger();
      if (dark) {
        assert.equal(unresolved, 1);
        assert.equal(postedMinor, 0, 'nothing is claimed that nobody knows of');
        return;
      }
      const paid = committed || penaltyMinor === 0 ? fare : penaltyMinor;
      assert.equal(city.card.state.spentMinor, paid, 'the rider pays once');
      assert.equal(postedMinor, paid, 'and the ledger has it');
      assert.equal(unresolved, 0);
    });
  }
}

for (const where of ['at the same gate', 'at another gate of the station'] as const) {
  test(`a card that ran out in its ride, torn after its debit, is settled ${where}`, async () => {
    const { clock, zone } = new StationKit();
    const dateTime = new Uint8Array(7);
    writeLocalDateTime(zone, clock.nowMs(), dateTime, 0);
    const city = new City({ validTo: dateTime.slice(0, 4) });
    const { decision: entered } = await city.gate('entry', 3).tap(city.card);
    assert.equal(entered.reason, 'open');
    city.kit.pass(minutesToMidnight(dateTime) + 10);
    const exit = city.gate('exit', 8);
    const torn = await exit.tap(city.card, { command: 'DEBIT', when: 'after' });
    assert.equal(torn.decision.reason, 'cardGone');
    const again = where === 'at the same gate' ? exit : city.gate('exit', 8);
    const { decision } = await again.tap(city.card);
    assert.deepEqual([decision.open, decision.reason], [true, 'recovered']);
    const { postedMinor, unresolved } = await city.ledger();
    assert.deepEqual([postedMinor, unresolved], [city.card.state.spentMinor, 0]);
    // What it proved is over: from here on it is an expired card, at any gate.
    assert.equal((await city.gate('entry', 8).tap(city.card)).decision.reason, 'expired');
  });
}

function minutesToMidnight(dateTime: Uint8Array): number {
  const [hours, minutes] = [fromBcd(dateTime[4]!), fromBcd(dateTime[5]!)];
  return 24 * 60 - hours * 60 - minutes;
}
