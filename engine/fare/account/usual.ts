/**
 * The stations that an account's rides usually go to and come from (docs/fare-extensions.md,
 * `usual` of `faregate_missing_taps.txt`).
 */

/** A ride tapped at both ends, at two stations. */
export interface PastRide {
  readonly from: string;
  readonly to: string;
}

interface Partners {
  readonly counts: Map<string, number>;
  /** The most frequent, the latest of several. */
  best: string;
  bestCount: number;
}

export class UsualStops {
  readonly #to = new Map<string, Partners>();
  readonly #from = new Map<string, Partners>();

  /** Adds a ride; they come in order. Both are stations. */
  add({ from, to }: PastRide): void {
    count(this.#to, from, to);
    count(this.#from, to, from);
  }

  /** Where rides from a station usually end; null where there are none. */
  exitOf(station: string): string | null {
    return this.#to.get(station)?.best ?? null;
  }

  /** Where rides to a station usually begin. */
  entryOf(station: string): string | null {
    return this.#from.get(station)?.best ?? null;
  }
}

function count(table: Map<string, Partners>, station: string, partner: string): void {
  const known = table.get(station) ?? { counts: new Map<string, number>(), best: '', bestCount: 0 };
  const times = (known.counts.get(partner) ?? 0) + 1;
  known.counts.set(partner, times);
  // This ride is the latest, so it also wins a tie.
  if (times >= known.bestCount) {
    known.best = partner;
    known.bestCount = times;
  }
  table.set(station, known);
}
