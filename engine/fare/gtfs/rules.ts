/**
 * What the standard asks of the fare files beyond single values: presence of files, conditional
 * requirements and forbidden combinations. Each function holds one file's sentences (reference,
 * the section of that file).
 */
import { currencyOf } from '../currencies.ts';
import type { Tables } from './columns.ts';
import { parseTime, parseWhole } from './fields.ts';
import type { Findings } from './findings.ts';
import { parsePrice, parseProductAmount } from './prices.ts';
import { ATTRIBUTES, LEG_RULES, PRODUCTS, TRANSFER_RULES } from './schema.ts';
import type { Row, Table } from './table.ts';

const DAY_SECONDS = 86_400;
const NO_ROWS: readonly Row[] = [];

function rowsOf(tables: Tables, file: string): readonly Row[] {
  return tables.get(file)?.rows ?? NO_ROWS;
}

/** Whether a feed has fares of version 2, which then take precedence over those of version 1. */
export function hasFaresV2(tables: Tables): boolean {
  return tables.has(LEG_RULES);
}

/** Checks all that lies between files and fields. */
export function checkRules(tables: Tables, findings: Findings): void {
  checkFares(tables, findings);
  checkJoinRules(tables, findings);
  checkTransferRules(tables, findings);
  checkTimeframes(tables, findings);
  checkProducts(tables, findings);
  checkRiders(tables, findings);
  checkAttributes(tables, findings);
}

function checkFares(tables: Tables, findings: Findings): void {
  if (!tables.has(LEG_RULES) && !tables.has(ATTRIBUTES)) {
    const message = `the file is missing, and so is ${ATTRIBUTES}: a feed without fares`;
    findings.error('missing_required_file', { file: LEG_RULES }, message);
    return;
  }
  if (hasFaresV2(tables) && tables.has(ATTRIBUTES)) {
    const message = 'fares of version 1 beside those of version 2, which take precedence; not read';
    findings.notice('fares_v1_not_read', { file: ATTRIBUTES }, message);
  }
  if (!hasFaresV2(tables) && tables.has(PRODUCTS)) {
    const message = `${LEG_RULES} is missing, so that fares of version 1 are read`;
    findings.warning('fares_v2_not_read', { file: PRODUCTS }, message);
  }
  const rules = tables.get(LEG_RULES);
  if (rules) checkLegRules(tables, rules, findings);
}

function checkLegRules(tables: Tables, rules: Table, findings: Findings): void {
  if (rules.rows.length === 0) {
    findings.error('empty_file', { file: LEG_RULES }, 'no rule, so that every fare is unknown');
  }
  const assigned = new Set(rowsOf(tables, 'stop_areas.txt').map((row) => row.get('area_id')));
  const told = new Set<string>();
  for (const row of rules.rows) {
    for (const field of ['from_area_id', 'to_area_id']) {
      const area = row.get(field);
      if (area === '' || told.has(area)) continue;
      if (!tables.has('stop_areas.txt')) {
        const message = `the file is missing, so that no stop is in area ${JSON.stringify(area)}`;
        const where = `${message} of ${LEG_RULES}, line ${row.line}, field ${field}, or in any other`;
        findings.error('missing_required_file', { file: 'stop_areas.txt' }, where);
        return;
      }
      told.add(area);
      if (!assigned.has(area)) {
        const message = `no stop is in area ${JSON.stringify(area)}; the rule matches nothing`;
        findings.warning('area_without_stops', row.at(field), message);
      }
    }
  }
  tellExtension(rules, 'transfer_only', findings);
}

/**
 * Columns of the MBTA that its fares come out wrong without: a leg rule with `transfer_only` 1 is
 * for the leg after a transfer alone; a transfer rule with `filter_fare_product_id` asks that the
 * leg before was paid with that product.
 */
function tellExtension(table: Table, field: string, findings: Findings): void {
  if (!table.has(field)) return;
  const message = 'not in the standard, and read as the MBTA means it';
  findings.notice('extension_column', { file: table.name, line: 1, field }, message);
}

function checkJoinRules(tables: Tables, findings: Findings): void {
  const stops = new Map(rowsOf(tables, 'stops.txt').map((row) => [row.get('stop_id'), row]));
  for (const row of rowsOf(tables, 'fare_leg_join_rules.txt')) {
    checkPair(row, 'from_network_id', 'to_network_id', findings);
    checkPair(row, 'from_stop_id', 'to_stop_id', findings);
    if (row.get('from_network_id') === '' && row.get('to_network_id') === '') {
      // "Required", and yet "if ... blank ... that field should be ignored".
      const message = 'no network; the rule is read as one for any network';
      findings.warning('missing_required_field', row.at('from_network_id'), message);
    }
    for (const field of ['from_stop_id', 'to_stop_id']) {
      const type = stops.get(row.get(field))?.get('location_type') ?? '';
      if (type === '' || type === '0' || type === '1') continue;
      const message = `${JSON.stringify(row.get(field))} is neither a stop nor a station`;
      findings.error('wrong_location_type', row.at(field), message);
    }
  }
}

/** Two fields of which each asks for the other. */
function checkPair(row: Row, a: string, b: string, findings: Findings): void {
  if ((row.get(a) === '') === (row.get(b) === '')) return;
  const [empty, other] = row.get(a) === '' ? [a, b] : [b, a];
  findings.error('missing_required_field', row.at(empty), `is empty, and ${other} is not`);
}

function checkTransferRules(tables: Tables, findings: Findings): void {
  const table = tables.get(TRANSFER_RULES);
  if (!table) return;
  tellExtension(table, 'filter_fare_product_id', findings);
  for (const row of table.rows) {
    checkTransferCount(row, findings);
    const limit = row.get('duration_limit');
    const type = row.get('duration_limit_type');
    if (limit !== '' && type === '') {
      const code = 'fare_transfer_rule_duration_limit_without_type';
      findings.error(code, row.at('duration_limit_type'), 'is empty, and duration_limit is not');
    }
    if (limit === '' && type !== '') {
      const code = 'fare_transfer_rule_duration_limit_type_without_duration_limit';
      findings.error(code, row.at('duration_limit_type'), 'is there without a duration_limit');
    }
  }
}

function checkTransferCount(row: Row, findings: Findings): void {
  const [from, to] = [row.get('from_leg_group_id'), row.get('to_leg_group_id')];
  const count = row.get('transfer_count');
  const place = row.at('transfer_count');
  if (from !== to) {
    if (count === '') return;
    const message = 'is for transfers within one leg group alone, and this rule is between two';
    findings.error('fare_transfer_rule_with_forbidden_transfer_count', place, message);
  } else if (count === '') {
    const code = 'fare_transfer_rule_missing_transfer_count';
    const message = 'is empty, and from_leg_group_id equals to_leg_group_id';
    // Two empty groups are equal, and yet stand for transfers between different groups too.
    if (from === '') findings.warning(code, place, `${message}; read as -1, no limit`);
    else findings.error(code, place, message);
  } else if (parseWhole(count) === 0) {
    findings.error('fare_transfer_rule_invalid_transfer_count', place, 'is neither -1 nor above 0');
  }
}

function checkTimeframes(tables: Tables, findings: Findings): void {
  const groups = new Map<string, { row: Row; start: number; end: number }[]>();
  for (const row of rowsOf(tables, 'timeframes.txt')) {
    const [from, to] = [row.get('start_time'), row.get('end_time')];
    if ((from === '') !== (to === '')) {
      const [empty, other] = from === '' ? ['start_time', 'end_time'] : ['end_time', 'start_time'];
      const code = 'timeframe_only_start_or_end_time_specified';
      findings.error(code, row.at(empty), `is empty, and ${other} is not`);
      continue;
    }
    const start = from === '' ? 0 : parseTime(from);
    const end = to === '' ? DAY_SECONDS : parseTime(to);
    for (const [field, seconds] of [['start_time', start] as const, ['end_time', end] as const]) {
      if (!(seconds > DAY_SECONDS)) continue;
      const code = 'timeframe_start_or_end_time_greater_than_twenty_four_hours';
      findings.error(code, row.at(field), 'is later than 24:00:00');
    }
    if (start >= end) {
      const message = `ends at ${to}, which is not after ${from}`;
      findings.error('start_and_end_range_out_of_order', row.at('end_time'), message);
      continue;
    }
    const key = `${row.get('timeframe_group_id')}\u0000${row.get('service_id')}`;
    const earlier = groups.get(key) ?? [];
    groups.set(key, earlier);
    const overlap = earlier.find((other) => start < other.end && other.start < end);
    if (overlap) {
      const message = `overlaps line ${overlap.row.line}, of the same group and service`;
      findings.error('timeframe_overlap', row.at('start_time'), message);
    }
    earlier.push({ row, start, end });
  }
}

function checkProducts(tables: Tables, findings: Findings): void {
  checkPrices(rowsOf(tables, PRODUCTS), 'amount', 'currency', parseProductAmount, findings);
}

/** "Non-negative float", with no more decimals than the currency has. */
function checkAttributes(tables: Tables, findings: Findings): void {
  const rows = rowsOf(tables, ATTRIBUTES);
  checkPrices(rows, 'price', 'currency_type', parsePrice, findings);
  if (!hasFaresV2(tables) && tables.has(ATTRIBUTES) && rows.length === 0) {
    findings.error('empty_file', { file: ATTRIBUTES }, 'no fare');
  }
  const agencies = rowsOf(tables, 'agency.txt').length;
  if (agencies < 2) return;
  for (const row of rows) {
    if (row.get('agency_id') !== '') continue;
    const message = `is empty, and agency.txt has ${agencies} agencies`;
    findings.error('missing_required_field', row.at('agency_id'), message);
  }
}

function checkPrices(
  rows: readonly Row[],
  field: string,
  currencyField: string,
  parse: (text: string, decimals: number) => number | string,
  findings: Findings,
): void {
  const first = rows.find((row) => currencyOf(row.get(currencyField)));
  for (const row of rows) {
    const currency = currencyOf(row.get(currencyField));
    const text = row.get(field);
    if (!currency || text === '') continue;
    const amount = parse(text, currency.decimals);
    if (typeof amount === 'string') {
      const message = `${JSON.stringify(text)} ${amount}; ${currency.code} has ${currency.decimals}`;
      findings.error('invalid_currency_amount', row.at(field), `${message} decimals`);
    }
    if (currency.code === first?.get(currencyField)) continue;
    const message = `${currency.code} here and ${first?.get(currencyField)} on line ${first?.line}`;
    const why = `${message}; faregate quotes a feed in one currency`;
    findings.error('several_currencies', row.at(currencyField), why);
  }
}

/** rider_categories.txt, is_default_fare_category: one default among those of a product. */
function checkRiders(tables: Tables, findings: Findings): void {
  const defaults = new Set<string>();
  for (const row of rowsOf(tables, 'rider_categories.txt')) {
    if (row.get('is_default_fare_category') === '1') defaults.add(row.get('rider_category_id'));
  }
  const eligible = new Map<string, Map<string, Row>>();
  for (const row of rowsOf(tables, PRODUCTS)) {
    const rider = row.get('rider_category_id');
    if (rider === '') continue;
    const riders = eligible.get(row.get('fare_product_id')) ?? new Map<string, Row>();
    eligible.set(row.get('fare_product_id'), riders);
    if (!riders.has(rider)) riders.set(rider, row);
  }
  for (const [product, riders] of eligible) {
    const found = [...riders.keys()].filter((rider) => defaults.has(rider));
    if (riders.size < 2 || found.length === 1) continue;
    const row = riders.get(found[1] ?? '') ?? [...riders.values()][0]!;
    const named = found.length === 0 ? 'none is' : `${found.join(' and ')} are`;
    const message = `of the ${riders.size} rider categories of ${JSON.stringify(product)} ${named}`;
    const code =
      found.length === 0
        ? 'fare_product_without_default_rider_category'
        : 'fare_product_with_multiple_default_rider_categories';
    findings.error(code, row.at('rider_category_id'), `${message} the default; one must be`);
  }
}
