/**
 * What the rules for taps ask of the fares they stand beside, a station matrix or a GTFS feed
 * (docs/fare-extensions.md, "Taps become rides").
 */

import type { CompiledFares } from '../fares.ts';
import type { GtfsFares } from '../gtfs/fares.ts';
import type { GtfsFeed } from '../gtfs/feed.ts';
import type { Account, TakenLeg } from './account.ts';
import { gtfsLeg } from './gtfs-prices.ts';

export interface FareFrame {
  /** Id of the station that a stop, by id or name, belongs to; an unknown stop is its own. */
  stationOf(stop: string): string;
  /** Whether the fares have a stop, by id or name. */
  has(stop: string): boolean;
  /** The network of a route; '' for none. */
  networkOf(route: string): string;
  /** '' where the fares have none. */
  readonly defaultRider: string;
  /** What a missing tap costs without a rule for it; null: the highest fare. */
  readonly missingTapMinor: number | null;
  /**
   * Longest duration of the fares' own transfers, from an exit to the next entry; Infinity where
   * none of them has one; null where there are no transfers.
   */
  readonly transferMs: number | null;
  /** What legs cost together with the fares' own transfers; null where that is unknown. */
  costMinor(legs: readonly TakenLeg[], account: Account): number | null;
}

export function matrixFrame(fares: CompiledFares): FareFrame {
  return {
    stationOf: (stop) => fares.stations[fares.stationById(stop)]?.id ?? stop,
    has: (stop) => fares.stationById(stop) >= 0,
    networkOf: () => '',
    defaultRider: fares.riders[0]!,
    missingTapMinor: fares.rules.missingTapMinor,
    transferMs: null,
    costMinor: () => null,
  };
}

export function gtfsFrame(fares: GtfsFares): FareFrame {
  const { feed, stops } = fares;
  const networks = new Map(feed.routes.map(({ id, network }) => [id, network]));
  return {
    stationOf: (stop) => {
      const found = stops.find(stop);
      return found < 0 ? stop : stops.stops[stops.stationOf[found]!]!.id;
    },
    has: (stop) => stops.find(stop) >= 0,
    networkOf: (route) => networks.get(route) ?? '',
    defaultRider: feed.riders.find(({ isDefault }) => isDefault)?.id ?? '',
    missingTapMinor: null,
    transferMs: longestTransferMs(feed),
    costMinor: (legs, { rider, media }) => {
      const priced = fares.price({ id: null, rider, media, legs: legs.map(gtfsLeg) });
      return 'error' in priced ? null : priced.amountMinor;
    },
  };
}

function longestTransferMs({ model, transferRules, fares }: GtfsFeed): number | null {
  const seconds =
    model === 'v2'
      ? transferRules.map(({ limitSeconds }) => limitSeconds)
      : fares.flatMap((fare) => (fare.transfers === 0 ? [] : [fare.durationSeconds]));
  if (seconds.length === 0) return null;
  const longest = seconds.reduce((most, limit) => Math.max(most, limit), 0);
  return longest === 0 ? Number.POSITIVE_INFINITY : longest * 1000;
}
