/** `faregate-engine quote --product`: the price of a sale that is no ride, as one JSON object. */
import { FaregateError } from '../errors.ts';
import { formatInstant, parseInstant } from '../fare/instant.ts';
import { formatMinor } from '../fare/money.ts';
import { CompiledProducts, type Sale, saleFaults } from '../fare/product.ts';
import { productsOf } from '../fare/terms/products.ts';
import { openFares, SAMPLE } from '../operator/fare-files.ts';
import { holdsGtfs, loadFeeds } from '../operator/gtfs-fare-files.ts';
import type { Args } from './command.ts';

const AMOUNT_MAX = 0xffff_ffff;

/** Products in force, of fares of either kind. */
interface InForce {
  readonly version: number;
  readonly currency: string;
  readonly decimals: number;
  readonly products: CompiledProducts | null;
}

/** An instant that an option names, or null where it is absent. @throws FaregateError USAGE. */
export function instantOption(args: Args, name: string): number | null {
  const text = args.text(name);
  if (text === undefined) return null;
  const instantMs = parseInstant(text);
  if (!Number.isNaN(instantMs)) return instantMs;
  const wanted = 'an instant with its zone, as 2026-05-04T09:00:00+08:00';
  throw new FaregateError('USAGE', `--${name} takes ${wanted}, not ${text}`);
}

/** The answer of a line. @throws FaregateError FARES_UNKNOWN_PRODUCT, SALE_INVALID and others. */
export async function quoteProduct(args: Args, id: string): Promise<string> {
  const instantMs = instantOption(args, 'at') ?? Date.now();
  const asked = args.text('amount') === undefined ? null : args.whole('amount', 0, 0, AMOUNT_MAX);
  const sale: Sale = { instantMs, entryMs: instantOption(args, 'entered'), amountMinor: asked };
  const { version, currency, decimals, products } = await inForceAt(args.need('fares'), instantMs);
  const product = products?.byId(id);
  if (!products || !product) {
    const message = `version ${version} has no product ${JSON.stringify(id)}`;
    throw new FaregateError('FARES_UNKNOWN_PRODUCT', message);
  }
  const price = products.price(product, sale);
  if (typeof price === 'string') {
    throw new FaregateError('SALE_INVALID', `the sale of ${id} ${saleFaults[price]}`);
  }
  const { number, name, kind } = product;
  const spans = price.spans.map(({ fromMs, toMs, amountMinor }) => ({
    from: formatInstant(fromMs),
    to: formatInstant(toMs),
    amount: formatMinor(amountMinor, decimals),
  }));
  return JSON.stringify({
    product: id,
    number,
    name,
    version,
    amount: formatMinor(price.amountMinor, decimals),
    currency,
    amountMinor: price.amountMinor,
    ...(kind === 'byTime' ? { spans } : {}),
  });
}

async function inForceAt(source: string, instantMs: number): Promise<InForce> {
  if (source === SAMPLE || !(await holdsGtfs(source))) {
    const version = (await openFares(source)).at(instantMs);
    if (version) return version;
  } else {
    // As a book of fares has it: the latest effective instant wins, then the number.
    const feeds = (await loadFeeds(source))
      .filter(({ effectiveMs }) => effectiveMs <= instantMs)
      .sort((a, b) => b.effectiveMs - a.effectiveMs || b.version - a.version);
    const [newest] = feeds;
    if (newest) {
      const { terms, currency } = newest.feed;
      const sold = terms && productsOf(terms);
      return {
        version: newest.version,
        currency: currency.code,
        decimals: currency.decimals,
        products: sold && new CompiledProducts(sold),
      };
    }
  }
  throw new FaregateError('FARES_NO_VERSION', `${source}: no version is in force at that instant`);
}
