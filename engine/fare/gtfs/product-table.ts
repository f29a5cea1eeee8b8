/**
 * What each fare product costs each rider with each fare medium (reference, fare_products.txt).
 *
 * A row without a rider category is for every rider; a row without a fare medium, whose medium is
 * unknown, may be used with any. Of several rows for one rider and medium the cheapest counts. A
 * rider who is not named is of the default category; where no medium is named, any will do.
 */
import type { GtfsFeed, Product } from './feed.ts';

/** No product; a transfer rule without one costs nothing. */
export const NO_PRODUCT = -1;

export class ProductTable {
  readonly ids: readonly string[];
  /** Riders by media, the unnamed ones among them. */
  readonly columnCount: number;
  readonly #rows: readonly Product[];
  readonly #numbers = new Map<string, number>();
  readonly #riders = new Map<string, number>();
  readonly #media = new Map<string, number>();
  /** By column and product; Infinity where no row is for that rider and medium. */
  readonly #amounts: Float64Array;
  /** Row of the amount, or -1. */
  readonly #rowOf: Int32Array;

  constructor({ products, riders, media }: GtfsFeed) {
    this.#rows = products;
    for (const { id } of products) {
      if (!this.#numbers.has(id)) this.#numbers.set(id, this.#numbers.size);
    }
    this.ids = [...this.#numbers.keys()];
    // The unnamed rider and the unnamed medium are 0.
    for (const [index, { id }] of riders.entries()) this.#riders.set(id, index + 1);
    for (const [index, id] of media.entries()) this.#media.set(id, index + 1);
    this.columnCount = (this.#riders.size + 1) * (this.#media.size + 1);
    this.#amounts = new Float64Array(this.columnCount * this.ids.length).fill(
      Number.POSITIVE_INFINITY,
    );
    this.#rowOf = new Int32Array(this.#amounts.length).fill(-1);
    const defaults = riders.flatMap(({ isDefault }, index) => (isDefault ? [index + 1] : []));
    for (const [row, product] of products.entries()) {
      const eligible =
        product.rider === ''
          ? [0, ...this.#riders.values()]
          : [this.#riders.get(product.rider)!].flatMap((rider) =>
              defaults.includes(rider) ? [0, rider] : [rider],
            );
      const usable =
        product.media === '' ? [0, ...this.#media.values()] : [0, this.#media.get(product.media)!];
      for (const rider of eligible) for (const medium of usable) this.#offer(rider, medium, row);
    }
  }

  #offer(rider: number, medium: number, row: number): void {
    const product = this.#rows[row]!;
    const column = this.column(rider, medium);
    const at = column * this.ids.length + this.#numbers.get(product.id)!;
    if (product.amountMinor >= this.#amounts[at]!) return;
    this.#amounts[at] = product.amountMinor;
    this.#rowOf[at] = row;
  }

  /** Number of a rider category, 0 for null, -1 for one that the feed does not have. */
  rider(id: string | null): number {
    return id === null ? 0 : (this.#riders.get(id) ?? -1);
  }

  /** The same of a fare medium. */
  medium(id: string | null): number {
    return id === null ? 0 : (this.#media.get(id) ?? -1);
  }

  /** Number of a product, NO_PRODUCT for ''. */
  numberOf(id: string): number {
    return this.#numbers.get(id) ?? NO_PRODUCT;
  }

  /** Number of the column for a rider and a medium. */
  column(rider: number, medium: number): number {
    return rider * (this.#media.size + 1) + medium;
  }

  /** Minor units, or Infinity. Allocates nothing. */
  amount(column: number, product: number): number {
    return product === NO_PRODUCT ? 0 : this.#amounts[column * this.ids.length + product]!;
  }

  /** Index in `fare_products.txt` of the row that the amount is from, or -1. */
  row(column: number, product: number): number {
    return product === NO_PRODUCT ? -1 : this.#rowOf[column * this.ids.length + product]!;
  }

  get riderIds(): readonly string[] {
    return [...this.#riders.keys()];
  }

  get mediaIds(): readonly string[] {
    return [...this.#media.keys()];
  }

  get bytes(): number {
    return this.#amounts.byteLength + this.#rowOf.byteLength;
  }
}
