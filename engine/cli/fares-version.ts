/** Versions as options name them: a directory, and a number where it is not the newest. */
import { FaregateError } from '../errors.ts';
import { type Currency, currencyOf } from '../fare/currencies.ts';
import { GtfsFares } from '../fare/gtfs/fares.ts';
import type { FareVersion } from '../fare/version.ts';
import { openFareSets, SAMPLE } from '../operator/fare-files.ts';
import { holdsGtfs, loadFeeds } from '../operator/gtfs-fare-files.ts';

/** A version of either kind. */
export type OpenVersion =
  | { readonly kind: 'matrix'; readonly currency: Currency; readonly set: FareVersion }
  | { readonly kind: 'gtfs'; readonly currency: Currency; readonly fares: GtfsFares };

/** `DIR` or `DIR@N`. @throws FaregateError USAGE where there is no such version. */
export async function openEither(text: string): Promise<OpenVersion> {
  const { dir, number } = partsOf(text);
  if (dir === SAMPLE || !(await holdsGtfs(dir))) {
    const set = await openVersion(text);
    return { kind: 'matrix', currency: currencyOf(set.currency)!, set };
  }
  const { feed, version, effectiveMs } = pick(await loadFeeds(dir), dir, number);
  const fares = new GtfsFares(feed, version, effectiveMs);
  return { kind: 'gtfs', currency: feed.currency, fares };
}

/** The same of a station matrix alone. @throws FaregateError FARES_INVALID for a GTFS feed. */
export async function openVersion(text: string): Promise<FareVersion> {
  const { dir, number } = partsOf(text);
  return pick(await openFareSets(dir), dir, number);
}

function partsOf(text: string): { readonly dir: string; readonly number: number | null } {
  const [, dir, number] = /^(.*?)(?:@(\d{1,10}))?$/s.exec(text)!;
  return { dir: dir!, number: number === undefined ? null : Number(number) };
}

function pick<T extends { readonly version: number }>(
  held: readonly T[],
  dir: string,
  number: number | null,
): T {
  const found = number === null ? held.at(-1) : held.find(({ version }) => version === number);
  if (found) return found;
  const numbers = held.map(({ version }) => version).join(', ');
  throw new FaregateError('USAGE', `${dir} holds no version ${number}; there are ${numbers}`);
}
