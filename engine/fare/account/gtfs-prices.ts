/**
 * Prices of an account's legs by GTFS fares: the standard's own rules and transfers for all legs of
 * a journey, and the lowest and highest fares of a stop.
 */
import { FARE_EXTREMES_KEPT } from '../../limits.ts';
import type { Versions } from '../book.ts';
import type { GtfsFares } from '../gtfs/fares.ts';
import type { GtfsItem } from '../gtfs/why.ts';
import { formatInstant } from '../instant.ts';
import { type Leg, type RefusedJourney, refused } from '../journey.ts';
import type { JourneyPricing } from '../terms/terms.ts';
import type { Account, LegFare, LegPrices, TakenLeg } from './account.ts';

/** Versions by what an instant asks of them. */
type Book = Pick<Versions<GtfsFares>, 'at'>;

/** Lowest and highest single fare; null where no rule prices any. */
type Extremes = { readonly minimum: number; readonly maximum: number } | null;

const NO_STOPS: readonly string[] = [];

export class GtfsPrices implements LegPrices {
  readonly #book: Book;
  readonly #places = new WeakMap<GtfsFares, readonly number[]>();
  readonly #kept = new WeakMap<GtfsFares, Map<string, Extremes>>();

  constructor(book: Book) {
    this.#book = book;
  }

  legs(
    legs: readonly TakenLeg[],
    pricing: JourneyPricing,
    account: Account,
  ): readonly LegFare[] | RefusedJourney {
    const first = legs[0]!;
    const fares = this.#book.at(first.departureMs);
    if (!fares) {
      const message = `no fare version is in force at ${formatInstant(first.departureMs)}`;
      return refused(null, 'FARES_NO_VERSION', message);
    }
    const isMany = legs.length > 1;
    if (pricing === 'distance' && isMany) {
      const message = 'rides are priced together by distance, and GTFS fares have no distances';
      return refused(null, 'FARES_NO_DISTANCE', message);
    }
    const isThrough = pricing === 'through' && isMany;
    const { to, arrivalMs } = legs.at(-1)!;
    const asked = isThrough ? [{ ...first, to, arrivalMs }] : legs;
    const { rider, media } = account;
    const priced = fares.price({ id: null, rider, media, legs: asked.map(gtfsLeg) });
    if ('error' in priced) return priced;
    return legs.map((_, leg) => fareOf(fares, priced.items, leg));
  }

  extreme(
    which: 'minimum' | 'maximum',
    stop: string,
    network: string,
    atMs: number,
    account: Account,
  ): number | null {
    const fares = this.#book.at(atMs);
    if (!fares || fares.stops.find(stop) < 0) return null;
    let kept = this.#kept.get(fares);
    if (!kept) {
      kept = new Map();
      this.#kept.set(fares, kept);
    }
    // Fares of a version without timeframes are the same at any time.
    const time = fares.feed.timeframes.length > 0 ? atMs : 0;
    const key = JSON.stringify([stop, network, account.rider, account.media, time]);
    let found = kept.get(key);
    if (found === undefined) {
      found = this.#extremes(fares, stop, network, atMs, account);
      if (kept.size >= FARE_EXTREMES_KEPT) kept.clear();
      kept.set(key, found);
    }
    return found?.[which] ?? null;
  }

  #extremes(
    fares: GtfsFares,
    stop: string,
    network: string,
    atMs: number,
    { rider, media }: Account,
  ): Extremes {
    let minimum = Number.POSITIVE_INFINITY;
    let maximum = Number.NEGATIVE_INFINITY;
    const here = fares.stops.stationOf[fares.stops.find(stop)];
    for (const place of this.#placesOf(fares)) {
      if (fares.stops.stationOf[place] === here) continue;
      const there = fares.stops.stops[place]!.id;
      for (const [from, to] of [
        [stop, there],
        [there, stop],
      ] as const) {
        const ride = { from, to, network, route: '', departureMs: atMs, arrivalMs: atMs };
        const priced = fares.price({ id: null, rider, media, legs: [gtfsLeg(ride)] });
        if ('error' in priced) continue;
        minimum = Math.min(minimum, priced.amountMinor);
        maximum = Math.max(maximum, priced.amountMinor);
      }
    }
    return minimum > maximum ? null : { minimum, maximum };
  }

  /** Stops for each place that fares tell apart: one, or two of two stations. */
  #placesOf(fares: GtfsFares): readonly number[] {
    const known = this.#places.get(fares);
    if (known) return known;
    const { stops } = fares;
    const groups = new Map<string, number[]>();
    for (const stop of stops.stops.keys()) {
      const key = JSON.stringify([
        stops.zoneOf[stop],
        stops.zoneIdOf(stop),
        stops.areaSetsOf(stop),
      ]);
      const group = groups.get(key);
      if (!group) groups.set(key, [stop]);
      else if (group.length === 1 && stops.stationOf[group[0]!] !== stops.stationOf[stop]) {
        group.push(stop);
      }
    }
    const places = [...groups.values()].flat();
    this.#places.set(fares, places);
    return places;
  }
}

/** A leg as GTFS fares are asked for it. */
export function gtfsLeg(leg: Omit<TakenLeg, 'completed'>): Leg {
  const { from, to, network, route, departureMs, arrivalMs } = leg;
  return {
    ...{ from, to, departureMs, arrivalMs, via: NO_STOPS },
    network: network === '' ? null : network,
    route: route === '' ? null : route,
  };
}

/** What a leg bears: the items that begin with it. */
function fareOf(fares: GtfsFares, items: readonly GtfsItem[], leg: number): LegFare {
  const own = items.filter((item) => item.leg === leg);
  if (own.length === 0) return { amountMinor: 0, why: 'paid with another ride of the journey' };
  return {
    amountMinor: own.reduce((sum, item) => sum + item.amountMinor, 0),
    why: own.map((item) => whyOf(fares, item)).join('; '),
  };
}

function whyOf({ stops }: GtfsFares, item: GtfsItem): string {
  const label = (id: string) => stops.label(stops.find(id));
  const ride = `${label(item.from)} to ${label(item.to)}`;
  const product = item.product === null ? '' : `${item.product}, `;
  const kind = item.kind === 'transfer' ? 'transfer, ' : '';
  return `${ride}: ${kind}${product}${item.rule}: ${item.amount}`;
}
