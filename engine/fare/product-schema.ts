/** The JSON Schema of `FareProducts`, as a fare set's document carries them, and the rest of it. */

import {
  FARE_AMOUNT_MINOR_MAX,
  FARE_MINUTES_MAX,
  FARE_NAME_LENGTH_MAX,
  FARE_PRODUCT_STEPS_MAX,
  FARE_PRODUCTS_MAX,
} from '../limits.ts';
import { closed, orNull, whole } from '../schema/shapes.ts';
import { Zone } from '../time.ts';
import type { FareProducts, ProductStep } from './product.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const amount = whole(0, FARE_AMOUNT_MINOR_MAX);
const timeMs = whole(1, FARE_MINUTES_MAX * MINUTE_MS);
const named = {
  id: { type: 'string', minLength: 1, maxLength: FARE_NAME_LENGTH_MAX },
  number: whole(1, 0xffff),
  name: { type: 'string', maxLength: FARE_NAME_LENGTH_MAX },
};

const fixed = closed({ ...named, kind: { const: 'fixed' }, amountMinor: amount });
const open = closed({ ...named, kind: { const: 'open' }, maximumMinor: amount });
const byTime = closed({
  ...named,
  kind: { const: 'byTime' },
  freeMs: whole(0, FARE_MINUTES_MAX * MINUTE_MS),
  span: orNull({ enum: ['day', 'fromFirst'] }),
  maximumMinor: orNull(amount),
  steps: {
    type: 'array',
    items: closed({ uptoMs: orNull(timeMs), everyMs: timeMs, amountMinor: amount }),
    minItems: 1,
    maxItems: FARE_PRODUCT_STEPS_MAX,
  },
});

export const fareProductsSchema: object = closed({
  timezone: { type: 'string', minLength: 1, maxLength: FARE_NAME_LENGTH_MAX },
  dayStartMs: whole(0, DAY_MS - 1),
  products: {
    type: 'array',
    items: { anyOf: [fixed, open, byTime] },
    minItems: 1,
    maxItems: FARE_PRODUCTS_MAX,
  },
});

/** What the schema cannot say (`field /products/...`), or null. */
export function faultOfProducts({ timezone, products }: FareProducts): string | null {
  try {
    new Zone(timezone);
  } catch {
    return `field /products/timezone is no time zone: ${timezone}`;
  }
  const ids = new Set<string>();
  const numbers = new Set<number>();
  for (const [index, product] of products.entries()) {
    const place = `field /products/products/${index}`;
    if (ids.has(product.id)) return `${place}/id is another product's too`;
    if (numbers.has(product.number)) return `${place}/number is another product's too`;
    ids.add(product.id);
    numbers.add(product.number);
    if (product.kind === 'byTime' && !rises(product.steps)) return `${place}/steps does not rise`;
  }
  return null;
}

/** Each step ends after the one before it, and the last one never. */
function rises(steps: readonly ProductStep[]): boolean {
  return steps.every(({ uptoMs }, index) => {
    if (uptoMs === null) return index === steps.length - 1;
    return index < steps.length - 1 && uptoMs > (steps[index - 1]?.uptoMs ?? 0);
  });
}
