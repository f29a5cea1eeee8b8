/**
 * What a reader is reached through, kept up: opened once on demand, and opened again, with growing
 * pauses up to a bound, whenever it is lost. Going and coming back are told as notices.
 */

import { READER_PAUSE_MS_MAX, READER_PAUSE_MS_MIN } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { NoticeTaker } from './reader.ts';

export interface ReaderOptions {
  readonly onNotice?: NoticeTaker;
  /** First and longest pause between attempts to find a reader that has gone. */
  readonly pauseMsMin?: number;
  readonly pauseMsMax?: number;
  /** How long a card or the reader may take for one answer. */
  readonly answerMs?: number;
  /** How long a PN532 or an ACR122 may take to acknowledge a command, beside its way there. */
  readonly ackMs?: number;
  /** Whether a reader with a kernel is of use: somebody tells it what cards are to pay. */
  readonly takesKernel?: boolean;
  /** Silence after which a kernel is asked whether it is there, and then held to be gone. */
  readonly kernelPingMs?: number;
  /** Of a reader with a kernel: the only certificate that is accepted; absent: each is. */
  readonly kernelCertificate?: string;
}

export class Connection<T extends { close(): void }> {
  readonly #open: () => Promise<T>;
  readonly #onNotice: NoticeTaker;
  readonly #pauseMsMin: number;
  readonly #pauseMsMax: number;
  readonly #waits = new Set<() => void>();
  #current: T | null = null;
  /** Attempts and connections that came to nothing, one after the other. */
  #failures = 0;
  #away = false;
  #closed = false;

  /** @param open throws READER_FAILED where there is nothing to open */
  constructor(open: () => Promise<T>, options: ReaderOptions) {
    this.#open = open;
    this.#onNotice = options.onNotice ?? (() => {});
    this.#pauseMsMin = options.pauseMsMin ?? READER_PAUSE_MS_MIN;
    this.#pauseMsMax = options.pauseMsMax ?? READER_PAUSE_MS_MAX;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Opens for the first time. @throws FaregateError READER_FAILED where there is nothing. */
  async start(): Promise<void> {
    this.#current = await this.#open();
  }

  /** The connection, once there is one; null when this was closed. */
  async get(): Promise<T | null> {
    while (!this.#closed) {
      if (this.#current) return this.#current;
      if (this.#failures > 0) await this.pause(this.#pauseMs());
      try {
        const opened = await this.#open();
        if (this.#closed) opened.close();
        else this.#current = opened;
      } catch (error) {
        this.#failed(readerFailure(error));
      }
    }
    return null;
  }

  /** The connection does what it is there for: only that ends the search. */
  worked(): void {
    this.#failures = 0;
    if (!this.#away) return;
    this.#away = false;
    this.#onNotice({ notice: 'back' });
  }

  /** Gives up a connection that an error of the reader has shown to be of no use. */
  lost(connection: T, error: unknown): void {
    const why = readerFailure(error);
    connection.close();
    if (this.#current !== connection) return;
    this.#current = null;
    if (!this.#closed) this.#failed(why);
  }

  /** Waits, or less when this is closed. */
  async pause(ms: number): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waits.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waits.add(done);
    });
  }

  /** No more attempts; the connection, if there is one, is handed over to be closed. */
  close(): T | null {
    this.#closed = true;
    for (const done of this.#waits) done();
    const current = this.#current;
    this.#current = null;
    return current;
  }

  #pauseMs(): number {
    return Math.min(this.#pauseMsMin * 2 ** (this.#failures - 1), this.#pauseMsMax);
  }

  #failed(why: string): void {
    this.#failures += 1;
    if (this.#away) return;
    this.#away = true;
    this.#onNotice({ notice: 'away', why });
  }
}

/** What a failure of the reader says; any other error is not the reader's, and is thrown on. */
function readerFailure(error: unknown): string {
  if (error instanceof FaregateError && error.code === 'READER_FAILED') return error.message;
  throw error;
}
