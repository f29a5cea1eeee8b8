/**
 * What an operator should look at before fares go live: what a set contains in numbers, and what in
 * it is unusual without being wrong.
 */
import type { FareSet } from './fares.ts';
import { formatInstant } from './instant.ts';

/** A pair of stations by index. */
export type Pair = readonly [from: number, to: number];

export interface RiderRange {
  readonly rider: string;
  /** Over pairs of two different stations. */
  readonly lowestMinor: number;
  readonly highestMinor: number;
  readonly zeroPairs: number;
}

export interface FareReport {
  readonly version: number;
  readonly effective: string;
  readonly currency: string;
  readonly stations: number;
  readonly pairs: number;
  readonly riders: readonly RiderRange[];
  /** Pairs, each counted once, that cost a rider class more one way than the other. */
  readonly asymmetricPairs: number;
  readonly warnings: readonly string[];
}

const NAMED_PAIRS = 3;

export function reportOf(set: FareSet): FareReport {
  const riders = set.riders.map((_, rider) => rangeOf(set, rider));
  const asymmetric = asymmetricPairs(set);
  return {
    version: set.version,
    effective: formatInstant(set.effectiveMs),
    currency: set.currency,
    stations: set.stations.length,
    pairs: set.stations.length ** 2,
    riders,
    asymmetricPairs: asymmetric.length,
    warnings: warningsOf(set, riders, asymmetric),
  };
}

function rangeOf(set: FareSet, rider: number): RiderRange {
  const size = set.stations.length;
  let lowestMinor = Number.POSITIVE_INFINITY;
  let highestMinor = 0;
  let zeroPairs = 0;
  for (let from = 0; from < size; from++) {
    for (let to = 0; to < size; to++) {
      if (from === to) continue;
      const fare = set.matrix[(rider * size + from) * size + to]!;
      if (fare < lowestMinor) lowestMinor = fare;
      if (fare > highestMinor) highestMinor = fare;
      if (fare === 0) zeroPairs++;
    }
  }
  return { rider: set.riders[rider]!, lowestMinor, highestMinor, zeroPairs };
}

/** Pairs, the lower index first, whose fare differs by direction for any rider class. */
function asymmetricPairs(set: FareSet): Pair[] {
  const size = set.stations.length;
  const pairs: Pair[] = [];
  for (let from = 0; from < size; from++) {
    for (let to = from + 1; to < size; to++) {
      const differs = set.riders.some((_, rider) => {
        const base = rider * size;
        return set.matrix[(base + from) * size + to] !== set.matrix[(base + to) * size + from];
      });
      if (differs) pairs.push([from, to]);
    }
  }
  return pairs;
}

function warningsOf(
  set: FareSet,
  riders: readonly RiderRange[],
  asymmetric: readonly Pair[],
): string[] {
  const warnings: string[] = [];
  if (asymmetric.length > 0) {
    const named = asymmetric
      .slice(0, NAMED_PAIRS)
      .map(([from, to]) => `${set.stations[from]!.name} and ${set.stations[to]!.name}`);
    const more = asymmetric.length > NAMED_PAIRS ? ', ...' : '';
    warnings.push(
      `${asymmetric.length} pairs cost more one way than the other: ${named.join(', ')}${more}`,
    );
  }
  const free = riders.filter(({ zeroPairs }) => zeroPairs > 0);
  if (free.length > 0) {
    const counts = free.map(({ rider, zeroPairs }) => `${zeroPairs} for ${rider}`);
    warnings.push(`rides between two stations that cost nothing: ${counts.join(', ')}`);
  }
  const { sameStationMinutes, maxMinutes, overstayMinor } = set.rules;
  const highest = Math.max(...riders.map(({ highestMinor }) => highestMinor));
  if ((sameStationMinutes > 0 || maxMinutes > 0) && overstayMinor < highest) {
    warnings.push('overstaying costs less than the longest ride');
  }
  return warnings;
}
