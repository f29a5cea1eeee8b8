/**
 * Leg rules compiled (reference, fare_leg_rules.txt): which rules match a leg, by two lookups in
 * tables made ahead. Of a feed with so many networks and areas that these would be too large, the
 * rules are gathered when a leg asks, by the same walk over what it looks up in each column.
 */
import type { GtfsFeed, LegRule } from './feed.ts';
import { LegLookups } from './leg-lookups.ts';
import type { ProductTable } from './product-table.ts';
import type { StopTable } from './stops.ts';
import { ANY_TIME, NEVER, TimeframeTable } from './timeframes.ts';
import { type FrozenLists, Lists, Triples } from './triples.ts';

/** Where no lists were made ahead. */
export const NO_LIST = -1;

/** Lists of rules for all that legs may look up. */
interface Cells extends FrozenLists {
  /** By network and from: where the row begins that is for them; equal rows are there once. */
  readonly rows: Int32Array;
  /** Of each row, by to: number of the list. */
  readonly lists: Int32Array;
}

export class LegTable {
  readonly rules: readonly LegRule[];
  readonly lookups: LegLookups;
  /** Number of each rule's product. */
  readonly products: Int32Array;
  /** Rules that the last `match` found; the first so many count. */
  readonly matches: Int32Array;
  readonly #hasPriority: boolean;
  readonly #priorities: Int32Array;
  readonly #triples: Triples;
  /** The rule of each item of the triples. */
  readonly #held: Int32Array;
  readonly #gathered: Int32Array;
  readonly #cells: Cells | null;
  readonly isTransferOnly: Uint8Array;
  readonly #zoneOf: Uint16Array;
  readonly #timeframes: TimeframeTable;
  readonly #fromGroups: Int32Array;
  readonly #toGroups: Int32Array;

  constructor(feed: GtfsFeed, stops: StopTable, products: ProductTable, cellsMax: number) {
    this.rules = feed.legRules;
    this.lookups = new LegLookups(feed, stops);
    this.products = Int32Array.from(this.rules, ({ product }) => products.numberOf(product));
    this.isTransferOnly = Uint8Array.from(this.rules, (rule) => (rule.isTransferOnly ? 1 : 0));
    this.matches = new Int32Array(this.rules.length);
    this.#gathered = new Int32Array(this.rules.length);
    this.#hasPriority = feed.hasPriority;
    this.#priorities = Int32Array.from(feed.legRules, ({ priority }) => priority);
    this.#zoneOf = stops.zoneOf;
    this.#timeframes = new TimeframeTable(feed, stops.zones);
    const timeOf = (id: string) => this.#timeframes.groupOf(id);
    this.#fromGroups = Int32Array.from(feed.legRules, (rule) => timeOf(rule.fromTimeframe));
    this.#toGroups = Int32Array.from(feed.legRules, (rule) => timeOf(rule.toTimeframe));
    // A rule that never holds is named in its columns all the same, and looked up by no leg.
    const held = [...this.rules.keys()].filter(
      (rule) => this.#fromGroups[rule] !== NEVER && this.#toGroups[rule] !== NEVER,
    );
    this.#held = Int32Array.from(held);
    const { keys } = this.lookups;
    this.#triples = new Triples(
      Int32Array.from(held.flatMap((rule) => [...keys.subarray(3 * rule, 3 * rule + 3)])),
    );
    const { networks, from, to } = this.lookups;
    const isLarge = networks.count * from.count * to.count > cellsMax;
    this.#cells = isLarge ? null : this.#makeCells();
  }

  #makeCells(): Cells {
    const { networks, from, to } = this.lookups;
    const lists = new Lists();
    const rows = new Lists();
    const row = new Array<number>(to.count);
    const starts = new Int32Array(networks.count * from.count);
    for (let at = 0; at < starts.length; at++) {
      const [network, board] = [Math.floor(at / from.count), at % from.count];
      for (let alight = 0; alight < to.count; alight++) {
        const count = this.#gather(network, board, alight);
        row[alight] = lists.intern(this.#gathered.subarray(0, count));
      }
      starts[at] = rows.intern(row) * to.count;
    }
    return { rows: starts, lists: rows.freeze().values, ...lists.freeze() };
  }

  /** Puts down the rules for three lists of values, whenever they hold. How many there are. */
  #gather(network: number, board: number, alight: number): number {
    const { networks, from, to } = this.lookups;
    let count = 0;
    for (let n = networks.starts[network]!; n < networks.starts[network + 1]!; n++) {
      for (let f = from.starts[board]!; f < from.starts[board + 1]!; f++) {
        for (let t = to.starts[alight]!; t < to.starts[alight + 1]!; t++) {
          const slot = this.#triples.find(networks.values[n]!, from.values[f]!, to.values[t]!);
          if (slot >= 0) count = this.#take(slot, count);
        }
      }
    }
    return count;
  }

  #take(slot: number, count: number): number {
    const { items } = this.#triples;
    let at = count;
    for (let i = this.#triples.start(slot); i < this.#triples.end(slot); i++) {
      this.#gathered[at++] = this.#held[items[i]!]!;
    }
    return at;
  }

  /** How many lists of rules there are. */
  get listCount(): number {
    return this.#cells?.count ?? 0;
  }

  /** Number of the list for a network's lookup and two stops, or NO_LIST. Allocates nothing. */
  listOf(network: number, from: number, to: number): number {
    const cells = this.#cells;
    if (cells === null) return NO_LIST;
    const { from: boards, to: alights } = this.lookups;
    const row = cells.rows[network * boards.count + boards.of[from]!]!;
    return cells.lists[row + alights.of[to]!]!;
  }

  /** The rules of a list, good until the next `match`; null where some hold at times only. */
  rulesAtAnyTime(list: number): Int32Array | null {
    const { starts, values } = this.#cells!;
    const rules = values.subarray(starts[list]!, starts[list + 1]!);
    const isAny = (rule: number) =>
      this.#fromGroups[rule] === ANY_TIME && this.#toGroups[rule] === ANY_TIME;
    if (!rules.every(isAny)) return null;
    this.matches.set(rules);
    return this.matches.subarray(0, this.#keepHighest(rules.length));
  }

  /**
   * Finds the rules for a leg, by its network's lookup, its stops and the instants of its fare
   * validations. How many are in `matches`; 0 where the fare is unknown. Allocates nothing.
   */
  match(network: number, from: number, to: number, departureMs: number, arrivalMs: number): number {
    const list = this.listOf(network, from, to);
    let found = this.#gathered;
    let at = 0;
    let end = 0;
    if (list === NO_LIST) {
      end = this.#gather(network, this.lookups.from.of[from]!, this.lookups.to.of[to]!);
    } else {
      const { starts, values } = this.#cells!;
      found = values;
      at = starts[list]!;
      end = starts[list + 1]!;
    }
    let kept = 0;
    for (; at < end; at++) {
      const rule = found[at]!;
      const isInTime =
        this.#isInTime(this.#fromGroups[rule]!, from, departureMs) &&
        this.#isInTime(this.#toGroups[rule]!, to, arrivalMs);
      if (isInTime) this.matches[kept++] = rule;
    }
    return this.#keepHighest(kept);
  }

  #isInTime(group: number, stop: number, instantMs: number): boolean {
    if (group === ANY_TIME) return true;
    const state = this.#timeframes.stateAt(this.#zoneOf[stop]!, instantMs);
    return this.#timeframes.holds(state, group);
  }

  /** "The rule or set of rules with the highest value for rule_priority will be selected." */
  #keepHighest(count: number): number {
    if (!this.#hasPriority) return count;
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
    const cells = this.#cells;
    const arrays = [
      ...[this.#priorities, this.products, this.#fromGroups, this.#toGroups, this.#held],
      this.isTransferOnly,
      ...(cells ? [cells.rows, cells.lists, cells.starts, cells.values] : []),
    ];
    const own = arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return own + this.lookups.bytes + this.#triples.bytes + this.#timeframes.bytes;
  }
}
