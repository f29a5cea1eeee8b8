/**
 * A reader whose cards are virtual and in this process. Time is the model's (`timing.ts`): either
 * only counted, so that a day's taps run in seconds, or really waited for.
 */
import assert from 'node:assert/strict';
import { READER_CARDS_WAITING_MAX } from '../../../engine/limits.ts';
import type { CardSession, Reader } from '../reader.ts';
import { type CommandName, commandName } from './command.ts';
import type { HeldCard } from './held-card.ts';
import {
  apduUs,
  type CardClass,
  detectionUs,
  type Kbitps,
  processingUs,
  timing,
} from './timing.ts';

/** When a card is torn away. */
export interface Tear {
  /** The command of that name, or the nth command of the session, from 1. */
  readonly command: CommandName | number;
  /** Which of that name, from 1; the first where absent. */
  readonly nth?: number;
  /**
   * `before`: the card never gets it. `during`: power is lost while the card works, and nothing was
   * committed. `after`: the card has committed and its answer is lost.
   */
  readonly when: 'before' | 'during' | 'after';
}

export interface PresentOptions {
  readonly kbitps: Kbitps;
  readonly cardClass?: CardClass;
  readonly tear?: Tear;
  /** `modelled` (the default) counts time in `modelledUs`; `real` waits for it. */
  readonly pace?: 'modelled' | 'real';
}

export interface VirtualReaderOptions {
  readonly name?: string;
  /** Spread of the processing times: 0 to 1 a command. Without it every command takes the same. */
  readonly chance?: () => number;
}

interface Waiting {
  readonly session: VirtualSession;
  readonly gone: () => void;
}

export class VirtualReader implements Reader {
  readonly name: string;
  readonly #chance: () => number;
  readonly #waiting: Waiting[] = [];
  #arrival: (() => void) | null = null;
  #inField: Waiting | null = null;
  #closed = false;

  constructor(options: VirtualReaderOptions = {}) {
    this.name = options.name ?? 'virtual';
    // The middle of the spread.
    this.#chance = options.chance ?? (() => 0.5);
  }

  /**
   * Holds a card to the reader, after those already waiting. Resolves when the gate has released
   * it (a torn card too: its session then answers null) or the reader was closed.
   */
  present(card: HeldCard, options: PresentOptions): Promise<void> {
    if (this.#closed) return Promise.resolve();
    assert(this.#waiting.length < READER_CARDS_WAITING_MAX, 'too many cards wait at one reader');
    return new Promise((gone) => {
      this.#waiting.push({ session: new VirtualSession(card, options, this.#chance, gone), gone });
      this.#arrival?.();
    });
  }

  async *cards(): AsyncGenerator<CardSession, void, undefined> {
    while (!this.#closed) {
      const next = this.#waiting.shift();
      if (!next) {
        await new Promise<void>((arrival) => {
          this.#arrival = arrival;
        });
        this.#arrival = null;
        continue;
      }
      this.#inField = next;
      await next.session.detect();
      try {
        yield next.session;
      } finally {
        await next.session.release();
        this.#inField = null;
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#arrival?.();
    await this.#inField?.session.release();
    for (const { gone } of this.#waiting.splice(0)) gone();
  }
}

/** One card in the field. */
class VirtualSession implements CardSession {
  readonly #card: HeldCard;
  readonly #kbitps: Kbitps;
  readonly #cardClass: CardClass;
  readonly #tear: Tear | null;
  readonly #real: boolean;
  readonly #chance: () => number;
  readonly #gone: () => void;
  #modelledUs = 0;
  /** Time slept too long, to be taken off the next sleep. */
  #aheadMs = 0;
  #commands = 0;
  /** Commands so far of the name that the tear is about. */
  #named = 0;
  #present = true;

  constructor(card: HeldCard, options: PresentOptions, chance: () => number, gone: () => void) {
    this.#card = card;
    this.#kbitps = options.kbitps;
    this.#cardClass = options.cardClass ?? 'plastic';
    this.#tear = options.tear ?? null;
    this.#real = options.pace === 'real';
    this.#chance = chance;
    this.#gone = gone;
  }

  get uid(): Uint8Array {
    return this.#card.uid;
  }

  get modelledUs(): number {
    return this.#modelledUs;
  }

  /** The card comes into the field and is activated. */
  detect(): Promise<void> {
    this.#card.power();
    return this.#pass(detectionUs(this.#cardClass), undefined);
  }

  transceive(apdu: Uint8Array): Promise<Uint8Array | null> {
    if (!this.#present) return Promise.resolve(null);
    this.#commands++;
    const name = commandName(apdu);
    const sentUs = apduUs(apdu.length, this.#kbitps);
    const workUs = processingUs(name, this.#cardClass, this.#chance());
    const tear = this.#tear;
    if (tear?.command === name) this.#named++;
    const isNamed = tear?.command === name && this.#named === (tear.nth ?? 1);
    if (tear && (isNamed || tear.command === this.#commands)) {
      return this.#tornAway(tear.when, apdu, sentUs, workUs);
    }
    const response = this.#card.transmit(apdu);
    const us = sentUs + workUs + apduUs(response.length, this.#kbitps);
    return this.#pass(us, response);
  }

  release(): Promise<void> {
    if (this.#present) this.#remove();
    this.#gone();
    return Promise.resolve();
  }

  #tornAway(when: Tear['when'], apdu: Uint8Array, sentUs: number, workUs: number): Promise<null> {
    if (when === 'during') this.#card.loseDuring(apdu);
    if (when === 'after') this.#card.transmit(apdu);
    this.#remove();
    const worked = { before: 0, during: workUs / 2, after: workUs }[when];
    return this.#pass(sentUs + worked + timing.lossUs, null);
  }

  #remove(): void {
    this.#present = false;
    this.#card.power();
  }

  /** Lets `us` pass and then gives `value`. */
  #pass<T>(us: number, value: T): Promise<T> {
    if (!this.#real) {
      this.#modelledUs += us;
      return Promise.resolve(value);
    }
    const dueMs = us / 1000 - this.#aheadMs;
    const startMs = performance.now();
    return new Promise((resolve) => {
      setTimeout(
        () => {
          this.#aheadMs = performance.now() - startMs - dueMs;
          resolve(value);
        },
        Math.max(0, dueMs),
      );
    });
  }
}
