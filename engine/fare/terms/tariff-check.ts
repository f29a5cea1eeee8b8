/** What a tariff's tables ask for beyond single values: steps in order, as many rows as fit. */
import { FARE_RIDERS_MAX, FARE_STATIONS_MAX } from '../../limits.ts';
import type { Tables } from '../gtfs/columns.ts';
import { parseWhole } from '../gtfs/fields.ts';
import type { Findings, Place } from '../gtfs/findings.ts';
import type { Row } from '../gtfs/table.ts';

/** Steps of each tariff rise, and end with the row for what is beyond them. */
export function checkSteps(tables: Tables, findings: Findings): void {
  const tariffs = new Map<string, Row[]>();
  for (const row of tables.get('faregate_tariff_steps.txt')?.rows ?? []) {
    const id = row.get('tariff_id');
    const known = tariffs.get(id);
    if (known) known.push(row);
    else tariffs.set(id, [row]);
  }
  for (const [id, rows] of tariffs) checkTariff(id, rows, findings);
}

function checkTariff(id: string, rows: readonly Row[], findings: Findings): void {
  let last: Row | null = null;
  let beyond: Row | null = null;
  for (const row of rows) {
    const field = row.get('upto_metres') === '' ? 'every_metres' : 'upto_metres';
    if (beyond) {
      const message = `after line ${beyond.line}, which is for all that is beyond the last step`;
      findings.error('tariff_steps_out_of_order', row.at('upto_metres'), message);
      continue;
    }
    checkStretch(row, field === 'every_metres', findings);
    if (field === 'every_metres') {
      beyond = row;
      continue;
    }
    const metres = parseWhole(row.get('upto_metres'));
    const before: number = last ? parseWhole(last.get('upto_metres')) : 0;
    if (last && metres <= before) {
      const message = `${metres} m is not beyond the ${before} m of line ${last.line}`;
      findings.error('tariff_steps_out_of_order', row.at('upto_metres'), message);
    }
    last = row;
  }
  const place = rows[0]!.at('tariff_id');
  if (!last) findings.error('tariff_without_steps', place, `tariff ${id} has no step`);
  if (!beyond) {
    const message = `tariff ${id} has no row, upto_metres empty, for what is beyond its last step`;
    findings.error('tariff_without_steps', place, message);
  }
}

function checkStretch(row: Row, isBeyond: boolean, findings: Findings): void {
  const isGiven = row.get('every_metres') !== '';
  if (isBeyond && !isGiven) {
    const message = 'is empty, and so is upto_metres';
    findings.error('missing_required_field', row.at('every_metres'), message);
  } else if (!isBeyond && isGiven) {
    const message = 'means nothing in a step; it is for what is beyond the last one';
    findings.error('forbidden_field', row.at('every_metres'), message);
  }
}

/** As many stations and classes as a fare set holds. */
export function checkCounts(tables: Tables, findings: Findings): void {
  checkCount(tables, 'faregate_stations.txt', 2, FARE_STATIONS_MAX, findings);
  checkCount(tables, 'faregate_tariff_riders.txt', 1, FARE_RIDERS_MAX, findings);
}

function checkCount(
  tables: Tables,
  file: string,
  least: number,
  most: number,
  findings: Findings,
): void {
  const rows = tables.get(file)?.rows;
  if (!rows || (rows.length >= least && rows.length <= most)) return;
  const place: Place = rows[most]?.at() ?? { file };
  const message = `${rows.length} rows; a fare set holds ${least} to ${most}`;
  findings.error('number_of_rows_out_of_range', place, message);
}
