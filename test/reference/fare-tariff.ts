/**
 * Slow twins of the distance tariff and the shortest way: the published list of ranges walked one
 * by one, and Floyd and Warshall's three loops.
 */
import type { Edge } from '../../engine/fare/network.ts';

/**
 * The Beijing rule file's ranges in metres, both ends included: 0 to 6,099 is 3 yuan, 6,100 to
 * 12,099 is 4, ... 72,100 to 92,099 is 9, and 10 beyond.
 */
const ranges: readonly (readonly [end: number, yuan: number])[] = [
  [6_099, 3],
  [12_099, 4],
  [22_099, 5],
  [32_099, 6],
  [52_099, 7],
  [72_099, 8],
  [92_099, 9],
];

export function beijingYuan(metres: number): number {
  return ranges.find(([end]) => metres <= end)?.[1] ?? 10;
}

/** All shortest distances; -1 where there is no way. */
export function floydWarshall(size: number, edges: readonly Edge[]): number[] {
  const far = Number.POSITIVE_INFINITY;
  const d = Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 0 : far));
  for (const { a, b, metres, isOneWay } of edges) {
    d[a * size + b] = Math.min(d[a * size + b]!, metres);
    if (!isOneWay) d[b * size + a] = Math.min(d[b * size + a]!, metres);
  }
  for (let k = 0; k < size; k++) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        d[i * size + j] = Math.min(d[i * size + j]!, d[i * size + k]! + d[k * size + j]!);
      }
    }
  }
  return d.map((metres) => (metres === far ? -1 : metres));
}

/** A tariff as its tables say it: the steps, what a begun stretch beyond adds, and so on. */
export interface TariffTables {
  readonly steps: readonly { readonly upto: number; readonly minor: number }[];
  readonly every: number;
  readonly add: number;
  readonly grace: number;
  readonly maximum: number | null;
  /** Paid by the class; rounded to multiples of `round`, halves up. */
  readonly percent: number;
  readonly round: number;
}

/** What a distance costs: step after step and stretch after stretch, until one is long enough. */
export function slowTariffMinor(tables: TariffTables, metres: number): number {
  // Less than the grace over an end is still within; without grace the end itself is the last.
  const isWithin = (end: number) => metres <= end || metres - end < tables.grace;
  let fare = 0;
  let end = 0;
  let isFound = false;
  for (const { upto, minor } of tables.steps) {
    if (isFound) break;
    [fare, end] = [minor, upto];
    isFound = isWithin(upto);
  }
  while (!isFound) {
    fare += tables.add;
    end += tables.every;
    isFound = isWithin(end);
  }
  if (tables.maximum !== null && fare > tables.maximum) fare = tables.maximum;
  // The multiple nearest to percent hundredths, of two equally near the upper.
  let multiple = 0;
  const away = (amount: number) => Math.abs(100 * amount - fare * tables.percent);
  while (away(multiple + tables.round) <= away(multiple)) multiple += tables.round;
  return multiple;
}
