/**
 * Distances over a network of stations: the shortest way counts, whichever way the rider took, as
 * distance tariffs have it.
 */
import assert from 'node:assert/strict';
import { FARE_LINK_METRES_MAX } from '../limits.ts';

/** Track between two stations (indexes), used both ways unless it is one way from a to b. */
export interface Edge {
  readonly a: number;
  readonly b: number;
  readonly metres: number;
  readonly isOneWay?: boolean;
}

/** No way from one station to another. */
export const UNREACHABLE = -1;

/**
 * Shortest distances between all `size` stations, row by row, in whole metres; UNREACHABLE where
 * there is no way. Dijkstra from each station, the nearest found by a scan: n^3 steps, which for
 * the some hundred stations of a city is a moment, once, when fares are made. A link has at most
 * FARE_LINK_METRES_MAX, so that no way is too long for 32 bits.
 */
export function allDistances(size: number, edges: readonly Edge[]): Int32Array {
  const tracks: { to: number; metres: number }[][] = Array.from({ length: size }, () => []);
  for (const { a, b, metres, isOneWay } of edges) {
    assert(a >= 0 && a < size && b >= 0 && b < size && Number.isInteger(metres));
    assert(metres > 0 && metres <= FARE_LINK_METRES_MAX);
    tracks[a]!.push({ to: b, metres });
    if (!isOneWay) tracks[b]!.push({ to: a, metres });
  }
  const distances = new Int32Array(size * size).fill(UNREACHABLE);
  for (let from = 0; from < size; from++) {
    fromOne(tracks, distances.subarray(from * size, (from + 1) * size), from);
  }
  return distances;
}

function fromOne(
  tracks: readonly (readonly { to: number; metres: number }[])[],
  distances: Int32Array,
  from: number,
): void {
  const settled = new Uint8Array(tracks.length);
  distances[from] = 0;
  for (;;) {
    let nearest = -1;
    for (let i = 0; i < tracks.length; i++) {
      if (settled[i] === 1 || distances[i] === UNREACHABLE) continue;
      if (nearest < 0 || distances[i]! < distances[nearest]!) nearest = i;
    }
    if (nearest < 0) return;
    settled[nearest] = 1;
    for (const { to, metres } of tracks[nearest]!) {
      const through = distances[nearest]! + metres;
      if (distances[to] === UNREACHABLE || through < distances[to]!) distances[to] = through;
    }
  }
}
