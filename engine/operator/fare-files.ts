/**
 * Fare sets of station matrices on disk. Each version in an operator's folder (`fare-folder.ts`)
 * has `fares.json`, for people to read, and `fares.bin`, the matrix as little-endian 32-bit
 * integers, rider by rider, row by row. A hash ties the two together. Tables that stand beside the
 * matrix, or that it was made of, are `fare-tables.ts`.
 */
import { join } from 'node:path';
import { FaregateError } from '../errors.ts';
import { type FareVersions, fareBook } from '../fare/book.ts';
import { cardRulesOf } from '../fare/card/rules.ts';
import { compileFares } from '../fare/compile.ts';
import { matrixBytes, parseFareDocument, printFareVersion, readFareSet } from '../fare/document.ts';
import type { FareSet } from '../fare/fares.ts';
import { sampleFareBook, sampleFareSet, sampleTables, sampleTariff } from '../fare/sample-city.ts';
import { assignCodes, type FareDraft, faultOf } from '../fare/set.ts';
import { productsOf } from '../fare/terms/products.ts';
import { type FareOrigin, type FareVersion, NO_ORIGIN } from '../fare/version.ts';
import {
  checkNext,
  DOCUMENT,
  heldVersions,
  isGtfsDocument,
  readBounded,
  readDocument,
  versionDir,
  versionsIfAny,
  writeVersion,
} from './fare-folder.ts';
import {
  DISTANCES,
  fareTables,
  loadOrigin,
  type TableSource,
  TERMS,
  tableSource,
} from './fare-tables.ts';

/** The name that stands for the built-in sample city where a directory is asked for. */
export const SAMPLE = 'sample';

const MATRIX = 'fares.bin';

/** The versions of a directory, or of the sample city for `sample`. */
export async function openFares(source: string): Promise<FareVersions> {
  return source === SAMPLE ? sampleFareBook() : await loadFareBook(source);
}

/** The fare sets of a directory, or of the sample city for `sample`. */
export async function openFareSets(source: string): Promise<FareVersion[]> {
  if (source !== SAMPLE) return await loadFareSets(source);
  return [{ ...sampleFareSet(), ...originOf(sampleKept()) }];
}

/** Loads and compiles every version of a directory. @throws as `loadFareSets`. */
export async function loadFareBook(dir: string): Promise<FareVersions> {
  return fareBook((await loadFareSets(dir)).map(compileFares));
}

/**
 * Loads and checks every version of a directory, lowest first.
 * @throws FaregateError FARES_INVALID naming file and field; FILE_UNREADABLE.
 */
async function loadFareSets(dir: string): Promise<FareVersion[]> {
  const sets: FareVersion[] = [];
  for (const version of await heldVersions(dir)) sets.push(await loadVersion(dir, version));
  return sets;
}

async function loadVersion(dir: string, version: number): Promise<FareVersion> {
  const { file, json } = await readDocument(dir, version);
  if (isGtfsDocument(json)) {
    const message = 'a GTFS feed, which prices journeys; a station matrix is asked for here';
    throw new FaregateError('FARES_INVALID', `${file}: ${message}`);
  }
  const document = parseFareDocument(json, file);
  if (document.version !== version) {
    const message = `field /version is ${document.version}, not ${version}`;
    throw new FaregateError('FARES_INVALID', `${file}: ${message}`);
  }
  const matrixFile = join(versionDir(dir, version), MATRIX);
  const bytes = await readBounded(matrixFile, matrixBytes(document));
  const set = readFareSet(document, bytes, { document: file, matrix: matrixFile });
  return { ...set, ...(await loadOrigin(versionDir(dir, version), document, set)) };
}

export interface SavedFares {
  readonly set: FareVersion;
  /** The newest version says exactly the same, so nothing was written. */
  readonly unchanged: boolean;
}

/** Tables that are kept with a version, and what was read from them. */
export interface KeptTables extends Pick<FareVersion, 'terms' | 'tariff'> {
  readonly source: TableSource;
}

/** Those of the sample city. */
export function sampleKept(): KeptTables {
  const texts = [...sampleTables()].map(([name, text]) => [name, Buffer.from(text)] as const);
  return { source: tableSource(new Map(texts)), terms: null, tariff: sampleTariff() };
}

function originOf({ source, terms, tariff }: KeptTables): FareOrigin {
  return { tables: fareTables(source), terms, tariff };
}

/**
 * Adds a version to a directory, which is made where it is missing. Versions rise and are never
 * rewritten; stations keep the codes that earlier versions gave them.
 * @throws FaregateError FARES_INVALID, FILE_UNREADABLE, FILE_UNWRITABLE, DISK_FULL; the directory
 * then is as it was.
 */
export async function saveFares(
  dir: string,
  draft: FareDraft,
  kept: KeptTables | null = null,
): Promise<SavedFares> {
  const earlier = (await versionsIfAny(dir)).length === 0 ? [] : await loadFareSets(dir);
  const newest = earlier.at(-1);
  const version = draft.version ?? (newest?.version ?? 0) + 1;
  const origin = kept ? originOf(kept) : NO_ORIGIN;
  const stations = assignCodes(draft.stations, earlier);
  const card = cardOf(origin, draft.riders, newest);
  const products = origin.terms && productsOf(origin.terms);
  const sold = products ? { products } : {};
  const set: FareVersion = { ...draft, version, stations, ...card, ...sold, ...origin };
  const fault = faultOf(set) ?? movedNumber(set, earlier);
  if (fault !== null) throw new FaregateError('FARES_INVALID', `${dir}: ${fault}`);
  if (newest && (draft.version === null || version === newest.version)) {
    if (sameFares(newest, { ...set, version: newest.version })) {
      return { set: newest, unchanged: true };
    }
  }
  const numbers = earlier.map((other) => other.version);
  checkNext(dir, version, numbers);
  const { document, matrix, distances } = printFareVersion(set);
  const files = new Map<string, Uint8Array | string>([
    [MATRIX, matrix],
    [DOCUMENT, `${JSON.stringify(document, null, 2)}\n`],
  ]);
  if (distances) files.set(DISTANCES, distances);
  for (const [name, bytes] of kept?.source.bytes ?? []) files.set(join(TERMS, name), bytes);
  await writeVersion(dir, version, files);
  return { set, unchanged: false };
}

/** Why a product may not have its number, or null: debit records name it by that for ever. */
function movedNumber(set: FareSet, earlier: readonly FareSet[]): string | null {
  for (const { id, number } of set.products?.products ?? []) {
    for (const { version, products } of earlier) {
      const other = products?.products.find((each) => each.number === number && each.id !== id);
      if (!other) continue;
      return `product ${id} has number ${number}, that of ${other.id} in version ${version}`;
    }
  }
  return null;
}

/** What gates count on cards; networks keep the numbers they have on cards that are out there. */
function cardOf(
  { terms }: FareOrigin,
  riders: readonly string[],
  newest: FareVersion | undefined,
): Pick<FareVersion, 'card'> {
  const rules = terms && cardRulesOf(terms, riders, newest?.card?.networks ?? []).rules;
  return rules ? { card: rules } : {};
}

function sameFares(a: FareVersion, b: FareVersion): boolean {
  return printFareVersion(a).document.sha256 === printFareVersion(b).document.sha256;
}
