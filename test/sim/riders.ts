/**
 * The riders of the simulation: in at one station, out at another, with all the ways in which
 * people tap: pulling the card away, tapping again, trying the next gate, giving up.
 */
import type { Reason } from '../../engine/tap/reasons.ts';
import type { Side } from '../../engine/tap/setting.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import type { Tear } from '../../gate/reader/virtual/reader.ts';
import type { SimCard } from './cards.ts';
import type { Witness } from './invariants.ts';
import type { Scenario } from './scenario.ts';
import type { GateIdentity, StationNode } from './station-node.ts';
import type { VirtualTime } from './virtual-time.ts';

const TAPS_MAX = 12;
/** Of all rides, those that are tapped once; a plain bank card's e-cash pays no others. */
const SINGLE_RIDES = 0.2;
const SINGLE_RIDES_OF_PLAIN_BANK = 0.6;
const MINUTE_MS = 60_000;
/** The gate asks the rider to tap again, or is out of order: people try again. */
const tryAgain: ReadonlySet<Reason> = new Set([
  'gateClosed',
  'cardGone',
  'cardFaulty',
  'cardRefused',
  'mac2Invalid',
  'answerForged',
  'deadline',
]);

export interface RiderParts {
  readonly time: VirtualTime;
  readonly scenario: Scenario;
  readonly chance: Chance;
  readonly stations: readonly StationNode[];
  readonly witness: Witness;
}

/** One rider at a time stands at a gate. */
const queues = new WeakMap<GateIdentity, Promise<void>>();

export class Rider {
  readonly card: SimCard;
  readonly #parts: RiderParts;
  taps = 0;
  /** Times that a gate opened. */
  passages = 0;
  /** Tears no more. */
  #calm = false;

  constructor(card: SimCard, parts: RiderParts) {
    this.card = card;
    this.#parts = parts;
  }

  /** All journeys of this rider. */
  async live(): Promise<void> {
    const { time, scenario, chance, stations } = this.#parts;
    for (let journey = 0; journey < scenario.journeys; journey++) {
      await time.sleep(chance.fraction() * scenario.pauseMsMax);
      const isPlainBank = this.card.kind === 'plain bank';
      if (chance.happens(isPlainBank ? SINGLE_RIDES_OF_PLAIN_BANK : SINGLE_RIDES)) {
        await this.#pass(stations[0]!, 'single');
        continue;
      }
      const [from, to] = this.#stations();
      if (!(await this.#pass(from, 'entry'))) continue;
      await time.sleep((5 + chance.fraction() * 40) * MINUTE_MS);
      await this.#pass(to, 'exit');
    }
  }

  /** A last tap after all faults have ended, which settles what is in the dark. */
  async settle(): Promise<void> {
    this.#calm = true;
    await this.#pass(this.#parts.chance.pick(this.#parts.stations), 'entry');
  }

  #stations(): [StationNode, StationNode] {
    const { chance, stations } = this.#parts;
    const from = chance.below(stations.length);
    const step = chance.happens(0.1) ? 0 : 1 + chance.below(stations.length - 1);
    return [stations[from]!, stations[(from + step) % stations.length]!];
  }

  /**
   * Taps until a gate opens or the rider gives up. However often that is, it is one journey's end:
   * the card must not be charged twice.
   */
  async #pass(station: StationNode, side: Side): Promise<boolean> {
    const { time, chance, scenario, witness } = this.#parts;
    const before = this.card.committed.length;
    let opened = false;
    let told = '';
    for (let tap = 0; tap < TAPS_MAX; tap++) {
      const gates = station.gates.filter((gate) => gate.side === side);
      const reason = await this.#tap(station, chance.pick(gates));
      told += ` ${reason}`;
      opened = reason === 'open' || reason === 'recovered';
      if (reason === 'balanceTooLow') this.card.paying.topUp();
      else if (opened || !(reason === 'dead' || tryAgain.has(reason))) {
        if (reason === 'passBack' && this.card.committed.length > before) {
          witness.broken(
            `card ${this.card.index} paid at ${station.name} and was sent back:${told}`,
          );
        }
        break;
      }
      if (scenario.faults.has('giveUp') && !this.#calm && chance.happens(0.15)) break;
      await time.sleep(2000 + chance.fraction() * (reason === 'dead' ? 60_000 : 15_000));
    }
    const charged = this.card.committed.slice(before).filter(({ amountMinor }) => amountMinor > 0);
    if (charged.length > 1) {
      const amounts = charged.map((one) => one.amountMinor).join(' and ');
      witness.broken(
        `card ${this.card.index} was debited ${charged.length} times at one ${side}: ${amounts}:${told}`,
      );
    }
    if (opened) this.passages += 1;
    return opened;
  }

  async #tap(station: StationNode, gate: GateIdentity): Promise<Reason | 'dead'> {
    const { chance, time } = this.#parts;
    const before = queues.get(gate) ?? Promise.resolve();
    let leave: () => void = () => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    queues.set(gate, left);
    await before;
    await time.sleep(200 + chance.fraction() * 800);
    const tear = this.#tear();
    const decision = await station.tap(gate.gateId, this.card, {
      kbitps: chance.happens(0.8) ? 106 : 212,
      pace: 'real',
      ...(chance.happens(0.1) ? { cardClass: 'phone' } : {}),
      ...(tear ? { tear } : {}),
    });
    this.taps += 1;
    leave();
    return decision?.reason ?? 'dead';
  }

  #tear(): Tear | null {
    const { chance, scenario } = this.#parts;
    if (this.#calm || !scenario.faults.has('tear') || !chance.happens(scenario.tearRate)) {
      return null;
    }
    // Half of the tears hit the command that commits and its answer, where it hurts.
    const command = chance.happens(0.5) ? this.card.pointOfNoReturn : 1 + chance.below(10);
    return { command, when: chance.pick(['before', 'during', 'after'] as const) };
  }
}
