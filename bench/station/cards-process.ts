/**
 * The cards' process: every card of the station, and the riders who carry them in at one gate of a
 * pair and out at the other, over and over. At the `instant` pace a card answers at once and the
 * next one is there at once; the frames of all gates share a connection. At the pace of `plastic`
 * cards each answer takes a card's time (`gate/reader/virtual/timing.ts`), each rider some ten
 * milliseconds to the next, and each gate has a connection of its own.
 */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { toHex } from '../../engine/bytes.ts';
import { commandName } from '../../gate/reader/virtual/command.ts';
import { apduUs, detectionUs, processingUs } from '../../gate/reader/virtual/timing.ts';
import { CardWire, FrameKind } from './card-wire.ts';
import { InstantCard } from './instant-card.ts';
import {
  type CardTruth,
  cardNumberOf,
  cardOf,
  gatheredSocketOf,
  type LoadPlan,
  socketOf,
  truthOf,
} from './plan.ts';

const NEXT_RIDER_MS = 30;

export type Pace = 'instant' | 'plastic';

interface Gate {
  /** To each pace its connection. */
  readonly wires: Readonly<Record<Pace, CardWire>>;
  readonly from: InstantCard[];
  readonly to: InstantCard[];
  card: InstantCard | null;
}

export class Cards {
  readonly #plan: LoadPlan;
  readonly #cards: InstantCard[] = [];
  readonly #gates: Gate[] = [];
  #pace: Pace = 'instant';
  #isOpen = false;
  /** Taps that a card may make; without end while cards flow. */
  #tapsMax = 0;
  #underWay = 0;
  #idle: () => void = () => undefined;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    const shared = this.#connect(gatheredSocketOf(plan), true);
    for (let pair = 0; pair < plan.gates / 2; pair++) {
      const outside: InstantCard[] = [];
      const inside: InstantCard[] = [];
      for (let place = 0; place < plan.cardsPerPair; place++) {
        outside.push(new InstantCard(cardOf(plan, pair, place), pair + place));
      }
      this.#cards.push(...outside);
      for (const [from, to] of [
        [outside, inside],
        [inside, outside],
      ] as const) {
        const own = this.#connect(socketOf(plan), false);
        this.#gates.push({ wires: { instant: shared, plastic: own }, from, to, card: null });
      }
    }
  }

  /** Lets cards come, until `pause`. */
  flow(pace: Pace): void {
    this.#tapsMax = Number.POSITIVE_INFINITY;
    this.#open(pace);
  }

  /** Lets every card make so many taps more; resolves when they are made. */
  rounds(taps: number): Promise<void> {
    this.#tapsMax = taps;
    for (const card of this.#cards) card.taps = 0;
    const idle = this.#untilIdle();
    this.#open('instant');
    return idle;
  }

  /** No card comes any more; resolves when those at a gate have gone. */
  pause(): Promise<void> {
    this.#isOpen = false;
    return this.#underWay === 0 ? Promise.resolve() : this.#untilIdle();
  }

  /** Writes down what left every card. */
  tell(): void {
    const truth: CardTruth[] = this.#cards.map((card, index) => ({
      number: toHex(cardNumberOf(index)),
      spentMinor: card.spentMinor,
      debits: card.debits,
    }));
    writeFileSync(truthOf(this.#plan), JSON.stringify(truth));
  }

  #connect(path: string, gathers: boolean): CardWire {
    return new CardWire(connect(path), gathers, () => (kind, gate, _, bytes) => {
      if (kind === FrameKind.command) this.#answer(gate, bytes);
      else if (kind === FrameKind.released) this.#leave(gate);
    });
  }

  #untilIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #open(pace: Pace): void {
    this.#pace = pace;
    this.#isOpen = true;
    for (const gate of this.#gates.keys()) this.#come(gate);
  }

  #come(index: number): void {
    const gate = this.#gates[index]!;
    const next = gate.from[0];
    if (!this.#isOpen || gate.card || !next || next.taps >= this.#tapsMax) return;
    gate.card = gate.from.shift()!;
    gate.card.taps += 1;
    this.#underWay += 1;
    const arrive = (): void => gate.wires[this.#pace].send(FrameKind.arrived, index);
    if (this.#pace === 'instant') arrive();
    else setTimeout(arrive, detectionUs('plastic') / 1000 + NEXT_RIDER_MS * Math.random());
  }

  #answer(index: number, apdu: Uint8Array): void {
    const gate = this.#gates[index]!;
    const response = gate.card!.transmit(apdu);
    const answer = (): void => gate.wires[this.#pace].send(FrameKind.answer, index, response);
    if (this.#pace === 'instant') {
      answer();
      return;
    }
    const workUs = processingUs(commandName(apdu), 'plastic', Math.random());
    const us = apduUs(apdu.length, 106) + workUs + apduUs(response.length, 106);
    setTimeout(answer, us / 1000);
  }

  #leave(index: number): void {
    const gate = this.#gates[index]!;
    gate.to.push(gate.card!);
    gate.card = null;
    this.#underWay -= 1;
    this.#come(index);
    // The one who left here is next at the other gate of the pair.
    this.#come(index ^ 1);
    if (this.#underWay === 0) this.#idle();
  }
}
