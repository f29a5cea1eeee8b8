/**
 * Join rules and transfer rules compiled (reference, fare_leg_join_rules.txt and
 * fare_transfer_rules.txt).
 */
import type { GtfsFeed, JoinRule, TransferRule } from './feed.ts';
import { NO_PRODUCT, type ProductTable } from './product-table.ts';
import type { StopTable } from './stops.ts';
import { EMPTY, Triples } from './triples.ts';

/** Which legs are one effective leg for the leg rules. */
export class JoinTable {
  readonly #rules: readonly JoinRule[];
  readonly #triples: Triples;
  readonly #fromStops: Int32Array;
  readonly #toStops: Int32Array;
  readonly #stationOf: Int32Array;

  constructor({ joinRules, networks }: GtfsFeed, stops: StopTable) {
    this.#rules = joinRules;
    const numbers = new Map(networks.map((id, index) => [id, index]));
    const keys = joinRules.flatMap(({ fromNetwork, toNetwork }) => [
      numbers.get(fromNetwork) ?? EMPTY,
      numbers.get(toNetwork) ?? EMPTY,
      0,
    ]);
    this.#triples = new Triples(Int32Array.from(keys));
    this.#fromStops = Int32Array.from(joinRules, ({ fromStop }) => stops.find(fromStop));
    this.#toStops = Int32Array.from(joinRules, ({ toStop }) => stops.find(toStop));
    this.#stationOf = stops.stationOf;
  }

  /**
   * The rule that joins two consecutive legs by the networks they use and the stops between them,
   * or -1. Allocates nothing.
   */
  find(fromNetwork: number, toNetwork: number, alighted: number, boarded: number): number {
    if (this.#rules.length === 0) return -1;
    const named = this.#among(fromNetwork, toNetwork, alighted, boarded);
    return named >= 0 ? named : this.#among(EMPTY, EMPTY, alighted, boarded);
  }

  #among(fromNetwork: number, toNetwork: number, alighted: number, boarded: number): number {
    const slot = this.#triples.find(fromNetwork, toNetwork, 0);
    if (slot < 0) return -1;
    for (let i = this.#triples.start(slot); i < this.#triples.end(slot); i++) {
      const rule = this.#triples.items[i]!;
      const from = this.#fromStops[rule]!;
      // "Unless overridden explicitly", the last station and the first one are the same.
      const isAt =
        from < 0
          ? this.#stationOf[alighted] === this.#stationOf[boarded]
          : this.#isWithin(alighted, from) && this.#isWithin(boarded, this.#toStops[rule]!);
      if (isAt) return rule;
    }
    return -1;
  }

  /** Whether a stop is the one of a rule, or belongs to the station of a rule. */
  #isWithin(stop: number, named: number): boolean {
    return stop === named || this.#stationOf[stop] === named;
  }

  rule(index: number): JoinRule {
    return this.#rules[index]!;
  }
}

/** Which rules there are for a transfer between two leg groups. */
export class TransferTable {
  readonly rules: readonly TransferRule[];
  readonly triples: Triples;
  /** Of each leg rule: what its group looks up as the group before, and after, a transfer. */
  readonly fromKeys: Int32Array;
  readonly toKeys: Int32Array;
  /** Columns of the rules. `counts`: Infinity for no limit. */
  readonly counts: Float64Array;
  readonly limitsMs: Float64Array;
  readonly limitTypes: Uint8Array;
  readonly types: Uint8Array;
  readonly products: Int32Array;
  readonly filters: Int32Array;
  /** Whether a rule is for transfers within a group, so that its count and limit span a chain. */
  readonly isWithin: Uint8Array;

  constructor({ transferRules: rules, legRules }: GtfsFeed, products: ProductTable) {
    this.rules = rules;
    const numbers = new Map<string, number>();
    for (const { group } of legRules) {
      if (group !== '' && !numbers.has(group)) numbers.set(group, numbers.size);
    }
    const keys = rules.flatMap(({ fromGroup, toGroup }) => [
      numbers.get(fromGroup) ?? EMPTY,
      numbers.get(toGroup) ?? EMPTY,
      0,
    ]);
    this.triples = new Triples(Int32Array.from(keys));
    // An empty entry is for the groups that no rule names in that column, and legs without one.
    const listedFrom = new Set(rules.map(({ fromGroup }) => fromGroup));
    const listedTo = new Set(rules.map(({ toGroup }) => toGroup));
    const keyOf = (group: string, listed: ReadonlySet<string>) =>
      listed.has(group) ? (numbers.get(group) ?? EMPTY) : EMPTY;
    this.fromKeys = Int32Array.from(legRules, ({ group }) => keyOf(group, listedFrom));
    this.toKeys = Int32Array.from(legRules, ({ group }) => keyOf(group, listedTo));
    const endless = Number.POSITIVE_INFINITY;
    this.counts = Float64Array.from(rules, ({ count }) => (count < 0 ? endless : count));
    this.limitsMs = Float64Array.from(rules, ({ limitSeconds }) =>
      limitSeconds === 0 ? endless : limitSeconds * 1000,
    );
    this.limitTypes = Uint8Array.from(rules, ({ limitType }) => limitType);
    this.types = Uint8Array.from(rules, ({ type }) => type);
    this.products = Int32Array.from(rules, ({ product }) => products.numberOf(product));
    this.filters = Int32Array.from(rules, ({ filterProduct }) =>
      filterProduct === '' ? NO_PRODUCT : products.numberOf(filterProduct),
    );
    this.isWithin = Uint8Array.from(rules, (rule) => (rule.fromGroup === rule.toGroup ? 1 : 0));
  }

  get bytes(): number {
    const arrays = [
      ...[this.fromKeys, this.toKeys, this.counts, this.limitsMs, this.limitTypes],
      ...[this.types, this.products, this.filters, this.isWithin],
    ];
    return this.triples.bytes + arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}
