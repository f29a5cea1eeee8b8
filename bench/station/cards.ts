/**
 * Every card of the station, and the riders who carry them in at one gate of a pair and out at the
 * other, over and over; a thread of its own (`cards-thread.ts`). At the `instant` pace a card
 * answers at once and the next one is there at once. At the pace of `plastic` cards each answer
 * takes a card's time (`gate/reader/virtual/timing.ts`), each rider some ten milliseconds to the
 * next.
 *
 * So every gate waits for the station before its next rider comes, and whatever holds the station
 * up holds up riders, too. `paced` riders come by the clock instead, and an arrival says when it was
 * meant to be: a rider who finds the gate taken has been waiting since then.
 */
import { writeFileSync } from 'node:fs';
import { toHex } from '../../engine/bytes.ts';
import { Histogram, type Percentiles } from '../../engine/histogram.ts';
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
  /** When riders meant to come who have not been let in; in paced flow. */
  readonly riders: number[];
  /** What the card sends next, and when; infinite where nothing is under way. */
  dueUs: number;
  answer: Uint8Array | null;
}

type Send = (kind: FrameKind, gate: number, bytes?: Uint8Array, sentUs?: number) => void;

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
  /** Mean time from rider to rider; 0: they come when there is room. */
  #gapUs = 0;
  #nextRiderUs = Number.POSITIVE_INFINITY;
  /** Gates at which something is to be sent at an instant to come. */
  #waiting = 0;
  /** How late this thread was for its riders. */
  #lateUs = new Histogram();
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
        const dueUs = Number.POSITIVE_INFINITY;
        this.#gates.push({ from, to, card: null, riders: [], dueUs, answer: null });
      }
    }
  }

  /** Lets cards come, until `pause`. */
  flow(pace: Pace): void {
    this.#tapsMax = Number.POSITIVE_INFINITY;
    this.#open(pace);
  }

  /**
   * Lets so many riders a second come at the station, with cards that answer at once, at random
   * times and gates, until `pause`.
   */
  paced(ridersPerSecond: number): void {
    this.#tapsMax = Number.POSITIVE_INFINITY;
    this.#gapUs = 1e6 / ridersPerSecond;
    this.#nextRiderUs = nowUs();
    this.#lateUs = new Histogram();
    this.#pace = 'instant';
    this.#isOpen = true;
  }

  /** How late riders of paced flow were sent, since the last call: the generator's own fault. */
  takeLateUs(): Percentiles {
    const percentiles = this.#lateUs.percentiles();
    this.#lateUs = new Histogram();
    return percentiles;
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
    this.#gapUs = 0;
    this.#nextRiderUs = Number.POSITIVE_INFINITY;
    for (const { riders } of this.#gates) riders.length = 0;
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
    for (; this.#nextRiderUs <= now; this.#nextRiderUs -= this.#gapUs * Math.log(Math.random())) {
      this.#lateUs.add(Math.ceil(now - this.#nextRiderUs));
      this.#queue(this.#nextRiderUs);
    }
    let next = this.#nextRiderUs;
    if (this.#waiting === 0) return next;
    for (let index = 0; index < this.#gates.length; index++) {
      const gate = this.#gates[index]!;
      if (gate.dueUs > now) {
        if (gate.dueUs < next) next = gate.dueUs;
        continue;
      }
      gate.dueUs = Number.POSITIVE_INFINITY;
      this.#waiting -= 1;
      this.#say(index, gate.answer);
    }
    return next;
  }

  /** Sends what the card says, or that it is there. */
  #say(index: number, answer: Uint8Array | null): void {
    if (answer) this.#send(FrameKind.answer, index, answer);
    else this.#send(FrameKind.arrived, index);
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
    const meantUs = this.#gapUs > 0 ? gate.riders.shift() : null;
    if (meantUs === undefined) return;
    gate.card = gate.from.shift()!;
    gate.card.taps += 1;
    this.#underWay += 1;
    if (meantUs !== null) this.#send(FrameKind.arrived, index, undefined, meantUs);
    else if (this.#pace === 'instant') this.#say(index, null);
    else this.#after(detectionUs('plastic') + NEXT_RIDER_US * Math.random(), index, null);
  }

  /** A rider at one of the gates: in or out by where the cards of the pair are. */
  #queue(meantUs: number): void {
    const pair = 2 * Math.floor((Math.random() * this.#gates.length) / 2);
    const left = (index: number) =>
      this.#gates[index]!.from.length - this.#gates[index]!.riders.length;
    const index = left(pair) >= left(pair + 1) ? pair : pair + 1;
    this.#gates[index]!.riders.push(meantUs);
    this.#come(index);
  }

  #answer(index: number, apdu: Uint8Array): void {
    const response = this.#gates[index]!.card!.transmit(apdu);
    if (this.#pace === 'instant') {
      this.#say(index, response);
      return;
    }
    const workUs = processingUs(commandName(apdu), 'plastic', Math.random());
    const us = apduUs(apdu.length, 106) + workUs + apduUs(response.length, 106);
    this.#after(us, index, response);
  }

  #after(us: number, index: number, answer: Uint8Array | null): void {
    const gate = this.#gates[index]!;
    gate.answer = answer;
    gate.dueUs = nowUs() + us;
    this.#waiting += 1;
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
