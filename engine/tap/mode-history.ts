/**
 * Which station was in which mode when: what a gate must know to treat a card rightly that a mode
 * affected. GB 50490 (commentary 8.8.8): such cards are accepted within seven days, and the gate
 * decides by its history of modes. Pure: instants are passed in. Looked at only where a card's
 * journey is out of order, too long or its date over: an ordinary tap does not pay for it.
 */
import assert from 'node:assert/strict';
import { readU32 } from '../bytes.ts';
import { MODE_HISTORY_MS, MODE_JOURNEY_MS_MAX } from '../durations.ts';
import { MODE_PERIODS_MAX } from '../limits.ts';

export interface ModePeriod {
  /** The station's 4-byte code as a number. */
  readonly station: number;
  /** Not normal. */
  readonly mode: number;
  readonly fromMs: number;
  /** Infinity while it lasts. */
  readonly toMs: number;
}

/** A station's code as the history has it. */
export function stationNumber(code: Uint8Array): number {
  return readU32(code, 0);
}

export class ModeHistory {
  /** By end, the latest last. */
  readonly periods: readonly ModePeriod[];

  /** @param periods in any order; over the bound the oldest are left out. */
  constructor(periods: readonly ModePeriod[] = []) {
    for (const { fromMs, toMs } of periods) assert(fromMs <= toMs, 'a period ends before it began');
    const byEnd = [...periods].sort((a, b) => (a.toMs === b.toMs ? 0 : a.toMs < b.toMs ? -1 : 1));
    this.periods = byEnd.slice(-MODE_PERIODS_MAX);
  }

  get isEmpty(): boolean {
    return this.periods.length === 0;
  }

  /** Whether a card that came in at `station` at `enteredMs` did so under one of the modes. */
  enteredUnder(modes: number, station: number, enteredMs: number, nowMs: number): boolean {
    return this.periods.some(
      (period) =>
        isRemembered(period, modes, nowMs) &&
        period.station === station &&
        period.fromMs <= enteredMs &&
        enteredMs <= period.toMs,
    );
  }

  /**
   * Whether a rider who came in at `enteredMs` may have been in the paid area when one of the modes
   * held, at `station` or, where that is null, anywhere.
   */
  caughtBy(modes: number, station: number | null, enteredMs: number, nowMs: number): boolean {
    return this.periods.some(
      (period) =>
        isRemembered(period, modes, nowMs) &&
        (station === null || period.station === station) &&
        period.fromMs - MODE_JOURNEY_MS_MAX <= enteredMs &&
        enteredMs <= period.toMs,
    );
  }

  /** Stations where a rider who leaves now may have come in under one of the modes. */
  *stationsUnder(modes: number, nowMs: number): Generator<number> {
    for (const period of this.periods) {
      if ((period.mode & modes) === 0 || period.fromMs > nowMs) continue;
      if (period.toMs + MODE_JOURNEY_MS_MAX >= nowMs) yield period.station;
    }
  }
}

/** A clock that was set back must not make a period of the future count. */
function isRemembered(period: ModePeriod, modes: number, nowMs: number): boolean {
  if ((period.mode & modes) === 0) return false;
  return period.fromMs <= nowMs && nowMs <= period.toMs + MODE_HISTORY_MS;
}
