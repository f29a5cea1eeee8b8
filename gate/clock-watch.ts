/**
 * Watches a process's wall clock. Durations are measured by the monotonic clock, so a wall clock
 * that leaves it has been set: a jump, to be recorded and never trusted silently. How good the wall
 * clock is, the engine's word decides (`engine/clock-quality.ts`).
 */
import { ClockQuality, freeRunningSince } from '../engine/clock-quality.ts';
import type { ClockJumped } from '../engine/debit/event.ts';
import { CLOCK_FRESH_MS, CLOCK_JUMP_MS, CLOCK_OFF_MS } from '../engine/durations.ts';
import type { Clock } from './clock.ts';

/** Drift that a clock may be corrected by without a jump: 0.1 % of the time that passed. */
const SLEW = 0.001;

export class ClockWatch {
  readonly #clock: Clock;
  #wallMs: number;
  #monotonicUs: number;
  /** When the clock was last compared, by the monotonic clock; null: not since the last jump. */
  #comparedUs: number | null = null;
  #agreed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#wallMs = clock.nowMs();
    this.#monotonicUs = clock.monotonicUs();
  }

  /** The jump since the last look, or null. Looked at every second, a slow drift is none. */
  look(): ClockJumped | null {
    const wallMs = this.#clock.nowMs();
    const monotonicUs = this.#clock.monotonicUs();
    const sinceMs = (monotonicUs - this.#monotonicUs) / 1000;
    const jumpMs = Math.round(wallMs - this.#wallMs - sinceMs);
    this.#wallMs = wallMs;
    this.#monotonicUs = monotonicUs;
    if (Math.abs(jumpMs) <= CLOCK_JUMP_MS + SLEW * sinceMs) return null;
    this.#comparedUs = null;
    return { event: 'clockJump', jumpMs, sinceMs: Math.max(0, Math.round(sinceMs)) };
  }

  /**
   * The engine told its time.
   * @param skewMs its clock less this one, taking the answer to be half way.
   * @param roundTripMs how long it took; what is slower than CLOCK_OFF_MS says nothing.
   */
  compared(skewMs: number, roundTripMs: number): void {
    if (roundTripMs > CLOCK_OFF_MS) return;
    this.#comparedUs = this.#clock.monotonicUs();
    this.#agreed = Math.abs(skewMs) <= CLOCK_OFF_MS + roundTripMs / 2;
  }

  /** The byte for a record made now. Allocates nothing. */
  get quality(): number {
    if (this.#comparedUs === null) return ClockQuality.unknown;
    if (!this.#agreed) return ClockQuality.wrong;
    const sinceMs = (this.#clock.monotonicUs() - this.#comparedUs) / 1000;
    return sinceMs <= CLOCK_FRESH_MS ? ClockQuality.synchronised : freeRunningSince(sinceMs);
  }
}
