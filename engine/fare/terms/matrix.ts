/**
 * Extension tables beside a station matrix (docs/fare-extensions.md): stations and riders
 * are those of the matrix, networks and fare media free names.
 */
import { checkReferences, checkValues, type Tables } from '../gtfs/columns.ts';
import { Findings } from '../gtfs/findings.ts';
import { type CsvFile, Table } from '../gtfs/table.ts';
import { checkTerms } from './check.ts';
import { readTerms } from './read.ts';
import { termsSpecs } from './schema.ts';
import type { FareTerms } from './terms.ts';

/** What the tables may refer to. */
export interface MatrixFrame {
  readonly decimals: number;
  readonly stations: readonly string[];
  readonly riders: readonly string[];
}

export interface CheckedTerms {
  readonly findings: Findings;
  /** null where there are errors: such tables are never used. */
  readonly terms: FareTerms | null;
}

const NETWORKS = ['network_id', 'from_network_id', 'to_network_id'];

/**
 * Checks the tables of a folder and reads them.
 * @param files those of the schema, as read
 * @param names all files of the folder
 */
export function checkMatrixTerms(
  files: readonly CsvFile[],
  names: readonly string[],
  frame: MatrixFrame,
): CheckedTerms {
  const findings = new Findings();
  for (const file of names) {
    if (file in termsSpecs) continue;
    findings.notice('unknown_file', { file }, 'no table of fares beside a matrix, and not read');
  }
  const terms = files.map((file) => new Table(file, findings));
  if (terms.length === 0) {
    const message = 'no table of fares, as docs/fare-extensions.md has them';
    findings.error('missing_required_file', { file: 'faregate_*.txt' }, message);
  }
  const tables: Tables = new Map(
    [...terms, ...frameTables(terms, frame)].map((table) => [table.name, table]),
  );
  checkValues(new Map(terms.map((table) => [table.name, table])), findings);
  checkReferences(tables, findings);
  checkTerms(tables, frame.decimals, false, findings);
  const isSound = findings.errors === 0;
  return { findings, terms: isSound ? readTerms(tables, frame.decimals, 'UTC') : null };
}

/** The matrix as the files of a feed that the tables refer to. */
function frameTables(terms: readonly Table[], { stations, riders }: MatrixFrame): Table[] {
  return [
    listTable('stops.txt', 'stop_id', stations),
    listTable('rider_categories.txt', 'rider_category_id', riders),
    listTable('networks.txt', 'network_id', valuesOf(terms, NETWORKS)),
    listTable('fare_media.txt', 'fare_media_id', valuesOf(terms, ['fare_media_id'])),
  ];
}

function listTable(name: string, field: string, ids: readonly string[]): Table {
  const rows = [field, ...ids].map((value, index) => ({ line: index + 1, fields: [value] }));
  // Such a table is no file of the operator's: what it lacks is not told.
  return new Table({ name, rows, fault: null }, new Findings());
}

function valuesOf(tables: readonly Table[], fields: readonly string[]): string[] {
  const values = tables.flatMap(({ rows }) =>
    rows.flatMap((row) => fields.map((field) => row.get(field))),
  );
  return [...new Set(values)].filter((value) => value !== '');
}
