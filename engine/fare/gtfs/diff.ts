/**
 * What changes between two versions of GTFS fares: the price of a ride of one leg between any two
 * stops that both feeds have, for each rider category, fare medium and network (with fares of
 * version 1, each route). Stops that no rule of either feed tells apart are priced once.
 */
import type { OnlyIn } from '../diff.ts';
import type { Leg } from '../journey.ts';
import type { GtfsFares } from './fares.ts';
import type { GtfsFeed } from './feed.ts';

/** Who rides, with what and on what; null for none, or for any that no rule names. */
export interface Way {
  readonly rider: string | null;
  readonly media: string | null;
  /** Of a network, of a route with fares of version 1. */
  readonly network: string | null;
}

/** Stops that both feeds treat alike, by the first of them. */
export interface StopGroup {
  readonly id: string;
  readonly name: string;
  readonly stops: number;
}

/** What is compared with what, before anything is priced. */
export interface GtfsScope {
  readonly riders: readonly (string | null)[];
  readonly media: readonly (string | null)[];
  readonly networks: readonly (string | null)[];
  readonly groups: readonly StopGroup[];
  readonly onlyStops: OnlyIn;
  readonly onlyRiders: OnlyIn;
  readonly onlyMedia: OnlyIn;
  readonly onlyNetworks: OnlyIn;
  /** Whether a rule of either feed names a timeframe. */
  readonly dependsOnTime: boolean;
}

/** One way over all pairs of groups. Counts are of pairs of stops. */
export interface WayDiff extends Way {
  readonly pairs: number;
  readonly dearer: number;
  readonly cheaper: number;
  /** Pairs that only one version prices. */
  readonly onlyBefore: number;
  readonly onlyAfter: number;
  readonly riseMinor: number;
  readonly fallMinor: number;
  /** Minor units at `from * groups + to`, NaN where there is no price. */
  readonly before: Float64Array;
  readonly after: Float64Array;
}

/** Finds what two feeds of one model have in common. */
export function scopeOf(before: GtfsFares, after: GtfsFares): GtfsScope {
  const feeds = [before.feed, after.feed] as const;
  const isV1 = before.feed.model === 'v1';
  const ids = (of: (feed: GtfsFeed) => readonly string[]) => {
    const [was, is] = feeds.map(of) as [readonly string[], readonly string[]];
    return { shared: is.filter((id) => was.includes(id)), only: onlyIn(was, is) };
  };
  const riders = ids((feed) => feed.riders.map(({ id }) => id));
  const media = ids((feed) => feed.media);
  const networks = ids(isV1 ? (feed) => feed.routes.map(({ id }) => id) : (feed) => feed.networks);
  return {
    riders: orNone(riders.shared),
    media: orNone(media.shared),
    networks: isV1 ? routesOf(feeds, networks.shared) : networksOf(feeds, networks.shared),
    groups: groupsOf(before, after),
    onlyStops: onlyIn(stopIds(before.feed), stopIds(after.feed)),
    onlyRiders: riders.only,
    onlyMedia: media.only,
    onlyNetworks: networks.only,
    dependsOnTime: feeds.some(({ legRules }) =>
      legRules.some((rule) => rule.fromTimeframe !== '' || rule.toTimeframe !== ''),
    ),
  };
}

/** Prices that a scope asks of each version. */
export function pricesOf({ riders, media, networks, groups }: GtfsScope): number {
  return riders.length * media.length * networks.length * groups.length ** 2;
}

/** Compares one way. @param atMs of both ends of the ride */
export function diffWay(
  before: GtfsFares,
  after: GtfsFares,
  groups: readonly StopGroup[],
  way: Way,
  atMs: number,
): WayDiff {
  const was = pricesOn(before, groups, way, atMs);
  const is = pricesOn(after, groups, way, atMs);
  const sum = { pairs: 0, dearer: 0, cheaper: 0, onlyBefore: 0, onlyAfter: 0 };
  let riseMinor = 0;
  let fallMinor = 0;
  for (let cell = 0; cell < was.length; cell++) {
    const from = groups[Math.floor(cell / groups.length)]!;
    const pairs = from.stops * groups[cell % groups.length]!.stops;
    const [wasNone, isNone] = [Number.isNaN(was[cell]!), Number.isNaN(is[cell]!)];
    sum.pairs += pairs;
    if (isNone && !wasNone) sum.onlyBefore += pairs;
    if (wasNone && !isNone) sum.onlyAfter += pairs;
    const change = is[cell]! - was[cell]!;
    if (change > 0) sum.dearer += pairs;
    if (change < 0) sum.cheaper += pairs;
    if (change > riseMinor) riseMinor = change;
    if (-change > fallMinor) fallMinor = -change;
  }
  return { ...way, ...sum, riseMinor, fallMinor, before: was, after: is };
}

function pricesOn(
  fares: GtfsFares,
  groups: readonly StopGroup[],
  { rider, media, network }: Way,
  atMs: number,
): Float64Array {
  const isV1 = fares.feed.model === 'v1';
  const taken = { network: isV1 ? null : network, route: isV1 ? network : null };
  const prices = new Float64Array(groups.length ** 2);
  let cell = 0;
  for (const { id: from } of groups) {
    for (const { id: to } of groups) {
      const leg: Leg = { from, to, ...taken, via: [], departureMs: atMs, arrivalMs: atMs };
      const priced = fares.price({ id: cell, rider, media, legs: [leg] });
      prices[cell++] = 'error' in priced ? Number.NaN : priced.amountMinor;
    }
  }
  return prices;
}

function orNone(ids: readonly string[]): readonly (string | null)[] {
  return ids.length === 0 ? [null] : ids;
}

function onlyIn(was: readonly string[], is: readonly string[]): OnlyIn {
  const [former, now] = [new Set(was), new Set(is)];
  return { before: was.filter((id) => !now.has(id)), after: is.filter((id) => !former.has(id)) };
}

/** Places that rides begin and end at: stops and stations. */
function stopIds(feed: GtfsFeed): string[] {
  return feed.stops.flatMap(({ id, type }) => (type < 2 ? [id] : []));
}

/** Networks that rules name; null stands for all others and for none, where routes are in such. */
function networksOf(feeds: readonly GtfsFeed[], shared: readonly string[]): (string | null)[] {
  const named = new Set(feeds.flatMap(({ legRules }) => legRules.map(({ network }) => network)));
  const listed = shared.filter((id) => named.has(id));
  const hasOther =
    listed.length === 0 ||
    feeds.some(({ routes }) => routes.some(({ network }) => !named.has(network) || network === ''));
  return hasOther ? [...listed, null] : listed;
}

/** Routes that rules name, and of the others one for each agency in either feed. */
function routesOf(
  feeds: readonly [GtfsFeed, GtfsFeed],
  shared: readonly string[],
): readonly (string | null)[] {
  const named = new Set(feeds.flatMap(({ fareRules }) => fareRules.map(({ route }) => route)));
  const agencies = feeds.map(({ routes }) => new Map(routes.map(({ id, agency }) => [id, agency])));
  const seen = new Set<string>();
  const routes = shared.filter((id) => {
    const key = named.has(id) ? id : agencies.map((of) => of.get(id)).join('\u0000');
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
  return orNone(routes);
}

/** Stops of both feeds in groups that neither tells apart. */
function groupsOf(before: GtfsFares, after: GtfsFares): StopGroup[] {
  const [was, is] = [signatures(before), signatures(after)];
  const groups = new Map<string, { id: string; name: string; stops: number }>();
  for (const [id, now] of is) {
    const former = was.get(id);
    if (former === undefined) continue;
    const key = `${former.text}\u0001${now.text}`;
    const known = groups.get(key);
    if (known) known.stops += 1;
    else groups.set(key, { id, name: now.name, stops: 1 });
  }
  return [...groups.values()];
}

/** What rules see of each stop: its areas or zone, as far as rules name them. */
function signatures({ feed, stops }: GtfsFares): Map<string, { text: string; name: string }> {
  const named = new Set([
    ...feed.legRules.flatMap(({ from, to }) => [from, to]),
    ...feed.fareRules.flatMap(({ origin, destination, contains }) => [
      origin,
      destination,
      contains,
    ]),
  ]);
  const found = new Map<string, { text: string; name: string }>();
  for (const [index, { id, name, type }] of feed.stops.entries()) {
    if (type > 1) continue;
    const sets =
      feed.model === 'v1'
        ? [[stops.zoneIdOf(index)]]
        : stops.areaSetsOf(index).map((set) => [...set].sort());
    const seen = sets.map((set) => set.filter((area) => named.has(area)).join('\u0002'));
    const clock = stops.zoneOf[index]!;
    found.set(id, { text: `${[...new Set(seen)].sort().join('\u0003')}\u0004${clock}`, name });
  }
  return found;
}
