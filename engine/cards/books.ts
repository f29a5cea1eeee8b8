/**
 * Double entry of the issuer's money for its cards. A posting adds an amount to one account and
 * takes it from another, so all balances of an issuer and a currency sum to zero after every
 * commit; nothing is edited, a correction is a posting the other way.
 *
 *   bank     +  at the issuing bank
 *   cash     +  in the tills
 *   stock    +  value on cards given back, in the drawer
 *   loss     +  credited and refunded: a card or a machine lied
 *   orders   -  paid for, neither on a card nor on its way back
 *   purses   -  the float: put on cards, less what was settled with operators
 *   operators - settled with an operator and not paid to it yet
 *   refunds  -  decided and not paid yet
 */
import assert from 'node:assert/strict';
import { type CardReader, type CardWriter, eachRow, getRow, putRow } from './rows.ts';

export const accountKinds = [
  'bank',
  'cash',
  'stock',
  'loss',
  'orders',
  'purses',
  'operators',
  'refunds',
] as const;
export type AccountKind = (typeof accountKinds)[number];

export interface Posting {
  readonly to: AccountKind;
  readonly from: AccountKind;
  readonly amountMinor: number;
  readonly why: string;
}

export interface BookedPosting extends Posting {
  readonly issuer: string;
  readonly currency: number;
  /** An order or a card. */
  readonly subject: string;
  readonly atMs: number;
}

/** Whose money it is. */
export interface BookOf {
  readonly issuer: string;
  readonly currency: number;
}

const NUMBER_DIGITS = 12;

export function book(
  writer: CardWriter,
  of: BookOf,
  subject: string,
  postings: readonly Posting[],
  atMs: number,
): void {
  for (const posting of postings) {
    const { to, from, amountMinor } = posting;
    assert(Number.isSafeInteger(amountMinor) && amountMinor >= 0 && to !== from);
    const number = (getRow(writer, 'meta', 'postings') ?? 0) + 1;
    putRow(writer, 'meta', 'postings', number);
    const { issuer, currency } = of;
    const row: BookedPosting = { ...posting, issuer, currency, subject, atMs };
    putRow(writer, 'postings', String(number).padStart(NUMBER_DIGITS, '0'), row);
    for (const [kind, change] of [
      [to, amountMinor],
      [from, -amountMinor],
    ] as const) {
      const key = accountKey(kind, of);
      putRow(writer, 'accounts', key, (getRow(writer, 'accounts', key) ?? 0) + change);
    }
  }
}

/** The row of one account. */
export function accountKey(kind: AccountKind, { issuer, currency }: BookOf): string {
  return `${issuer} ${currency} ${kind}`;
}

export interface Balances extends BookOf {
  readonly balances: Readonly<Record<AccountKind, number>>;
}

/** Every issuer's accounts in every currency. */
export function allBalances(reader: CardReader): Balances[] {
  return gather([...eachRow(reader, 'accounts')].map(({ key, row }) => [key, row]));
}

/** The same, added up anew from the postings. */
export function recomputeBalances(reader: CardReader): Balances[] {
  const sums = new Map<string, number>();
  const add = (key: string, change: number) => sums.set(key, (sums.get(key) ?? 0) + change);
  for (const { row } of eachRow(reader, 'postings')) {
    add(accountKey(row.to, row), row.amountMinor);
    add(accountKey(row.from, row), -row.amountMinor);
  }
  return gather([...sums].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function gather(entries: readonly (readonly [string, number])[]): Balances[] {
  const books = new Map<string, Balances & { balances: Record<AccountKind, number> }>();
  for (const [key, balance] of entries) {
    const [issuer, currency, kind] = key.split(' ') as [string, string, AccountKind];
    const name = `${issuer} ${currency}`;
    const zeros = Object.fromEntries(accountKinds.map((each) => [each, 0]));
    const found = books.get(name) ?? {
      issuer,
      currency: Number(currency),
      balances: zeros as Record<AccountKind, number>,
    };
    found.balances[kind] = balance;
    books.set(name, found);
  }
  return [...books.values()];
}
