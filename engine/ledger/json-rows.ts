/**
 * Rows as JSON under keys of text, for books that keep tables of their own behind the ledger's
 * store port: what a table holds is said by whoever owns it.
 */
import type { StoreReader, StoreWriter } from './store.ts';

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'));
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

export function getJson<T extends string>(reader: StoreReader<T>, table: T, key: string): unknown {
  const bytes = reader.get(table, bytesOf(key));
  return bytes && JSON.parse(textOf(bytes));
}

export function putJson<T extends string>(
  writer: StoreWriter<T>,
  table: T,
  key: string,
  row: unknown,
): void {
  writer.put(table, bytesOf(key), bytesOf(JSON.stringify(row)));
}

/** Rows whose keys begin with `prefix`, in the order of their keys. */
export function* eachJson<T extends string>(
  reader: StoreReader<T>,
  table: T,
  prefix: string,
): Generator<{ readonly key: string; readonly row: unknown }> {
  // No text in UTF-8 has a byte FF.
  const from = bytesOf(prefix);
  const to = new Uint8Array([...from, 0xff]);
  const range = from.length === 0 ? { to } : { from, to };
  for (const { key, value } of reader.range(table, range)) {
    yield { key: textOf(key), row: JSON.parse(textOf(value)) };
  }
}
