/**
 * A fare set from a table of station pairs, one pair a row and one column for each rider class, as
 * operators publish them. Rows come in parsed to fields; every fault names file, line and column.
 */
import { FaregateError } from '../errors.ts';
import { FARE_NAME_LENGTH_MAX, FARE_RIDERS_MAX, FARE_STATIONS_MAX } from '../limits.ts';
import { formatMinor, parseAmount } from './money.ts';
import type { StationDraft } from './set.ts';

/** Which columns say what, by their names in the header. */
export interface MatrixColumns {
  readonly from: string;
  readonly to: string;
  /** Columns of the stations' names; null where the ids are the names. */
  readonly fromName: string | null;
  readonly toName: string | null;
  readonly fares: readonly { readonly rider: string; readonly column: string }[];
}

export interface FareMatrix {
  /** In the order in which the table first names them. */
  readonly stations: readonly StationDraft[];
  readonly riders: readonly string[];
  readonly matrix: Int32Array;
  /** The table lists no station to itself; those fares are then 0. */
  readonly diagonalAbsent: boolean;
  /** Other pairs that it leaves out, and that cost what the caller says. */
  readonly missingPairs: number;
}

interface Field {
  readonly index: number;
  readonly column: string;
}

/** Missing pairs a message names before it only counts. */
const NAMED_PAIRS = 3;

/** Takes the rows of one table in order: the header, then the pairs, then `finish`. */
export class MatrixTable {
  readonly #file: string;
  readonly #columns: MatrixColumns;
  readonly #decimals: number;
  #header: readonly string[] = [];
  #from: Field = { index: 0, column: '' };
  #to: Field = { index: 0, column: '' };
  #fromName: Field | null = null;
  #toName: Field | null = null;
  #fares: Field[] = [];
  readonly #stations = new Map<string, { index: number; name: string }>();
  /** Number (from 1) of the row that gives a pair, at `from * FARE_STATIONS_MAX + to`. */
  readonly #rowOfPair = new Int32Array(FARE_STATIONS_MAX * FARE_STATIONS_MAX);
  readonly #lines: number[] = [];
  /** Fares row by row; grows by doubling, bounded by the pairs there can be. */
  #amounts = new Int32Array(4096);
  #line = 0;

  constructor(file: string, columns: MatrixColumns, decimals: number) {
    this.#file = file;
    this.#columns = columns;
    this.#decimals = decimals;
  }

  /** Rows taken so far, the header included. */
  get rows(): number {
    return this.#header.length === 0 ? 0 : this.#lines.length + 1;
  }

  /** The line of the last row taken. */
  get line(): number {
    return this.#line;
  }

  /** Takes the next row; `line` is where it ends. @throws FaregateError FARES_CSV_INVALID. */
  row(fields: readonly string[], line: number): void {
    this.#line = line;
    if (this.#header.length === 0) this.#readHeader(fields);
    else this.#pair(fields);
  }

  #fail(message: string): never {
    const where = this.#line === 0 ? '' : `, line ${this.#line}`;
    throw new FaregateError('FARES_CSV_INVALID', `${this.#file}${where}: ${message}`);
  }

  #readHeader(header: readonly string[]): void {
    const names = header.map((name) => name.trim());
    const find = (option: string, column: string): Field => {
      const index = names.indexOf(column);
      if (index < 0) {
        this.#fail(`no column "${column}" (${option}); the columns are ${names.join(', ')}`);
      }
      if (names.indexOf(column, index + 1) >= 0) {
        this.#fail(`column "${column}" (${option}) is there twice`);
      }
      return { index, column };
    };
    const { from, to, fromName, toName, fares } = this.#columns;
    if (fares.length > FARE_RIDERS_MAX) {
      this.#fail(`${fares.length} rider classes are over the bound of ${FARE_RIDERS_MAX}`);
    }
    this.#from = find('--from', from);
    this.#to = find('--to', to);
    this.#fromName = fromName === null ? null : find('--name-from', fromName);
    this.#toName = toName === null ? null : find('--name-to', toName);
    this.#fares = fares.map(({ rider, column }) => find(`--fare ${rider}`, column));
    this.#header = names;
  }

  #pair(fields: readonly string[]): void {
    this.#checkWidth(fields);
    const from = this.#station(fields, this.#from, this.#fromName);
    const to = this.#station(fields, this.#to, this.#toName);
    const riders = this.#fares.length;
    const at = this.#lines.length * riders;
    if (at + riders > this.#amounts.length) {
      const grown = new Int32Array(this.#amounts.length * 2);
      grown.set(this.#amounts);
      this.#amounts = grown;
    }
    for (const [rider, field] of this.#fares.entries()) {
      const text = fields[field.index]!.trim();
      const amount = parseAmount(text, this.#decimals);
      if (typeof amount === 'string') this.#fail(`column "${field.column}": "${text}" ${amount}`);
      this.#amounts[at + rider] = amount;
    }
    const pair = from * FARE_STATIONS_MAX + to;
    const earlier = this.#rowOfPair[pair]!;
    if (earlier > 0) {
      // A pair said twice alike is kept once.
      this.#checkSame(earlier - 1, at, fields);
      return;
    }
    this.#lines.push(this.#line);
    this.#rowOfPair[pair] = this.#lines.length;
  }

  #checkWidth(fields: readonly string[]): void {
    const expected = this.#header.length;
    if (fields.length === expected) return;
    const cut = this.#header[fields.length];
    this.#fail(
      `${fields.length} fields where the header has ${expected}` +
        (cut === undefined
          ? `, after column "${this.#header.at(-1)}"`
          : `; column "${cut}" is missing`),
    );
  }

  #checkSame(row: number, at: number, fields: readonly string[]): void {
    for (const [rider, { column }] of this.#fares.entries()) {
      const before = this.#amounts[row * this.#fares.length + rider]!;
      const now = this.#amounts[at + rider]!;
      if (before === now) continue;
      const pair = `${fields[this.#from.index]} to ${fields[this.#to.index]}`;
      this.#fail(
        `column "${column}": ${pair} costs ${formatMinor(now, this.#decimals)} here and ` +
          `${formatMinor(before, this.#decimals)} on line ${this.#lines[row]}`,
      );
    }
  }

  #station(fields: readonly string[], field: Field, nameField: Field | null): number {
    const id = this.#text(fields, field);
    const name = nameField === null ? id : this.#text(fields, nameField);
    const known = this.#stations.get(id);
    if (!known) {
      const index = this.#stations.size;
      if (index === FARE_STATIONS_MAX) {
        this.#fail(`column "${field.column}": over ${FARE_STATIONS_MAX} stations, with "${id}"`);
      }
      this.#stations.set(id, { index, name });
      return index;
    }
    if (nameField !== null && known.name !== name) {
      this.#fail(
        `column "${nameField.column}": station ${id} is "${name}" here, "${known.name}" before`,
      );
    }
    return known.index;
  }

  #text(fields: readonly string[], { index, column }: Field): string {
    const text = fields[index]!.trim();
    if (text === '') this.#fail(`column "${column}" is empty`);
    if (text.length > FARE_NAME_LENGTH_MAX) {
      this.#fail(`column "${column}" is longer than ${FARE_NAME_LENGTH_MAX} characters`);
    }
    if (text.includes('\ufffd')) this.#fail(`column "${column}" is not UTF-8`);
    return text;
  }

  /**
   * The table as a matrix; a pair without a row costs `missingMinor`, or makes the table unfit.
   * @throws FaregateError FARES_CSV_INVALID where it is not whole
   */
  finish(missingMinor: number | null = null): FareMatrix {
    this.#line = 0;
    if (this.#header.length === 0) this.#fail('line 1: empty; a header was expected');
    const size = this.#stations.size;
    if (size < 2) this.#fail(`the table names ${size} stations; a fare needs two`);
    const { diagonalAbsent, missing } = this.#checkWhole(missingMinor !== null);
    const riders = this.#fares.length;
    const matrix = new Int32Array(riders * size * size);
    for (let from = 0; from < size; from++) {
      for (let to = 0; to < size; to++) {
        const row = this.#rowOfPair[from * FARE_STATIONS_MAX + to]! - 1;
        const isIdle = row < 0 && (missingMinor === null || (from === to && diagonalAbsent));
        if (isIdle) continue;
        for (let rider = 0; rider < riders; rider++) {
          const fare = row < 0 ? missingMinor! : this.#amounts[row * riders + rider]!;
          matrix[(rider * size + from) * size + to] = fare;
        }
      }
    }
    return {
      stations: [...this.#stations].map(([id, { name }]) => ({ id, name, line: 0 })),
      riders: this.#columns.fares.map(({ rider }) => rider),
      matrix,
      diagonalAbsent,
      missingPairs: missing,
    };
  }

  /** Whether stations to themselves are left out throughout, and how many other pairs are. */
  #checkWhole(mayMiss: boolean): { readonly diagonalAbsent: boolean; readonly missing: number } {
    const labels = [...this.#stations].map(([id, { name }]) =>
      id === name ? id : `${name} (${id})`,
    );
    const has = (from: number, to: number) => this.#rowOfPair[from * FARE_STATIONS_MAX + to]! > 0;
    const diagonalAbsent = labels.every((_, index) => !has(index, index));
    const missing: string[] = [];
    let count = 0;
    for (let from = 0; from < labels.length; from++) {
      for (let to = 0; to < labels.length; to++) {
        if (has(from, to) || (from === to && diagonalAbsent)) continue;
        if (++count <= NAMED_PAIRS) missing.push(`${labels[from]} to ${labels[to]}`);
      }
    }
    if (count > 0 && !mayMiss) {
      const columns = `columns "${this.#from.column}" and "${this.#to.column}"`;
      const more = count > NAMED_PAIRS ? ` and ${count - NAMED_PAIRS} more` : '';
      this.#fail(`${columns}: pairs without a row, ${count}: ${missing.join(', ')}${more}`);
    }
    return { diagonalAbsent, missing: count };
  }
}
