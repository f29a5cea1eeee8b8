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
