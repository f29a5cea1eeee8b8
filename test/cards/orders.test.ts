/** Rules of orders that an honest world never meets: proofs that come after a decision. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Posting } from '../../engine/cards/books.ts';
import { issueCard } from '../../engine/cards/life.ts';
import type { CardAccount, Funding, LoadOrder } from '../../engine/cards/model.ts';
import {
  authoriseOrder,
  creditOrder,
  fundOrder,
  judgeBySight,
  mayAuthorise,
  type OrderChange,
  payRefund,
  placeOrder,
  refundOrder,
} from '../../engine/cards/orders.ts';
import { limits } from './load-world.ts';

const named = { card: 'AA', lastDigits: '0001', issuer: 'BB', profile: 'tunion', currency: 156 };
const card = issueCard(undefined, { ...named, holder: null }, 1) as CardAccount;
const funding: Funding = { source: 'bank', reference: 'B' };
const tac = { by: 'tac', tac: '01020304' } as const;
const attempt = {
  visit: 1,
  terminalId: '000000000001',
  balanceMinor: 0,
  onlineCounter: 7,
  keyVersion: 1,
  algorithm: 0,
  random: '00000000',
  dateTime: '20260601120000',
  atMs: 3,
};

function funded(): LoadOrder {
  const placed = placeOrder(card, 'o1', 500, limits, 1) as LoadOrder;
  return fundOrder(placed, funding, 2).order;
}

function authorised(): LoadOrder {
  return authoriseOrder(funded(), attempt);
}

/** What the postings leave on each account. */
function sums(postings: readonly Posting[]): Record<string, number> {
  const of: Record<string, number> = {};
  for (const { to, from, amountMinor } of postings) {
    of[to] = (of[to] ?? 0) + amountMinor;
    of[from] = (of[from] ?? 0) - amountMinor;
  }
  return of;
}

test('a sight says credited, not credited, or that something is wrong', () => {
  const order = authorised();
  const said = [6, 7, 8, 9].map((counter) => judgeBySight(order, counter));
  assert.deepEqual(said, ['broken', 'notCredited', 'credited', 'broken']);
});

test('a refund that a later TAC contradicts is withdrawn, or a loss once it was paid', () => {
  // A card that is gone for good makes an open order refundable; it comes back here.
  const back = refundOrder(authorised(), 'test', true, 4) as OrderChange;
  const due = back.refund!;
  const withdrawn = creditOrder(back.order, tac, due, false, 5);
  assert.equal(withdrawn.refund?.state, 'withdrawn');
  assert.equal(withdrawn.exception, 'lateTac');
  assert.deepEqual(sums([...back.postings, ...withdrawn.postings]), {
    orders: 500,
    refunds: 0,
    purses: -500,
  });
  assert.deepEqual(payRefund(withdrawn.refund, 'R', 6), { refused: 'unknownRefund' });

  const paid = payRefund(due, 'R', 5) as Exclude<ReturnType<typeof payRefund>, { refused: string }>;
  const gone: LoadOrder = { ...back.order, state: 'refunded' };
  const lost = creditOrder(gone, tac, paid.refund, false, 6);
  assert.equal(lost.exception, 'creditedAfterRefund');
  assert.deepEqual(sums(lost.postings), { loss: 500, purses: -500 });
  assert.deepEqual(creditOrder(lost.order, tac, paid.refund, false, 7).postings, []);
  const dead = creditOrder(gone, tac, paid.refund, true, 6);
  assert.deepEqual([dead.order.state, dead.postings], ['refunded', []]);
});

test('no rule refunds an order whose MAC2 is out, save for a dead card', () => {
  for (const state of ['authorised', 'unknown'] as const) {
    const order: LoadOrder = { ...authorised(), state };
    assert.deepEqual(refundOrder(order, 'test', false, 4), { refused: 'outcomeUnknown' });
  }
  assert.deepEqual(refundOrder({ ...authorised(), state: 'credited' }, 'test', true, 4), {
    refused: 'alreadyCredited',
  });
});

test('a day has its limit, which a transfer does not count for', () => {
  const order = funded();
  const full = { ...card, day: { day: 20, creditedMinor: limits.perDayMinor } };
  assert.deepEqual(mayAuthorise(order, full, 0, limits, 20), { refused: 'dayLimit' });
  assert.equal(mayAuthorise(order, full, 0, limits, 21), null);
  const transfer: LoadOrder = { ...order, funding: { source: 'transfer', reference: 'AA' } };
  assert.equal(mayAuthorise(transfer, full, 0, limits, 20), null);
});
