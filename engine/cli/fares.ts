/**
 * `faregate-engine fares ...`: import a station matrix or a GTFS feed, check, show and compare what
 * directories hold, and write the built-in sample city.
 */
import { FaregateError } from '../errors.ts';
import { leftRows } from '../fare/card/rules.ts';
import { currencyOf } from '../fare/currencies.ts';
import { formatMinor } from '../fare/money.ts';
import { reportOf } from '../fare/report.ts';
import { sampleDraft } from '../fare/sample-city.ts';
import type { FareVersion } from '../fare/version.ts';
import { openFareSets, sampleKept } from '../operator/fare-files.ts';
import { holdsTables } from '../operator/fare-tables.ts';
import { holdsGtfs } from '../operator/gtfs-fare-files.ts';
import type { Args, Command, Io } from './command.ts';
import { diffCommand } from './fares-diff.ts';
import { drawFares } from './fares-draw.ts';
import { checkGtfs, checkGtfsFares, isFeed, showGtfs } from './fares-gtfs.ts';
import {
  importCommand,
  json,
  leftText,
  option,
  out,
  printWarnings,
  save,
  summary,
} from './fares-import.ts';
import { checkTariffTables, checkTermsTables } from './fares-tables.ts';

const checkCommand: Command = {
  name: 'fares check',
  about:
    'Checks every version of a directory, a GTFS feed, or tables of terms or a tariff; warns of what is unusual.',
  rest: 'DIR_OR_ZIP',
  options: {
    'matrix-of': option('DIR[@VERSION]', 'the tables are terms beside this fare set'),
    currency: option('CODE', 'the tables are a distance tariff in this currency'),
    json,
  },
  run: check,
};

const showCommand: Command = {
  name: 'fares show',
  about: 'Shows what a directory holds: stations, riders, rules, and a corner of the matrix.',
  rest: 'DIR',
  options: {
    svg: option(
      'FILE',
      'also draws the newest version: every pair of stations for one class, and its distance tariff',
    ),
    rider: option('RIDER', 'class of the picture (default: the first)'),
    json,
  },
  run: show,
};

const sampleCommand: Command = {
  name: 'fares sample',
  about: 'Writes the fares of the built-in sample city, with the tables of its tariff.',
  options: { out, json },
  run: sample,
};

export const fareCommands: readonly Command[] = [
  importCommand,
  checkCommand,
  showCommand,
  diffCommand,
  sampleCommand,
];

async function sample(args: Args, io: Io): Promise<number> {
  return await save(args, io, sampleDraft(), sampleKept());
}

async function check(args: Args, io: Io): Promise<number> {
  const dir = onlyDir(args);
  const isTerms = args.text('matrix-of') !== undefined;
  const isTariff = args.text('currency') !== undefined;
  if (isTerms && isTariff) {
    throw new FaregateError('USAGE', '--matrix-of is for terms and --currency for a tariff');
  }
  if (isTerms) return await checkTermsTables(args, io, dir);
  if (isTariff) return await checkTariffTables(args, io, dir);
  if (await holdsTables(dir)) {
    const message = `${dir} holds tables: --currency checks a tariff, --matrix-of terms`;
    throw new FaregateError('USAGE', message);
  }
  if (await isFeed(dir)) return await checkGtfs(args, io, dir);
  if (await holdsGtfs(dir)) return await checkGtfsFares(args, io, dir);
  const sets = await openFareSets(dir);
  const reports = sets.map(reportOf);
  if (args.flag('json')) {
    const versions = reports.map((report, index) => ({
      ...report,
      leftToEngine: leftRows(sets[index]!),
    }));
    io.out(JSON.stringify({ dir, versions }));
    return 0;
  }
  for (const [index, report] of reports.entries()) {
    io.out(`ok: ${summary(report)}${tablesText(sets[index]!)}`);
    printWarnings(io, report);
    for (const row of leftRows(sets[index]!)) io.out(leftText(row));
  }
  return 0;
}

async function show(args: Args, io: Io): Promise<number> {
  const dir = onlyDir(args);
  if (await holdsGtfs(dir)) {
    if (args.text('svg') === undefined) return await showGtfs(args, io, dir);
    throw new FaregateError('USAGE', '--svg draws a station matrix, and this is a GTFS feed');
  }
  const sets = await openFareSets(dir);
  await drawFares(args, sets.at(-1)!);
  if (args.flag('json')) {
    const versions = sets.map((set) => ({
      ...reportOf(set),
      rules: set.rules,
      tables: set.tables,
      stations: set.stations.map(({ id, name }) => ({ id, name })),
    }));
    io.out(JSON.stringify({ dir, versions }));
    return 0;
  }
  for (const set of sets) for (const line of picture(set)) io.out(line);
  return 0;
}

/** Stations of the corner of the matrix that `show` prints. */
const CORNER = 6;
const NAME_WIDTH = 18;
const TABLE_WIDTH = 28;

/** `; 3 tables` for a version that has some. */
function tablesText({ tables }: FareVersion): string {
  return tables.length === 0 ? '' : `; ${tables.length} tables`;
}

function picture(set: FareVersion): string[] {
  const { decimals } = currencyOf(set.currency)!;
  const money = (minor: number) => formatMinor(minor, decimals);
  const report = reportOf(set);
  const corner = set.stations.slice(0, CORNER);
  const size = set.stations.length;
  const rules = Object.entries(set.rules).map(([name, value]) => {
    const shown = name.endsWith('Minor') && value !== null ? money(value) : (value ?? 'refuse');
    return `  ${name.replace(/Minor$/, '').padEnd(NAME_WIDTH)} ${shown}`;
  });
  return [
    summary(report),
    ...report.riders.map(
      ({ rider, lowestMinor, highestMinor }) =>
        `  ${rider.padEnd(NAME_WIDTH)} ${money(lowestMinor)} to ${money(highestMinor)}`,
    ),
    ...rules,
    `  ${''.padEnd(NAME_WIDTH)} ${corner.map(({ id }) => id.slice(0, 8).padStart(8)).join('')}`,
    ...corner.map(({ name }, from) => {
      const fares = corner.map((_, to) => money(set.matrix[from * size + to]!).padStart(8));
      return `  ${name.slice(0, NAME_WIDTH).padEnd(NAME_WIDTH)} ${fares.join('')}`;
    }),
    `  (${set.riders[0]}, the first ${corner.length} of ${size} stations)`,
    ...set.tables.map(({ name, rows }) => `  ${name.padEnd(TABLE_WIDTH)} ${rows} rows`),
  ];
}

function onlyDir(args: Args): string {
  const [dir, ...more] = args.rest;
  if (dir === undefined || more.length > 0) {
    throw new FaregateError('USAGE', 'one directory (or "sample") is expected');
  }
  return dir;
}
