/**
 * What the schema alone can tell of a feed: missing and malformed values, keys given twice, and
 * references to nothing.
 */
import { currencyOf } from '../currencies.ts';
import { isDegrees, isTimezone, parseDate, parseTime, parseWhole } from './fields.ts';
import { type Findings, placeText } from './findings.ts';
import type { FieldSpec } from './spec.ts';
import type { Row, Table } from './table.ts';

export type Tables = ReadonlyMap<string, Table>;

/** Checks every value of every table for itself. */
export function checkValues(tables: Tables, findings: Findings): void {
  for (const table of tables.values()) {
    for (const [field, spec] of Object.entries(table.spec.fields)) {
      if (!table.has(field)) continue;
      if (spec.type === 'text' && !spec.isRequired) continue;
      for (const row of table.rows) checkValue(row, field, spec, findings);
    }
    checkKeys(table, findings);
  }
}

function checkValue(row: Row, field: string, spec: FieldSpec, findings: Findings): void {
  const value = row.get(field);
  if (value === '') {
    if (spec.isRequired) findings.error('missing_required_field', row.at(field), 'is empty');
    return;
  }
  const fault = faultOf(value, spec);
  if (fault) findings.error(fault[0], row.at(field), `${JSON.stringify(value)} ${fault[1]}`);
}

/** Code and reason why a value is none of its type, or null. */
function faultOf(value: string, spec: FieldSpec): readonly [code: string, why: string] | null {
  switch (spec.type) {
    case 'text':
      return null;
    case 'enum':
      if (spec.values!.includes(value)) return null;
      return ['unexpected_enum_value', `is none of ${spec.values!.join(', ')}`];
    case 'whole': {
      const number = parseWhole(value);
      if (Number.isNaN(number)) return ['invalid_integer', 'is not a whole number'];
      if (number < spec.least!) return ['number_out_of_range', `is below ${spec.least}`];
      if (spec.most === undefined || number <= spec.most) return null;
      return ['number_out_of_range', `is over ${spec.most}`];
    }
    case 'date':
      return Number.isNaN(parseDate(value)) ? ['invalid_date', 'is not a date YYYYMMDD'] : null;
    case 'time':
      return Number.isNaN(parseTime(value)) ? ['invalid_time', 'is not a time HH:MM:SS'] : null;
    case 'timezone':
      return isTimezone(value) ? null : ['invalid_timezone', 'is no time zone'];
    case 'currency':
      return currencyOf(value) ? null : ['invalid_currency', 'is no ISO 4217 code'];
    case 'amount':
      return /^\d+(\.\d+)?$/.test(value) ? null : ['invalid_currency_amount', 'is no amount'];
    case 'latitude':
      return isDegrees(value, 90) ? null : ['number_out_of_range', 'is no latitude'];
    case 'longitude':
      return isDegrees(value, 180) ? null : ['number_out_of_range', 'is no longitude'];
  }
}

/** Primary keys (reference, "Dataset Attributes"): a combination is there once. */
function checkKeys(table: Table, findings: Findings): void {
  const { key, fields } = table.spec;
  const names = key.length > 0 ? key : Object.keys(fields).filter((field) => table.has(field));
  const seen = new Map<string, Row>();
  for (const row of table.rows) {
    const value = names.map((field) => row.get(field)).join('\u0000');
    const earlier = seen.get(value);
    if (!earlier) seen.set(value, row);
    else {
      const message = `${names.join(', ')} as on line ${earlier.line}`;
      findings.error('duplicate_key', row.at(names.length === 1 ? names[0] : ''), message);
    }
  }
}

/** Checks that every id names something. */
export function checkReferences(tables: Tables, findings: Findings): void {
  const known = new Map<string, ReadonlySet<string>>();
  const idsOf = (target: string): ReadonlySet<string> => {
    const ids = known.get(target) ?? collect(tables, target);
    known.set(target, ids);
    return ids;
  };
  for (const table of tables.values()) {
    for (const [field, spec] of Object.entries(table.spec.fields)) {
      if (!spec.refersTo || !table.has(field)) continue;
      if (isTargetAbsent(tables, table, field, spec, findings)) continue;
      const targets = spec.refersTo.map(idsOf);
      for (const row of table.rows) {
        const value = row.get(field);
        if (value === '' || targets.some((ids) => ids.has(value))) continue;
        const absent = spec.refersTo.map((target) => target.replace(':', ', field '));
        const message = `${JSON.stringify(value)} is in no ${absent.join(' or ')}`;
        if (spec.isDanglingHarmless) {
          const more = `${message}; the rule matches nothing`;
          findings.warning('foreign_key_violation', row.at(field), more);
        } else findings.error('foreign_key_violation', row.at(field), message);
      }
    }
  }
}

/** Whether the files a field refers to are all missing; if rows do refer, that is told once. */
function isTargetAbsent(
  tables: Tables,
  table: Table,
  field: string,
  spec: FieldSpec,
  findings: Findings,
): boolean {
  const files = spec.refersTo!.map((target) => target.split(':')[0]!);
  if (files.some((file) => tables.has(file))) return false;
  const first = table.rows.find((row) => row.get(field) !== '');
  if (!first) return true;
  const message = `the file is missing, and ${placeText(first.at(field))} refers to it`;
  const severity = spec.isDanglingHarmless ? 'warning' : 'error';
  findings.add(severity, 'missing_required_file', { file: files[0]! }, message);
  return true;
}

function collect(tables: Tables, target: string): Set<string> {
  const [file = '', field = ''] = target.split(':');
  const ids = new Set(tables.get(file)?.rows.map((row) => row.get(field)));
  ids.delete('');
  return ids;
}
