/**
 * What a journey costs by GTFS-Fares V1 (reference, fare_attributes.txt and fare_rules.txt): the
 * journey is cut into stretches of consecutive legs, each paid with one fare, so that the sum is
 * least. A fare is good for a stretch if its rules match, its transfers suffice, and its
 * transfer_duration has not passed when the last leg is boarded.
 *
 * Rules of one fare with the same route, origin and destination are one: all of their contains_id
 * together are the zones that the stretch passes through. A fare without rules is good anywhere.
 */
import type { Fare, FareRule, GtfsFeed } from './feed.ts';

export interface LegV1 {
  /** '': not known. */
  readonly route: string;
  readonly agency: string;
  readonly fromZone: string;
  readonly toZone: string;
  /** Zones passed, those of both ends among them. */
  readonly zones: readonly string[];
  readonly departureMs: number;
}

/** Consecutive legs paid with one fare. */
export interface Stretch {
  readonly first: number;
  readonly last: number;
  readonly fare: Fare;
  /** Line of fare_rules.txt that matched, 0 for a fare without rules. */
  readonly line: number;
}

interface RuleGroup {
  readonly fare: number;
  readonly contains: ReadonlySet<string>;
  readonly line: number;
}

export class FaresV1 {
  readonly #fares: readonly Fare[];
  readonly #hasAgencies: boolean;
  /** By route, origin and destination, each '' where the rule names none. */
  readonly #groups: ReadonlyMap<string, readonly RuleGroup[]>;
  /** Numbers of the fares without rules. */
  readonly #everywhere: readonly number[];

  constructor({ fares, fareRules, routes }: GtfsFeed) {
    this.#fares = fares;
    this.#hasAgencies = new Set(routes.map(({ agency }) => agency)).size > 1;
    this.#groups = groupsOf(fares, fareRules);
    const ruled = new Set(fareRules.map(({ fare }) => fare));
    this.#everywhere = fares.flatMap(({ id }, index) => (ruled.has(id) ? [] : [index]));
  }

  /** The stretches of the cheapest way to pay for all legs, or null where there is none. */
  price(legs: readonly LegV1[]): readonly Stretch[] | null {
    /** Cheapest way to pay for the legs before each. */
    const ways: ({ readonly minor: number; readonly stretches: readonly Stretch[] } | null)[] = [
      { minor: 0, stretches: [] },
    ];
    for (let end = 1; end <= legs.length; end++) {
      let best: (typeof ways)[number] = null;
      for (let start = 0; start < end; start++) {
        const before = ways[start];
        if (!before) continue;
        const stretch = this.#cheapest(legs, start, end - 1);
        if (!stretch) continue;
        const minor = before.minor + stretch.fare.amountMinor;
        if (best && best.minor <= minor) continue;
        best = { minor, stretches: [...before.stretches, stretch] };
      }
      ways.push(best);
    }
    return ways.at(-1)?.stretches ?? null;
  }

  /** The cheapest fare that is good for the legs from `first` to `last`, or null. */
  #cheapest(legs: readonly LegV1[], first: number, last: number): Stretch | null {
    const stretch = legs.slice(first, last + 1);
    let best: Stretch | null = null;
    for (const [index, line] of this.#matching(stretch)) {
      const fare = this.#fares[index]!;
      if (!this.#isGood(fare, stretch)) continue;
      if (!best || fare.amountMinor < best.fare.amountMinor) best = { first, last, fare, line };
    }
    return best;
  }

  /** Fares whose rules match every leg of a stretch, with the line that matches its first leg. */
  #matching(legs: readonly LegV1[]): Map<number, number> {
    const origin = legs[0]!.fromZone;
    const destination = legs.at(-1)!.toZone;
    const zones = new Set(legs.flatMap((leg) => leg.zones));
    const found = new Map<number, number>(this.#everywhere.map((fare) => [fare, 0]));
    for (const [place, { route }] of legs.entries()) {
      const here = new Map<number, number>();
      for (const { fare, contains, line } of this.#lookUp(route, origin, destination)) {
        if (contains.size > 0 && !areEqual(contains, zones)) continue;
        if (!here.has(fare)) here.set(fare, line);
      }
      if (place === 0) for (const [fare, line] of here) found.set(fare, line);
      else
        for (const [fare, line] of [...found]) if (line > 0 && !here.has(fare)) found.delete(fare);
    }
    return found;
  }

  #lookUp(route: string, origin: string, destination: string): RuleGroup[] {
    const choices = (value: string) => (value === '' ? [''] : [value, '']);
    return choices(route).flatMap((r) =>
      choices(origin).flatMap((o) =>
        choices(destination).flatMap((d) => this.#groups.get(keyOf(r, o, d)) ?? []),
      ),
    );
  }

  #isGood(fare: Fare, legs: readonly LegV1[]): boolean {
    if (fare.transfers >= 0 && legs.length - 1 > fare.transfers) return false;
    const isOfAgency = ({ agency }: LegV1) => fare.agency === '' || agency === fare.agency;
    if (this.#hasAgencies && !legs.every(isOfAgency)) return false;
    const elapsedMs = legs.at(-1)!.departureMs - legs[0]!.departureMs;
    const limitMs = fare.durationSeconds * 1000;
    return legs.length === 1 || limitMs === 0 || elapsedMs <= limitMs;
  }
}

function groupsOf(
  fares: readonly Fare[],
  rules: readonly FareRule[],
): ReadonlyMap<string, readonly RuleGroup[]> {
  const numbers = new Map(fares.map(({ id }, index) => [id, index]));
  const groups = new Map<string, Map<number, { contains: Set<string>; line: number }>>();
  for (const { fare, route, origin, destination, contains, line } of rules) {
    const key = keyOf(route, origin, destination);
    const byFare = groups.get(key) ?? new Map<number, { contains: Set<string>; line: number }>();
    groups.set(key, byFare);
    const number = numbers.get(fare)!;
    const group = byFare.get(number) ?? { contains: new Set<string>(), line };
    byFare.set(number, group);
    if (contains !== '') group.contains.add(contains);
  }
  return new Map(
    [...groups].map(([key, byFare]) => [
      key,
      [...byFare].map(([fare, group]) => ({ fare, ...group })),
    ]),
  );
}

function keyOf(route: string, origin: string, destination: string): string {
  return `${route}\u0000${origin}\u0000${destination}`;
}

function areEqual(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((value) => b.has(value));
}
