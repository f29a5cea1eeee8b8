/**
 * The life of a load order as pure rules: each takes what is held and answers the next state with
 * the postings that go with it, or a refusal.
 *
 *     ordered -> funded -> authorised -> credited
 *                  ^  \        |  ^ \
 *                  |   \       v  |  -> (unknown is authorised without an answer)
 *                  |    \-> refundDue -> refunded
 *                  +---- a later sight of the card at the same online counter
 *
 * Once a MAC2 has left, only the card can say what became of it: its TAC, or its online counter in
 * a later INITIALIZE. So no rule here leads from authorised or unknown to a refund.
 */
import assert from 'node:assert/strict';
import type { Posting } from './books.ts';
import {
  type Attempt,
  type CardAccount,
  type CardExceptionCode,
  type Funding,
  type LoadLimits,
  type LoadOrder,
  type OrderState,
  type Refund,
  type Refused,
  refuse,
} from './model.ts';

export interface OrderChange {
  readonly order: LoadOrder;
  readonly postings: readonly Posting[];
  readonly refund?: Refund;
  readonly exception?: CardExceptionCode;
}

const NOTHING: readonly Posting[] = [];

function moved(order: LoadOrder, state: OrderState, nowMs: number): LoadOrder {
  return { ...order, state, sinceMs: nowMs };
}

export function placeOrder(
  card: CardAccount,
  orderId: string,
  amountMinor: number,
  limits: LoadLimits,
  nowMs: number,
): LoadOrder | Refused {
  if (card.standing !== 'issued') return refuse('cardNotIssued');
  if (amountMinor > limits.perLoadMinor) return refuse('loadLimit');
  if (amountMinor > limits.ceilingMinor[card.kind]) return refuse('purseCeiling');
  return newOrder(card, orderId, amountMinor, nowMs);
}

/** An order before its money has come. No limit holds here. */
export function newOrder(
  card: CardAccount,
  orderId: string,
  amountMinor: number,
  nowMs: number,
): LoadOrder {
  return {
    orderId,
    card: card.card,
    generation: card.generation,
    issuer: card.issuer,
    currency: card.currency,
    amountMinor,
    state: 'ordered',
    orderedMs: nowMs,
    sinceMs: nowMs,
    funding: null,
    attempts: [],
    proof: null,
    tac: null,
  };
}

/** What a funding puts the money on: the replaced card's purse owes it no longer. */
function fundedTo(funding: Funding): Posting['to'] {
  return funding.source === 'transfer' ? 'purses' : funding.source;
}

/**
 * The order's money has come. Told again, nothing changes. Money that comes for an order that has
 * its money, or was cancelled, goes back: it never stays without a card credit.
 */
export function fundOrder(order: LoadOrder, funding: Funding, nowMs: number): OrderChange {
  const came = (from: Posting['from'], why: string): Posting => {
    return { to: fundedTo(funding), from, amountMinor: order.amountMinor, why };
  };
  if (order.state === 'ordered') {
    const next = { ...moved(order, 'funded', nowMs), funding };
    return { order: next, postings: [came('orders', 'funded')] };
  }
  const known = order.funding;
  if (known && known.source === funding.source && known.reference === funding.reference) {
    return { order, postings: NOTHING };
  }
  const refund: Refund = {
    refundId: known ? `${order.orderId}+${funding.reference}` : order.orderId,
    orderId: order.orderId,
    issuer: order.issuer,
    currency: order.currency,
    amountMinor: order.amountMinor,
    funding,
    state: 'due',
    why: known ? 'fundedTwice' : 'fundedAfterCancelled',
    sinceMs: nowMs,
    reference: null,
  };
  const postings = [came('refunds', refund.why)];
  if (known) return { order, postings, refund, exception: 'fundedTwice' };
  return { order: { ...moved(order, 'refundDue', nowMs), funding }, postings, refund };
}

/** Why no MAC2 may leave for this order and this reading of its card; null: it may. */
export function mayAuthorise(
  order: LoadOrder,
  card: CardAccount,
  balanceMinor: number,
  limits: LoadLimits,
  day: number,
): Refused | null {
  const closed = closedOrder(order);
  if (closed) return closed;
  if (card.standing !== 'issued') return refuse('cardNotIssued');
  if (order.generation !== card.generation) return refuse('otherHolder');
  if (order.state !== 'funded') return refuse('notFunded');
  // A replaced card's balance goes over whole.
  const transfer = order.funding?.source === 'transfer';
  if (!transfer && order.amountMinor > limits.perLoadMinor) return refuse('loadLimit');
  if (balanceMinor + order.amountMinor > limits.ceilingMinor[card.kind]) {
    return refuse('purseCeiling');
  }
  const today = card.day.day === day ? card.day.creditedMinor : 0;
  if (!transfer && today + order.amountMinor > limits.perDayMinor) return refuse('dayLimit');
  return null;
}

/** The refusal of an order that no card will be credited with any more, or null. */
export function closedOrder(order: LoadOrder): Refused | null {
  if (order.state === 'credited') return refuse('alreadyCredited');
  if (order.state === 'refundDue' || order.state === 'refunded') return refuse('refunded');
  return order.state === 'cancelled' ? refuse('notFunded') : null;
}

/** Whether nothing is outstanding of the order. */
export function isClosed({ state }: LoadOrder): boolean {
  return state === 'credited' || state === 'refunded' || state === 'cancelled';
}

export function authoriseOrder(order: LoadOrder, attempt: Attempt): LoadOrder {
  assert.equal(order.state, 'funded');
  return {
    ...moved(order, 'authorised', attempt.atMs),
    attempts: [...order.attempts, attempt],
  };
}

/** What a later sight of the card says of an open order. */
export function judgeBySight(
  order: LoadOrder,
  onlineCounter: number,
): 'credited' | 'notCredited' | 'broken' {
  // Of one order at one counter at most one attempt can have committed: it moved the counter.
  const last = order.attempts.at(-1);
  assert(last, 'an open order has an attempt');
  if (onlineCounter === last.onlineCounter) return 'notCredited';
  return onlineCounter === last.onlineCounter + 1 ? 'credited' : 'broken';
}

/** The card is proved not to have the money: the order may be tried again, or refunded. */
export function notCredited(order: LoadOrder, nowMs: number): LoadOrder {
  assert(order.state === 'authorised' || order.state === 'unknown');
  return moved(order, 'funded', nowMs);
}

/**
 * The card is proved to have the money. A TAC outweighs everything that was decided before it.
 * @param refund the order's own, where there is one.
 * @param dead the card is replaced: whatever it holds was paid out already.
 */
export function creditOrder(
  order: LoadOrder,
  proof: { readonly by: 'counter' | 'ledger' } | { readonly by: 'tac'; readonly tac: string },
  refund: Refund | undefined,
  dead: boolean,
  nowMs: number,
): OrderChange {
  const tac = proof.by === 'tac' ? proof.tac : null;
  const proved = { ...order, proof: proof.by, tac };
  const { amountMinor } = order;
  const credit: Posting = { to: 'orders', from: 'purses', amountMinor, why: 'credited' };
  switch (order.state) {
    case 'credited':
      return {
        order: order.proof === 'tac' ? order : { ...order, ...proofOf(proved) },
        postings: [],
      };
    case 'funded':
    case 'authorised':
    case 'unknown':
      return { order: moved(proved, 'credited', nowMs), postings: [credit] };
    case 'refundDue': {
      if (dead) return { order, postings: [], exception: 'lateTac' };
      assert(refund?.state === 'due');
      return {
        order: moved(proved, 'credited', nowMs),
        postings: [{ to: 'refunds', from: 'orders', amountMinor, why: 'refund withdrawn' }, credit],
        refund: { ...refund, state: 'withdrawn', sinceMs: nowMs },
        exception: 'lateTac',
      };
    }
    case 'refunded':
      if (dead) return { order, postings: [], exception: 'lateTac' };
      return {
        order: moved(proved, 'credited', nowMs),
        postings: [{ to: 'loss', from: 'purses', amountMinor, why: 'credited after refund' }],
        exception: 'creditedAfterRefund',
      };
    default:
      return assert.fail(`an order that is ${order.state} had no MAC2`);
  }
}

function proofOf({ proof, tac }: LoadOrder): Pick<LoadOrder, 'proof' | 'tac'> {
  return { proof, tac };
}

/** No TAC came back. The money stays where it is until the card is seen. */
export function leaveUnknown(order: LoadOrder, nowMs: number): LoadOrder {
  return order.state === 'authorised' ? moved(order, 'unknown', nowMs) : order;
}

/**
 * Gives an order's money back, once.
 * @param dead the card can never ride again, so that money it may hold is lost to it: what was not
 * spent is the rider's either way, and the order need not be known.
 */
export function refundOrder(
  order: LoadOrder,
  why: string,
  dead: boolean,
  nowMs: number,
): OrderChange | Refused {
  const { orderId, issuer, currency, amountMinor, funding } = order;
  switch (order.state) {
    case 'ordered':
      return { order: moved(order, 'cancelled', nowMs), postings: NOTHING };
    case 'cancelled':
    case 'refundDue':
    case 'refunded':
      return { order, postings: NOTHING };
    case 'credited':
      return refuse('alreadyCredited');
    case 'authorised':
    case 'unknown':
      if (!dead) return refuse('outcomeUnknown');
      break;
    case 'funded':
      break;
  }
  assert(funding, 'a funded order knows its funding');
  return {
    order: moved(order, 'refundDue', nowMs),
    postings: [{ to: 'orders', from: 'refunds', amountMinor, why: 'refund due' }],
    refund: {
      refundId: orderId,
      orderId,
      issuer,
      currency,
      amountMinor,
      funding,
      state: 'due',
      why,
      sinceMs: nowMs,
      reference: null,
    },
  };
}

/** A refund was paid. Told again, nothing changes. A transfer's is paid by the bank. */
export function payRefund(
  refund: Refund,
  reference: string,
  nowMs: number,
): { readonly refund: Refund; readonly postings: readonly Posting[] } | Refused {
  if (refund.state === 'paid') return { refund, postings: NOTHING };
  if (refund.state === 'withdrawn') return refuse('unknownRefund');
  const from = refund.funding.source === 'cash' ? 'cash' : 'bank';
  return {
    refund: { ...refund, state: 'paid', reference, sinceMs: nowMs },
    postings: [{ to: 'refunds', from, amountMinor: refund.amountMinor, why: 'refund paid' }],
  };
}
