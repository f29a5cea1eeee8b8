/**
 * `faregate-engine fares ...`: import a station matrix or a GTFS feed, check, show and compare what
 * directories hold, and write the built-in sample city.
 */
import { FaregateError } from '../errors.ts';
import { type Currency, currencyOf } from '../fare/currencies.ts';
import type { FareRules, FareSet } from '../fare/fares.ts';
import { formatInstant, parseInstant } from '../fare/instant.ts';
import type { FareMatrix, MatrixColumns } from '../fare/matrix.ts';
import { formatMinor, parseAmount } from '../fare/money.ts';
import { type FareReport, reportOf } from '../fare/report.ts';
import { sampleDraft } from '../fare/sample-city.ts';
import { readFareMatrix } from '../operator/fare-csv.ts';
import { openFareSets, saveFares } from '../operator/fare-files.ts';
import { holdsGtfs } from '../operator/gtfs-fare-files.ts';
import type { Args, Command, Io, Option } from './command.ts';
import { diffCommand, drawFares } from './fares-diff.ts';
import { checkGtfs, checkGtfsFares, importGtfs, isFeed, showGtfs } from './fares-gtfs.ts';

/** Options of `fares import` that go with --gtfs. */
const GTFS_OPTIONS = new Set(['gtfs', 'out', 'effective', 'version', 'json']);

const json: Option = { type: 'boolean', about: 'report as one JSON object' };
const out: Option = {
  type: 'string',
  required: true,
  value: 'DIR',
  about: 'directory that gets the new version, beside the ones it holds',
};

function option(value: string, about: string, required = false): Option {
  return { type: 'string', value, about, required };
}

const importCommand: Command = {
  name: 'fares import',
  about:
    'Makes a fare set from a GTFS feed, or from a CSV file with a row for each pair of stations.',
  options: {
    gtfs: option(
      'DIR_OR_ZIP',
      'a GTFS feed; of the others --out, --effective, --version go with it',
    ),
    matrix: option('FILE.csv', 'the table, with a header row'),
    from: option('COL', 'column of the id of the station of entry'),
    to: option('COL', 'column of the id of the station of exit'),
    fare: {
      type: 'string',
      multiple: true,
      value: 'RIDER=COL,...',
      about: 'rider classes and the columns of their fares; the first is the default class',
    },
    currency: option('CODE', 'ISO 4217 code, such as HKD'),
    out,
    'name-from': option('COL', 'column of the name of the station of entry'),
    'name-to': option('COL', 'column of the name of the station of exit'),
    effective: option('INSTANT', 'ISO 8601 with zone: in force from then (default: always)'),
    version: option('N', 'number of the version (default: the next)'),
    'entry-balance': option('AMOUNT', 'balance needed at entry (default: the lowest fare)'),
    'same-station': option('AMOUNT', 'price of leaving where one came in (default: the table)'),
    'same-station-minutes': option('N', 'for so long; later the overstay price'),
    'max-minutes': option('N', 'longest stay in the paid area (default: no limit)'),
    overstay: option('AMOUNT', 'price of staying longer (default: the highest fare)'),
    'pass-back-seconds': option('N', 'a second tap within this is ignored (default: 30)'),
    'missing-pair': option(
      'AMOUNT',
      'price of a pair without a row (default: none may be missing)',
    ),
    'missing-tap': option('AMOUNT', 'price of a missing tap, or "refuse" (default: highest fare)'),
    json,
  },
  run: importFares,
};

const checkCommand: Command = {
  name: 'fares check',
  about: 'Checks every version of a directory, or a GTFS feed, and warns of what is unusual.',
  rest: 'DIR_OR_ZIP',
  options: { json },
  run: check,
};

const showCommand: Command = {
  name: 'fares show',
  about: 'Shows what a directory holds: stations, riders, rules, and a corner of the matrix.',
  rest: 'DIR',
  options: {
    svg: option('FILE', 'also draws the newest version: every pair of stations, for one class'),
    rider: option('RIDER', 'class of the picture (default: the first)'),
    json,
  },
  run: show,
};

const sampleCommand: Command = {
  name: 'fares sample',
  about: 'Writes the fares of the built-in sample city.',
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

async function importFares(args: Args, io: Io): Promise<number> {
  const feed = args.text('gtfs');
  if (feed === undefined) return await importMatrix(args, io);
  const other = Object.keys(importCommand.options).find(
    (name) =>
      !GTFS_OPTIONS.has(name) && (args.text(name) !== undefined || args.list(name).length > 0),
  );
  if (other !== undefined) {
    throw new FaregateError('USAGE', `--${other} is for a station matrix and --gtfs for a feed`);
  }
  return await importGtfs(args, io, feed, versionOption(args), effectiveOption(args));
}

async function importMatrix(args: Args, io: Io): Promise<number> {
  const file = args.need('matrix');
  const currency = currencyOption(args);
  const columns = columnsOption(args);
  const effectiveMs = effectiveOption(args);
  const version = versionOption(args);
  // Wrong amounts in the options are told before a long file is read.
  rulesOption(args, currency, 0, 0);
  const progress = (rows: number) => {
    if (io.terminal) io.err(`${rows} rows`);
  };
  const missing = amountOption(args, currency, 'missing-pair');
  const table = await readFareMatrix(file, columns, currency.decimals, missing, progress);
  if (table.missingPairs > 0) {
    io.err(`${table.missingPairs} pairs without a row cost ${args.need('missing-pair')}`);
  }
  const { lowestMinor, highestMinor } = firstRiderRange(table);
  return await save(args, io, {
    version,
    effectiveMs,
    currency: currency.code,
    stations: table.stations,
    riders: table.riders,
    rules: rulesOption(args, currency, lowestMinor, highestMinor),
    matrix: table.matrix,
  });
}

async function sample(args: Args, io: Io): Promise<number> {
  return await save(args, io, sampleDraft());
}

async function save(args: Args, io: Io, draft: Parameters<typeof saveFares>[1]): Promise<number> {
  const dir = args.need('out');
  const { set, unchanged } = await saveFares(dir, draft);
  const report = reportOf(set);
  if (args.flag('json')) {
    io.out(JSON.stringify({ dir, unchanged, ...report }));
    return 0;
  }
  io.out(`${dir}: ${unchanged ? 'holds this already as' : 'wrote'} ${summary(report)}`);
  printWarnings(io, report);
  return 0;
}

function summary({ version, stations, riders, currency, effective }: FareReport): string {
  const names = riders.map(({ rider }) => rider).join(', ');
  return `version ${version}: ${stations} stations, ${currency}, ${names}; in force from ${effective}`;
}

function printWarnings(io: Io, { version, warnings }: FareReport): void {
  for (const warning of warnings) io.out(`warning: version ${version}: ${warning}`);
}

async function check(args: Args, io: Io): Promise<number> {
  const dir = onlyDir(args);
  if (await isFeed(dir)) return await checkGtfs(args, io, dir);
  if (await holdsGtfs(dir)) return await checkGtfsFares(args, io, dir);
  const reports = (await openFareSets(dir)).map(reportOf);
  if (args.flag('json')) {
    io.out(JSON.stringify({ dir, versions: reports }));
    return 0;
  }
  for (const report of reports) {
    io.out(`ok: ${summary(report)}`);
    printWarnings(io, report);
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

function picture(set: FareSet): string[] {
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
  ];
}

function onlyDir(args: Args): string {
  const [dir, ...more] = args.rest;
  if (dir === undefined || more.length > 0) {
    throw new FaregateError('USAGE', 'one directory (or "sample") is expected');
  }
  return dir;
}

function currencyOption(args: Args): Currency {
  const code = args.need('currency');
  const currency = currencyOf(code);
  if (!currency) {
    throw new FaregateError('USAGE', `--currency: no ISO 4217 code in capitals: ${code}`);
  }
  return currency;
}

function columnsOption(args: Args): MatrixColumns {
  const fares = args
    .list('fare')
    .flatMap((text) => text.split(','))
    .map((text) => {
      const equals = text.indexOf('=');
      const rider = text.slice(0, equals).trim();
      const column = text.slice(equals + 1).trim();
      if (equals < 1 || rider === '' || column === '') {
        throw new FaregateError('USAGE', `--fare takes RIDER=COL,..., not ${JSON.stringify(text)}`);
      }
      return { rider, column };
    });
  if (fares.length === 0) throw new FaregateError('USAGE', '--fare is required');
  const twice = fares.find(({ rider }, i) => fares.findIndex((f) => f.rider === rider) !== i);
  if (twice) throw new FaregateError('USAGE', `--fare names rider ${twice.rider} twice`);
  const fromName = args.text('name-from') ?? null;
  const toName = args.text('name-to') ?? null;
  if ((fromName === null) !== (toName === null)) {
    throw new FaregateError('USAGE', '--name-from and --name-to go together');
  }
  return { from: args.need('from'), to: args.need('to'), fromName, toName, fares };
}

function versionOption(args: Args): number | null {
  return args.text('version') === undefined ? null : args.whole('version', 1, 1, 2 ** 32 - 1);
}

function effectiveOption(args: Args): number {
  const text = args.text('effective');
  if (text === undefined) return 0;
  const ms = parseInstant(text);
  if (Number.isNaN(ms)) {
    const message = `--effective takes ISO 8601 with a zone, like ${formatInstant(0)}, not ${text}`;
    throw new FaregateError('USAGE', message);
  }
  return ms;
}

/** An amount in minor units, or null where the option is absent. */
function amountOption(args: Args, { decimals }: Currency, name: string): number | null {
  const text = args.text(name);
  if (text === undefined) return null;
  const minor = parseAmount(text, decimals);
  if (typeof minor === 'string') throw new FaregateError('USAGE', `--${name}: "${text}" ${minor}`);
  return minor;
}

/** Amounts default to the lowest and highest fare of the default class. */
function rulesOption(
  args: Args,
  currency: Currency,
  lowestMinor: number,
  highestMinor: number,
): FareRules {
  const amount = (name: string, otherwise: number): number =>
    amountOption(args, currency, name) ?? otherwise;
  if (
    (args.text('same-station') === undefined) !==
    (args.text('same-station-minutes') === undefined)
  ) {
    throw new FaregateError('USAGE', '--same-station and --same-station-minutes go together');
  }
  return {
    entryBalanceMinor: amount('entry-balance', lowestMinor),
    sameStationMinor: amount('same-station', 0),
    sameStationMinutes: args.whole('same-station-minutes', 0, 1, 1440),
    overstayMinor: amount('overstay', highestMinor),
    maxMinutes: args.whole('max-minutes', 0, 1, 10_080),
    passBackSeconds: args.whole('pass-back-seconds', 30, 0, 86_400),
    missingTapMinor:
      args.text('missing-tap') === 'refuse' ? null : amount('missing-tap', highestMinor),
  };
}

/** Lowest fare above zero and highest fare of the default class. */
function firstRiderRange(table: FareMatrix): { lowestMinor: number; highestMinor: number } {
  const fares = table.matrix.subarray(0, table.stations.length ** 2).filter((fare) => fare > 0);
  const lowestMinor = fares.reduce((low, fare) => Math.min(low, fare), fares[0] ?? 0);
  return { lowestMinor, highestMinor: fares.reduce((high, fare) => Math.max(high, fare), 0) };
}
