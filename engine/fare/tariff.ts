/**
 * Fares by distance: steps, a rise beyond the last step, a cap, and metres of grace. `beijing` is
 * the published tariff of the Beijing metro (its rule file lists 0 to 6,099 m at 3 yuan, 6,100 to
 * 12,099 m at 4, and so on).
 */
import assert from 'node:assert/strict';

export interface DistanceTariff {
  /** Rising; each holds up to and including its distance. */
  readonly steps: readonly { readonly uptoMetres: number; readonly fareMinor: number }[];
  /** Beyond the last step: this much more for each begun stretch. */
  readonly beyond: { readonly everyMetres: number; readonly addMinor: number };
  /** A distance less than this much over a step's end still counts as the step. */
  readonly graceMetres: number;
  readonly capMinor: number | null;
}

export const beijing: DistanceTariff = {
  steps: [
    { uptoMetres: 6_000, fareMinor: 300 },
    { uptoMetres: 12_000, fareMinor: 400 },
    { uptoMetres: 22_000, fareMinor: 500 },
    { uptoMetres: 32_000, fareMinor: 600 },
  ],
  beyond: { everyMetres: 20_000, addMinor: 100 },
  graceMetres: 100,
  capMinor: 1000,
};

/** Fare in minor units of a distance in whole metres. */
export function tariffMinor(tariff: DistanceTariff, metres: number): number {
  assert(Number.isSafeInteger(metres) && metres >= 0);
  // With 100 m of grace 6,099 m is within 6 km and 6,100 m is not; without, 6,000 m is the last.
  const over = Math.max(tariff.graceMetres, 1);
  const step = tariff.steps.find(({ uptoMetres }) => metres < uptoMetres + over);
  if (step) return cap(tariff, step.fareMinor);
  const last = tariff.steps.at(-1);
  assert(last, 'a tariff has a step');
  const stretches = Math.floor((metres - last.uptoMetres - over) / tariff.beyond.everyMetres) + 1;
  return cap(tariff, last.fareMinor + stretches * tariff.beyond.addMinor);
}

function cap({ capMinor }: DistanceTariff, minor: number): number {
  return capMinor === null ? minor : Math.min(minor, capMinor);
}

/** A rider class that pays a share of a tariff, rounded to whole `unitMinor`. */
export interface RiderTariff {
  readonly name: string;
  readonly tariff: DistanceTariff;
  readonly percent: number;
  readonly unitMinor: number;
}

/**
 * `percent` of a fare, rounded to whole `unitMinor`, halves up: 50 % of 3.50 in units of 0.10 is
 * 1.80. Integers throughout.
 */
export function shareMinor(fareMinor: number, percent: number, unitMinor: number): number {
  return Math.floor((2 * fareMinor * percent + 100 * unitMinor) / (200 * unitMinor)) * unitMinor;
}

/** Fare in minor units of a rider class over a distance in whole metres. */
export function riderMinor({ tariff, percent, unitMinor }: RiderTariff, metres: number): number {
  return shareMinor(tariffMinor(tariff, metres), percent, unitMinor);
}

/** The fares of a set that go by distance: what its matrix was made of. */
export class TariffFares {
  /** In the order of the set's rider classes. */
  readonly riders: readonly RiderTariff[];
  /** Whole metres at `from * stations + to`. */
  readonly distances: Int32Array;
  readonly #size: number;

  constructor(riders: readonly RiderTariff[], distances: Int32Array) {
    this.riders = riders;
    this.distances = distances;
    this.#size = Math.sqrt(distances.length);
  }

  /** Whole metres between two stations, by their indexes in the set. Allocates nothing. */
  distanceMetres(from: number, to: number): number {
    return this.distances[from * this.#size + to]!;
  }

  /** Minor units of a distance for a rider class, by its index in the set. Allocates nothing. */
  tariffMinor(rider: number, metres: number): number {
    return riderMinor(this.riders[rider]!, metres);
  }

  get longestMetres(): number {
    return this.distances.reduce((longest, metres) => Math.max(longest, metres), 0);
  }

  /** The matrix of the fare set, each class in turn. Its fares were seen to fit 32 bits. */
  matrix(): Int32Array {
    const cells = this.distances.length;
    const matrix = new Int32Array(cells * this.riders.length);
    for (const [index, rider] of this.riders.entries()) {
      const at = index * cells;
      for (let i = 0; i < cells; i++) matrix[at + i] = riderMinor(rider, this.distances[i]!);
    }
    return matrix;
  }
}
