/**
 * A slow twin of the matrix import: a station table read with a parser of a dozen lines, kept as
 * text, its amounts turned to cents by moving the point in the text.
 */

/** Rows of a CSV text as fields; knows quotes, doubled quotes, CRLF and a byte-order mark. */
function tableOf(text: string): string[][] {
  const rows: string[][] = [];
  for (const line of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    if (line === '') continue;
    const fields = line.match(/(?<=^|,)("(?:[^"]|"")*"|[^,]*)(?=,|$)/g) ?? [];
    rows.push(fields.map((f) => (f.startsWith('"') ? f.slice(1, -1).replaceAll('""', '"') : f)));
  }
  return rows;
}

export interface TwinFare {
  readonly from: string;
  readonly to: string;
  /** By column name, in cents. */
  readonly cents: Readonly<Record<string, number>>;
}

/** Every pair of a table, with the fares of `columns` in cents. */
export function fareTable(
  text: string,
  from: string,
  to: string,
  columns: readonly string[],
): TwinFare[] {
  const [header = [], ...rows] = tableOf(text);
  const at = (row: readonly string[], column: string) => row[header.indexOf(column)]!;
  return rows.map((row) => ({
    from: at(row, from),
    to: at(row, to),
    cents: Object.fromEntries(columns.map((column) => [column, centsOf(at(row, column))])),
  }));
}

/** `10.6` -> 1060. */
function centsOf(text: string): number {
  const [whole = '', fraction = ''] = text.split('.');
  return Number.parseInt(`${whole}${fraction.padEnd(2, '0')}`, 10);
}
