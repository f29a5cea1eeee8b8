/**
 * GTFS feeds as they are published: a zip file, or a folder with the same files. Only files that
 * fares are read from are unpacked, within bounds, and each against its length and checksum; the
 * rest are known by name. The one importer of yauzl.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { FaregateError, systemCode } from '../errors.ts';
import { type CheckedFeed, checkFeed } from '../fare/gtfs/feed.ts';
import { fareFiles } from '../fare/gtfs/schema.ts';
import {
  GTFS_ENTRIES_MAX,
  GTFS_FEED_BYTES_MAX,
  GTFS_FILE_BYTES_MAX,
  GTFS_ZIP_BYTES_MAX,
} from '../limits.ts';
import { asFileError, readBounded } from './fare-folder.ts';
import { parseGtfsFile } from './gtfs-csv.ts';

/** A feed's files. */
export interface GtfsSource {
  /** Those that fares are read from, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** All files there are. */
  readonly names: readonly string[];
}

/** @throws FaregateError FARES_GTFS_INVALID, FILE_UNREADABLE naming the file. */
export async function readGtfs(path: string): Promise<GtfsSource> {
  try {
    return (await stat(path)).isDirectory() ? await readFolder(path) : await readZip(path);
  } catch (error) {
    throw asFileError(error, path, 'FILE_UNREADABLE');
  }
}

/** Parses and checks a feed's files. */
export function checkSource({ files, names }: GtfsSource): CheckedFeed {
  const parsed = [...files].map(([name, bytes]) => parseGtfsFile(name, bytes));
  return checkFeed(parsed, names);
}

async function readFolder(dir: string): Promise<GtfsSource> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.flatMap((entry) => (entry.isDirectory() ? [] : [entry.name])).sort();
  if (names.length > GTFS_ENTRIES_MAX) throw over(dir, `${names.length} files`, GTFS_ENTRIES_MAX);
  const files = new Map<string, Uint8Array>();
  const room = new Room(dir);
  for (const name of names) {
    if (!fareFiles.includes(name)) continue;
    const bytes = await readBounded(join(dir, name), GTFS_FILE_BYTES_MAX, 'FARES_GTFS_INVALID');
    room.take(bytes.length);
    files.set(name, bytes);
  }
  return { files, names };
}

async function readZip(path: string): Promise<GtfsSource> {
  const { size } = await stat(path);
  if (size > GTFS_ZIP_BYTES_MAX) throw over(path, `${size} bytes`, GTFS_ZIP_BYTES_MAX);
  let zip: ZipFile;
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false });
  } catch (error) {
    throw notZip(path, error);
  }
  try {
    return await readEntries(path, zip);
  } catch (error) {
    throw notZip(path, error);
  } finally {
    zip.close();
  }
}

async function readEntries(path: string, zip: ZipFile): Promise<GtfsSource> {
  if (zip.entryCount > GTFS_ENTRIES_MAX) {
    throw over(path, `${zip.entryCount} entries`, GTFS_ENTRIES_MAX);
  }
  const files = new Map<string, Uint8Array>();
  const names: string[] = [];
  const room = new Room(path);
  for await (const entry of zip.eachEntry()) {
    const { fileName } = entry;
    if (fileName.endsWith('/')) continue;
    names.push(fileName);
    if (!fareFiles.includes(fileName)) continue;
    if (files.has(fileName)) throw invalid(path, `${fileName} is in the zip file twice`);
    if (entry.uncompressedSize > GTFS_FILE_BYTES_MAX) {
      throw over(path, `${fileName} with ${entry.uncompressedSize} bytes`, GTFS_FILE_BYTES_MAX);
    }
    room.take(entry.uncompressedSize);
    files.set(fileName, await readEntry(path, zip, entry));
  }
  const nested = names.find((name) => fareFiles.includes(name.split('/').at(-1)!));
  if (files.size === 0 && nested !== undefined) {
    const message = `${nested} is in a folder; the files of a feed stand at the root of the zip file`;
    throw invalid(path, message);
  }
  return { files, names };
}

/** An entry's bytes; the library holds their number against what the entry says. */
async function readEntry(path: string, zip: ZipFile, entry: Entry): Promise<Uint8Array> {
  if (entry.isEncrypted()) throw invalid(path, `${entry.fileName} is encrypted`);
  const pieces: Buffer[] = [];
  for await (const piece of await zip.openReadStreamPromise(entry)) pieces.push(piece as Buffer);
  const bytes = Buffer.concat(pieces);
  if (crc32(bytes) !== entry.crc32) {
    throw invalid(path, `${entry.fileName} does not have the checksum that the zip file gives it`);
  }
  return bytes;
}

/** Bytes that the files of one feed may take together. */
class Room {
  readonly #path: string;
  #taken = 0;

  constructor(path: string) {
    this.#path = path;
  }

  take(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken > GTFS_FEED_BYTES_MAX) {
      throw over(this.#path, `${this.#taken} bytes of fare files`, GTFS_FEED_BYTES_MAX);
    }
  }
}

function over(path: string, what: string, bound: number): FaregateError {
  return invalid(path, `${what}, over the bound of ${bound}`);
}

function invalid(path: string, message: string): FaregateError {
  return new FaregateError('FARES_GTFS_INVALID', `${path}: ${message}`);
}

/** What the library says of a damaged zip file as an operating error; anything else as it is. */
function notZip(path: string, error: unknown): unknown {
  if (error instanceof FaregateError || systemCode(error).startsWith('E')) return error;
  if (!(error instanceof Error)) return error;
  const message = `${path}: neither a folder nor a whole zip file: ${error.message}`;
  return new FaregateError('FARES_GTFS_INVALID', message, { cause: error });
}
