/**
 * Pictures of a city's fares for one rider class: what rides cost, and what changes between two
 * versions, as heat maps.
 */
import type { Currency } from './currencies.ts';
import type { SharedFares } from './diff.ts';
import type { FareSet } from './fares.ts';
import { heatMap } from './heat-map.ts';
import { formatMinor } from './money.ts';
import type { Drawing } from './svg.ts';

/** Strengths of a colour. */
const CHANGE_STEPS = 6;
const FARE_STEPS = 12;

/** The fares of one rider class: the dearer, the darker. */
export function farePicture(set: FareSet, rider: number, currency: Currency): Drawing {
  const { stations, version, matrix } = set;
  const cells = stations.length ** 2;
  const fares = matrix.subarray(rider * cells, (rider + 1) * cells);
  const range = { low: Number.POSITIVE_INFINITY, high: 0 };
  for (const fare of fares) {
    if (fare > 0 && fare < range.low) range.low = fare;
    if (fare > range.high) range.high = fare;
  }
  const { low, high } = range;
  const span = Math.max(1, high - low);
  const steps = Int8Array.from(fares, (fare) => {
    return fare === 0 ? -1 : Math.round(((fare - low) / span) * (FARE_STEPS - 1));
  });
  const scale = Array.from({ length: FARE_STEPS }, (_, step) => {
    return tone(45 - step * 2, (step + 1) / FARE_STEPS);
  });
  const money = moneyOf(currency);
  return heatMap({
    title: `Fares of version ${version}`,
    about: `${set.riders[rider]}: rows are stations of entry, columns of exit`,
    stations,
    steps,
    scale,
    legend: high === 0 ? 'every ride is free' : `${money(low)} to ${money(high)}; grey is free`,
  });
}

/**
 * What changes: dearer pairs red, cheaper ones blue.
 * @param title what is compared, as the reader of the picture knows it.
 */
export function diffPicture(fares: SharedFares, currency: Currency, title: string): Drawing {
  const { stations, rider, before, after } = fares;
  let extreme = 0;
  for (const [i, was] of before.entries()) extreme = Math.max(extreme, Math.abs(after[i]! - was));
  const steps = Int8Array.from(before, (was, i) => {
    const change = after[i]! - was;
    const strength = Math.round((Math.abs(change) / extreme) * CHANGE_STEPS);
    // The least change is still seen.
    return change === 0 ? CHANGE_STEPS : CHANGE_STEPS + Math.sign(change) * Math.max(1, strength);
  });
  const scale = Array.from({ length: 2 * CHANGE_STEPS + 1 }, (_, at) => {
    const step = at - CHANGE_STEPS;
    return step === 0 ? null : tone(step > 0 ? 8 : 214, Math.abs(step) / CHANGE_STEPS);
  });
  const money = moneyOf(currency);
  return heatMap({
    title,
    about: `${rider}: rows are stations of entry, columns of exit`,
    stations,
    steps,
    scale,
    legend:
      extreme === 0
        ? 'no fare changes'
        : `${money(-extreme)} to +${money(extreme)}; blue is cheaper, red is dearer`,
  });
}

function moneyOf({ code, decimals }: Currency): (minor: number) => string {
  return (minor) => `${formatMinor(minor, decimals)} ${code}`;
}

/** @param strength 0 to 1. */
function tone(hue: number, strength: number): string {
  return `hsl(${hue} 75% ${Math.round(92 - strength * 52)}%)`;
}
