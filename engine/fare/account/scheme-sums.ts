/**
 * What an account has paid for the rides of each cumulative scheme (docs/fare-extensions.md,
 * `faregate_cumulative.txt`), and the step it has reached. The sums are a stretch of the account's
 * own (`RidePricer.newSums`), two numbers for each scheme: the day, week or month they are of, and
 * what was paid.
 */
import type { RideLegs } from './legs.ts';
import type { SchemeRows } from './rules.ts';

export class SchemeSums {
  readonly #schemes: SchemeRows;
  /** Rows of the schemes at hand, in the order of the file. */
  readonly #rows: Int32Array;
  readonly #start: number;
  /** One after the last number. */
  readonly end: number;

  /**
   * @param rows of the schemes that are for the account
   * @param start of their numbers in the sums
   */
  constructor(schemes: SchemeRows, rows: Int32Array, start: number) {
    this.#schemes = schemes;
    this.#rows = rows;
    this.#start = start;
    this.end = start + 2 * rows.length;
  }

  /** Makes the numbers those of an account that never rode. */
  clear(sums: Float64Array): void {
    for (let at = this.#start; at < this.end; at += 2) sums[at] = Number.NEGATIVE_INFINITY;
  }

  /** Place of the scheme that is for a leg, its sum moved on to the journey's span; or -1. */
  placeFor(legs: RideLegs, leg: number, sums: Float64Array): number {
    const { networks, spans } = this.#schemes;
    for (let place = 0; place < this.#rows.length; place++) {
      const row = this.#rows[place]!;
      if (networks[row] !== 0 && networks[row] !== legs.networks[leg]) continue;
      const span = legs.spans[spans[row]!]!;
      const at = this.#start + 2 * place;
      if (sums[at] !== span) {
        sums[at] = span;
        sums[at + 1] = 0;
      }
      return place;
    }
    return -1;
  }

  /** The step that the sum of the scheme at a place has reached, or -1 before the first. */
  stepAt(place: number, sums: Float64Array): number {
    const { starts, fromMinor } = this.#schemes;
    const row = this.#rows[place]!;
    const spentMinor = sums[this.#start + 2 * place + 1]!;
    let reached = -1;
    for (let step = starts[row]!; step < starts[row + 1]!; step++) {
      if (fromMinor[step]! <= spentMinor) reached = step;
    }
    return reached;
  }

  count(place: number, paidMinor: number, sums: Float64Array): void {
    sums[this.#start + 2 * place + 1]! += paidMinor;
  }
}
