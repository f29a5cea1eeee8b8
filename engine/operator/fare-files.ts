/**
 * Fare sets on disk. A directory holds the versions of an operator's fares as folders `v1`, `v2`,
 * ...; each has `fares.json`, for people to read, and `fares.bin`, the matrix as little-endian
 * 32-bit integers, rider by rider, row by row. A hash ties the two together. A version is written
 * beside its place and renamed into it, so that it is there whole or not at all.
 */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorCode, FaregateError, systemCode } from '../errors.ts';
import { type FareVersions, fareBook } from '../fare/book.ts';
import { compileFares } from '../fare/compile.ts';
import { matrixBytes, parseFareDocument, printFareSet, readFareSet } from '../fare/document.ts';
import type { FareSet } from '../fare/fares.ts';
import { sampleFareBook, sampleFareSet } from '../fare/sample-city.ts';
import { assignCodes, type FareDraft, faultOf } from '../fare/set.ts';
import { FARE_DOCUMENT_BYTES_MAX, FARE_VERSIONS_MAX } from '../limits.ts';

/** The name that stands for the built-in sample city where a directory is asked for. */
export const SAMPLE = 'sample';

const DOCUMENT = 'fares.json';
const MATRIX = 'fares.bin';

/** The versions of a directory, or of the sample city for `sample`. */
export async function openFares(source: string): Promise<FareVersions> {
  return source === SAMPLE ? sampleFareBook() : await loadFareBook(source);
}

/** The fare sets of a directory, or of the sample city for `sample`. */
export async function openFareSets(source: string): Promise<FareSet[]> {
  return source === SAMPLE ? [sampleFareSet()] : await loadFareSets(source);
}

/** Loads and compiles every version of a directory. @throws as `loadFareSets`. */
export async function loadFareBook(dir: string): Promise<FareVersions> {
  return fareBook((await loadFareSets(dir)).map(compileFares));
}

/**
 * Loads and checks every version of a directory, lowest first.
 * @throws FaregateError FARES_INVALID naming file and field; FILE_UNREADABLE.
 */
export async function loadFareSets(dir: string): Promise<FareSet[]> {
  const versions = await versionsIn(dir);
  if (versions.length === 0) {
    throw new FaregateError('FARES_INVALID', `${dir}: no fare set here (no folder v1, v2, ...)`);
  }
  if (versions.length > FARE_VERSIONS_MAX) {
    const message = `${dir}: ${versions.length} versions are over the bound of ${FARE_VERSIONS_MAX}`;
    throw new FaregateError('FARES_INVALID', `${message}; move the oldest away`);
  }
  const sets: FareSet[] = [];
  for (const version of versions) sets.push(await loadVersion(dir, version));
  return sets;
}

/** Numbers of the folders `v1`, `v2`, ..., rising. @throws FaregateError FILE_UNREADABLE. */
async function versionsIn(dir: string): Promise<number[]> {
  try {
    return (await readdir(dir))
      .flatMap((name) => /^v([1-9]\d{0,9})$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    throw asFileError(error, dir, 'FILE_UNREADABLE');
  }
}

async function loadVersion(dir: string, version: number): Promise<FareSet> {
  const documentFile = join(dir, `v${version}`, DOCUMENT);
  const matrixFile = join(dir, `v${version}`, MATRIX);
  const json = (await readBounded(documentFile, FARE_DOCUMENT_BYTES_MAX)).toString('utf8');
  const document = parseFareDocument(json, documentFile);
  if (document.version !== version) {
    const message = `field /version is ${document.version}, not ${version}`;
    throw new FaregateError('FARES_INVALID', `${documentFile}: ${message}`);
  }
  const bytes = await readBounded(matrixFile, matrixBytes(document));
  return readFareSet(document, bytes, { document: documentFile, matrix: matrixFile });
}

export interface SavedFares {
  readonly set: FareSet;
  /** The newest version says exactly the same, so nothing was written. */
  readonly unchanged: boolean;
}

/**
 * Adds a version to a directory, which is made where it is missing. Versions rise and are never
 * rewritten; stations keep the codes that earlier versions gave them.
 * @throws FaregateError FARES_INVALID, FILE_UNREADABLE, FILE_UNWRITABLE, DISK_FULL; the directory
 * then is as it was.
 */
export async function saveFares(dir: string, draft: FareDraft): Promise<SavedFares> {
  const earlier = await loadEarlier(dir);
  const newest = earlier.at(-1);
  const version = draft.version ?? (newest?.version ?? 0) + 1;
  const set: FareSet = { ...draft, version, stations: assignCodes(draft.stations, earlier) };
  const fault = faultOf(set);
  if (fault !== null) throw new FaregateError('FARES_INVALID', `${dir}: ${fault}`);
  if (newest && (draft.version === null || version === newest.version)) {
    if (sameFares(newest, { ...set, version: newest.version })) {
      return { set: newest, unchanged: true };
    }
  }
  if (newest && version <= newest.version) {
    const message = `${dir} holds version ${newest.version}; versions rise and are never rewritten`;
    throw new FaregateError('FARES_INVALID', message);
  }
  if (earlier.length >= FARE_VERSIONS_MAX) {
    const message = `${dir} holds ${earlier.length} versions, the bound; move the oldest away`;
    throw new FaregateError('FARES_INVALID', message);
  }
  await writeVersion(dir, set);
  return { set, unchanged: false };
}

/** What a directory holds already: nothing where it is missing or has no version yet. */
async function loadEarlier(dir: string): Promise<FareSet[]> {
  try {
    if ((await versionsIn(dir)).length === 0) return [];
  } catch (error) {
    if (error instanceof FaregateError && systemCode(error.cause) === 'ENOENT') return [];
    throw error;
  }
  return await loadFareSets(dir);
}

function sameFares(a: FareSet, b: FareSet): boolean {
  return printFareSet(a).document.sha256 === printFareSet(b).document.sha256;
}

async function writeVersion(dir: string, set: FareSet): Promise<void> {
  const { document, matrix } = printFareSet(set);
  const place = join(dir, `v${set.version}`);
  const aside = join(dir, `.v${set.version}.new`);
  try {
    await mkdir(dir, { recursive: true });
    await rm(aside, { recursive: true, force: true });
    await mkdir(aside);
    await writeDurably(join(aside, MATRIX), matrix);
    await writeDurably(join(aside, DOCUMENT), `${JSON.stringify(document, null, 2)}\n`);
    await syncFolder(aside);
    await rename(aside, place);
    await syncFolder(dir);
  } catch (error) {
    await rm(aside, { recursive: true, force: true }).catch(() => undefined);
    throw asFileError(error, place, 'FILE_UNWRITABLE');
  }
}

async function writeDurably(file: string, data: Uint8Array | string): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a rename within the folder outlive a power cut. */
async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A whole file. @throws FaregateError FARES_INVALID where it is over `bytesMax`. */
async function readBounded(file: string, bytesMax: number): Promise<Buffer> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size > bytesMax) {
        const message = `${file}: ${size} bytes are over the ${bytesMax} there can be`;
        throw new FaregateError('FARES_INVALID', message);
      }
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw asFileError(error, file, 'FILE_UNREADABLE');
    throw new FaregateError('FARES_INVALID', `${file} is missing`, { cause: error });
  }
}

/** A system error as an operating error that names the file; anything else as it is. */
function asFileError(error: unknown, file: string, code: ErrorCode): unknown {
  const system = systemCode(error);
  if (error instanceof FaregateError || system === '') return error;
  const known: ErrorCode = system === 'ENOSPC' || system === 'EDQUOT' ? 'DISK_FULL' : code;
  return new FaregateError(known, `${file}: ${(error as Error).message}`, { cause: error });
}
