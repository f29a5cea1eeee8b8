/**
 * Frames off a byte link, one at a time and each within its time. A frame that stops coming in the
 * middle counts as broken after a short silence, so that a lost byte costs some milliseconds and
 * not the whole deadline.
 */
import assert from 'node:assert/strict';
import { READER_ACK_MS_MAX, READER_GAP_MS } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { ByteLink, ByteLinkSource, ByteListener } from './byte-link.ts';

export interface BrokenFrame {
  readonly kind: 'broken';
  readonly why: string;
}

/** Puts frames together from chunks, and skips what is none. */
export interface Scanner<F> {
  push(chunk: Uint8Array): void;
  next(): F | null;
  /** Whether a frame has begun that is not complete. */
  readonly begun: boolean;
  clear(): void;
}

/** A byte at 9600 baud, the slowest that readers are delivered with. */
const BYTE_MS = 1.05;

export class FrameLine<F> implements ByteListener {
  readonly #name: string;
  readonly #scanner: Scanner<F>;
  /** How long an acknowledgement may take, beside the way of what it answers. */
  readonly ackMs: number;
  #link: ByteLink | null = null;
  #ended: string | null = null;
  #wake: (() => void) | null = null;

  /**
   * @param name for messages
   * @throws FaregateError READER_FAILED where the link cannot be opened.
   */
  static async open<F>(
    name: string,
    source: ByteLinkSource,
    scanner: Scanner<F>,
    ackMs: number = READER_ACK_MS_MAX,
  ): Promise<FrameLine<F>> {
    const line = new FrameLine(name, scanner, ackMs);
    line.#link = await source.open(line);
    return line;
  }

  private constructor(name: string, scanner: Scanner<F>, ackMs: number) {
    this.#name = name;
    this.#scanner = scanner;
    this.ackMs = ackMs;
  }

  /** Until when (of `performance.now()`) a command of that many bytes may be acknowledged. */
  ackUntilMs(bytes: number): number {
    return performance.now() + this.ackMs + bytes * BYTE_MS;
  }

  /** @throws FaregateError READER_FAILED when the link is over. */
  send(bytes: Uint8Array): void {
    this.#check();
    this.#link?.write(bytes);
  }

  /** Forgets what has come so far. */
  clear(): void {
    this.#scanner.clear();
  }

  /**
   * The next frame; null where none came whole before `untilMs` (of `performance.now()`).
   * @throws FaregateError READER_FAILED when the link is over.
   */
  async receive(untilMs: number): Promise<F | BrokenFrame | null> {
    assert(this.#wake === null, 'one waits for a frame at a time');
    for (;;) {
      const frame = this.#scanner.next();
      if (frame !== null) return frame;
      this.#check();
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) return null;
      const { begun } = this.#scanner;
      const came = await this.#bytes(begun ? Math.min(leftMs, READER_GAP_MS) : leftMs);
      if (!came && begun) {
        this.#scanner.clear();
        return { kind: 'broken', why: 'cut off' };
      }
    }
  }

  /** Waits until the other side is silent, at most until `untilMs`, and forgets what it said. */
  async settle(untilMs: number): Promise<void> {
    let came = true;
    while (came && performance.now() < untilMs) came = await this.#bytes(READER_GAP_MS);
    this.#scanner.clear();
    this.#check();
  }

  close(): void {
    this.#link?.close();
    this.onEnd('closed');
  }

  onBytes(chunk: Uint8Array): void {
    this.#scanner.push(chunk);
    this.#wake?.();
  }

  onEnd(why: string): void {
    this.#ended ??= why;
    this.#wake?.();
  }

  /** Waits for bytes or the end; false when neither came in time. */
  async #bytes(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const came = await new Promise<boolean>((resolve) => {
      this.#wake = () => resolve(true);
      // What has come while this process was busy is read before the time counts as over.
      timer = setTimeout(() => setImmediate(() => resolve(false)), ms);
    });
    clearTimeout(timer);
    this.#wake = null;
    return came;
  }

  #check(): void {
    if (this.#ended === null) return;
    throw new FaregateError('READER_FAILED', `${this.#name}: ${this.#ended}`);
  }
}
