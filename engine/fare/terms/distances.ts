/**
 * Distances between all stations of a tariff, from its links or given one by one
 * (docs/fare-extensions.md, "Distance tariffs"). Rows were checked for themselves.
 */
import type { Tables } from '../gtfs/columns.ts';
import { parseWhole } from '../gtfs/fields.ts';
import type { Findings } from '../gtfs/findings.ts';
import type { Row } from '../gtfs/table.ts';
import { allDistances, UNREACHABLE } from '../network.ts';

/** Stations a message names before it only counts. */
const NAMED_MAX = 3;

/**
 * Whole metres at `from * stations + to`, or null where some are missing, which findings then tell
 * at the stations' lines.
 */
export function readDistances(tables: Tables, findings: Findings): Int32Array | null {
  const stations = tables.get('faregate_stations.txt')!.rows;
  const links = tables.get('faregate_links.txt')?.rows;
  const errors = findings.errors;
  const distances = links
    ? fromLinks(stations, links, findings)
    : fromTable(stations, tables.get('faregate_distances.txt')!.rows, findings);
  return findings.errors > errors ? null : distances;
}

function indexOf(stations: readonly Row[]): ReadonlyMap<string, number> {
  return new Map(stations.map((row, index) => [row.get('stop_id'), index]));
}

function fromLinks(
  stations: readonly Row[],
  links: readonly Row[],
  findings: Findings,
): Int32Array {
  const numbers = indexOf(stations);
  const edges = links.map((row) => ({
    a: numbers.get(row.get('from_stop_id'))!,
    b: numbers.get(row.get('to_stop_id'))!,
    metres: parseWhole(row.get('metres')),
    isOneWay: row.get('direction') === '0',
  }));
  const distances = allDistances(stations.length, edges);
  checkWays(stations, distances, findings);
  return distances;
}

/**
 * Every station has a way to and from the one with the most ways, and so to and from all: what is
 * cut off is told, and not each pair that it makes.
 */
function checkWays(stations: readonly Row[], distances: Int32Array, findings: Findings): void {
  const size = stations.length;
  const ways = new Int32Array(size);
  for (let cell = 0; cell < distances.length; cell++) {
    if (distances[cell] === UNREACHABLE) continue;
    ways[Math.floor(cell / size)]! += 1;
    ways[cell % size]! += 1;
  }
  const hub = ways.indexOf(ways.reduce((most, count) => Math.max(most, count), 0));
  const name = stations[hub]!.get('stop_id');
  for (const [index, row] of stations.entries()) {
    const to = distances[hub * size + index] === UNREACHABLE;
    const from = distances[index * size + hub] === UNREACHABLE;
    if (!to && !from) continue;
    const way = to && from ? 'to or from' : to ? 'to it from' : 'from it to';
    findings.error('unreachable_station', row.at('stop_id'), `no way ${way} ${name}`);
  }
}

function fromTable(stations: readonly Row[], rows: readonly Row[], findings: Findings): Int32Array {
  const size = stations.length;
  const numbers = indexOf(stations);
  const distances = new Int32Array(size * size).fill(UNREACHABLE);
  for (let i = 0; i < size; i++) distances[i * size + i] = 0;
  for (const row of rows) {
    const from = numbers.get(row.get('from_stop_id'))!;
    distances[from * size + numbers.get(row.get('to_stop_id'))!] = parseWhole(row.get('metres'));
  }
  for (const [from, row] of stations.entries()) {
    const line = distances.subarray(from * size, (from + 1) * size);
    if (!line.includes(UNREACHABLE)) continue;
    const missing = stations.filter((_, to) => line[to] === UNREACHABLE);
    const named = missing.slice(0, NAMED_MAX).map((to) => to.get('stop_id'));
    const more = missing.length > NAMED_MAX ? ` and ${missing.length - NAMED_MAX} more` : '';
    const message = `faregate_distances.txt has no row from it to ${named.join(', ')}${more}`;
    findings.error('missing_distance', row.at('stop_id'), message);
  }
  return distances;
}
