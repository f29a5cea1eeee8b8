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

/** A rider class that pays a share of the full fare. */
export interface RiderDiscount {
  readonly name: string;
  readonly percent: number;
}

/**
 * `percent` of a fare, rounded to whole `unitMinor`, halves up: 50 % of 3.50 in units of 0.10 is
 * 1.80. Integers throughout.
 */
export function shareMinor(fareMinor: number, percent: number, unitMinor: number): number {
  return Math.floor((2 * fareMinor * percent + 100 * unitMinor) / (200 * unitMinor)) * unitMinor;
}

/**
 * The matrix of a fare set from its distances (row by row, whole metres): for each rider class in
 * turn its share of the tariff's fare.
 */
export function tariffMatrix(
  tariff: DistanceTariff,
  distancesMetres: Int32Array,
  riders: readonly RiderDiscount[],
  unitMinor: number,
): Int32Array {
  const full = distancesMetres.map((metres) => tariffMinor(tariff, metres));
  const matrix = new Int32Array(full.length * riders.length);
  for (const [index, { percent }] of riders.entries()) {
    matrix.set(
      full.map((fare) => shareMinor(fare, percent, unitMinor)),
      index * full.length,
    );
  }
  return matrix;
}
