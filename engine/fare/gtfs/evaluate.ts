/**
 * What a journey costs by GTFS-Fares V2: legs are joined, each effective leg gets the rules that
 * match it, and of all choices of one rule a leg the cheapest journey is found, transfers included
 * (reference, fare_transfer_rules.txt: "To process the cost of a multi-leg journey", and the
 * table of fare_transfer_type).
 *
 * The search goes from leg to leg. All that a later transfer can ask of the legs before is kept in
 * a state: the rule chosen for the last leg, and whether that leg stands alone (FRESH), came by a
 * transfer between groups (PLAIN), or continues a chain of transfers within its group, and then
 * where that chain began. So the cheapest way to each state is enough. Nothing is allocated once
 * the arrays fit the longest journey seen.
 */
import { JOURNEY_LEGS_MAX } from '../../limits.ts';
import { type AloneTable, cheapest } from './alone-table.ts';
import { type LegTable, NO_LIST } from './leg-table.ts';
import type { ProductTable } from './product-table.ts';
import type { JoinTable, TransferTable } from './transfer-table.ts';

export interface Tables {
  readonly legs: LegTable;
  readonly alone: AloneTable;
  readonly joins: JoinTable;
  readonly transfers: TransferTable;
  readonly products: ProductTable;
}

/** How the cheapest journey goes through one effective leg. */
export interface Step {
  /** Legs of the journey, from 0, both included. */
  readonly first: number;
  readonly last: number;
  /** Index of the leg rule chosen. */
  readonly rule: number;
  /** Index of the transfer rule that led here, or -1 where the leg stands alone. */
  readonly transfer: number;
  /** Whether its product is paid for. */
  readonly isCharged: boolean;
  /** Of a transfer within a group: its place in the chain, from 1; else 0. */
  readonly count: number;
}

const INFINITY = Number.POSITIVE_INFINITY;

export class Evaluator {
  readonly #tables: Tables;
  #legCount = 0;
  readonly #networks = new Int32Array(JOURNEY_LEGS_MAX);
  readonly #from = new Int32Array(JOURNEY_LEGS_MAX);
  readonly #to = new Int32Array(JOURNEY_LEGS_MAX);
  readonly #departureMs = new Float64Array(JOURNEY_LEGS_MAX);
  readonly #arrivalMs = new Float64Array(JOURNEY_LEGS_MAX);

  #effectiveCount = 0;
  /** First and last leg of each effective leg. */
  readonly #first = new Int32Array(JOURNEY_LEGS_MAX);
  readonly #last = new Int32Array(JOURNEY_LEGS_MAX);
  /** Where each effective leg's choices and states begin, and one after the last. */
  readonly #choiceStarts = new Int32Array(JOURNEY_LEGS_MAX + 1);
  readonly #stateStarts = new Int32Array(JOURNEY_LEGS_MAX + 1);

  /** Leg rule, product and its amount of each choice. */
  #rules = new Int32Array(64);
  #chosen = new Int32Array(64);
  #amounts = new Float64Array(64);

  /** Cheapest cost of each state; of a FRESH one without the leg's own product. */
  #costs = new Float64Array(256);
  /** The state before, and the transfer rule between, or -1. */
  #before = new Int32Array(256);
  #through = new Int32Array(256);

  /** Of the rider and medium. */
  #column = 0;
  #end = -1;
  #unmatched = -1;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Forgets the legs of the last journey. */
  clear(): void {
    this.#legCount = 0;
  }

  /** Adds a leg by its network (or NO_NETWORK), its stops and the instants of its validations. */
  add(network: number, from: number, to: number, departureMs: number, arrivalMs: number): void {
    const leg = this.#legCount++;
    this.#networks[leg] = network;
    this.#from[leg] = from;
    this.#to[leg] = to;
    this.#departureMs[leg] = departureMs;
    this.#arrivalMs[leg] = arrivalMs;
  }

  /**
   * Minor units of the journey's legs for a rider and a medium (`products.column`), or NaN where
   * the fare is unknown.
   */
  total(column: number): number {
    this.#column = column;
    this.#end = -1;
    this.#unmatched = -1;
    this.#join();
    if (this.#effectiveCount === 1) return this.#cheapestAlone();
    for (let leg = 0; leg < this.#effectiveCount; leg++) {
      if (this.#choose(leg) > 0) continue;
      this.#unmatched = this.#first[leg]!;
      return Number.NaN;
    }
    this.#start();
    for (let leg = 0; leg + 1 < this.#effectiveCount; leg++) this.#advance(leg);
    return this.#cheapest();
  }

  /** Effective legs: runs of legs of which each joins the next. */
  #join(): void {
    let count = 0;
    for (let leg = 0; leg < this.#legCount; leg++) {
      if (leg > 0 && this.joinBefore(leg) >= 0) {
        this.#last[count - 1] = leg;
        continue;
      }
      this.#first[count] = leg;
      this.#last[count++] = leg;
    }
    this.#effectiveCount = count;
  }

  /** The join rule between a leg and the one before it, or -1. */
  joinBefore(leg: number): number {
    return this.#tables.joins.find(
      this.#networks[leg - 1]!,
      this.#networks[leg]!,
      this.#to[leg - 1]!,
      this.#from[leg]!,
    );
  }

  /** What an effective leg looks up in the column of networks. */
  #lookup(leg: number): number {
    const { lookups } = this.#tables.legs;
    const network = this.#networks[this.#first[leg]!]!;
    if (this.#first[leg] === this.#last[leg]) return lookups.ofNetwork(network);
    let isOne = true;
    let isAnyListed = false;
    for (let i = this.#first[leg]!; i <= this.#last[leg]!; i++) {
      if (this.#networks[i] !== network) isOne = false;
    }
    if (isOne) return lookups.ofNetwork(network);
    for (let i = this.#first[leg]!; i <= this.#last[leg]!; i++) {
      if (lookups.isListed(this.#networks[i]!)) isAnyListed = true;
    }
    return lookups.ofMixed(isAnyListed);
  }

  /** Finds the rules that match an effective leg. How many there are. */
  #match(leg: number): number {
    const first = this.#first[leg]!;
    const last = this.#last[leg]!;
    return this.#tables.legs.match(
      this.#lookup(leg),
      this.#from[first]!,
      this.#to[last]!,
      this.#departureMs[first]!,
      this.#arrivalMs[last]!,
    );
  }

  /** Puts down the choices of an effective leg. How many there are. */
  #choose(leg: number): number {
    const { legs, products } = this.#tables;
    const found = this.#match(leg);
    const start = this.#choiceStarts[leg]!;
    if (start + found > this.#rules.length) this.#growChoices(start + found);
    for (let i = 0; i < found; i++) {
      const rule = legs.matches[i]!;
      const product = legs.products[rule]!;
      this.#rules[start + i] = rule;
      this.#chosen[start + i] = product;
      this.#amounts[start + i] = products.amount(this.#column, product);
    }
    this.#choiceStarts[leg + 1] = start + found;
    return found;
  }

  /** Makes room for the states of an effective leg, none of them reached. */
  #clearStates(leg: number): void {
    const found = this.#choiceStarts[leg + 1]! - this.#choiceStarts[leg]!;
    // One state for each leg a chain may have begun at, PLAIN and FRESH.
    const states = this.#stateStarts[leg]! + found * (leg + 2);
    this.#stateStarts[leg + 1] = states;
    if (states > this.#costs.length) this.#growStates(states);
    this.#costs.fill(INFINITY, this.#stateStarts[leg], states);
  }

  #growChoices(count: number): void {
    this.#rules = grown(this.#rules, new Int32Array(2 * count));
    this.#chosen = grown(this.#chosen, new Int32Array(2 * count));
    this.#amounts = grown(this.#amounts, new Float64Array(2 * count));
  }

  #growStates(count: number): void {
    this.#costs = grown(this.#costs, new Float64Array(2 * count));
    this.#before = grown(this.#before, new Int32Array(2 * count));
    this.#through = grown(this.#through, new Int32Array(2 * count));
  }

  #start(): void {
    for (let leg = 0; leg < this.#effectiveCount; leg++) this.#clearStates(leg);
    for (let choice = 0; choice < this.#choiceStarts[1]!; choice++) {
      if (this.#tables.legs.isTransferOnly[this.#rules[choice]!] === 0)
        this.#reach(2 * choice + 1, 0, -1, -1);
    }
  }

  /** Keeps a way to a state if it is the cheapest yet. */
  #reach(state: number, cost: number, before: number, through: number): void {
    if (!(cost < this.#costs[state]!)) return;
    this.#costs[state] = cost;
    this.#before[state] = before;
    this.#through[state] = through;
  }

  /** Cost of a state with all that is owed for its last leg. */
  #settled(state: number, isFresh: boolean, choice: number): number {
    return isFresh ? this.#costs[state]! + this.#amounts[choice]! : this.#costs[state]!;
  }

  /** From every state of an effective leg to those of the next. */
  #advance(leg: number): void {
    const width = leg + 2;
    const nextStart = this.#choiceStarts[leg + 1]!;
    const nextEnd = this.#choiceStarts[leg + 2]!;
    let state = this.#stateStarts[leg]!;
    for (let choice = this.#choiceStarts[leg]!; choice < nextStart; choice++) {
      for (let kind = 0; kind < width; kind++, state++) {
        if (this.#costs[state] === INFINITY) continue;
        for (let next = nextStart; next < nextEnd; next++) {
          this.#transfer(leg, choice, kind, state, next);
        }
      }
    }
  }

  /**
   * One transfer. Rules apply that are for the two groups, within their duration, after the product
   * they ask for, and with a product that the rider can have. Of these the smallest transfer_count
   * that is not below the current one is selected; without any, the legs are separate.
   */
  #transfer(leg: number, choice: number, kind: number, state: number, next: number): void {
    const { transfers } = this.#tables;
    const { triples } = transfers;
    const slot = triples.find(
      transfers.fromKeys[this.#rules[choice]!]!,
      transfers.toKeys[this.#rules[next]!]!,
      0,
    );
    const start = slot < 0 ? 0 : triples.start(slot);
    const end = slot < 0 ? 0 : triples.end(slot);
    const isWithin = slot >= 0 && transfers.isWithin[triples.items[start]!] === 1;
    const origin = isWithin && kind < leg ? kind : leg;
    const count = isWithin ? leg + 1 - origin : 0;
    let selected = INFINITY;
    let isAny = false;
    for (let i = start; i < end; i++) {
      const rule = triples.items[i]!;
      if (!this.#applies(rule, origin, leg + 1, count, choice)) continue;
      isAny = true;
      if (transfers.counts[rule]! < selected) selected = transfers.counts[rule]!;
    }
    const settled = this.#settled(state, kind === leg + 1, choice);
    const target = this.#stateStarts[leg + 1]! + (next - this.#choiceStarts[leg + 1]!) * (leg + 3);
    if (!isAny) {
      const isAllowed = this.#tables.legs.isTransferOnly[this.#rules[next]!] === 0;
      if (isAllowed) this.#reach(target + leg + 2, settled, state, -1);
      return;
    }
    const reached = target + (isWithin ? origin : leg + 1);
    for (let i = start; i < end; i++) {
      const rule = triples.items[i]!;
      if (transfers.counts[rule] !== selected) continue;
      if (!this.#applies(rule, origin, leg + 1, count, choice)) continue;
      const type = transfers.types[rule]!;
      const paid = type === 2 && kind === leg + 1 ? this.#costs[state]! : settled;
      const cost = paid + this.#tables.products.amount(this.#column, transfers.products[rule]!);
      this.#reach(reached, type === 1 ? cost + this.#amounts[next]! : cost, state, rule);
    }
  }

  /** Whether a rule is for a transfer that ends with leg `to`, in a sub-journey from leg `from`. */
  #applies(rule: number, from: number, to: number, count: number, choice: number): boolean {
    const { transfers, products } = this.#tables;
    if (transfers.counts[rule]! < count) return false;
    const filter = transfers.filters[rule]!;
    if (filter >= 0 && filter !== this.#chosen[choice]) return false;
    if (products.amount(this.#column, transfers.products[rule]!) === INFINITY) return false;
    const limitMs = transfers.limitsMs[rule]!;
    if (limitMs === INFINITY) return true;
    const type = transfers.limitTypes[rule]!;
    const startMs =
      type < 2 ? this.#departureMs[this.#first[from]!]! : this.#arrivalMs[this.#last[from]!]!;
    const endMs =
      type === 0 || type === 3
        ? this.#arrivalMs[this.#last[to]!]!
        : this.#departureMs[this.#first[to]!]!;
    return endMs - startMs <= limitMs;
  }

  /** The cheapest choice of a journey that is one effective leg, which needs no states. */
  #cheapestAlone(): number {
    const { legs, products, alone } = this.#tables;
    const last = this.#last[0]!;
    const list = legs.listOf(this.#lookup(0), this.#from[0]!, this.#to[last]!);
    let rule = list === NO_LIST ? -1 : alone.find(this.#column, list);
    if (rule < 0) {
      const found = this.#match(0);
      if (found === 0) this.#unmatched = 0;
      rule = cheapest(legs, products, this.#column, legs.matches, found);
      if (rule < 0) return Number.NaN;
    }
    // As if it were the only choice, which `#start` would reach.
    this.#rules[0] = rule;
    this.#end = 1;
    this.#through[1] = -1;
    return products.amount(this.#column, legs.products[rule]!);
  }

  #cheapest(): number {
    const leg = this.#effectiveCount - 1;
    let least = INFINITY;
    let state = this.#stateStarts[leg]!;
    for (let choice = this.#choiceStarts[leg]!; choice < this.#choiceStarts[leg + 1]!; choice++) {
      for (let kind = 0; kind < leg + 2; kind++, state++) {
        const cost = this.#settled(state, kind === leg + 1, choice);
        if (!(cost < least)) continue;
        least = cost;
        this.#end = state;
      }
    }
    return least === INFINITY ? Number.NaN : least;
  }

  /** Where `total` answered NaN: the first leg that no rule matches, or -1 where all have one. */
  get unmatchedLeg(): number {
    return this.#unmatched;
  }

  /** How the last journey that `total` priced goes; for explanations, so it allocates. */
  steps(): Step[] {
    const steps: Step[] = [];
    let state = this.#end;
    for (let leg = this.#effectiveCount - 1; leg >= 0; leg--) {
      const place = state - this.#stateStarts[leg]!;
      const choice = this.#choiceStarts[leg]! + Math.floor(place / (leg + 2));
      const kind = place % (leg + 2);
      const transfer = this.#through[state]!;
      // What came after tells whether a leg that stands alone is paid by its own product.
      const after = steps[0]?.transfer ?? -1;
      const isReplaced = after >= 0 && this.#tables.transfers.types[after] === 2;
      const isCharged =
        kind === leg + 1 ? !isReplaced : this.#tables.transfers.types[transfer] === 1;
      steps.unshift({
        first: this.#first[leg]!,
        last: this.#last[leg]!,
        rule: this.#rules[choice]!,
        transfer,
        isCharged,
        count: kind < leg ? leg - kind : 0,
      });
      state = this.#before[state]!;
    }
    return steps;
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
