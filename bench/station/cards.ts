/**
 * Every card of the station, and the riders who carry them in at one gate of a pair and out at the
 * other, over and over; a thread of its own (`cards-thread.ts`). At the `instant` pace a card
 * answers at once and the next one is there at once. At the pace of `plastic` cards each answer
 * takes a card's time (`gate/reader/virtual/timing.ts`), each rider some ten milliseconds to the
 * next.
 */
import { writeFileSync } from 'node:fs';
import { toHex } from '../../engine/bytes.ts';
import { commandName } from '../../gate/reader/virtual/command.ts';
import { apduUs, detectionUs, processingUs } from '../../gate/reader/virtual/timing.ts';
import { FrameKind, nowUs } from './card-link.ts';
import { InstantCard } from './instant-card.ts';
import { type CardTruth, cardNumberOf, cardOf, type LoadPlan, truthOf } from './plan.ts';

const NEXT_RIDER_US = 30_000;

export type Pace = 'instant' | 'plastic';

interface Gate {
  readonly from: InstantCard[];
  readonly to: InstantCard[];
  card: InstantCard | null;
  /** What the card sends next, and when; infinite where nothing is under way. */
  dueUs: number;
  answer: Uint8Array | null;
}

type Send = (kind: FrameKind, gate: number, bytes?: Uint8Array) => void;

export class Cards {
  readonly #plan: LoadPlan;
  readonly #send: Send;
  readonly #cards: InstantCard[] = [];
  readonly #gates: Gate[] = [];
  #pace: Pace = 'instant';
  #isOpen = false;
  /** Taps that a card may make; without end while cards flow. */
  #tapsMax = 0;
  #underWay = 0;
  #idle: () => void = () => undefined;

  constructor(plan: LoadPlan, send: Send) {
    this.#plan = plan;
    this.#send = send;
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
        this.#gates.push({ from, to, card: null, dueUs: Number.POSITIVE_INFINITY, answer: null });
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

  hear(kind: FrameKind, gate: number, apdu: Uint8Array): void {
    if (kind === FrameKind.command) this.#answer(gate, apdu);
    else if (kind === FrameKind.released) this.#leave(gate);
  }

  /** Sends what is due. @returns when the next is, in microseconds of `nowUs`. */
  sendDue(): number {
    const now = nowUs();
    let next = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#gates.length; index++) {
      const gate = this.#gates[index]!;
      if (gate.dueUs > now) {
        if (gate.dueUs < next) next = gate.dueUs;
        continue;
      }
      gate.dueUs = Number.POSITIVE_INFINITY;
      if (gate.answer) this.#send(FrameKind.answer, index, gate.answer);
      else this.#send(FrameKind.arrived, index);
    }
    return next;
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
    this.#after(detectionUs('plastic') + NEXT_RIDER_US * Math.random(), index, null);
  }

  #answer(index: number, apdu: Uint8Array): void {
    const response = this.#gates[index]!.card!.transmit(apdu);
    const workUs = processingUs(commandName(apdu), 'plastic', Math.random());
    const us = apduUs(apdu.length, 106) + workUs + apduUs(response.length, 106);
    this.#after(us, index, response);
  }

  /** @param us at the pace of plastic cards; instant ones do not wait. */
  #after(us: number, index: number, answer: Uint8Array | null): void {
    const gate = this.#gates[index]!;
    gate.answer = answer;
    gate.dueUs = this.#pace === 'instant' ? 0 : nowUs() + us;
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
