/** Fares of either kind as accounts ask of them: a station matrix, or GTFS with its terms. */
import { type FareFrame, gtfsFrame, matrixFrame } from '../fare/account/frame.ts';
import { GtfsPrices } from '../fare/account/gtfs-prices.ts';
import type { AccountFares, AccountVersion } from '../fare/account/history.ts';
import { JourneyRules } from '../fare/account/journeys.ts';
import { MatrixPrices } from '../fare/account/matrix-prices.ts';
import { RideRules } from '../fare/account/rules.ts';
import { type Dated, fareBook } from '../fare/book.ts';
import { compileFares } from '../fare/compile.ts';
import { noTerms } from '../fare/terms/none.ts';
import type { FareTerms } from '../fare/terms/terms.ts';
import { openFareSets, SAMPLE } from '../operator/fare-files.ts';
import { holdsGtfs, loadGtfsBook } from '../operator/gtfs-fare-files.ts';

/** Opens a directory of either kind, or the sample city. @throws as the loaders of `operator` */
export async function openAccountFares(source: string): Promise<AccountFares> {
  if (source !== SAMPLE && (await holdsGtfs(source))) {
    const book = await loadGtfsBook(source);
    const { code: currency, decimals } = book.versions[0]!.feed.currency;
    const versions = book.versions.map((fares) => {
      const terms = fares.feed.terms ?? noTerms(fares.feed.timezone);
      return versionOf(fares, terms, gtfsFrame(fares), decimals);
    });
    return { book: fareBook(versions), prices: new GtfsPrices(book), currency, decimals };
  }
  const sets = await openFareSets(source);
  const book = fareBook(sets.map(compileFares));
  const { currency, decimals } = book.versions[0]!;
  const beside = new Map(sets.map((set) => [set.version, set]));
  const versions = book.versions.map((fares) => {
    const terms = beside.get(fares.version)!.terms ?? noTerms('UTC');
    return versionOf(fares, terms, matrixFrame(fares), decimals);
  });
  const prices = new MatrixPrices(book, ({ version }) => beside.get(version)!);
  return { book: fareBook(versions), prices, currency, decimals };
}

function versionOf(
  { version, effectiveMs }: Dated,
  terms: FareTerms,
  frame: FareFrame,
  decimals: number,
): AccountVersion {
  const journeys = new JourneyRules(terms, frame);
  return { version, effectiveMs, frame, journeys, rides: new RideRules(terms, frame, decimals) };
}
