/**
 * One file of a GTFS feed as a table: its header held against the schema, its rows by field name.
 * Tolerated and told: a byte-order mark, a missing last newline, extra columns, empty rows, spaces
 * around values (reference, "File Requirements").
 */
import type { Findings } from './findings.ts';
import { fileSpecs } from './schema.ts';
import type { FileSpec } from './spec.ts';

/** A file as its reader found it. */
export interface CsvFile {
  readonly name: string;
  readonly rows: readonly CsvRow[];
  /** What kept the reader from the rest of the file, or null. */
  readonly fault: CsvFault | null;
}

export interface CsvRow {
  /** Where the row stands in its file, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

export interface CsvFault {
  readonly line: number;
  readonly message: string;
}

export class Row {
  readonly line: number;
  readonly #table: Table;
  readonly #fields: readonly string[];

  constructor(table: Table, line: number, fields: readonly string[]) {
    this.#table = table;
    this.line = line;
    this.#fields = fields;
  }

  /** The value of a field, '' where it is empty or there is no such column. */
  get(field: string): string {
    const column = this.#table.column(field);
    return column < 0 ? '' : (this.#fields[column] ?? '');
  }

  /** Where a field of this row stands, for findings. */
  at(field = ''): { readonly file: string; readonly line: number; readonly field: string } {
    return { file: this.#table.name, line: this.line, field };
  }
}

export class Table {
  readonly name: string;
  readonly spec: FileSpec;
  readonly rows: readonly Row[];
  readonly #columns = new Map<string, number>();

  /** A file of the schema; what is wrong with its form goes to `findings`. */
  constructor(file: CsvFile, findings: Findings, spec: FileSpec = fileSpecs[file.name]!) {
    this.name = file.name;
    this.spec = spec;
    const [header, ...rows] = file.rows;
    if (file.fault) {
      const { line, message } = file.fault;
      findings.error('csv_parsing_failed', { file: this.name, line }, message);
    }
    if (!header) {
      if (!file.fault) findings.error('empty_file', { file: this.name }, 'no header, no rows');
      this.rows = [];
      return;
    }
    this.#readHeader(header, findings);
    this.rows = rows.flatMap((row) => this.#readRow(row, header.fields.length, findings));
  }

  /** Place of a column in the header, or -1. */
  column(field: string): number {
    return this.#columns.get(field) ?? -1;
  }

  has(field: string): boolean {
    return this.#columns.has(field);
  }

  #readHeader({ line, fields }: CsvRow, findings: Findings): void {
    for (const [column, raw] of fields.entries()) {
      const field = raw.trim();
      const place = { file: this.name, line, field };
      if (raw !== field) findings.warning('spaces_around_field', place, 'spaces around the name');
      if (field === '') {
        findings.warning('empty_column_name', { file: this.name, line }, `column ${column + 1}`);
      } else if (this.#columns.has(field)) {
        findings.error('duplicated_column', place, 'the column is there twice');
      } else {
        if (!(field in this.spec.fields)) {
          findings.notice('unknown_column', place, 'not in the standard, and not read');
        }
        this.#columns.set(field, column);
      }
    }
    for (const [field, { isRequired }] of Object.entries(this.spec.fields)) {
      if (!isRequired || this.#columns.has(field)) continue;
      const place = { file: this.name, line, field };
      findings.error('missing_required_column', place, 'the column is missing');
    }
  }

  #readRow({ line, fields }: CsvRow, width: number, findings: Findings): Row[] {
    const place = { file: this.name, line };
    if (fields.every((field) => field.trim() === '')) {
      // An empty line at the end is no row; the reader leaves those out.
      findings.notice('empty_row', place, 'a row without a value, not read');
      return [];
    }
    if (fields.length !== width) {
      const message = `${fields.length} fields where the header has ${width}`;
      findings.error('invalid_row_length', place, message);
      return [];
    }
    return [
      new Row(
        this,
        line,
        fields.map((value, column) => this.#clean(value, column, line, findings)),
      ),
    ];
  }

  #clean(value: string, column: number, line: number, findings: Findings): string {
    // Nearly all values are clean, and a feed has some hundred thousand.
    if (!/[\t\r\n\ufffd]|^ | $/.test(value)) return value;
    const field = [...this.#columns].find(([, at]) => at === column)?.[0] ?? '';
    const place = { file: this.name, line, field };
    if (/[\t\r\n]/.test(value)) {
      findings.error('new_line_in_value', place, 'a tab or a line break in the value');
    }
    if (value.includes('\ufffd')) findings.error('invalid_character', place, 'not UTF-8');
    const trimmed = value.trim();
    if (trimmed !== value) {
      findings.warning(
        'leading_or_trailing_whitespaces',
        place,
        'spaces around the value, dropped',
      );
    }
    return trimmed;
  }
}
