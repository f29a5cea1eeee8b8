/**
 * Station matrices as CSV files: a byte-order mark, CRLF, quoted fields and a missing last newline
 * are all accepted. The one importer of csv-parse; what the rows mean is `fare/matrix.ts`.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { FaregateError, systemCode, systemText } from '../errors.ts';
import { type FareMatrix, type MatrixColumns, MatrixTable } from '../fare/matrix.ts';
import { FARE_CSV_BYTES_MAX, FARE_CSV_ROW_BYTES_MAX } from '../limits.ts';

/**
 * Reads a station matrix; a pair without a row costs `missingMinor`, or makes it unfit. `onRows`
 * hears the number of rows now and then.
 * @throws FaregateError FARES_CSV_INVALID with file, line and column; FILE_UNREADABLE.
 */
export async function readFareMatrix(
  file: string,
  columns: MatrixColumns,
  decimals: number,
  missingMinor: number | null = null,
  onRows: (rows: number) => void = () => {},
): Promise<FareMatrix> {
  const bytes = await bytesOf(file);
  if (bytes > FARE_CSV_BYTES_MAX) {
    const message = `${file}: ${bytes} bytes are over the bound of ${FARE_CSV_BYTES_MAX}`;
    throw new FaregateError('FARES_CSV_INVALID', message);
  }
  const table = new MatrixTable(file, columns, decimals);
  const parser = parse({
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: FARE_CSV_ROW_BYTES_MAX,
    on_record: (fields: string[], context) => {
      table.row(fields, context.lines);
      if (table.rows % 50_000 === 0) onRows(table.rows);
      return null;
    },
  });
  parser.resume();
  try {
    await pipeline(createReadStream(file), parser);
  } catch (error) {
    if (error instanceof CsvError) throw csvFault(file, table.line, error);
    throw unreadable(file, error);
  }
  return table.finish(missingMinor);
}

function csvFault(file: string, lastLine: number, error: CsvError): FaregateError {
  // The parser's own line is where it gave up; an open quote begins in the row after the last.
  const open = error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE';
  const at = Number(error.lines);
  const line = open || !Number.isInteger(at) ? lastLine + 1 : at;
  const column = error.index ?? error.column;
  const where = typeof column === 'number' ? `, column ${column + 1}` : '';
  const what = open
    ? 'a quote that is never closed, or an endless row'
    : error.message.split(':')[0]!.toLowerCase();
  return new FaregateError('FARES_CSV_INVALID', `${file}, line ${line}${where}: ${what}`, {
    cause: error,
  });
}

async function bytesOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** A system error as an operating error that names the file; anything else as it is. */
function unreadable(file: string, error: unknown): unknown {
  if (systemCode(error) === '' || error instanceof FaregateError) return error;
  const message = `${file}: ${systemText(error)}`;
  return new FaregateError('FILE_UNREADABLE', message, { cause: error });
}
