/**
 * Distance tariffs as tables (docs/fare-extensions.md, "Distance tariffs"): checked like a feed,
 * and read into stations, distances and what each class of riders pays. Rules in the same folder
 * are terms beside the matrix that the tariff makes (`matrix.ts`).
 */
import { FARE_AMOUNT_MINOR_MAX, FARE_NAME_LENGTH_MAX } from '../../limits.ts';
import { checkReferences, checkValues, type Tables } from '../gtfs/columns.ts';
import { parseWhole } from '../gtfs/fields.ts';
import { Findings } from '../gtfs/findings.ts';
import { type CsvFile, type Row, Table } from '../gtfs/table.ts';
import { parseAmount } from '../money.ts';
import type { StationDraft } from '../set.ts';
import { type DistanceTariff, type RiderTariff, riderMinor, TariffFares } from '../tariff.ts';
import { checkAmounts } from './check.ts';
import { readDistances } from './distances.ts';
import { checkMatrixTerms } from './matrix.ts';
import { tariffSpecs, termsSpecs } from './schema.ts';
import { checkCounts, checkSteps } from './tariff-check.ts';
import type { FareTerms } from './terms.ts';

const STEPS = 'faregate_tariff_steps.txt';
const RIDERS = 'faregate_tariff_riders.txt';
const STATIONS = 'faregate_stations.txt';

/** A fare set's stations and fares as its tables say. */
export interface ReadTariff {
  readonly stations: readonly StationDraft[];
  readonly fares: TariffFares;
  /** null where the folder has no rules beside the tariff. */
  readonly terms: FareTerms | null;
}

export interface CheckedTariff {
  readonly findings: Findings;
  /** null where there are errors: such tables are never used. */
  readonly tariff: ReadTariff | null;
}

/**
 * Checks the tables of a folder and reads them.
 * @param files those of the schemas of tariffs and terms, as read
 * @param names all files of the folder
 * @param decimals of the currency of the fares
 * @param known distances that were read before, row by row; no table of them is then asked for
 */
export function checkTariff(
  files: readonly CsvFile[],
  names: readonly string[],
  decimals: number,
  known: Int32Array | null = null,
): CheckedTariff {
  const findings = new Findings();
  const tables: Tables = new Map(
    files
      .filter(({ name }) => name in tariffSpecs)
      .map((file) => [file.name, new Table(file, findings, tariffSpecs[file.name]!)]),
  );
  checkValues(tables, findings);
  if (areThere(tables, known === null, findings)) checkReferences(tables, findings);
  for (const table of tables.values()) {
    checkAmounts(table, decimals, findings);
    checkLengths(table, findings);
  }
  checkSteps(tables, findings);
  checkCounts(tables, findings);
  const fares = findings.errors > 0 ? null : readFares(tables, decimals, known, findings);
  const terms = checkRules(files, names, tables, decimals, findings);
  if (!fares || findings.errors > 0) return { findings, tariff: null };
  return { findings, tariff: { stations: readStations(tables), fares, terms } };
}

function readRiders(tables: Tables, decimals: number): RiderTariff[] {
  const tariffs = new Map<string, DistanceTariff>();
  return rowsOf(tables, RIDERS).map((row) => {
    const id = row.get('tariff_id');
    const tariff = tariffs.get(id) ?? readOne(tables, id, decimals);
    tariffs.set(id, tariff);
    return {
      name: row.get('rider_category_id'),
      tariff,
      percent: parseWhole(row.get('percent') || '100'),
      unitMinor: amountOf(row, 'round_to', decimals) ?? 1,
    };
  });
}

function rowsOf(tables: Tables, name: string): readonly Row[] {
  return tables.get(name)?.rows ?? [];
}

function amountOf(row: Row, field: string, decimals: number): number | null {
  return row.get(field) === '' ? null : (parseAmount(row.get(field), decimals) as number);
}

function areThere(tables: Tables, hasDistances: boolean, findings: Findings): boolean {
  const missing = [STEPS, RIDERS, STATIONS].filter((file) => !tables.has(file));
  for (const file of missing) {
    findings.error('missing_required_file', { file }, 'a tariff has this file');
  }
  const given = ['faregate_links.txt', 'faregate_distances.txt'].filter((file) => tables.has(file));
  if (hasDistances && given.length === 0) {
    const message = 'the file is missing, and so is faregate_distances.txt: no distances';
    findings.error('missing_required_file', { file: 'faregate_links.txt' }, message);
  } else if (given.length === 2) {
    const message = 'distances beside the links of faregate_links.txt; a tariff has one of the two';
    findings.error('distances_given_twice', { file: 'faregate_distances.txt' }, message);
  }
  return missing.length === 0;
}

/** Ids and names as long as a fare set holds them. */
function checkLengths(table: Table, findings: Findings): void {
  const texts = Object.entries(table.spec.fields).filter(([, spec]) => spec.type === 'text');
  for (const [field] of texts) {
    if (!table.has(field)) continue;
    for (const row of table.rows) {
      if (row.get(field).length <= FARE_NAME_LENGTH_MAX) continue;
      const message = `over ${FARE_NAME_LENGTH_MAX} characters`;
      findings.error('value_too_long', row.at(field), message);
    }
  }
}

function readOne(tables: Tables, id: string, decimals: number): DistanceTariff {
  const rows = rowsOf(tables, STEPS).filter((row) => row.get('tariff_id') === id);
  const more = rowsOf(tables, 'faregate_tariffs.txt').find((row) => row.get('tariff_id') === id);
  const beyond = rows.at(-1)!;
  return {
    steps: rows.slice(0, -1).map((row) => ({
      uptoMetres: parseWhole(row.get('upto_metres')),
      fareMinor: amountOf(row, 'amount', decimals)!,
    })),
    beyond: {
      everyMetres: parseWhole(beyond.get('every_metres')),
      addMinor: amountOf(beyond, 'amount', decimals)!,
    },
    graceMetres: parseWhole(more?.get('grace_metres') || '0'),
    capMinor: more ? amountOf(more, 'maximum', decimals) : null,
  };
}

function readStations(tables: Tables): StationDraft[] {
  return rowsOf(tables, STATIONS).map((row) => {
    const id = row.get('stop_id');
    return { id, name: row.get('stop_name') || id, line: 0 };
  });
}

function readFares(
  tables: Tables,
  decimals: number,
  known: Int32Array | null,
  findings: Findings,
): TariffFares | null {
  const distances = known ?? readDistances(tables, findings);
  if (!distances) return null;
  const riders = readRiders(tables, decimals);
  const fares = new TariffFares(riders, distances);
  checkBound(fares, rowsOf(tables, RIDERS), findings);
  return fares;
}

/** A matrix holds 32 bits a fare: what a far ride adds up to may be more than any step. */
function checkBound({ riders, distances }: TariffFares, rows: readonly Row[], findings: Findings) {
  for (const [index, rider] of riders.entries()) {
    const over = distances.find((metres) => riderMinor(rider, metres) > FARE_AMOUNT_MINOR_MAX);
    if (over === undefined) continue;
    const message = `a ride of ${over} m costs over ${FARE_AMOUNT_MINOR_MAX} minor units`;
    findings.error('number_out_of_range', rows[index]!.at('tariff_id'), message);
  }
}

/** The rules beside the tariff, checked even where it has errors, so that all are told at once. */
function checkRules(
  files: readonly CsvFile[],
  names: readonly string[],
  tables: Tables,
  decimals: number,
  findings: Findings,
): FareTerms | null {
  const rules = files.filter(({ name }) => name in termsSpecs);
  const frame = {
    decimals,
    stations: rowsOf(tables, STATIONS).map((row) => row.get('stop_id')),
    riders: rowsOf(tables, RIDERS).map((row) => row.get('rider_category_id')),
  };
  const others = names.filter((name) => !(name in tariffSpecs));
  if (rules.length > 0) return checkMatrixTerms(rules, others, frame, findings).terms;
  for (const file of others) {
    findings.notice('unknown_file', { file }, 'no table of a tariff, and not read');
  }
  return null;
}
