/**
 * GTFS-Fares V2 as one would write it straight from the standard: every leg filters the whole of
 * `fare_leg_rules.txt`, every transfer that of `fare_transfer_rules.txt`, and all choices of rules
 * are tried. Products, areas and services are at hand in maps, and legs come with their local
 * times, so that it is the filtering that is compared. Without join rules.
 */

import type { GtfsFares } from '../engine/fare/gtfs/fares.ts';
import type { GtfsFeed, LegRule, TransferRule } from '../engine/fare/gtfs/feed.ts';
import { runsOn } from '../engine/fare/gtfs/timeframes.ts';

export interface ScanLeg {
  readonly network: string;
  readonly from: string;
  readonly to: string;
  readonly departureMs: number;
  readonly arrivalMs: number;
  /** Local day since 1970, and second of it, of departure and arrival. */
  readonly local: readonly [day: number, second: number, day: number, second: number];
}

export class ScanFares {
  readonly #feed: GtfsFeed;
  readonly #areas = new Map<string, ReadonlySet<string>>();
  readonly #prices = new Map<string, number>();
  readonly #networks: ReadonlySet<string>;
  readonly #from: ReadonlySet<string>;
  readonly #to: ReadonlySet<string>;
  readonly #fromGroups: ReadonlySet<string>;
  readonly #toGroups: ReadonlySet<string>;

  constructor({ feed, stops }: GtfsFares) {
    this.#feed = feed;
    for (const [index, { id }] of feed.stops.entries()) {
      this.#areas.set(id, new Set(stops.areasOf(index)));
    }
    for (const { id, amountMinor } of feed.products) {
      this.#prices.set(id, Math.min(amountMinor, this.#prices.get(id) ?? amountMinor));
    }
    this.#networks = new Set(feed.legRules.map(({ network }) => network));
    this.#from = new Set(feed.legRules.map(({ from }) => from));
    this.#to = new Set(feed.legRules.map(({ to }) => to));
    this.#fromGroups = new Set(feed.transferRules.map(({ fromGroup }) => fromGroup));
    this.#toGroups = new Set(feed.transferRules.map(({ toGroup }) => toGroup));
  }

  /** Minor units for any rider and medium, NaN where the fare is unknown. */
  total(legs: readonly ScanLeg[]): number {
    const choices = legs.map((leg) => this.#rulesFor(leg));
    let best = Number.NaN;
    const walk = (leg: number, rule: LegRule, total: number, chain: number): void => {
      if (leg + 1 === legs.length) {
        if (!(best <= total)) best = total;
        return;
      }
      for (const next of choices[leg + 1]!) {
        const matched = this.#transfersFor(legs, leg, rule, next, chain);
        if (matched.length === 0) {
          if (!next.isTransferOnly) walk(leg + 1, next, total + this.#price(next.product), leg + 1);
          continue;
        }
        for (const { type, product, fromGroup, toGroup } of matched) {
          const replaced = type === 2 && chain === leg ? this.#price(rule.product) : 0;
          const added = type === 1 ? this.#price(next.product) : 0;
          const cost = total - replaced + this.#price(product) + added;
          walk(leg + 1, next, cost, fromGroup === toGroup ? chain : leg + 1);
        }
      }
    };
    for (const rule of choices[0]!) {
      if (!rule.isTransferOnly) walk(0, rule, this.#price(rule.product), 0);
    }
    return best;
  }

  #price(product: string): number {
    return product === '' ? 0 : this.#prices.get(product)!;
  }

  #rulesFor(leg: ScanLeg): LegRule[] {
    const from = this.#areas.get(leg.from)!;
    const to = this.#areas.get(leg.to)!;
    const { hasPriority } = this.#feed;
    const isElse = (ids: ReadonlySet<string>, listed: ReadonlySet<string>) =>
      hasPriority || ![...ids].some((id) => listed.has(id));
    const [day, second, endDay, endSecond] = leg.local;
    const isElseNetwork = hasPriority || !this.#networks.has(leg.network);
    const found = this.#feed.legRules.filter(
      (rule) =>
        (rule.network === '' ? isElseNetwork : rule.network === leg.network) &&
        (rule.from === '' ? isElse(from, this.#from) : from.has(rule.from)) &&
        (rule.to === '' ? isElse(to, this.#to) : to.has(rule.to)) &&
        this.#isInTime(rule.fromTimeframe, day, second) &&
        this.#isInTime(rule.toTimeframe, endDay, endSecond),
    );
    if (!hasPriority) return found;
    const highest = Math.max(...found.map(({ priority }) => priority));
    return found.filter(({ priority }) => priority === highest);
  }

  #isInTime(group: string, day: number, second: number): boolean {
    if (group === '') return true;
    return this.#feed.timeframes.some(
      (row) =>
        row.group === group &&
        row.startSeconds <= second &&
        second < row.endSeconds &&
        runsOn(this.#feed.services.find(({ id }) => id === row.service)!, day),
    );
  }

  #transfersFor(
    legs: readonly ScanLeg[],
    leg: number,
    rule: LegRule,
    next: LegRule,
    chain: number,
  ): TransferRule[] {
    const matched = this.#feed.transferRules.filter((transfer) => {
      const { fromGroup, toGroup } = transfer;
      const isFrom =
        fromGroup === '' ? !this.#fromGroups.has(rule.group) : fromGroup === rule.group;
      const isTo = toGroup === '' ? !this.#toGroups.has(next.group) : toGroup === next.group;
      if (!isFrom || !isTo) return false;
      const first = legs[fromGroup === toGroup ? chain : leg]!;
      const count = leg + 1 - chain;
      if (fromGroup === toGroup && transfer.count >= 0 && transfer.count < count) return false;
      if (transfer.filterProduct !== '' && transfer.filterProduct !== rule.product) return false;
      return isWithin(transfer, first, legs[leg + 1]!);
    });
    const rank = ({ count }: TransferRule) => (count < 0 ? Number.POSITIVE_INFINITY : count);
    const least = Math.min(...matched.map(rank));
    return matched.filter((transfer) => rank(transfer) === least);
  }
}

function isWithin(rule: TransferRule, first: ScanLeg, last: ScanLeg): boolean {
  if (rule.limitSeconds === 0) return true;
  const elapsed = [
    last.arrivalMs - first.departureMs,
    last.departureMs - first.departureMs,
    last.departureMs - first.arrivalMs,
    last.arrivalMs - first.arrivalMs,
  ][rule.limitType]!;
  return elapsed <= rule.limitSeconds * 1000;
}
