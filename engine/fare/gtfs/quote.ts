/** Journeys priced by the versions of an operator's GTFS fares, as `faregate-engine quote` tells. */
import type { Versions } from '../book.ts';
import { formatInstant } from '../instant.ts';
import { type Journey, type PricedAs, type RefusedJourney, refused } from '../journey.ts';
import type { GtfsFares } from './fares.ts';
import type { GtfsItem } from './why.ts';

export type GtfsQuote = PricedAs<GtfsItem>;

/** Quotes a journey by the version in force at its first departure. */
export function quoteGtfs(book: Versions<GtfsFares>, journey: Journey): GtfsQuote | RefusedJourney {
  const { id, legs } = journey;
  const departureMs = legs[0]!.departureMs;
  const fares = book.at(departureMs);
  if (!fares) {
    const message = `no fare version is in force at ${formatInstant(departureMs)}`;
    return refused(id, 'FARES_NO_VERSION', message);
  }
  const priced = fares.price(journey);
  if ('error' in priced) return priced;
  const { amountMinor, items, why } = priced;
  return {
    id,
    amount: fares.money(amountMinor),
    amountMinor,
    currency: fares.feed.currency.code,
    items,
    why,
  };
}
