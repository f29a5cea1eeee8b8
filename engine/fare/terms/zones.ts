/** Zones of stops: how many a ride spans, and whether it lies in a set of them. */
import type { FareTerms } from './terms.ts';

const NONE: readonly string[] = [];

/**
 * Zones that a ride between two stops spans, both ends included; the fewest where a stop is in
 * several. null where a stop is in none.
 */
export function zonesSpanned(terms: FareTerms, from: string, to: string): number | null {
  let least: number | null = null;
  for (const a of terms.stopZones.get(from) ?? NONE) {
    for (const b of terms.stopZones.get(to) ?? NONE) {
      const span = Math.abs(terms.zoneNumbers.get(a)! - terms.zoneNumbers.get(b)!) + 1;
      if (least === null || span < least) least = span;
    }
  }
  return least;
}

/** Whether a stop is in one of a set's zones; any stop is in the set ''. */
export function isInZones(terms: FareTerms, set: string, stop: string): boolean {
  if (set === '') return true;
  const zones = terms.zoneSets.get(set)!;
  return (terms.stopZones.get(stop) ?? NONE).some((zone) => zones.has(zone));
}
