/**
 * `faregate-engine fares import`: a station matrix with or without terms beside it, the tables of a
 * distance tariff, or a GTFS feed becomes a version of a directory.
 */
import { FaregateError } from '../errors.ts';
import { type LeftRow, leftRows } from '../fare/card/rules.ts';
import type { Findings } from '../fare/gtfs/findings.ts';
import { type FareReport, reportOf } from '../fare/report.ts';
import type { FareDraft } from '../fare/set.ts';
import { readFareMatrix } from '../operator/fare-csv.ts';
import { type KeptTables, saveFares } from '../operator/fare-files.ts';
import {
  checkTariffSource,
  checkTermsSource,
  readTables,
  type TermsFrame,
} from '../operator/fare-tables.ts';
import type { Args, Command, Io, Option } from './command.ts';
import { importGtfs } from './fares-gtfs.ts';
import {
  amountOption,
  columnsOption,
  currencyOption,
  effectiveOption,
  firstRiderRange,
  rulesOption,
  versionOption,
} from './fares-options.ts';
import { reportOf as findingsReport, grouped, refused } from './findings.ts';

const COMMON = ['out', 'effective', 'version', 'json'];

/** Options that go with --gtfs and with --tariff; all others are for a matrix. */
const OPTIONS_OF = {
  gtfs: new Set(['gtfs', ...COMMON]),
  tariff: new Set([
    ...['tariff', 'currency', ...COMMON],
    ...['entry-balance', 'same-station', 'same-station-minutes', 'max-minutes', 'overstay'],
    ...['pass-back-seconds', 'missing-tap', 'negative-balance'],
  ]),
};

const NO_FARES = { lowestMinor: 0, highestMinor: 0 };

export const json: Option = { type: 'boolean', about: 'report as one JSON object' };
export const out: Option = {
  type: 'string',
  required: true,
  value: 'DIR',
  about: 'directory that gets the new version, beside the ones it holds',
};

export function option(value: string, about: string, required = false): Option {
  return { type: 'string', value, about, required };
}

export const importCommand: Command = {
  name: 'fares import',
  about:
    'Makes a fare set from a GTFS feed, a CSV file of station pairs, or tables of a distance tariff.',
  options: {
    gtfs: option(
      'DIR_OR_ZIP',
      'a GTFS feed; of the others --out, --effective, --version go with it',
    ),
    tariff: option(
      'DIR',
      'tables of a distance tariff; rules of the set and --currency go with it',
    ),
    matrix: option('FILE.csv', 'the table, with a header row'),
    terms: option('DIR', 'tables of fare terms beside the matrix'),
    from: option('COL', 'column of the id of the station of entry'),
    to: option('COL', 'column of the id of the station of exit'),
    fare: {
      type: 'string',
      multiple: true,
      value: 'RIDER=COL,...',
      about:
        'rider classes and the columns of their fares, such as 4.90; the first is the default class',
    },
    currency: option('CODE', 'ISO 4217 code, such as HKD'),
    out,
    'name-from': option('COL', 'column of the name of the station of entry'),
    'name-to': option('COL', 'column of the name of the station of exit'),
    effective: option('INSTANT', 'ISO 8601 with zone: in force from then (default: always)'),
    version: option('N', 'number of the version (default: the next)'),
    'entry-balance': option(
      'AMOUNT',
      'balance needed at entry, such as 2.50 (default: the lowest fare)',
    ),
    'negative-balance': option(
      'AMOUNT',
      'how far below zero one fare may take a card (default: 0)',
    ),
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

async function importFares(args: Args, io: Io): Promise<number> {
  const kind = args.text('gtfs') !== undefined ? 'gtfs' : 'tariff';
  const source = args.text(kind);
  if (source === undefined) return await importMatrix(args, io);
  const other = Object.keys(importCommand.options).find(
    (name) =>
      !OPTIONS_OF[kind].has(name) && (args.text(name) !== undefined || args.list(name).length > 0),
  );
  if (other !== undefined) {
    const what = kind === 'gtfs' ? 'a feed' : 'the tables of a tariff';
    const message = `--${other} is for a station matrix and --${kind} for ${what}`;
    throw new FaregateError('USAGE', message);
  }
  return kind === 'gtfs'
    ? await importGtfs(args, io, source, versionOption(args), effectiveOption(args))
    : await importTariff(args, io, source);
}

async function importMatrix(args: Args, io: Io): Promise<number> {
  const file = args.need('matrix');
  const currency = currencyOption(args);
  const columns = columnsOption(args);
  const effectiveMs = effectiveOption(args);
  const version = versionOption(args);
  // Wrong amounts in the options are told before a long file is read.
  rulesOption(args, currency, NO_FARES, null);
  const progress = (rows: number) => {
    if (io.terminal) io.err(`${rows} rows`);
  };
  const missing = amountOption(args, currency, 'missing-pair');
  const table = await readFareMatrix(file, columns, currency.decimals, missing, progress);
  if (table.missingPairs > 0) {
    io.err(`${table.missingPairs} pairs without a row cost ${args.need('missing-pair')}`);
  }
  const { stations, riders, matrix } = table;
  const frame = { currency: currency.code, riders, stations };
  const dir = args.text('terms');
  const kept = dir === undefined ? null : await readTerms(args, io, dir, frame);
  const rules = rulesOption(
    args,
    currency,
    firstRiderRange(matrix, stations.length),
    kept?.terms ?? null,
  );
  return await save(args, io, { version, effectiveMs, ...frame, rules, matrix }, kept);
}

/** Terms beside a matrix. @throws FaregateError FARES_CSV_INVALID where they have errors. */
async function readTerms(args: Args, io: Io, dir: string, frame: TermsFrame): Promise<Kept> {
  const source = await readTables(dir, 'terms');
  const { terms, findings } = checkTermsSource(source, frame);
  if (!terms) throw refused(args, io, dir, findings, 'FARES_CSV_INVALID');
  return { source, terms, tariff: null, findings };
}

async function importTariff(args: Args, io: Io, dir: string): Promise<number> {
  const currency = currencyOption(args);
  const effectiveMs = effectiveOption(args);
  const version = versionOption(args);
  rulesOption(args, currency, NO_FARES, null);
  const source = await readTables(dir, 'tariff');
  const { tariff, findings } = checkTariffSource(source, currency.decimals);
  if (!tariff) throw refused(args, io, dir, findings, 'FARES_CSV_INVALID');
  const { stations, fares, terms } = tariff;
  const matrix = fares.matrix();
  const range = firstRiderRange(matrix, stations.length);
  const draft: FareDraft = {
    version,
    effectiveMs,
    currency: currency.code,
    stations,
    riders: fares.riders.map(({ name }) => name),
    rules: rulesOption(args, currency, range, terms),
    matrix,
  };
  return await save(args, io, draft, { source, terms, tariff: fares, findings });
}

interface Kept extends KeptTables {
  /** What the check of the tables found. */
  readonly findings?: Findings;
}

/** Adds a version to `--out`, and reports it. */
export async function save(
  args: Args,
  io: Io,
  draft: FareDraft,
  kept: Kept | null = null,
): Promise<number> {
  const dir = args.need('out');
  const { set, unchanged } = await saveFares(dir, draft, kept);
  const report = reportOf(set);
  if (args.flag('json')) {
    const tables = set.tables.length > 0 ? { tables: set.tables } : {};
    const found = kept?.findings ? findingsReport(kept.findings) : {};
    const left = set.terms ? { leftToEngine: leftRows(set) } : {};
    io.out(JSON.stringify({ dir, unchanged, ...report, ...tables, ...left, ...found }));
    return 0;
  }
  io.out(`${dir}: ${unchanged ? 'holds this already as' : 'wrote'} ${summary(report)}`);
  printWarnings(io, report);
  for (const line of kept?.findings ? grouped(kept.findings) : []) io.out(line);
  for (const row of leftRows(set)) io.out(leftText(row));
  return 0;
}

export function summary({ version, stations, riders, currency, effective }: FareReport): string {
  const names = riders.map(({ rider }) => rider).join(', ');
  return `version ${version}: ${stations} stations, ${currency}, ${names}; in force from ${effective}`;
}

/** `left to the engine: faregate_caps.txt, line 3: a card keeps the sum of a day`. */
export function leftText({ file, line, why }: LeftRow): string {
  return `left to the engine: ${file}, line ${line}: ${why}`;
}

export function printWarnings(io: Io, { version, warnings }: FareReport): void {
  for (const warning of warnings) io.out(`warning: version ${version}: ${warning}`);
}
