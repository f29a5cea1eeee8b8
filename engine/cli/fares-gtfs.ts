/** What `faregate-engine fares ...` does with GTFS feeds: import, check, show. */
import { readdir, stat } from 'node:fs/promises';
import type { GtfsFeed } from '../fare/gtfs/feed.ts';
import { formatInstant } from '../fare/instant.ts';
import { type LoadedFeed, loadFeeds, saveFeed } from '../operator/gtfs-fare-files.ts';
import { checkSource, readGtfs } from '../operator/gtfs-files.ts';
import type { Args, Io } from './command.ts';
import { counts, grouped, printFindings, refused, reportOf } from './findings.ts';

/** Whether a path is a GTFS feed rather than a directory of fares: a file, or files without `v1`. */
export async function isFeed(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isDirectory()) return true;
    const names = await readdir(path);
    return names.some((name) => name.endsWith('.txt')) && !names.some((name) => /^v\d/.test(name));
  } catch {
    // What is not there, or not to be read, is told by whoever opens it.
    return false;
  }
}

/** `fares import --gtfs`. */
export async function importGtfs(
  args: Args,
  io: Io,
  path: string,
  version: number | null,
  effectiveMs: number,
): Promise<number> {
  const source = await readGtfs(path);
  const { feed, findings } = checkSource(source);
  const dir = args.need('out');
  if (!feed) throw refused(args, io, path, findings, 'FARES_GTFS_INVALID');
  const saved = await saveFeed(dir, source, version, effectiveMs);
  const { unchanged } = saved;
  const report = { dir, unchanged, ...versionReport({ ...saved, feed, findings }) };
  if (args.flag('json')) io.out(JSON.stringify(report));
  else {
    const what = summary({ ...saved, feed });
    io.out(`${dir}: ${unchanged ? 'holds this already as' : 'wrote'} ${what}`);
    for (const line of grouped(findings)) io.out(line);
  }
  return 0;
}

/** `fares check` of a feed: everything found, and 1 where there are errors. */
export async function checkGtfs(args: Args, io: Io, path: string): Promise<number> {
  const { feed, findings } = checkSource(await readGtfs(path));
  if (args.flag('json')) io.out(JSON.stringify({ feed: path, ...reportOf(findings) }));
  else {
    printFindings(io, findings);
    io.out(`${feed ? 'ok' : 'refused'}: ${counts(findings)}${feed ? `; ${contents(feed)}` : ''}`);
  }
  return feed ? 0 : 1;
}

/** `fares check` of a directory of GTFS fares. */
export async function checkGtfsFares(args: Args, io: Io, dir: string): Promise<number> {
  const loaded = await loadFeeds(dir);
  if (args.flag('json')) {
    io.out(JSON.stringify({ dir, versions: loaded.map(versionReport) }));
    return 0;
  }
  for (const one of loaded) {
    io.out(`ok: ${summary(one)}`);
    for (const line of grouped(one.findings)) io.out(line);
  }
  return 0;
}

/** `fares show` of a directory of GTFS fares. */
export async function showGtfs(args: Args, io: Io, dir: string): Promise<number> {
  const loaded = await loadFeeds(dir);
  if (args.flag('json')) {
    io.out(JSON.stringify({ dir, versions: loaded.map(versionReport) }));
    return 0;
  }
  for (const one of loaded) {
    io.out(summary(one));
    for (const [name, count] of Object.entries(countsOf(one.feed))) {
      if (count > 0) io.out(`  ${name.padEnd(14)} ${count}`);
    }
  }
  return 0;
}

function summary(one: Pick<LoadedFeed, 'version' | 'effectiveMs' | 'feed'>): string {
  const since = formatInstant(one.effectiveMs);
  return `version ${one.version}: ${contents(one.feed)}; in force from ${since}`;
}

function contents(feed: GtfsFeed): string {
  const { stops, products, legRules, transferRules, fares, fareRules } = countsOf(feed);
  const rules =
    feed.model === 'v2'
      ? `${products} products, ${legRules} leg rules, ${transferRules} transfer rules`
      : `${fares} fares, ${fareRules} fare rules`;
  return `GTFS fares ${feed.model}, ${feed.currency.code}, ${stops} stops, ${rules}`;
}

function countsOf(feed: GtfsFeed) {
  return {
    stops: feed.stops.length,
    networks: feed.networks.length,
    riders: feed.riders.length,
    media: feed.media.length,
    products: feed.products.length,
    timeframes: feed.timeframes.length,
    legRules: feed.legRules.length,
    joinRules: feed.joinRules.length,
    transferRules: feed.transferRules.length,
    fares: feed.fares.length,
    fareRules: feed.fareRules.length,
  };
}

function versionReport({ version, effectiveMs, feed, findings }: LoadedFeed) {
  return {
    version,
    effective: formatInstant(effectiveMs),
    model: feed.model,
    currency: feed.currency.code,
    ...countsOf(feed),
    ...reportOf(findings),
  };
}
