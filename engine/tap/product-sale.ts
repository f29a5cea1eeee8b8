/**
 * The sale of a product at a terminal: its price by the fares in force, and what the debit record
 * says of it (docs/wire.md, "plain purchase").
 */
import { writeU16 } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import type { FareBook } from '../fare/fares.ts';
import { type Sale, saleFaults } from '../fare/product.ts';

export interface ProductSale {
  readonly amountMinor: number;
  /** Two zero bytes and the product's number: `fromStation` of the record. */
  readonly code: Uint8Array;
  readonly fareVersion: number;
  /** Of a stay; 0 where there is none. */
  readonly entryMs: number;
}

/**
 * Prices a product by the version in force at the sale.
 * @throws FaregateError FARES_NO_VERSION, FARES_UNKNOWN_PRODUCT, SALE_INVALID saying why.
 */
export function sellProduct(fares: FareBook, id: string, sale: Sale): ProductSale {
  const version = fares.at(sale.instantMs);
  if (!version) throw new FaregateError('FARES_NO_VERSION', 'no fare version is in force');
  const product = version.products?.byId(id);
  if (!product) {
    const message = `version ${version.version} has no product ${JSON.stringify(id)}`;
    throw new FaregateError('FARES_UNKNOWN_PRODUCT', message);
  }
  const price = version.products!.price(product, sale);
  if (typeof price === 'string') {
    throw new FaregateError('SALE_INVALID', `the sale of ${id} ${saleFaults[price]}`);
  }
  const code = new Uint8Array(4);
  writeU16(code, 2, product.number);
  return {
    amountMinor: price.amountMinor,
    code,
    fareVersion: version.version,
    entryMs: sale.entryMs ?? 0,
  };
}
