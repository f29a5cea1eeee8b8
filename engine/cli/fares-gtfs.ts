/** What `faregate-engine fares ...` does with GTFS feeds: import, check, show. */
import { readdir, stat } from 'node:fs/promises';
import type { GtfsFeed } from '../fare/gtfs/feed.ts';
import type { Finding, Findings, Severity } from '../fare/gtfs/findings.ts';
import { formatInstant } from '../fare/instant.ts';
import {
  findingText,
  type LoadedFeed,
  loadFeeds,
  refusal,
  saveFeed,
} from '../operator/gtfs-fare-files.ts';
import { checkSource, readGtfs } from '../operator/gtfs-files.ts';
import type { Args, Io } from './command.ts';

/** Errors that an import prints before it ends; `fares check` prints all there are. */
const ERRORS_SHOWN = 20;

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
  if (!feed) {
    const errors = findings.list.filter(({ severity }) => severity === 'error');
    if (args.flag('json')) io.out(JSON.stringify({ dir, ...reportOf(findings) }));
    else for (const error of errors.slice(0, ERRORS_SHOWN)) io.err(findingText(error));
    throw refusal(path, findings);
  }
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
    for (const severity of ['error', 'warning', 'notice'] as const) {
      for (const finding of findings.list) {
        if (finding.severity === severity) io.out(findingText(finding));
      }
    }
    const left = findings.errors + findings.warnings + findings.notices - findings.list.length;
    if (left > 0) io.out(`and ${left} more`);
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

function reportOf({ errors, warnings, notices, list }: Findings) {
  return { errors, warnings, notices, findings: list };
}

function counts({ errors, warnings, notices }: Findings): string {
  return `${errors} errors, ${warnings} warnings, ${notices} notices`;
}

/** Warnings and notices, those of one code and field in one line with the first of them. */
function grouped(findings: Findings): string[] {
  const groups = new Map<string, { first: Finding; count: number }>();
  for (const finding of findings.list) {
    const key = [finding.severity, finding.code, finding.file, finding.field].join('\u0000');
    const group = groups.get(key);
    if (group) group.count++;
    else groups.set(key, { first: finding, count: 1 });
  }
  const order: readonly Severity[] = ['warning', 'notice'];
  return order.flatMap((severity) =>
    [...groups.values()]
      .filter(({ first }) => first.severity === severity)
      .map(({ first, count }) => `${findingText(first)}${count > 1 ? `, ${count} such` : ''}`),
  );
}
