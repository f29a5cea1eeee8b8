/**
 * Tables of the open-loop books, behind the ledger's store port. Values are JSON, keys text; a day
 * has 6 digits, a charge's number 4:
 *
 *   taps         card, tap id -> tap
 *   faults       tap id -> tap that no charge can be for
 *   cards        card -> card
 *   dirty        card -> nothing: it has taps that are not priced yet
 *   days         card, day -> day
 *   liveDays     the same key -> nothing: open, or its price is not what is charged
 *   charges      card, day, number -> charge
 *   live         the same key -> nothing: the charge is not settled
 *   presentments id -> entry of a file
 *   runs         number -> file
 *   payments     reference -> payment of a rider
 *   denied       card -> why gates must stop it
 *   postings     number from 1 -> posting
 *   accounts     kind -> balance
 *   meta         name -> value
 */
import { bytesOf, eachJson, getJson, putJson } from '../ledger/json-rows.ts';
import type { LedgerStore, StoreReader, StoreWriter } from '../ledger/store.ts';
import type { AccountKind, BookedPosting } from './books.ts';
import type {
  CardRow,
  CardTap,
  Charge,
  DayRow,
  Denial,
  Payment,
  Presentment,
  Run,
  TapFault,
} from './model.ts';

export const openLoopTables = [
  'taps',
  'faults',
  'cards',
  'dirty',
  'days',
  'liveDays',
  'charges',
  'live',
  'presentments',
  'runs',
  'payments',
  'denied',
  'postings',
  'accounts',
  'meta',
] as const;
export type OpenLoopTable = (typeof openLoopTables)[number];

export type OpenLoopStore = LedgerStore<OpenLoopTable>;
export type OpenLoopReader = StoreReader<OpenLoopTable>;
export type OpenLoopWriter = StoreWriter<OpenLoopTable>;

/** What each table holds; `dirty`, `liveDays` and `live` are indexes. */
export interface Rows {
  readonly taps: CardTap;
  readonly faults: TapFault;
  readonly cards: CardRow;
  readonly dirty: null;
  readonly days: DayRow;
  readonly liveDays: null;
  readonly charges: Charge;
  readonly live: null;
  readonly presentments: Presentment;
  readonly runs: Run;
  readonly payments: Payment;
  readonly denied: Denial;
  readonly postings: BookedPosting;
  readonly accounts: number;
  readonly meta: number;
}

const DAY_DIGITS = 6;
const NUMBER_DIGITS = 4;
const RUN_DIGITS = 9;

export function tapKey(card: string, tap: string): string {
  return `${card} ${tap}`;
}

export function dayKey(card: string, day: number): string {
  return `${card} ${String(day).padStart(DAY_DIGITS, '0')}`;
}

export function chargeKey(card: string, day: number, number: number): string {
  return `${dayKey(card, day)} ${String(number).padStart(NUMBER_DIGITS, '0')}`;
}

export function runKey(run: number): string {
  return String(run).padStart(RUN_DIGITS, '0');
}

/** The card of a key of `taps`, `days`, `liveDays`, `charges` or `live`. */
export function cardOfKey(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

export function getRow<T extends OpenLoopTable>(
  reader: OpenLoopReader,
  table: T,
  key: string,
): Rows[T] | undefined {
  return getJson(reader, table, key) as Rows[T] | undefined;
}

export function putRow<T extends OpenLoopTable>(
  writer: OpenLoopWriter,
  table: T,
  key: string,
  row: Rows[T],
): void {
  putJson(writer, table, key, row);
}

export function removeRow(writer: OpenLoopWriter, table: OpenLoopTable, key: string): void {
  writer.remove(table, bytesOf(key));
}

/** Keeps an index: the key is there where `isThere`. */
export function putIndex(
  writer: OpenLoopWriter,
  table: 'dirty' | 'liveDays' | 'live',
  key: string,
  isThere: boolean,
): void {
  if (isThere) putRow(writer, table, key, null);
  else removeRow(writer, table, key);
}

/** Rows whose keys begin with `prefix`, in the order of their keys. */
export function eachRow<T extends OpenLoopTable>(
  reader: OpenLoopReader,
  table: T,
  prefix = '',
): Generator<{ readonly key: string; readonly row: Rows[T] }> {
  return eachJson(reader, table, prefix) as ReturnType<typeof eachRow<T>>;
}

/** All rows of a card, or of one of its days, as a list that writing does not disturb. */
export function rowsOf<T extends OpenLoopTable>(
  reader: OpenLoopReader,
  table: T,
  prefix: string,
): Rows[T][] {
  return [...eachRow(reader, table, `${prefix} `)].map(({ row }) => row);
}

/** The last run; undefined before the first. */
export function lastRun(reader: OpenLoopReader): Run | undefined {
  const run = getRow(reader, 'meta', 'runs');
  return run === undefined ? undefined : getRow(reader, 'runs', runKey(run));
}

/** The charges of a card that are not settled, oldest first. */
export function liveCharges(reader: OpenLoopReader, card: string): Charge[] {
  const keys = [...eachRow(reader, 'live', `${card} `)].map(({ key }) => key);
  return keys.map((key) => getRow(reader, 'charges', key)!);
}

/** One balance; 0 before the first posting to it. */
export function balanceOf(reader: OpenLoopReader, kind: AccountKind): number {
  return getRow(reader, 'accounts', kind) ?? 0;
}
