/**
 * `faregate-engine fares diff`: two versions of a city's fares before the newer one goes live. Of a
 * station matrix all pairs of stations are compared; of GTFS feeds, or over a file of journeys, it
 * is `fares-diff-gtfs.ts` and `fares-diff-journeys.ts`.
 */
import { FaregateError } from '../errors.ts';
import { type Currency, currencyOf } from '../fare/currencies.ts';
import { changesOf, diffFares, type FareDiff, type OnlyIn } from '../fare/diff.ts';
import { formatMinor } from '../fare/money.ts';
import { diffPicture } from '../fare/pictures.ts';
import { svgOf } from '../fare/svg.ts';
import type { FareVersion } from '../fare/version.ts';
import type { Args, Command, Io } from './command.ts';
import { amountTexts, changesText, csvRow, onlyInTexts, write } from './diff-output.ts';
import { diffGtfs } from './fares-diff-gtfs.ts';
import { diffJourneys } from './fares-diff-journeys.ts';
import { openEither } from './fares-version.ts';

/** Options of GTFS feeds alone, and of them and station matrices. */
const GTFS_OPTIONS = ['media', 'network', 'at'];
const PAIR_OPTIONS = ['rider', ...GTFS_OPTIONS];

export const diffCommand: Command = {
  name: 'fares diff',
  about: 'Compares two versions of fares over all pairs of stations, or over a file of journeys.',
  options: {
    before: {
      type: 'string',
      required: true,
      value: 'DIR[@VERSION]',
      about: 'a fare set directory; without a number its newest version',
    },
    after: {
      type: 'string',
      required: true,
      value: 'DIR[@VERSION]',
      about: 'what it is compared with',
    },
    journeys: {
      type: 'string',
      value: 'FILE',
      about: 'journeys as `quote` reads them; instead of all pairs',
    },
    csv: { type: 'string', value: 'FILE', about: 'a row for every fare that differs' },
    svg: {
      type: 'string',
      value: 'FILE',
      about:
        'a heat map of the changes for one rider class; of journeys how many change by how much',
    },
    rider: {
      type: 'string',
      value: 'RIDER',
      about: 'class of the heat map (default: the first); of GTFS the only one compared',
    },
    media: { type: 'string', value: 'MEDIUM', about: 'of GTFS: the only fare medium compared' },
    network: {
      type: 'string',
      value: 'NETWORK',
      about: 'of GTFS: the only network compared, with Fares V1 the only route',
    },
    at: {
      type: 'string',
      value: 'INSTANT',
      about: 'of GTFS whose fares depend on the time: when the rides are, ISO 8601 with zone',
    },
    json: { type: 'boolean', about: 'report as one JSON object' },
  },
  run: diff,
};

async function diff(args: Args, io: Io): Promise<number> {
  const before = await openEither(args.need('before'));
  const after = await openEither(args.need('after'));
  if (before.currency.code !== after.currency.code) {
    const message = `${before.currency.code} and ${after.currency.code} are not compared`;
    throw new FaregateError('FARES_INVALID', message);
  }
  if (args.text('journeys') !== undefined) {
    refuse(args, PAIR_OPTIONS, 'does not go with --journeys');
    return await diffJourneys(args, io, before, after);
  }
  if (before.kind === 'gtfs' && after.kind === 'gtfs') {
    return await diffGtfs(args, io, before.fares, after.fares);
  }
  if (before.kind === 'gtfs' || after.kind === 'gtfs') {
    const message = 'a station matrix and a GTFS feed are compared over --journeys alone';
    throw new FaregateError('USAGE', message);
  }
  refuse(args, GTFS_OPTIONS, 'is for GTFS feeds');
  return await diffMatrices(args, io, before.set, after.set);
}

function refuse(args: Args, options: readonly string[], why: string): void {
  const given = options.find((name) => args.text(name) !== undefined);
  if (given !== undefined) throw new FaregateError('USAGE', `--${given} ${why}`);
}

async function diffMatrices(
  args: Args,
  io: Io,
  before: FareVersion,
  after: FareVersion,
): Promise<number> {
  const found = diffFares(before, after);
  const tables = changedTables(before, after);
  const currency = currencyOf(after.currency)!;
  const picture = pictureOf(args, found, before, after);
  const csv = args.text('csv');
  if (csv !== undefined) await write(csv, csvOf(found, currency));
  if (picture !== null) await write(args.need('svg'), picture);
  if (args.flag('json')) {
    const { riders, onlyStations, onlyRiders, rules } = found;
    const versions = { before: before.version, after: after.version, currency: after.currency };
    const rest = { riders, onlyStations, onlyRiders, rules, tables };
    io.out(JSON.stringify({ ...versions, ...rest }));
  } else {
    for (const line of report(found, currency)) io.out(line);
    for (const line of onlyInTexts('tables', tables)) io.out(line);
    if (tables.changed.length > 0) io.out(`tables changed: ${tables.changed.join(', ')}`);
  }
  return 0;
}

/** Tables beside the matrices that differ, or that only one version has. */
function changedTables(before: FareVersion, after: FareVersion) {
  const was = new Map(before.tables.map(({ name, sha256 }) => [name, sha256]));
  const is = new Map(after.tables.map(({ name, sha256 }) => [name, sha256]));
  const only: OnlyIn = {
    before: [...was.keys()].filter((name) => !is.has(name)),
    after: [...is.keys()].filter((name) => !was.has(name)),
  };
  const changed = [...is].filter(([name, hash]) => was.has(name) && was.get(name) !== hash);
  return { ...only, changed: changed.map(([name]) => name) };
}

/** The heat map, or null where none is asked for. @throws FaregateError USAGE. */
function pictureOf(
  args: Args,
  found: FareDiff,
  before: FareVersion,
  after: FareVersion,
): string | null {
  const rider = args.text('rider');
  if (!wantsPicture(args)) return null;
  const fares =
    rider === undefined ? found.fares[0] : found.fares.find((each) => each.rider === rider);
  if (!fares) {
    const names = found.fares.map((each) => each.rider).join(', ') || 'none';
    throw new FaregateError('USAGE', `--rider: classes that both sets have: ${names}`);
  }
  const title = `Fares of version ${after.version} against version ${before.version}`;
  return svgOf([diffPicture(fares, currencyOf(after.currency)!, title)]);
}

/** Whether a heat map is asked for. @throws FaregateError USAGE for a rider without one. */
export function wantsPicture(args: Args): boolean {
  if (args.text('svg') !== undefined) return true;
  if (args.text('rider') === undefined) return false;
  throw new FaregateError('USAGE', '--rider goes with --svg');
}

function csvOf(found: FareDiff, currency: Currency): string {
  const rows = ['rider,from,to,before,after,change'];
  for (const { rider, from, to, beforeMinor, afterMinor } of changesOf(found)) {
    rows.push(csvRow([rider, from, to, ...amountTexts(beforeMinor, afterMinor, currency)]));
  }
  return `${rows.join('\n')}\n`;
}

function report(found: FareDiff, currency: Currency): string[] {
  const lines = found.riders.map((sums) => {
    const { rider, pairs, dearer, cheaper } = sums;
    if (dearer + cheaper === 0) return `${rider}: none of ${pairs} pairs changes`;
    return `${rider}: of ${pairs} pairs ${changesText(sums, currency)}`;
  });
  lines.push(...onlyInTexts('stations', found.onlyStations));
  lines.push(...onlyInTexts('riders', found.onlyRiders));
  for (const { rule, before, after } of found.rules) {
    const shown = (value: number | null) => {
      if (value === null) return 'refuse';
      return rule.endsWith('Minor') ? formatMinor(value, currency.decimals) : String(value);
    };
    lines.push(`${rule.replace(/Minor$/, '')}: ${shown(before)} becomes ${shown(after)}`);
  }
  return lines;
}
