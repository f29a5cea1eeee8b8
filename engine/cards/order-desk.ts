/**
 * Orders and their money on the way in and out: placed, paid for, settled by later debits, given
 * back. Every method is one durable transaction and may be told again.
 */
import { serviceDay } from '../service-day.ts';
import type { Zone } from '../time.ts';
import { Held } from './held.ts';
import { judgeByLedger, type SpentOfCard } from './ledger-evidence.ts';
import {
  type Funding,
  type LoadLimits,
  type LoadOrder,
  type Refund,
  type Refused,
  refuse,
} from './model.ts';
import { fundOrder, notCredited, payRefund, placeOrder, refundOrder } from './orders.ts';
import type { CardStore } from './rows.ts';

export interface OrderDeskParts {
  readonly store: CardStore;
  readonly limits: LoadLimits;
  /** Of the day that limits count by, and of the date and time that go to cards. */
  readonly zone: Zone;
  readonly nowMs: () => number;
}

export class OrderDesk {
  readonly #parts: OrderDeskParts;

  constructor(parts: OrderDeskParts) {
    this.#parts = parts;
  }

  /** Places an order for a card, by the card's keyed hash; the same order again is the first. */
  place(orderId: string, card: string, amountMinor: number): Promise<LoadOrder | Refused> {
    return this.#transaction((held) => {
      const known = held.order(orderId);
      if (known) {
        const same = known.card === card && known.amountMinor === amountMinor;
        return same ? known : refuse('orderDiffers');
      }
      const account = held.card(card);
      if (!account) return refuse('unknownCard');
      const order = placeOrder(account, orderId, amountMinor, this.#parts.limits, held.nowMs);
      if (!('refused' in order)) held.addOrder(order);
      return order;
    });
  }

  /** The money of an order has come; the answer shows what became of it. */
  fund(orderId: string, funding: Funding): Promise<LoadOrder | Refused> {
    return this.#transaction((held) => {
      const order = held.order(orderId);
      if (!order) return refuse('unknownOrder');
      const change = fundOrder(order, funding, held.nowMs);
      const repeated = change.refund && held.refund(change.refund.refundId);
      if (!repeated) held.applyOrder(change);
      return repeated ? order : change.order;
    });
  }

  /** What the card's debits in the ledger say of its open order; the order as it stands then. */
  settleByLedger(orderId: string, spent: SpentOfCard): Promise<LoadOrder | Refused> {
    return this.#transaction((held) => {
      const order = held.order(orderId);
      if (!order) return refuse('unknownOrder');
      const card = held.card(order.card)!;
      if (card.openOrder !== orderId) return order;
      const verdict = judgeByLedger(card, order, spent);
      if (verdict === null) return order;
      const attempt = order.attempts.at(-1)!;
      if (verdict === 'credited') {
        const day = serviceDay(this.#parts.zone, attempt.atMs);
        held.credit(card, order, { by: 'ledger' }, attempt.onlineCounter, day);
      } else {
        held.putOrder(notCredited(order, held.nowMs));
        // Older readings of the card must not be heard after this.
        held.putCard({ ...card, openOrder: null, visit: null });
      }
      return held.order(orderId)!;
    });
  }

  /** Gives the money of an order back that no card has or can get any more. */
  refund(orderId: string): Promise<LoadOrder | Refused> {
    return this.#transaction((held) => {
      const order = held.order(orderId);
      if (!order) return refuse('unknownOrder');
      const dead = held.card(order.card)?.standing === 'replaced';
      const change = refundOrder(order, 'asked for', dead, held.nowMs);
      if ('refused' in change) return change;
      held.applyOrder(change);
      return change.order;
    });
  }

  /** A refund went out; `reference` is the payment's. */
  paid(refundId: string, reference: string): Promise<Refund | Refused> {
    return this.#transaction((held) => {
      const refund = held.refund(refundId);
      if (!refund) return refuse('unknownRefund');
      const change = payRefund(refund, reference, held.nowMs);
      if ('refused' in change) return change;
      held.putRefund(change.refund, change.postings);
      const order = held.order(refund.orderId);
      if (order?.state === 'refundDue' && refundId === order.orderId) {
        held.putOrder({ ...order, state: 'refunded', sinceMs: held.nowMs });
      }
      return change.refund;
    });
  }

  #transaction<R>(work: (held: Held) => R): Promise<R> {
    return this.#parts.store.transaction((writer) => work(new Held(writer, this.#parts.nowMs())));
  }
}
