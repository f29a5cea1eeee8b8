/**
 * Tables of the card accounts, behind the ledger's store port. Values are JSON, keys text:
 *
 *   cards       keyed hash -> account
 *   orders      order id -> order
 *   byCard      keyed hash, generation, order id -> nothing
 *   open        order id -> nothing: orders that wait for money, a card or a refund
 *   refunds     refund id -> refund
 *   postings    number from 1 -> posting
 *   accounts    kind, issuer, currency -> balance
 *   settlements settlement id -> settlement
 *   settled     gate id, thousands of sequences -> which of them are settled (`settled-marks.ts`)
 *   deposits    issuer, currency, reference -> amount brought from the tills to the bank
 *   exceptions  code, subject -> exception
 *   meta        name -> value
 */
import type { LedgerStore, StoreReader, StoreWriter } from '../ledger/store.ts';
import type { BookedPosting } from './books.ts';
import type { CardAccount, CardException, LoadOrder, Refund, Settlement } from './model.ts';

export const cardTables = [
  'cards',
  'orders',
  'byCard',
  'open',
  'refunds',
  'postings',
  'accounts',
  'settlements',
  'settled',
  'deposits',
  'exceptions',
  'meta',
] as const;
export type CardTable = (typeof cardTables)[number];

export type CardStore = LedgerStore<CardTable>;
export type CardReader = StoreReader<CardTable>;
export type CardWriter = StoreWriter<CardTable>;

/** What each table holds; `byCard` and `open` are indexes. */
export interface Rows {
  readonly cards: CardAccount;
  readonly orders: LoadOrder;
  readonly byCard: null;
  readonly open: null;
  readonly refunds: Refund;
  readonly postings: BookedPosting;
  readonly accounts: number;
  readonly settlements: Settlement;
  readonly settled: string;
  readonly deposits: number;
  readonly exceptions: CardException;
  readonly meta: number;
}

export function keyOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'));
}

export function getRow<T extends CardTable>(
  reader: CardReader,
  table: T,
  key: string,
): Rows[T] | undefined {
  const bytes = reader.get(table, keyOf(key));
  return bytes && (JSON.parse(textOf(bytes)) as Rows[T]);
}

export function putRow<T extends CardTable>(
  writer: CardWriter,
  table: T,
  key: string,
  row: Rows[T],
): void {
  writer.put(table, keyOf(key), keyOf(JSON.stringify(row)));
}

/** Rows whose keys begin with `prefix`, in the order of their keys. */
export function* eachRow<T extends CardTable>(
  reader: CardReader,
  table: T,
  prefix = '',
): Generator<{ readonly key: string; readonly row: Rows[T] }> {
  // No text in UTF-8 has a byte FF.
  const from = keyOf(prefix);
  const to = new Uint8Array([...from, 0xff]);
  const range = from.length === 0 ? { to } : { from, to };
  for (const { key, value } of reader.range(table, range)) {
    yield { key: textOf(key), row: JSON.parse(textOf(value)) as Rows[T] };
  }
}

/** The index of a card's orders; with an order id, one entry of it. */
export function orderIndex(card: string, generation: number, orderId = ''): string {
  return `${card} ${generation} ${orderId}`;
}

/** Orders of the card's present holder. */
export function ordersOf(reader: CardReader, card: CardAccount): LoadOrder[] {
  const prefix = orderIndex(card.card, card.generation);
  return [...eachRow(reader, 'byCard', prefix)].map(
    ({ key }) => getRow(reader, 'orders', key.slice(prefix.length))!,
  );
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
