/** Amounts of GTFS fares in minor units. */
import { parseAmount } from '../money.ts';

/**
 * `fare_products.amount`: may be negative, and has exactly the decimals of its currency. The amount
 * in minor units, or why it is none.
 */
export function parseProductAmount(text: string, decimals: number): number | string {
  const isNegative = text.startsWith('-');
  const digits = isNegative ? text.slice(1) : text;
  const point = digits.indexOf('.');
  const minor = parseAmount(digits, decimals);
  if (typeof minor === 'string') return minor;
  const given = point < 0 ? 0 : digits.length - point - 1;
  if (given !== decimals) return `has ${given} decimals`;
  return isNegative && minor > 0 ? -minor : minor;
}

/** `fare_attributes.price`: not negative, and no more decimals than its currency has. */
export function parsePrice(text: string, decimals: number): number | string {
  return parseAmount(text, decimals);
}
