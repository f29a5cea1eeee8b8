/** What changes between two versions of fares over a list of journeys. */
import type { ErrorCode } from '../errors.ts';
import type { JourneyId } from './journey.ts';

/** What one version says of a journey: minor units, or why it has no price. */
export type JourneyPrice = number | ErrorCode;

/** A journey that one version prices otherwise than the other. */
export interface JourneyChange {
  readonly id: JourneyId;
  readonly before: JourneyPrice;
  readonly after: JourneyPrice;
}

export interface JourneySums {
  readonly journeys: number;
  readonly dearer: number;
  readonly cheaper: number;
  /** Largest change either way, 0 where there is none. */
  readonly riseMinor: number;
  readonly fallMinor: number;
  /** Journeys that only one version prices, or neither. */
  readonly onlyBefore: number;
  readonly onlyAfter: number;
  readonly unpriced: number;
  /** Of the journeys that both versions price. */
  readonly beforeMinor: number;
  readonly afterMinor: number;
}

export class JourneyDiff {
  readonly changes: JourneyChange[] = [];
  /** How many journeys change by so many minor units; those of 0 among them. */
  readonly counts = new Map<number, number>();
  #onlyBefore = 0;
  #onlyAfter = 0;
  #unpriced = 0;
  #beforeMinor = 0;
  #afterMinor = 0;

  add(id: JourneyId, before: JourneyPrice, after: JourneyPrice): void {
    if (before !== after) this.changes.push({ id, before, after });
    if (typeof before === 'number' && typeof after === 'number') {
      this.#beforeMinor += before;
      this.#afterMinor += after;
      const change = after - before;
      this.counts.set(change, (this.counts.get(change) ?? 0) + 1);
    } else if (typeof before === 'number') this.#onlyBefore += 1;
    else if (typeof after === 'number') this.#onlyAfter += 1;
    else this.#unpriced += 1;
  }

  get sums(): JourneySums {
    const sum = { both: 0, dearer: 0, cheaper: 0, riseMinor: 0, fallMinor: 0 };
    for (const [change, count] of this.counts) {
      sum.both += count;
      if (change > 0) sum.dearer += count;
      if (change < 0) sum.cheaper += count;
      sum.riseMinor = Math.max(sum.riseMinor, change);
      sum.fallMinor = Math.max(sum.fallMinor, -change);
    }
    const { both, ...changed } = sum;
    return {
      journeys: both + this.#onlyBefore + this.#onlyAfter + this.#unpriced,
      ...changed,
      onlyBefore: this.#onlyBefore,
      onlyAfter: this.#onlyAfter,
      unpriced: this.#unpriced,
      beforeMinor: this.#beforeMinor,
      afterMinor: this.#afterMinor,
    };
  }
}
