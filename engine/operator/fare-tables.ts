/**
 * The tables of fare terms and distance tariffs (docs/fare-extensions.md) as files: a folder that
 * an operator publishes, and `terms/` of a version, where they are kept as they were published.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FaregateError } from '../errors.ts';
import { currencyOf } from '../fare/currencies.ts';
import { type FareDocument, int32sOf, sha256Of } from '../fare/document.ts';
import type { FareSet } from '../fare/fares.ts';
import { type Findings, placeText } from '../fare/gtfs/findings.ts';
import type { CsvFile } from '../fare/gtfs/table.ts';
import { type CheckedTerms, checkMatrixTerms } from '../fare/terms/matrix.ts';
import { tariffSpecs, termsSpecs } from '../fare/terms/schema.ts';
import { type CheckedTariff, checkTariff } from '../fare/terms/tariff.ts';
import type { FareOrigin, FareTable } from '../fare/version.ts';
import { GTFS_ENTRIES_MAX, GTFS_FEED_BYTES_MAX, GTFS_FILE_BYTES_MAX } from '../limits.ts';
import { asFileError, DOCUMENT, readBounded } from './fare-folder.ts';
import { parseGtfsFile } from './gtfs-csv.ts';

/** Folder of a version's tables, and the file of its distances. */
export const TERMS = 'terms';
export const DISTANCES = 'distances.bin';

/** Tables that are read again when a version is loaded; distances are in a file of their own. */
const LARGE = new Set(['faregate_links.txt', 'faregate_distances.txt']);

/** The tables of a folder. */
export interface TableSource {
  readonly bytes: ReadonlyMap<string, Uint8Array>;
  readonly files: readonly CsvFile[];
  /** All files of the folder. */
  readonly names: readonly string[];
}

/** Which tables are read: rules beside a matrix, or those of a tariff with the rules beside it. */
type Kind = 'terms' | 'tariff';

/**
 * Reads the tables of a folder.
 * @throws FaregateError FARES_CSV_INVALID where they are over a bound, FILE_UNREADABLE
 */
export async function readTables(dir: string, kind: Kind): Promise<TableSource> {
  const names = await namesIn(dir);
  const bytes = new Map<string, Uint8Array>();
  let room = GTFS_FEED_BYTES_MAX;
  for (const name of names) {
    if (!(name in termsSpecs || (kind === 'tariff' && name in tariffSpecs))) continue;
    const data = await readBounded(join(dir, name), GTFS_FILE_BYTES_MAX, 'FARES_CSV_INVALID');
    room -= data.length;
    if (room < 0) {
      const message = `${dir}: tables of over ${GTFS_FEED_BYTES_MAX} bytes`;
      throw new FaregateError('FARES_CSV_INVALID', message);
    }
    bytes.set(name, data);
  }
  return tableSource(bytes, names);
}

/** Tables as their bytes, by name. */
export function tableSource(
  bytes: ReadonlyMap<string, Uint8Array>,
  names: readonly string[] = [...bytes.keys()],
): TableSource {
  return { bytes, files: [...bytes].map(([name, data]) => parseGtfsFile(name, data)), names };
}

/** Files of a folder. @throws FaregateError FILE_UNREADABLE, FARES_CSV_INVALID for too many. */
async function namesIn(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    const names = entries.flatMap((entry) => (entry.isDirectory() ? [] : [entry.name])).sort();
    if (names.length <= GTFS_ENTRIES_MAX) return names;
    const message = `${dir}: ${names.length} files, over the bound of ${GTFS_ENTRIES_MAX}`;
    throw new FaregateError('FARES_CSV_INVALID', message);
  } catch (error) {
    throw asFileError(error, dir, 'FILE_UNREADABLE');
  }
}

/** Whether a path is a folder of such tables, and not a feed that has some. */
export async function holdsTables(path: string): Promise<boolean> {
  try {
    const names = await namesIn(path);
    return !names.includes('stops.txt') && names.some((name) => name.startsWith('faregate_'));
  } catch {
    // What is not there, or not to be read, is told by whoever opens it.
    return false;
  }
}

/** Checks the tables of a tariff, and rules beside it. */
export function checkTariffSource({ files, names }: TableSource, decimals: number): CheckedTariff {
  return checkTariff(files, names, decimals);
}

/** Checks tables of terms against the fare set that they are for. */
export function checkTermsSource(source: TableSource, set: TermsFrame): CheckedTerms {
  return checkTerms(source.files, source.names, set);
}

/** What of a fare set, or of one in the making, terms refer to. */
export type TermsFrame = Pick<FareSet, 'currency' | 'riders'> & {
  readonly stations: readonly { readonly id: string }[];
};

function checkTerms(
  files: readonly CsvFile[],
  names: readonly string[],
  { currency, riders, stations }: TermsFrame,
): CheckedTerms {
  const rules = files.filter(({ name }) => name in termsSpecs);
  const { decimals } = currencyOf(currency)!;
  return checkMatrixTerms(rules, names, { decimals, riders, stations: stations.map((s) => s.id) });
}

/** How a version names the tables of a folder. */
export function fareTables({ bytes, files }: TableSource): FareTable[] {
  return files.map(({ name, rows }) => {
    return { name, rows: Math.max(0, rows.length - 1), sha256: sha256Of(bytes.get(name)!) };
  });
}

/**
 * Loads what stands beside the matrix of a version, and holds it against its document.
 * @param folder of the version
 * @throws FaregateError FARES_INVALID naming the file, FILE_UNREADABLE
 */
export async function loadOrigin(
  folder: string,
  { tables = [], distances }: FareDocument,
  set: FareSet,
): Promise<FareOrigin> {
  const files: CsvFile[] = [];
  for (const { name, sha256 } of tables) {
    const bytes = await readHashed(join(folder, TERMS, name), GTFS_FILE_BYTES_MAX, sha256);
    if (!LARGE.has(name)) files.push(parseGtfsFile(name, bytes));
  }
  const names = files.map(({ name }) => name);
  const place = join(folder, TERMS);
  if (distances === undefined) {
    if (tables.length === 0) return { tables, terms: null, tariff: null };
    const { terms, findings } = checkTerms(files, names, set);
    return { tables, terms: sound(terms, place, findings), tariff: null };
  }
  const cells = set.stations.length ** 2;
  const bytes = await readHashed(join(folder, DISTANCES), cells * 4, distances);
  const known = int32sOf(bytes);
  const { decimals } = currencyOf(set.currency)!;
  const { tariff, findings } = checkTariff(files, names, decimals, known);
  const { stations, fares, terms } = sound(tariff, place, findings);
  if (stations.length ** 2 !== cells || known.length !== cells) {
    throw new FaregateError('FARES_INVALID', `${place}: not the stations of ${DOCUMENT}`);
  }
  return { tables, terms, tariff: fares };
}

async function readHashed(file: string, bytesMax: number, hash: string): Promise<Uint8Array> {
  const bytes = await readBounded(file, bytesMax);
  if (sha256Of(bytes) === hash) return bytes;
  const message = `not the file that ${DOCUMENT} names; it was changed`;
  throw new FaregateError('FARES_INVALID', `${file}: ${message}`);
}

/** @throws FaregateError FARES_INVALID naming the first error where there is nothing to use. */
function sound<T>(checked: T | null, place: string, { list }: Findings): T {
  if (checked !== null) return checked;
  const first = list.find(({ severity }) => severity === 'error')!;
  throw new FaregateError('FARES_INVALID', `${place}: ${placeText(first)}: ${first.message}`);
}
