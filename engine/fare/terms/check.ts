/**
 * What the extension tables ask for beyond single values: fields that depend on others, rows that
 * belong together, rows that can never match (docs/fare-extensions.md). Each function holds one
 * table's sentences.
 */
import type { Tables } from '../gtfs/columns.ts';
import { parseTime } from '../gtfs/fields.ts';
import type { Findings } from '../gtfs/findings.ts';
import { TRANSFER_RULES } from '../gtfs/schema.ts';
import type { Row, Table } from '../gtfs/table.ts';
import { parseAmount } from '../money.ts';
import { checkProducts } from './products.ts';

/**
 * Checks what lies between fields and files. Values and references were judged before.
 * @param decimals of the currency of the fares
 * @param hasTimezone whether the fares have a time zone of their own
 */
export function checkTerms(
  tables: Tables,
  decimals: number,
  hasTimezone: boolean,
  findings: Findings,
): void {
  const rows = (name: string): readonly Row[] => tables.get(`faregate_${name}.txt`)?.rows ?? [];
  const terms = [...tables.values()].filter(({ name }) => name.startsWith('faregate_'));
  for (const table of terms) checkAmounts(table, decimals, findings);
  checkSettings(terms, rows('settings'), hasTimezone, findings);
  for (const row of rows('periods')) checkPeriod(row, findings);
  for (const row of rows('caps')) checkCap(row, findings);
  for (const row of rows('passes')) checkPass(row, findings);
  for (const name of ['missing_taps', 'same_station']) {
    for (const row of rows(name)) checkCharge(row, ['amount'], name === 'missing_taps', findings);
  }
  for (const row of rows('time_limits')) {
    if (row.get('charge') !== 'surcharge') forbid(row, 'amount', 'charge', findings);
  }
  for (const row of rows('interchanges')) checkInterchange(row, findings);
  checkSchemes(rows('cumulative'), findings);
  checkProducts(tables, findings);
  for (const name of Object.keys(FILTERS)) checkReach(rows(name), FILTERS[name]!, findings);
  if (rows('transfers').length > 0 && tables.has(TRANSFER_RULES)) {
    const message = `transfers beside those of ${TRANSFER_RULES}; a fare has one kind of them`;
    findings.error('transfers_given_twice', { file: 'faregate_transfers.txt' }, message);
  }
}

/** Fields that decide whether a row matches; of tables in which the first row that does counts. */
const FILTERS: Readonly<Record<string, readonly string[]>> = {
  discounts: ['rider_category_id', 'fare_media_id', 'network_id', 'period_id'],
  missing_taps: ['missing', 'stop_id', 'rider_category_id', 'fare_media_id', 'network_id'],
  continuations: ['from_network_id', 'to_network_id', 'rider_category_id'],
};

/** Every amount in the decimals of its currency. @param table one of those with amounts */
export function checkAmounts(table: Table, decimals: number, findings: Findings): void {
  for (const [field, { type }] of Object.entries(table.spec.fields)) {
    if (type !== 'amount' || !table.has(field)) continue;
    for (const row of table.rows) {
      const value = row.get(field);
      const fault = value === '' ? '' : parseAmount(value, decimals);
      // What is no number at all was told with the other values.
      if (typeof fault !== 'string' || fault === '' || fault === 'is not a decimal number')
        continue;
      if (fault === 'is negative') continue;
      findings.error('invalid_currency_amount', row.at(field), `${JSON.stringify(value)} ${fault}`);
    }
  }
  for (const row of table.has('round_to') ? table.rows : []) {
    if (!/^0+(\.0+)?$/.test(row.get('round_to'))) continue;
    findings.error('number_out_of_range', row.at('round_to'), 'no fare is a multiple of 0');
  }
}

function checkSettings(
  terms: readonly Table[],
  rows: readonly Row[],
  hasTimezone: boolean,
  findings: Findings,
): void {
  const [row, second] = rows;
  if (second) findings.error('one_row_expected', second.at(), 'settings have one row');
  if (!hasTimezone && terms.length > 0 && !row?.get('timezone')) {
    const place = row?.at('timezone') ?? { file: 'faregate_settings.txt', field: 'timezone' };
    const message = 'is empty, and no agency.txt names the time zone of days and periods';
    findings.error('missing_required_field', place, message);
  }
  const start = row?.get('service_day_start') ?? '';
  if (start !== '' && parseTime(start) >= 86_400) {
    const message = `${JSON.stringify(start)} is not within the day`;
    findings.error('number_out_of_range', row!.at('service_day_start'), message);
  }
}

function checkPeriod(row: Row, findings: Findings): void {
  const [start, end] = [parseTime(row.get('start_time')), parseTime(row.get('end_time'))];
  if (end <= start) {
    const message = `${row.get('end_time')} is not after ${row.get('start_time')}`;
    findings.error('start_and_end_range_out_of_order', row.at('end_time'), message);
  }
  if (end > 2 * 86_400) {
    findings.error('number_out_of_range', row.at('end_time'), 'is beyond 48:00:00');
  }
}

function checkCap(row: Row, findings: Findings): void {
  const isWindow = row.get('span') === 'rolling' || row.get('span') === 'from_first';
  if (isWindow) demand(row, 'days', 'span', findings);
  else forbid(row, 'days', 'span', findings);
  if (row.get('amount') === '') demand(row, 'rides', 'amount', findings);
  else forbid(row, 'rides', 'amount', findings);
}

function checkPass(row: Row, findings: Findings): void {
  if (row.get('days') === '' && row.get('rides') === '') demand(row, 'days', 'rides', findings);
}

function checkCharge(
  row: Row,
  priced: readonly string[],
  hasFallback: boolean,
  findings: Findings,
): void {
  const charge = row.get('charge');
  if (priced.includes(charge)) demand(row, 'amount', 'charge', findings);
  else if (!hasFallback || charge !== 'usual') forbid(row, 'amount', 'charge', findings);
}

function checkInterchange(row: Row, findings: Findings): void {
  const [from, to] = [row.get('from_stop_id'), row.get('to_stop_id')];
  if ((from === '') === (to === '')) return;
  const [empty, other] = from === '' ? ['from', 'to'] : ['to', 'from'];
  const message = `is empty, and ${other}_stop_id is not`;
  findings.error('missing_required_field', row.at(`${empty}_stop_id`), message);
}

/** A field that another asks for. */
function demand(row: Row, field: string, other: string, findings: Findings): void {
  if (row.get(field) !== '') return;
  const message = `is empty, and ${other} is ${JSON.stringify(row.get(other))}`;
  findings.error('missing_required_field', row.at(field), message);
}

/** A field that another leaves without meaning. */
function forbid(row: Row, field: string, other: string, findings: Findings): void {
  if (row.get(field) === '') return;
  const message = `means nothing where ${other} is ${JSON.stringify(row.get(other))}`;
  findings.error('forbidden_field', row.at(field), message);
}

/** Steps of one scheme are for the same rides. */
function checkSchemes(rows: readonly Row[], findings: Findings): void {
  const first = new Map<string, Row>();
  for (const row of rows) {
    const earlier = first.get(row.get('scheme_id'));
    if (!earlier) {
      first.set(row.get('scheme_id'), row);
      continue;
    }
    for (const field of ['rider_category_id', 'fare_media_id', 'network_id', 'span']) {
      if (row.get(field) === earlier.get(field)) continue;
      const message = `differs from line ${earlier.line}, a step of the same scheme`;
      findings.error('inconsistent_scheme', row.at(field), message);
    }
  }
}

/** A row that comes after one which matches all that it does. */
function checkReach(rows: readonly Row[], filters: readonly string[], findings: Findings): void {
  // An earlier row hides this one if each of its filters is empty or the same.
  const masks = new Map<string, Row>();
  for (const row of rows) {
    let hider: Row | null = null;
    for (let mask = 0; mask < 1 << filters.length && !hider; mask++) {
      hider = masks.get(keyOf(row, filters, mask)) ?? null;
    }
    if (hider) {
      const message = `the row on line ${hider.line} matches all that this one does`;
      findings.warning('unreachable_rule', row.at(), message);
    } else masks.set(keyOf(row, filters, (1 << filters.length) - 1), row);
  }
}

/** The filters of a row, those whose bit in `mask` is 0 left empty. */
function keyOf(row: Row, filters: readonly string[], mask: number): string {
  const values = filters.map((field, bit) => ((mask >>> bit) & 1 ? row.get(field) : ''));
  return values.join('\u0000');
}
