/**
 * What one transaction reads and writes of cards and orders: rows and their postings always go
 * together.
 */
import assert from 'node:assert/strict';
import { bytesOf } from '../ledger/json-rows.ts';
import { book, type Posting } from './books.ts';
import type { CardChange } from './life.ts';
import type { CardAccount, CardExceptionCode, LoadOrder, Refund } from './model.ts';
import { creditOrder, isClosed, type OrderChange } from './orders.ts';
import { type CardWriter, getRow, orderIndex, ordersOf, putRow } from './rows.ts';

export class Held {
  readonly #writer: CardWriter;
  readonly nowMs: number;

  constructor(writer: CardWriter, nowMs: number) {
    this.#writer = writer;
    this.nowMs = nowMs;
  }

  card(card: string): CardAccount | undefined {
    return getRow(this.#writer, 'cards', card);
  }

  order(orderId: string): LoadOrder | undefined {
    return getRow(this.#writer, 'orders', orderId);
  }

  refund(refundId: string): Refund | undefined {
    return getRow(this.#writer, 'refunds', refundId);
  }

  /** Orders of the card's present holder. */
  ordersOf(card: CardAccount): LoadOrder[] {
    return ordersOf(this.#writer, card);
  }

  putCard(card: CardAccount): void {
    putRow(this.#writer, 'cards', card.card, card);
  }

  addOrder(order: LoadOrder): void {
    this.putOrder(order);
    putRow(this.#writer, 'byCard', orderIndex(order.card, order.generation, order.orderId), null);
  }

  putOrder(order: LoadOrder): void {
    putRow(this.#writer, 'orders', order.orderId, order);
    if (!isClosed(order)) putRow(this.#writer, 'open', order.orderId, null);
    else this.#writer.remove('open', bytesOf(order.orderId));
  }

  putRefund(refund: Refund, postings: readonly Posting[]): void {
    putRow(this.#writer, 'refunds', refund.refundId, refund);
    book(this.#writer, refund, refund.orderId, postings, this.nowMs);
  }

  applyOrder({ order, postings, refund, exception }: OrderChange): void {
    this.putOrder(order);
    if (refund) putRow(this.#writer, 'refunds', refund.refundId, refund);
    book(this.#writer, order, order.orderId, postings, this.nowMs);
    if (exception) this.exception(exception, order.orderId);
  }

  applyCard({ card, postings, exception }: CardChange): void {
    this.putCard(card);
    book(this.#writer, card, card.card, postings, this.nowMs);
    if (exception) this.exception(exception, card.card);
  }

  /** Kept once for each subject. */
  exception(code: CardExceptionCode, subject: string): void {
    const key = `${code} ${subject}`;
    if (getRow(this.#writer, 'exceptions', key)) return;
    putRow(this.#writer, 'exceptions', key, { code, subject, atMs: this.nowMs });
  }

  /**
   * Books a proved credit on order and card; answers the card.
   * @param counter the online counter of the attempt that the card took.
   */
  credit(
    card: CardAccount,
    order: LoadOrder,
    proof: Parameters<typeof creditOrder>[1],
    counter: number,
    day: number,
  ): CardAccount {
    const dead = card.standing === 'replaced';
    const own = this.refund(order.orderId);
    const change = creditOrder(order, proof, own, dead, this.nowMs);
    this.applyOrder(change);
    if (change.order.state !== 'credited' || order.state === 'credited') return card;
    assert.equal(order.card, card.card);
    const today = card.day.day === day ? card.day.creditedMinor : 0;
    const ownGeneration = order.generation === card.generation;
    const next: CardAccount = {
      ...card,
      openOrder: card.openOrder === order.orderId ? null : card.openOrder,
      everLoadedMinor: card.everLoadedMinor + order.amountMinor,
      nextCounter: Math.max(card.nextCounter ?? 0, counter + 1),
      seen: seenAfter(card, order, proof.by),
      ...(ownGeneration && {
        loadedMinor: card.loadedMinor + order.amountMinor,
        day: { day, creditedMinor: today + order.amountMinor },
      }),
    };
    this.putCard(next);
    return next;
  }
}

/**
 * The card's balance as it was read last, once a credit is proved. A reading that showed the credit
 * holds; so does that of a card in the drawer, which was paid for. One from before it is what the
 * TAC makes of it, and void where later debits are the proof.
 */
function seenAfter(
  { seen, standing }: CardAccount,
  { attempts, amountMinor }: LoadOrder,
  by: LoadOrder['proof'],
): CardAccount['seen'] {
  const attempt = attempts.at(-1);
  const isBefore = seen !== null && attempt !== undefined && seen.atMs <= attempt.atMs;
  if (by === 'counter' || standing === 'returned' || !isBefore) return seen;
  if (by === 'ledger') return null;
  return { balanceMinor: attempt.balanceMinor + amountMinor, atMs: attempt.atMs };
}
