/**
 * Double entry of open-loop fares: a posting adds an amount to one account and takes it from
 * another, so all balances sum to zero after every commit; nothing is edited, a correction is a
 * posting the other way.
 *
 *   receivable  +  charged, neither paid nor given up
 *   acquirer    +  what the acquirer took for us
 *   desk        +  what riders paid at a desk or online
 *   loss        +  debts given up
 *   revenue     -  what was charged
 */
import assert from 'node:assert/strict';
import { eachRow, getRow, type OpenLoopReader, type OpenLoopWriter, putRow } from './rows.ts';

export const accountKinds = ['receivable', 'acquirer', 'desk', 'loss', 'revenue'] as const;
export type AccountKind = (typeof accountKinds)[number];

export interface Posting {
  readonly to: AccountKind;
  readonly from: AccountKind;
  /** May be below 0: what goes back goes the other way. */
  readonly amountMinor: number;
  readonly why: string;
}

export interface BookedPosting extends Posting {
  /** Id of the charge. */
  readonly charge: string;
  readonly atMs: number;
}

export type Balances = Readonly<Record<AccountKind, number>>;

const NUMBER_DIGITS = 12;

export function book(writer: OpenLoopWriter, charge: string, posting: Posting, atMs: number): void {
  const { to, from, amountMinor } = posting;
  assert(Number.isSafeInteger(amountMinor) && to !== from);
  if (amountMinor === 0) return;
  const number = (getRow(writer, 'meta', 'postings') ?? 0) + 1;
  putRow(writer, 'meta', 'postings', number);
  const row: BookedPosting = { ...posting, charge, atMs };
  putRow(writer, 'postings', String(number).padStart(NUMBER_DIGITS, '0'), row);
  for (const [kind, change] of [
    [to, amountMinor],
    [from, -amountMinor],
  ] as const) {
    putRow(writer, 'accounts', kind, (getRow(writer, 'accounts', kind) ?? 0) + change);
  }
}

export function allBalances(reader: OpenLoopReader): Balances {
  const balances = zeros();
  for (const { key, row } of eachRow(reader, 'accounts')) balances[key as AccountKind] = row;
  return balances;
}

/** The same, added up anew from the postings. */
export function recomputeBalances(reader: OpenLoopReader): Balances {
  const balances = zeros();
  for (const { row } of eachRow(reader, 'postings')) {
    balances[row.to] += row.amountMinor;
    balances[row.from] -= row.amountMinor;
  }
  return balances;
}

function zeros(): Record<AccountKind, number> {
  return { receivable: 0, acquirer: 0, desk: 0, loss: 0, revenue: 0 };
}
