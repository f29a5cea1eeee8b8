/**
 * GTFS fares on disk. Each version in an operator's folder (`fare-folder.ts`) has `fares.json`, its
 * manifest, and `feed/`, the files of the feed that fares are read from, as they were published.
 * They are checked again whenever they are loaded.
 */
import { join } from 'node:path';
import { type ErrorCode, FaregateError } from '../errors.ts';
import { fareBook, type Versions } from '../fare/book.ts';
import { GtfsFares } from '../fare/gtfs/fares.ts';
import type { GtfsFeed } from '../fare/gtfs/feed.ts';
import { type Finding, type Findings, placeText } from '../fare/gtfs/findings.ts';
import {
  type GtfsManifest,
  isSame,
  makeManifest,
  parseManifest,
  sha256,
} from '../fare/gtfs/manifest.ts';
import { parseInstant } from '../fare/instant.ts';
import { GTFS_FILE_BYTES_MAX } from '../limits.ts';
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
import { checkSource, type GtfsSource } from './gtfs-files.ts';

const FEED = 'feed';

/** One version as it was loaded. */
export interface LoadedFeed {
  readonly version: number;
  readonly effectiveMs: number;
  readonly feed: GtfsFeed;
  readonly findings: Findings;
}

/** Whether a directory holds GTFS fares: its newest version tells. False where it holds none. */
export async function holdsGtfs(dir: string): Promise<boolean> {
  const newest = (await versionsIfAny(dir)).at(-1);
  return newest !== undefined && isGtfsDocument((await readDocument(dir, newest)).json);
}

/** Loads and compiles every version of a directory. @throws as `loadFeeds`. */
export async function loadGtfsBook(dir: string): Promise<Versions<GtfsFares>> {
  const feeds = await loadFeeds(dir);
  return fareBook(
    feeds.map(({ feed, version, effectiveMs }) => new GtfsFares(feed, version, effectiveMs)),
  );
}

/**
 * Loads and checks every version of a directory, lowest first.
 * @throws FaregateError FARES_INVALID, FARES_GTFS_INVALID, FILE_UNREADABLE naming the file
 */
export async function loadFeeds(dir: string): Promise<LoadedFeed[]> {
  const feeds: LoadedFeed[] = [];
  for (const version of await heldVersions(dir)) feeds.push(await loadFeed(dir, version));
  return feeds;
}

async function loadManifest(dir: string, version: number): Promise<GtfsManifest> {
  const { file, json } = await readDocument(dir, version);
  const manifest = parseManifest(json, file);
  if (manifest.version === version) return manifest;
  const message = `field /version is ${manifest.version}, not ${version}`;
  throw new FaregateError('FARES_INVALID', `${file}: ${message}`);
}

async function loadFeed(dir: string, version: number): Promise<LoadedFeed> {
  const manifest = await loadManifest(dir, version);
  const folder = join(versionDir(dir, version), FEED);
  const files = new Map<string, Uint8Array>();
  for (const [name, hash] of Object.entries(manifest.files)) {
    const file = join(folder, name);
    const bytes = await readBounded(file, GTFS_FILE_BYTES_MAX);
    if (sha256(bytes) !== hash) {
      const message = `not the file that ${DOCUMENT} names; it was changed`;
      throw new FaregateError('FARES_INVALID', `${file}: ${message}`);
    }
    files.set(name, bytes);
  }
  const { feed, findings } = checkSource({ files, names: manifest.names });
  if (!feed) throw refusal(folder, findings);
  return { version, effectiveMs: parseInstant(manifest.effective), feed, findings };
}

export interface SavedFeed {
  readonly version: number;
  readonly effectiveMs: number;
  /** The newest version is of the same files, so nothing was written. */
  readonly unchanged: boolean;
}

/**
 * Adds a checked feed to a directory as a version, the next one where `version` is null.
 * @throws FaregateError FARES_INVALID, FILE_UNREADABLE, FILE_UNWRITABLE, DISK_FULL; the directory
 * then is as it was
 */
export async function saveFeed(
  dir: string,
  { files, names }: GtfsSource,
  version: number | null,
  effectiveMs: number,
): Promise<SavedFeed> {
  const earlier = await versionsIfAny(dir);
  const newest = earlier.at(-1);
  if (newest !== undefined && !(await holdsGtfs(dir))) {
    const message = 'holds fares of a station matrix; GTFS fares need a directory of their own';
    throw new FaregateError('FARES_INVALID', `${dir} ${message}`);
  }
  const number = version ?? (newest ?? 0) + 1;
  const manifest = makeManifest(number, effectiveMs, names, files);
  if (newest !== undefined && (version === null || version === newest)) {
    if (isSame(manifest, await loadManifest(dir, newest))) {
      return { version: newest, effectiveMs, unchanged: true };
    }
  }
  checkNext(dir, number, earlier);
  const written = new Map<string, Uint8Array | string>();
  for (const [name, bytes] of files) written.set(join(FEED, name), bytes);
  written.set(DOCUMENT, `${JSON.stringify(manifest, null, 2)}\n`);
  await writeVersion(dir, number, written);
  return { version: number, effectiveMs, unchanged: false };
}

/** `error: stop_areas.txt: the file is missing (missing_required_file)`. */
export function findingText({ severity, code, message, ...place }: Finding): string {
  return `${severity}: ${placeText(place)}: ${message} (${code})`;
}

/** The error that a feed, or tables, with errors are refused with; it names the first of them. */
export function refusal(
  source: string,
  { list, errors, warnings }: Findings,
  code: ErrorCode = 'FARES_GTFS_INVALID',
): FaregateError {
  const first = list.find(({ severity }) => severity === 'error');
  const counts = `${errors} ${errors === 1 ? 'error' : 'errors'}, ${warnings} warnings`;
  const named = first ? `; first ${placeText(first)}: ${first.message}` : '';
  return new FaregateError(code, `${source}: ${counts}${named}`);
}
