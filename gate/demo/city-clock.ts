/**
 * The simulated city's clock: wall time is the city's (it jumps from one event to the next, or runs
 * at a multiple of real time), durations stay real.
 */
import { type Clock, systemClock } from '../clock.ts';

export class CityClock implements Clock {
  #nowMs: number;
  readonly #speed: number | null;
  readonly #startUs = systemClock.monotonicUs();
  readonly #startMs: number;

  /** @param speed city seconds in a real second; null: the clock moves only by `advance`. */
  constructor(startMs: number, speed: number | null) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
    this.#speed = speed;
  }

  nowMs(): number {
    if (this.#speed === null) return this.#nowMs;
    const elapsedMs = (systemClock.monotonicUs() - this.#startUs) / 1000;
    return Math.floor(this.#startMs + elapsedMs * this.#speed);
  }

  monotonicUs(): number {
    return systemClock.monotonicUs();
  }

  /** Moves on to an instant; never back. */
  advance(toMs: number): void {
    if (toMs > this.#nowMs) this.#nowMs = toMs;
  }

  /** Real milliseconds until the clock shows `atMs`; 0 where it only moves by `advance`. */
  realMsUntil(atMs: number): number {
    return this.#speed === null ? 0 : Math.max(0, (atMs - this.nowMs()) / this.#speed);
  }
}
