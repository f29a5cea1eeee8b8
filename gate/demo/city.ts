/**
 * The simulated city: commuters come to the gates of a hub and of the stations where they live, in
 * the order of their instants, hold their cards to the readers, and do what people do: leave too
 * early, tap twice, run out of money and go to the desk.
 */
import type { Reason } from '../../engine/tap/reasons.ts';
import { writeLocalDateTime, type Zone } from '../../engine/time.ts';
import type { TapReport } from '../controller.ts';
import type { Tear, VirtualReader } from '../reader/virtual/reader.ts';
import { Agenda } from './agenda.ts';
import type { BankCards } from './bank-cards.ts';
import type { CardFile, Progress } from './card-file.ts';
import type { Chance } from './chance.ts';
import type { CityClock } from './city-clock.ts';
import type { Masters } from './masters.ts';
import type { RiderHabits } from './population.ts';
import { type CardMeans, type RiderCard, riderCard } from './rider-card.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 86_400_000;
const TOP_UP_MINOR = 5_000;
/** Taps in a row after which a rider gives up for the day. */
const TRIES_MAX = 12;
/**
 * Riders at gates at one time. With modelled cards the city runs many times faster than life; more
 * at once would only measure how long its one disk's queue gets.
 */
const AT_ONCE_MAX = { real: 400, modelled: 4 } as const;
/**
 * Real time between two modelled taps: 400 a second is already more than a hub of any city sees.
 */
const MODELLED_TAP_MS = 2.5;
/** Steps of the day: entering and leaving, morning and evening. */
const STEPS = 4;

export interface GateSlot {
  /** Index of the station in the fare set. */
  readonly station: number;
  readonly side: 'entry' | 'exit';
  readonly reader: VirtualReader;
  /** Set by whoever runs the gate: called with each report. */
  onTap: (report: TapReport) => void;
}

export interface CityParts {
  readonly slots: readonly GateSlot[];
  readonly cards: CardFile;
  /** The desk's. */
  readonly masters: Masters;
  readonly banks: BankCards;
  readonly riders: readonly RiderHabits[];
  readonly clock: CityClock;
  readonly zone: Zone;
  readonly chance: Chance;
  readonly pace: 'real' | 'modelled';
  /** Finished taps at which nobody comes any more; Infinity: until `stop`. */
  readonly taps: number;
  /** Part of the taps at which the card leaves too early. */
  readonly tearing: number;
  readonly onTap: (report: TapReport, rider: RiderHabits) => void;
}

interface Queue {
  readonly slot: GateSlot;
  waiting: number;
  tail: Promise<void>;
}

export class City {
  readonly #parts: CityParts;
  readonly #agenda = new Agenda();
  readonly #queues: readonly Queue[];
  #started: number;
  #underWay = 0;
  #stopping = false;
  #wake: () => void = () => {};
  #error: unknown = null;

  constructor(parts: CityParts) {
    this.#parts = parts;
    this.#queues = parts.slots.map((slot) => ({ slot, waiting: 0, tail: Promise.resolve() }));
    this.#started = parts.cards.taps;
    for (const rider of parts.riders) {
      this.#agenda.add(parts.cards.progress(rider.index).nextMs, rider.index);
    }
  }

  /**
   * Lets the city live until the wanted number of taps, or `stop`; then until nobody is at a gate.
   */
  async run(): Promise<void> {
    const { taps, clock, pace } = this.#parts;
    let dueMs = performance.now();
    while (!this.#stopping && this.#started < taps && this.#agenda.size > 0) {
      const waitMs = clock.realMsUntil(this.#agenda.nextMs);
      if (waitMs > 1) {
        await this.#pause(Math.min(waitMs, 200));
        continue;
      }
      if (pace === 'modelled') {
        const earlyMs = dueMs - performance.now();
        if (earlyMs > 1) await this.#pause(earlyMs);
        dueMs = Math.max(dueMs, performance.now() - 100) + MODELLED_TAP_MS;
      }
      clock.advance(this.#agenda.nextMs);
      const rider = this.#agenda.take();
      this.#started += 1;
      this.#send(rider);
      if (this.#underWay >= AT_ONCE_MAX[pace]) await this.#progress();
    }
    while (this.#underWay > 0) await this.#progress();
    if (this.#error) throw this.#error;
  }

  /** One more tap of a rider, at once and without tearing: to settle what is unconfirmed. */
  async settle(rider: number): Promise<void> {
    this.#send(rider, false);
    while (this.#underWay > 0) await this.#progress();
    if (this.#error) throw this.#error;
  }

  stop(): void {
    this.#stopping = true;
    this.#wake();
  }

  #progress(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Queues a rider at the shortest queue of the right side of the right station. */
  #send(index: number, mayTear = true): void {
    const rider = this.#parts.riders[index]!;
    const progress = this.#parts.cards.progress(index);
    const { station, side } = placeOf(rider, progress.step);
    const queue = this.#queues
      .filter(({ slot }) => slot.station === station && slot.side === side)
      .reduce((best, each) => (each.waiting < best.waiting ? each : best));
    this.#underWay += 1;
    queue.waiting += 1;
    queue.tail = queue.tail
      .then(() => this.#visit(queue.slot, rider, progress, mayTear))
      .catch((error: unknown) => {
        this.#error = error;
        this.#stopping = true;
      })
      .finally(() => {
        queue.waiting -= 1;
        this.#underWay -= 1;
        this.#wake();
      });
  }

  async #visit(
    slot: GateSlot,
    rider: RiderHabits,
    progress: Progress,
    mayTear: boolean,
  ): Promise<void> {
    const { cards, chance, clock, pace, tearing } = this.#parts;
    const card = this.#card(rider);
    const tear = mayTear && this.#mayTear(progress) && chance.happens(tearing);
    const reported = new Promise<TapReport>((resolve) => {
      slot.onTap = resolve;
    });
    const gone = slot.reader.present(card.held, {
      kbitps: rider.index % 3 === 0 ? 212 : 106,
      cardClass: rider.phone ? 'phone' : 'plastic',
      pace,
      ...(tear ? { tear: chooseTear(chance, card) } : {}),
    });
    const report = await reported;
    await gone;
    const next = this.#next(rider, progress, report, card);
    cards.keep(rider.index, next);
    cards.addTap(clock.nowMs());
    this.#agenda.add(next.nextMs, rider.index);
    this.#parts.onTap(report, rider);
  }

  /** Nobody tears a card in the last taps of a run, so that it ends with every card at peace. */
  #mayTear(progress: Progress): boolean {
    const left = this.#parts.taps - this.#started;
    return progress.tries < 3 && left > 4 * this.#queues.length;
  }

  #card(rider: RiderHabits): RiderCard {
    const { cards, chance, masters, banks } = this.#parts;
    const { index } = rider;
    const means: CardMeans = { masters, banks, randomBytes: (length) => chance.bytes(length) };
    return riderCard(cards.card(index), rider, means, (committed) => {
      cards.commit(index, committed);
    });
  }

  /** What the rider does after a tap. */
  #next(rider: RiderHabits, progress: Progress, report: TapReport, card: RiderCard): Progress {
    const { chance } = this.#parts;
    const nowMs = report.instantMs;
    const { open, reason } = report.decision;
    const again = (delayMs: number): Progress => ({
      step: progress.step,
      tries: progress.tries + 1,
      nextMs: nowMs + delayMs,
    });
    // Refused because the card was used here just now: the tap before this one did open the gate.
    if (open || reason === 'passBack') return this.#through(rider, progress, nowMs);
    if (progress.tries >= TRIES_MAX || isHopeless(reason)) {
      return { step: 0, tries: 0, nextMs: this.#nextMorning(rider, nowMs) };
    }
    if (reason === 'balanceTooLow') {
      const dateTime = new Uint8Array(7);
      writeLocalDateTime(this.#parts.zone, nowMs, dateTime, 0);
      card.topUp(TOP_UP_MINOR, dateTime);
      return again(2 * MINUTE_MS);
    }
    return again(Math.floor((2 + 3 * chance.fraction()) * SECOND_MS));
  }

  /** Through the gate: the next step of the day. Some tap again out of habit and are told so. */
  #through(rider: RiderHabits, progress: Progress, nowMs: number): Progress {
    const step = (progress.step + 1) % STEPS;
    const rideMs = Math.floor((9 + 25 * this.#parts.chance.fraction()) * MINUTE_MS);
    if (step === 1 || step === 3) return { step, tries: 0, nextMs: nowMs + rideMs };
    if (step === 2) return { step, tries: 0, nextMs: this.#atOffset(rider.eveningMs, nowMs) };
    return { step, tries: 0, nextMs: this.#nextMorning(rider, nowMs) };
  }

  /** The instant of a time of day, today or, if that has passed, a little from now. */
  #atOffset(offsetMs: number, nowMs: number): number {
    const at = this.#midnight(nowMs) + offsetMs;
    return at > nowMs ? at : nowMs + 20 * MINUTE_MS;
  }

  #nextMorning(rider: RiderHabits, nowMs: number): number {
    return this.#midnight(nowMs) + DAY_MS + rider.morningMs;
  }

  #midnight(nowMs: number): number {
    const local = nowMs + this.#parts.zone.offsetMs(nowMs);
    return local - (local % DAY_MS) - this.#parts.zone.offsetMs(nowMs);
  }
}

/** Station and side of the gate at which a rider takes a step. */
function placeOf(rider: RiderHabits, step: number): { station: number; side: 'entry' | 'exit' } {
  const side = step % 2 === 0 ? 'entry' : 'exit';
  return { station: step === 0 || step === 3 ? rider.home : rider.work, side };
}

/** Reasons that tapping again does not cure. */
function isHopeless(reason: Reason): boolean {
  return ![
    'cardGone',
    'cardFaulty',
    'cardRefused',
    'mac2Invalid',
    'answerForged',
    'deadline',
    'gateClosed',
    'balanceTooLow',
  ].includes(reason);
}

/** Mostly while the card works longest, as in the field. */
function chooseTear(chance: Chance, { commands }: RiderCard): Tear {
  const [commits, ...others] = commands;
  const point = chance.happens(0.5) ? commits : chance.pick(others);
  return { ...point, when: chance.pick(['before', 'during', 'after'] as const) };
}
