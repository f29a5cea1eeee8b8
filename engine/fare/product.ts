/**
 * Products: what is sold to a card and is no ride, for a price, an amount that is keyed in, or by
 * the time between entry and exit (docs/fare-extensions.md, "Products"). A pure function of the
 * product, the sale and the operator's clocks.
 */
import { FARE_STAY_DAYS_MAX } from '../limits.ts';
import { Zone } from '../time.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** What a stretch of a stay costs: `amountMinor` for each begun `everyMs`. */
export interface ProductStep {
  /** From the beginning of the span, its end included; null in the last step. */
  readonly uptoMs: number | null;
  readonly everyMs: number;
  readonly amountMinor: number;
}

interface Named {
  readonly id: string;
  /** 1 to 65,535; of this product alone, in all versions. */
  readonly number: number;
  readonly name: string;
}

export type Product = Named &
  (
    | { readonly kind: 'fixed'; readonly amountMinor: number }
    | { readonly kind: 'open'; readonly maximumMinor: number }
    | {
        readonly kind: 'byTime';
        readonly freeMs: number;
        /** When the price begins anew: with a service day, 24 hours after entry, never. */
        readonly span: 'day' | 'fromFirst' | null;
        /** Of one span; null: none. */
        readonly maximumMinor: number | null;
        readonly steps: readonly ProductStep[];
      }
  );

/** The products of a fare set, and the days that they go by. */
export interface FareProducts {
  readonly timezone: string;
  /** From local midnight to the beginning of a service day. */
  readonly dayStartMs: number;
  readonly products: readonly Product[];
}

/** What is said of a sale. */
export interface Sale {
  /** Of the payment; of a stay its end. */
  readonly instantMs: number;
  /** Of a stay its beginning; null: none was given. */
  readonly entryMs: number | null;
  /** As it was keyed in; null: none was. */
  readonly amountMinor: number | null;
}

/** One span of a stay. */
export interface ProductSpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly amountMinor: number;
}

export interface ProductPrice {
  readonly product: Product;
  readonly amountMinor: number;
  /** Of a stay that is charged; else empty. */
  readonly spans: readonly ProductSpan[];
}

/** Why a sale has no price; completes the sentence `the sale of ...`. */
export const saleFaults = {
  entryMissing: 'has no entry, and the product is priced by time',
  entryGiven: 'has an entry, and the product is not priced by time',
  entryAfterExit: 'has an entry after its exit',
  stayTooLong: `is of a stay over ${FARE_STAY_DAYS_MAX} days`,
  amountMissing: 'has no amount, and the product is an open one',
  amountGiven: 'has an amount, and the product has a price',
  amountOverMaximum: 'is over the maximum of the product',
} as const;
export type SaleFault = keyof typeof saleFaults;

export class CompiledProducts {
  readonly #byId: ReadonlyMap<string, Product>;
  readonly #zone: Zone;
  readonly #dayStartMs: number;

  /** @throws FaregateError CONFIG_INVALID for an unknown time zone. */
  constructor({ timezone, dayStartMs, products }: FareProducts) {
    this.#byId = new Map(products.map((product) => [product.id, product]));
    this.#zone = new Zone(timezone);
    this.#dayStartMs = dayStartMs;
  }

  byId(id: string): Product | null {
    return this.#byId.get(id) ?? null;
  }

  price(product: Product, sale: Sale): ProductPrice | SaleFault {
    const { instantMs, entryMs, amountMinor } = sale;
    if (product.kind !== 'byTime' && entryMs !== null) return 'entryGiven';
    if (product.kind !== 'open' && amountMinor !== null) return 'amountGiven';
    switch (product.kind) {
      case 'fixed':
        return { product, amountMinor: product.amountMinor, spans: [] };
      case 'open':
        if (amountMinor === null) return 'amountMissing';
        if (amountMinor > product.maximumMinor) return 'amountOverMaximum';
        return { product, amountMinor, spans: [] };
      case 'byTime': {
        if (entryMs === null) return 'entryMissing';
        if (entryMs > instantMs) return 'entryAfterExit';
        if (instantMs - entryMs > FARE_STAY_DAYS_MAX * DAY_MS) return 'stayTooLong';
        if (instantMs - entryMs <= product.freeMs) return { product, amountMinor: 0, spans: [] };
        const spans = this.#spans(product.span, entryMs, instantMs).map(({ fromMs, toMs }) => {
          const costMinor = stepsMinor(product.steps, toMs - fromMs);
          const mostMinor = product.maximumMinor ?? costMinor;
          return { fromMs, toMs, amountMinor: Math.min(costMinor, mostMinor) };
        });
        return { product, amountMinor: spans.reduce((sum, s) => sum + s.amountMinor, 0), spans };
      }
    }
  }

  /** The stay, cut where its price begins anew. */
  #spans(
    span: 'day' | 'fromFirst' | null,
    entryMs: number,
    exitMs: number,
  ): Pick<ProductSpan, 'fromMs' | 'toMs'>[] {
    if (span === null) return [{ fromMs: entryMs, toMs: exitMs }];
    const cuts: { fromMs: number; toMs: number }[] = [];
    for (let fromMs = entryMs; fromMs < exitMs; ) {
      const nextMs = span === 'day' ? this.#nextDayMs(fromMs) : fromMs + DAY_MS;
      const toMs = Math.min(nextMs, exitMs);
      cuts.push({ fromMs, toMs });
      fromMs = toMs;
    }
    return cuts;
  }

  /** When the service day after that of an instant begins. */
  #nextDayMs(instantMs: number): number {
    const dayOf = (ms: number) =>
      Math.floor((ms + this.#zone.offsetMs(ms) - this.#dayStartMs) / DAY_MS);
    const startMs = (dayOf(instantMs) + 1) * DAY_MS + this.#dayStartMs;
    // Local time to an instant: the offset then may be another than now, before or behind it.
    const nearMs = startMs - this.#zone.offsetMs(startMs - this.#zone.offsetMs(instantMs));
    const isThen = nearMs + this.#zone.offsetMs(nearMs) === startMs;
    // A day may begin in an hour that clocks skip: then with the first instant after it.
    const nextMs = isThen ? nearMs : this.#firstOfDay(dayOf, dayOf(instantMs) + 1, nearMs);
    return Math.max(nextMs, instantMs + 1);
  }

  #firstOfDay(dayOf: (ms: number) => number, day: number, nearMs: number): number {
    let [before, at] = [nearMs - 3 * HOUR_MS, nearMs + 3 * HOUR_MS];
    while (at - before > 1) {
      const middle = Math.floor((before + at) / 2);
      if (dayOf(middle) >= day) at = middle;
      else before = middle;
    }
    return at;
  }
}

/** What the steps ask for a stretch that begins with the first of them. */
function stepsMinor(steps: readonly ProductStep[], stretchMs: number): number {
  let amountMinor = 0;
  let fromMs = 0;
  for (const { uptoMs, everyMs, amountMinor: eachMinor } of steps) {
    const toMs = Math.min(uptoMs ?? stretchMs, stretchMs);
    if (toMs <= fromMs) break;
    amountMinor += Math.ceil((toMs - fromMs) / everyMs) * eachMinor;
    fromMs = toMs;
  }
  return amountMinor;
}
