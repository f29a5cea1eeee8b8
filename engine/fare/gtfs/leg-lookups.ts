/**
 * What a leg looks up in each column of the leg rules (reference, fare_leg_rules.txt): by its
 * network and its stops, a list of the networks or areas whose rules may match it.
 *
 * A column's empty entry is turned into values a leg may look up. Where the file has no
 * rule_priority, it stands for what no rule names in that column: a leg whose network or areas some
 * rule names looks those up, any other leg looks up the empty entry ("if there are no matching
 * values ... empty will be matched by default"). Where the file has rule_priority, every leg looks
 * up both.
 */
import type { GtfsFeed } from './feed.ts';
import type { StopTable } from './stops.ts';
import { EMPTY, type FrozenLists, Lists } from './triples.ts';

/** Legs of one effective leg that have different networks, or a leg in none, have no number. */
export const NO_NETWORK = -1;

/** Of each stop, or of each network from NO_NETWORK, the number of its list; and the lists. */
export interface Lookups extends FrozenLists {
  readonly of: Int32Array;
}

export class LegLookups {
  readonly networks: Lookups;
  readonly from: Lookups;
  readonly to: Lookups;
  /** Values of each leg rule in the three columns, one rule after the other. */
  readonly keys: Int32Array;
  readonly #hasPriority: boolean;
  readonly #listed: ReadonlySet<number>;
  /** Lists of networks: none, and the empty entry alone. */
  readonly #none: number;
  readonly #onlyEmpty: number;

  constructor({ legRules, networks, hasPriority }: GtfsFeed, stops: StopTable) {
    this.#hasPriority = hasPriority;
    const numbers = new Map(networks.map((id, index) => [id, index]));
    const ruleNetworks = legRules.map(({ network }) => numbers.get(network) ?? EMPTY);
    const fromAreas = numbersOf(legRules.map(({ from }) => from));
    const toAreas = numbersOf(legRules.map(({ to }) => to));
    this.keys = Int32Array.from(
      legRules.flatMap(({ from, to }, rule) => [
        ruleNetworks[rule]!,
        fromAreas.get(from) ?? EMPTY,
        toAreas.get(to) ?? EMPTY,
      ]),
    );
    this.#listed = new Set(ruleNetworks.filter((network) => network !== EMPTY));
    const lists = new Lists();
    const of = Int32Array.from([NO_NETWORK, ...numbers.values()], (network) =>
      this.#intern(lists, [this.#listed.has(network) ? [network] : []]),
    );
    this.#none = lists.intern([]);
    this.#onlyEmpty = lists.intern([EMPTY]);
    this.networks = { of, ...lists.freeze() };
    this.from = this.#ofStops(stops, fromAreas);
    this.to = this.#ofStops(stops, toAreas);
  }

  #ofStops(stops: StopTable, areas: ReadonlyMap<string, number>): Lookups {
    const lists = new Lists();
    const of = Int32Array.from(stops.stops, (_, stop) => {
      const sets = stops.areaSetsOf(stop);
      return this.#intern(
        lists,
        sets.map((set) => set.flatMap((area) => areas.get(area) ?? [])),
      );
    });
    return { of, ...lists.freeze() };
  }

  /** The list for what rules name of a leg; of a station, for each of its platforms. */
  #intern(lists: Lists, sets: readonly (readonly number[])[]): number {
    const values = sets.flatMap((set) =>
      this.#hasPriority || set.length === 0 ? [...set, EMPTY] : set,
    );
    return lists.intern([...new Set(values)].sort((a, b) => a - b));
  }

  /** What a leg on a network looks up in that column. */
  ofNetwork(network: number): number {
    return this.networks.of[network + 1]!;
  }

  /**
   * The same of an effective leg of legs on different networks: "each leg must have the same
   * network_id which will be used for matching", so that no rule that names one matches.
   */
  ofMixed(isAnyListed: boolean): number {
    return isAnyListed && !this.#hasPriority ? this.#none : this.#onlyEmpty;
  }

  /** Whether any rule names a network. */
  isListed(network: number): boolean {
    return this.#listed.has(network);
  }

  get bytes(): number {
    const columns = [this.networks, this.from, this.to];
    const arrays = columns.flatMap(({ of, starts, values }) => [of, starts, values]);
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, this.keys.byteLength);
  }
}

/** Numbers of the texts of a column that are not empty. */
function numbersOf(texts: readonly string[]): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const text of texts) {
    if (text !== '' && !numbers.has(text)) numbers.set(text, numbers.size);
  }
  return numbers;
}
