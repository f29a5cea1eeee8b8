/** One file of a GTFS feed from bytes to rows with their lines. What they mean is `fare/gtfs/`. */
import { CsvError, parse } from 'csv-parse/sync';
import type { CsvFile, CsvRow } from '../fare/gtfs/table.ts';
import { FARE_CSV_ROW_BYTES_MAX, GTFS_ROWS_MAX } from '../limits.ts';

/** The rows of a file, the header first; a fault of its form is told beside those before it. */
export function parseGtfsFile(name: string, bytes: Uint8Array): CsvFile {
  const rows: CsvRow[] = [];
  let last = 0;
  try {
    parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
      bom: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: FARE_CSV_ROW_BYTES_MAX,
      on_record: (fields: string[], { lines }) => {
        last = lines;
        if (rows.length >= GTFS_ROWS_MAX) throw new RangeError(`over ${GTFS_ROWS_MAX} rows`);
        rows.push({ line: lines, fields });
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError) && !(error instanceof RangeError)) throw error;
    return { name, rows, fault: { line: last + 1, message: messageOf(error) } };
  }
  return { name, rows, fault: null };
}

function messageOf(error: Error): string {
  const code = error instanceof CsvError ? error.code : '';
  return code === 'CSV_QUOTE_NOT_CLOSED' || code === 'CSV_MAX_RECORD_SIZE'
    ? 'a quote that is never closed, or an endless row'
    : error.message.split(':')[0]!.toLowerCase();
}
