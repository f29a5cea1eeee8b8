/**
 * Reconciliation of cards and money: what time decides is done (`sweep`), and the books are added
 * up anew against orders, refunds and cards (`checkCards`). Outcomes that only a card can tell are
 * listed and never guessed.
 */

import { LOAD_CANCEL_AFTER_MS, LOAD_REFUND_AFTER_MS, LOAD_UNKNOWN_AFTER_MS } from '../durations.ts';
import { type AccountKind, allBalances, type Balances, recomputeBalances } from './books.ts';
import { Held } from './held.ts';
import type { CardException, LoadOrder, OrderState, Refund } from './model.ts';
import { leaveUnknown, refundOrder } from './orders.ts';
import { type CardReader, type CardStore, eachRow, getRow } from './rows.ts';

/** Orders handled in one transaction. */
const SWEEP_ORDERS = 1000;

export interface Swept {
  readonly unknown: number;
  readonly refunded: number;
  readonly cancelled: number;
}

/** Moves on the orders that waited too long; those between authorised and a proof stay. */
export async function sweep(store: CardStore, nowMs: number): Promise<Swept> {
  const swept = { unknown: 0, refunded: 0, cancelled: 0 };
  const open = store.read((reader) => [...eachRow(reader, 'open')].map(({ key }) => key));
  for (let from = 0; from < open.length; from += SWEEP_ORDERS) {
    await store.transaction((writer) => {
      const held = new Held(writer, nowMs);
      for (const orderId of open.slice(from, from + SWEEP_ORDERS)) sweepOrder(held, orderId, swept);
    });
  }
  return swept;
}

function sweepOrder(held: Held, orderId: string, swept: Record<keyof Swept, number>): void {
  const order = held.order(orderId)!;
  const waitedMs = held.nowMs - order.sinceMs;
  if (order.state === 'authorised' && waitedMs > LOAD_UNKNOWN_AFTER_MS) {
    held.putOrder(leaveUnknown(order, held.nowMs));
    swept.unknown++;
    return;
  }
  const cancel = order.state === 'ordered' && waitedMs > LOAD_CANCEL_AFTER_MS;
  if (!cancel && !(order.state === 'funded' && waitedMs > LOAD_REFUND_AFTER_MS)) return;
  const change = refundOrder(order, 'not loaded in time', false, held.nowMs);
  if ('refused' in change) return;
  held.applyOrder(change);
  swept[cancel ? 'cancelled' : 'refunded']++;
}

export interface OpenOrders {
  readonly state: OrderState;
  readonly orders: number;
  readonly amountMinor: number;
}

export interface CardsReport {
  readonly cards: number;
  readonly orders: number;
  readonly books: readonly Balances[];
  readonly open: readonly OpenOrders[];
  /** Only a sight of the card closes these. */
  readonly unknown: readonly LoadOrder[];
  readonly refundsDue: readonly Refund[];
  readonly exceptions: readonly CardException[];
  /** What does not add up; empty in sound books. */
  readonly findings: readonly string[];
}

type Sums = Map<string, Partial<Record<AccountKind, number>>>;

/** Adds everything up again, on one durable state. */
export function checkCards(store: CardStore): CardsReport {
  return store.read((reader) => {
    const findings: string[] = [];
    const books = allBalances(reader);
    const sums: Sums = new Map();
    const open = new Map<OrderState, { orders: number; amountMinor: number }>();
    const unknown: LoadOrder[] = [];
    let orders = 0;
    for (const { row } of eachRow(reader, 'orders')) {
      orders++;
      expectOrder(sums, row);
      if (row.state === 'unknown' || row.state === 'authorised') unknown.push(row);
      if (getRow(reader, 'open', row.orderId) === undefined) continue;
      const sum = open.get(row.state) ?? { orders: 0, amountMinor: 0 };
      sum.orders++;
      sum.amountMinor += row.amountMinor;
      open.set(row.state, sum);
    }
    const refundsDue: Refund[] = [];
    for (const { row } of eachRow(reader, 'refunds')) {
      if (row.state === 'due') {
        refundsDue.push(row);
        expect(sums, row, 'refunds', -row.amountMinor);
      }
    }
    for (const { row } of eachRow(reader, 'settlements')) {
      expect(sums, row, 'purses', row.amountMinor);
      if (row.state === 'due') expect(sums, row, 'operators', -row.amountMinor);
    }
    checkBooks(reader, books, sums, findings);
    const cards = checkOpenOrders(reader, unknown, findings);
    const exceptions = [...eachRow(reader, 'exceptions')].map(({ row }) => row);
    return {
      cards,
      orders,
      books,
      open: [...open].map(([state, sum]) => ({ state, ...sum })),
      unknown,
      refundsDue,
      exceptions,
      findings,
    };
  });
}

function bookName({ issuer, currency }: { issuer: string; currency: number }): string {
  return `${issuer} ${currency}`;
}

function expect(
  sums: Sums,
  of: { issuer: string; currency: number },
  kind: AccountKind,
  change: number,
): void {
  const sum = sums.get(bookName(of)) ?? {};
  sum[kind] = (sum[kind] ?? 0) + change;
  sums.set(bookName(of), sum);
}

/** What an order in its state has left on the accounts. */
function expectOrder(sums: Sums, order: LoadOrder): void {
  const { state, amountMinor, funding } = order;
  if (funding?.source === 'transfer') expect(sums, order, 'purses', amountMinor);
  if (state === 'funded' || state === 'authorised' || state === 'unknown') {
    expect(sums, order, 'orders', -amountMinor);
  }
  if (state === 'credited') expect(sums, order, 'purses', -amountMinor);
}

/** Accounts that orders, refunds and settlements have to bear out. */
const recounted: readonly AccountKind[] = ['orders', 'purses', 'operators', 'refunds'];

function checkBooks(
  reader: CardReader,
  books: readonly Balances[],
  sums: Sums,
  findings: string[],
): void {
  const again = recomputeBalances(reader);
  for (const { issuer, currency, balances } of books) {
    const name = bookName({ issuer, currency });
    const total = Object.values(balances).reduce((sum, each) => sum + each, 0);
    if (total !== 0) findings.push(`${name}: the accounts sum to ${total}`);
    const posted = again.find((each) => bookName(each) === name)?.balances;
    const expected = sums.get(name) ?? {};
    for (const kind of Object.keys(balances) as AccountKind[]) {
      if (posted?.[kind] !== balances[kind]) {
        findings.push(`${name}: ${kind} is ${balances[kind]}, its postings say ${posted?.[kind]}`);
      }
      if (!recounted.includes(kind)) continue;
      const of = expected[kind] ?? 0;
      if (of !== balances[kind]) {
        findings.push(
          `${name}: ${kind} is ${balances[kind]}, its orders, refunds and settlements say ${of}`,
        );
      }
    }
  }
}

/** A card's open order and an order without outcome are the same thing. */
function checkOpenOrders(
  reader: CardReader,
  unknown: readonly LoadOrder[],
  findings: string[],
): number {
  let cards = 0;
  const waiting = new Map(unknown.map((order) => [order.orderId, order.card]));
  for (const { row } of eachRow(reader, 'cards')) {
    cards++;
    if (row.openOrder === null) continue;
    if (waiting.get(row.openOrder) !== row.card) {
      findings.push(`card ..${row.lastDigits}: order ${row.openOrder} is not open`);
    }
    waiting.delete(row.openOrder);
  }
  for (const orderId of waiting.keys()) findings.push(`order ${orderId} is open on no card`);
  return cards;
}
