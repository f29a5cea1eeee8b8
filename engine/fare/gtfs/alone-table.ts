/**
 * Journeys of one leg, priced ahead: of each list of leg rules that hold at any time, the rule that
 * is cheapest for each rider and medium.
 */
import { GTFS_LEG_CELLS_MAX } from '../../limits.ts';
import type { LegTable } from './leg-table.ts';
import type { ProductTable } from './product-table.ts';

/** Nothing is known ahead. */
const UNKNOWN = -1;

export class AloneTable {
  /** By column and list. */
  readonly #rules: Int32Array;
  readonly #lists: number;

  constructor(legs: LegTable, products: ProductTable) {
    const isLarge = legs.listCount * products.columnCount > GTFS_LEG_CELLS_MAX;
    this.#lists = isLarge ? 0 : legs.listCount;
    this.#rules = new Int32Array(this.#lists * products.columnCount).fill(UNKNOWN);
    for (let list = 0; list < this.#lists; list++) {
      const rules = legs.rulesAtAnyTime(list);
      for (let column = 0; rules && column < products.columnCount; column++) {
        this.#rules[column * this.#lists + list] = cheapest(legs, products, column, rules);
      }
    }
  }

  /** The rule for a leg with a list of `LegTable`, or -1 where its rules are to be looked at. */
  find(column: number, list: number): number {
    return list < this.#lists ? this.#rules[column * this.#lists + list]! : UNKNOWN;
  }

  get bytes(): number {
    return this.#rules.byteLength;
  }
}

/**
 * The first of the cheapest rules, of those that are not for transfers alone and have a product
 * that can be had; or UNKNOWN.
 */
export function cheapest(
  { products: productOf, isTransferOnly }: LegTable,
  products: ProductTable,
  column: number,
  rules: Int32Array,
  count: number = rules.length,
): number {
  let found = UNKNOWN;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const rule = rules[i]!;
    const amount = products.amount(column, productOf[rule]!);
    if (isTransferOnly[rule] === 1 || !(amount < least)) continue;
    least = amount;
    found = rule;
  }
  return found;
}
