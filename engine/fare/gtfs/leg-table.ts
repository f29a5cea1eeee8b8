/**
 * Leg rules compiled (reference, fare_leg_rules.txt): which rules match a leg, by a few lookups
 * instead of a scan of the file.
 *
 * A column's empty entry is turned into values a leg may look up. Where the file has no
 * rule_priority, it stands for what no rule names in that column: a leg whose network or areas some
 * rule names looks those up, any other leg looks up the empty entry ("if there are no matching
 * values ... empty will be matched by default"). Where the file has rule_priority, every leg looks
 * up both.
 */
import type { GtfsFeed, LegRule } from './feed.ts';
import type { ProductTable } from './product-table.ts';
import type { StopTable } from './stops.ts';
import { ANY_TIME, NEVER, TimeframeTable } from './timeframes.ts';
import { EMPTY, Lists, Triples } from './triples.ts';

/** Legs of one effective leg that have different networks, or a leg in none, have no number. */
export const NO_NETWORK = -1;

export class LegTable {
  readonly rules: readonly LegRule[];
  readonly networks: readonly string[];
  /** Number of each rule's product. */
  readonly products: Int32Array;
  /** Rules that the last `match` found; the first so many count. */
  readonly matches: Int32Array;
  readonly #hasPriority: boolean;
  readonly #priorities: Int32Array;
  readonly #triples: Triples;
  /** The rule of each item of the triples. */
  readonly #held: Int32Array;
  /** Of a network, from NO_NETWORK, and of each stop at either end: number of what it looks up. */
  readonly #networkLookups: Int32Array;
  readonly #fromLookups: Int32Array;
  readonly #toLookups: Int32Array;
  readonly #lookupStarts: Int32Array;
  readonly #lookupValues: Int32Array;
  readonly #zoneOf: Uint16Array;
  readonly #timeframes: TimeframeTable;
  readonly #fromGroups: Int32Array;
  readonly #toGroups: Int32Array;
  readonly #hasTimes: boolean;
  readonly #listedNetworks: ReadonlySet<number>;
  readonly #noNetwork: number;
  readonly #onlyEmpty: number;

  constructor(feed: GtfsFeed, stops: StopTable, products: ProductTable) {
    this.rules = feed.legRules;
    this.matches = new Int32Array(this.rules.length);
    this.networks = feed.networks;
    this.products = Int32Array.from(this.rules, ({ product }) => products.numberOf(product));
    this.#hasPriority = feed.hasPriority;
    this.#priorities = Int32Array.from(feed.legRules, ({ priority }) => priority);
    this.#zoneOf = stops.zoneOf;
    this.#timeframes = new TimeframeTable(feed, stops.zones);
    const timeOf = (id: string) => this.#timeframes.groupOf(id);
    this.#fromGroups = Int32Array.from(feed.legRules, (rule) => timeOf(rule.fromTimeframe));
    this.#toGroups = Int32Array.from(feed.legRules, (rule) => timeOf(rule.toTimeframe));
    this.#hasTimes = [...this.#fromGroups, ...this.#toGroups].some((group) => group !== ANY_TIME);
    const networkNumbers = new Map(feed.networks.map((id, index) => [id, index]));
    const networks = this.rules.map(({ network }) => networkNumbers.get(network) ?? EMPTY);
    const fromNumbers = numbersOf(this.rules.map(({ from }) => from));
    const toNumbers = numbersOf(this.rules.map(({ to }) => to));
    // A rule that never holds is named in its columns all the same, and looked up by no leg.
    const held = [...this.rules.keys()].filter(
      (rule) => this.#fromGroups[rule] !== NEVER && this.#toGroups[rule] !== NEVER,
    );
    const keys = held.flatMap((rule) => {
      const { from, to } = this.rules[rule]!;
      return [networks[rule]!, fromNumbers.get(from) ?? EMPTY, toNumbers.get(to) ?? EMPTY];
    });
    this.#triples = new Triples(Int32Array.from(keys));
    this.#held = Int32Array.from(held);
    const lists = new Lists();
    this.#listedNetworks = new Set(networks.filter((network) => network !== EMPTY));
    const lookup = (...sets: readonly (readonly number[])[]) =>
      lists.intern(distinct(sets.flatMap((listed) => this.#valuesOf(listed))));
    this.#networkLookups = Int32Array.from([NO_NETWORK, ...networkNumbers.values()], (network) =>
      lookup(this.#listedNetworks.has(network) ? [network] : []),
    );
    this.#noNetwork = lists.intern([]);
    this.#onlyEmpty = lists.intern([EMPTY]);
    const ends = (numbers: ReadonlyMap<string, number>) =>
      Int32Array.from(stops.stops, (_, stop) =>
        lookup(
          ...stops.areaSetsOf(stop).map((set) => set.flatMap((area) => numbers.get(area) ?? [])),
        ),
      );
    this.#fromLookups = ends(fromNumbers);
    this.#toLookups = ends(toNumbers);
    ({ starts: this.#lookupStarts, values: this.#lookupValues } = lists.freeze());
  }

  #valuesOf(listed: readonly number[]): readonly number[] {
    return this.#hasPriority || listed.length === 0 ? [...listed, EMPTY] : listed;
  }

  /** What a leg on a network looks up in that column. */
  networkLookup(network: number): number {
    return this.#networkLookups[network + 1]!;
  }

  /**
   * The same of an effective leg of legs on different networks: "each leg must have the same
   * network_id which will be used for matching", so that no rule that names one matches.
   */
  mixedLookup(isAnyListed: boolean): number {
    return isAnyListed && !this.#hasPriority ? this.#noNetwork : this.#onlyEmpty;
  }

  /** Whether any rule names a network. */
  isListed(network: number): boolean {
    return this.#listedNetworks.has(network);
  }

  /**
   * Finds the rules for a leg, by its network's lookup, its stops and the instants of its fare
   * validations. How many are in `matches`; 0 where the fare is unknown. Allocates nothing.
   */
  match(lookup: number, from: number, to: number, departureMs: number, arrivalMs: number): number {
    const starts = this.#lookupStarts;
    const values = this.#lookupValues;
    const fromLookup = this.#fromLookups[from]!;
    const toLookup = this.#toLookups[to]!;
    let count = 0;
    for (let n = starts[lookup]!; n < starts[lookup + 1]!; n++) {
      for (let f = starts[fromLookup]!; f < starts[fromLookup + 1]!; f++) {
        for (let t = starts[toLookup]!; t < starts[toLookup + 1]!; t++) {
          const slot = this.#triples.find(values[n]!, values[f]!, values[t]!);
          if (slot >= 0) count = this.#take(slot, count);
        }
      }
    }
    if (this.#hasTimes) count = this.#keepTimes(count, from, to, departureMs, arrivalMs);
    return this.#hasPriority ? this.#keepHighest(count) : count;
  }

  #take(slot: number, count: number): number {
    const { items } = this.#triples;
    let at = count;
    for (let i = this.#triples.start(slot); i < this.#triples.end(slot); i++) {
      this.matches[at++] = this.#held[items[i]!]!;
    }
    return at;
  }

  /** Keeps the rules whose timeframes hold at the leg's start and end. */
  #keepTimes(
    count: number,
    from: number,
    to: number,
    departureMs: number,
    arrivalMs: number,
  ): number {
    const timeframes = this.#timeframes;
    let start = -1;
    let end = -1;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const rule = this.matches[i]!;
      const fromGroup = this.#fromGroups[rule]!;
      const toGroup = this.#toGroups[rule]!;
      if (fromGroup !== ANY_TIME) {
        if (start < 0) start = timeframes.stateAt(this.#zoneOf[from]!, departureMs);
        if (!timeframes.holds(start, fromGroup)) continue;
      }
      if (toGroup !== ANY_TIME) {
        if (end < 0) end = timeframes.stateAt(this.#zoneOf[to]!, arrivalMs);
        if (!timeframes.holds(end, toGroup)) continue;
      }
      this.matches[kept++] = rule;
    }
    return kept;
  }

  /** "The rule or set of rules with the highest value for rule_priority will be selected." */
  #keepHighest(count: number): number {
    let highest = -1;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const rule = this.matches[i]!;
      const priority = this.#priorities[rule]!;
      if (priority < highest) continue;
      if (priority > highest) kept = 0;
      highest = priority;
      this.matches[kept++] = rule;
    }
    return kept;
  }

  /** Bytes of the compiled tables. */
  get bytes(): number {
    const arrays = [
      ...[this.#priorities, this.#networkLookups, this.#fromLookups, this.#toLookups],
      ...[this.#lookupStarts, this.#lookupValues, this.#fromGroups, this.#toGroups, this.#held],
    ];
    const own = arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return own + this.#triples.bytes + this.#timeframes.bytes;
  }
}

function distinct(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

/** Numbers of the texts of a column that are not empty. */
function numbersOf(texts: readonly string[]): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const text of texts) {
    if (text !== '' && !numbers.has(text)) numbers.set(text, numbers.size);
  }
  return numbers;
}
