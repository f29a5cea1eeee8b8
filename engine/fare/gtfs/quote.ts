/** Journeys priced by the versions of an operator's GTFS fares, as `faregate-engine quote` tells. */
import type { Versions } from '../book.ts';
import { formatInstant } from '../instant.ts';
import { type Journey, refused } from '../journey.ts';
import type { GtfsFares } from './fares.ts';

/**
 * Quotes a journey by the version in force at its first departure. The answer is JSON, of a
 * `PricedAs<GtfsItem>` or a `RefusedJourney`, byte for byte as `JSON.stringify` has it.
 */
export function quoteGtfs(book: Versions<GtfsFares>, journey: Journey): string {
  const { id, legs } = journey;
  const departureMs = legs[0]!.departureMs;
  const fares = book.at(departureMs);
  if (!fares) {
    const message = `no fare version is in force at ${formatInstant(departureMs)}`;
    return JSON.stringify(refused(id, 'FARES_NO_VERSION', message));
  }
  const priced = fares.price(journey);
  if ('error' in priced) return JSON.stringify(priced);
  const { amountMinor, items, why } = priced;
  const amount = `"amount":"${fares.money(amountMinor)}","amountMinor":${amountMinor}`;
  const currency = fares.feed.currency.code;
  return `{"id":${JSON.stringify(id)},${amount},"currency":"${currency}","items":${items},"why":${why}}`;
}
