/**
 * What an account has paid for the rides of each cumulative scheme (docs/fare-extensions.md,
 * `faregate_cumulative.txt`), in typed arrays, and the step it has reached.
 */
import type { RideLegs } from './legs.ts';
import type { SchemeRows } from './rules.ts';

export class SchemeSums {
  readonly #schemes: SchemeRows;
  /** Rows of the schemes at hand, in the order of the file. */
  readonly #rows: Int32Array;
  /** The day, week or month each sum is of. */
  readonly #at: Float64Array;
  readonly #spentMinor: Float64Array;

  /** @param rows of the schemes that are for the account */
  constructor(schemes: SchemeRows, rows: Int32Array) {
    this.#schemes = schemes;
    this.#rows = rows;
    this.#at = new Float64Array(rows.length).fill(Number.NEGATIVE_INFINITY);
    this.#spentMinor = new Float64Array(rows.length);
  }

  /** Place of the scheme that is for a leg, its sum moved on to the journey's span; or -1. */
  placeFor(legs: RideLegs, leg: number): number {
    const { networks, spans } = this.#schemes;
    for (let place = 0; place < this.#rows.length; place++) {
      const row = this.#rows[place]!;
      if (networks[row] !== 0 && networks[row] !== legs.networks[leg]) continue;
      const at = legs.spans[spans[row]!]!;
      if (this.#at[place] !== at) {
        this.#at[place] = at;
        this.#spentMinor[place] = 0;
      }
      return place;
    }
    return -1;
  }

  /** The step that the sum of the scheme at a place has reached, or -1 before the first. */
  stepAt(place: number): number {
    const { starts, fromMinor } = this.#schemes;
    const row = this.#rows[place]!;
    let reached = -1;
    for (let step = starts[row]!; step < starts[row + 1]!; step++) {
      if (fromMinor[step]! <= this.#spentMinor[place]!) reached = step;
    }
    return reached;
  }

  count(place: number, paidMinor: number): void {
    this.#spentMinor[place]! += paidMinor;
  }
}
