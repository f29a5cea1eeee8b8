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
import { eachJson, getJson, putJson } from '../ledger/json-rows.ts';
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

export function getRow<T extends CardTable>(
  reader: CardReader,
  table: T,
  key: string,
): Rows[T] | undefined {
  return getJson(reader, table, key) as Rows[T] | undefined;
}

export function putRow<T extends CardTable>(
  writer: CardWriter,
  table: T,
  key: string,
  row: Rows[T],
): void {
  putJson(writer, table, key, row);
}

/** Rows whose keys begin with `prefix`, in the order of their keys. */
export function eachRow<T extends CardTable>(
  reader: CardReader,
  table: T,
  prefix = '',
): Generator<{ readonly key: string; readonly row: Rows[T] }> {
  return eachJson(reader, table, prefix) as ReturnType<typeof eachRow<T>>;
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
