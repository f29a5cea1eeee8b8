/** Terms of fares without extension tables: every default of docs/fare-extensions.md. */
import type { FareTerms } from './terms.ts';

/** @param timezone of service days */
export function noTerms(timezone: string): FareTerms {
  return {
    settings: {
      timezone,
      dayStartMs: 0,
      weekStart: 0,
      entryBalanceMinor: null,
      negativeBalanceMinor: 0,
    },
    holidays: new Map(),
    periods: [],
    zoneNumbers: new Map(),
    stopZones: new Map(),
    zoneSets: new Map(),
    discounts: [],
    transfers: [],
    cumulative: [],
    caps: [],
    passes: [],
    missingTaps: [],
    sameStation: [],
    timeLimits: [],
    interchanges: [],
    continuations: [],
    products: [],
  };
}
