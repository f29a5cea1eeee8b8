/**
 * The folder of an operator's fares on disk: versions as folders `v1`, `v2`, ..., each written
 * beside its place and renamed into it, so that it is there whole or not at all. What a version
 * holds is `fare-files.ts` (station matrices) and `gtfs-fare-files.ts` (GTFS feeds).
 */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ErrorCode, FaregateError, systemCode, systemText } from '../errors.ts';
import { FARE_DOCUMENT_BYTES_MAX, FARE_VERSIONS_MAX } from '../limits.ts';

/** What every version has: the document for people to read. */
export const DOCUMENT = 'fares.json';

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

/** The same, none for a folder that is missing. */
export async function versionsIfAny(dir: string): Promise<number[]> {
  try {
    return await versionsIn(dir);
  } catch (error) {
    if (error instanceof FaregateError && systemCode(error.cause) === 'ENOENT') return [];
    throw error;
  }
}

/** Those of a folder that must have some. @throws FaregateError FARES_INVALID, FILE_UNREADABLE. */
export async function heldVersions(dir: string): Promise<number[]> {
  const versions = await versionsIn(dir);
  if (versions.length === 0) {
    throw new FaregateError('FARES_INVALID', `${dir}: no fare set here (no folder v1, v2, ...)`);
  }
  if (versions.length > FARE_VERSIONS_MAX) {
    const message = `${dir}: ${versions.length} versions are over the bound of ${FARE_VERSIONS_MAX}`;
    throw new FaregateError('FARES_INVALID', `${message}; move the oldest away`);
  }
  return versions;
}

export function versionDir(dir: string, version: number): string {
  return join(dir, `v${version}`);
}

/** The document of a version as text, and the file it is. */
export async function readDocument(
  dir: string,
  version: number,
): Promise<{ readonly file: string; readonly json: string }> {
  const file = join(versionDir(dir, version), DOCUMENT);
  return { file, json: (await readBounded(file, FARE_DOCUMENT_BYTES_MAX)).toString('utf8') };
}

/** Whether a version's document is that of a GTFS feed. */
export function isGtfsDocument(json: string): boolean {
  try {
    return (JSON.parse(json) as { readonly kind?: unknown } | null)?.kind === 'gtfs';
  } catch {
    return false;
  }
}

/** @throws FaregateError FARES_INVALID where a version cannot be added after those there are. */
export function checkNext(dir: string, version: number, earlier: readonly number[]): void {
  const newest = earlier.at(-1);
  if (newest !== undefined && version <= newest) {
    const message = `${dir} holds version ${newest}; versions rise and are never rewritten`;
    throw new FaregateError('FARES_INVALID', message);
  }
  if (earlier.length >= FARE_VERSIONS_MAX) {
    const message = `${dir} holds ${earlier.length} versions, the bound; move the oldest away`;
    throw new FaregateError('FARES_INVALID', message);
  }
}

/**
 * Writes a version: files by their paths within it.
 * @throws FaregateError FILE_UNWRITABLE, DISK_FULL; nothing is there then
 */
export async function writeVersion(
  dir: string,
  version: number,
  files: ReadonlyMap<string, Uint8Array | string>,
): Promise<void> {
  const place = versionDir(dir, version);
  const aside = join(dir, `.v${version}.new`);
  try {
    await mkdir(dir, { recursive: true });
    await rm(aside, { recursive: true, force: true });
    await mkdir(aside);
    const folders = new Set([aside]);
    for (const [path, data] of files) {
      const file = join(aside, path);
      if (!folders.has(dirname(file))) await mkdir(dirname(file));
      folders.add(dirname(file));
      await writeDurably(file, data);
    }
    for (const folder of folders) await syncFolder(folder);
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

/** A whole file. @throws FaregateError with `code` where it is missing or over `bytesMax`. */
export async function readBounded(
  file: string,
  bytesMax: number,
  code: ErrorCode = 'FARES_INVALID',
): Promise<Buffer> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size > bytesMax) {
        const message = `${file}: ${size} bytes are over the ${bytesMax} there can be`;
        throw new FaregateError(code, message);
      }
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw asFileError(error, file, 'FILE_UNREADABLE');
    throw new FaregateError(code, `${file} is missing`, { cause: error });
  }
}

/** A system error as an operating error that names the file; anything else as it is. */
export function asFileError(error: unknown, file: string, code: ErrorCode): unknown {
  const system = systemCode(error);
  if (error instanceof FaregateError || system === '') return error;
  const known: ErrorCode = system === 'ENOSPC' || system === 'EDQUOT' ? 'DISK_FULL' : code;
  return new FaregateError(known, `${file}: ${systemText(error)}`, { cause: error });
}
