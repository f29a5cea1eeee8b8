/**
 * Readers of the station under load. At an instant reader cards of this process come one after
 * another as long as a budget lasts; at a wired one they are in another process and take their
 * time. Both keep what the gate itself made the card wait.
 */
import { existsSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { CardSession, Reader } from '../../gate/reader/reader.ts';
import type { InstantCard } from './instant-card.ts';
import { FrameCutter, frameOf, nowUs } from './card-wire.ts';

const NO_UID = new Uint8Array(7);
const RELEASED = Promise.resolve();

/** Taps still to be done by all gates together. */
export class Budget {
  #left = 0;
  #resting: (() => void)[] = [];

  give(taps: number): void {
    this.#left += taps;
    for (const wake of this.#resting.splice(0)) wake();
  }

  /** Resolves when there is something to do. */
  async take(): Promise<void> {
    while (this.#left === 0) {
      await new Promise<void>((resolve) => {
        this.#resting.push(resolve);
      });
    }
    this.#left -= 1;
  }

  /** Takes back what is left. */
  stop(): void {
    this.#left = 0;
  }
}

/** Cards on their way from one gate to another. */
export class CardQueue {
  readonly #cards: InstantCard[] = [];
  #waiter: (() => void) | null = null;

  put(card: InstantCard): void {
    this.#cards.push(card);
    this.#waiter?.();
  }

  async take(): Promise<InstantCard> {
    while (this.#cards.length === 0) {
      await new Promise<void>((resolve) => {
        this.#waiter = resolve;
      });
      this.#waiter = null;
    }
    return this.#cards.shift()!;
  }
}

class InstantSession implements CardSession {
  readonly uid: Uint8Array = NO_UID;
  readonly modelledUs = 0;
  readonly #card: InstantCard;

  constructor(card: InstantCard) {
    this.#card = card;
  }

  transceive(apdu: Uint8Array): Promise<Uint8Array> {
    return Promise.resolve(this.#card.transmit(apdu));
  }

  release(): Promise<void> {
    return RELEASED;
  }
}

/** A gate where cards come from `from` and leave to `to`, and a wired socket too where given. */
export class LoadReader implements Reader {
  readonly name: string;
  readonly #budget: Budget;
  readonly #from: CardQueue;
  readonly #to: CardQueue;
  #closed = false;

  constructor(name: string, budget: Budget, from: CardQueue, to: CardQueue) {
    this.name = name;
    this.#budget = budget;
    this.#from = from;
    this.#to = to;
  }

  async *cards(): AsyncGenerator<CardSession, void, undefined> {
    while (!this.#closed) {
      await this.#budget.take();
      if (this.#closed) return;
      const card = await this.#from.take();
      yield new InstantSession(card);
      this.#to.put(card);
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#budget.give(1);
    return Promise.resolve();
  }
}
