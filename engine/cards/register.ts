/**
 * The card accounts: issued, stopped, found, given back, re-issued, replaced. Each method is one
 * durable transaction, and told again what holds already, it changes nothing.
 */

import { Held } from './held.ts';
import {
  blockCard,
  type CardChange,
  findCard,
  giveBack,
  issueCard,
  loseCard,
  type NewCard,
  reissue,
  replaceCard,
  unblockCard,
} from './life.ts';
import type { Funding } from './model.ts';
import {
  type CardAccount,
  type LoadOrder,
  type Refused,
  refuse,
  stoppedStandings,
} from './model.ts';
import { fundOrder, newOrder, refundOrder } from './orders.ts';
import { type CardReader, type CardStore, eachRow } from './rows.ts';

/** What is done with a card that is named and nothing else. */
export const cardSteps = {
  block: blockCard,
  unblock: unblockCard,
  lost: loseCard,
  found: findCard,
} as const;
export type CardStep = keyof typeof cardSteps;

/** A replacement as it was asked for. */
export interface Replacement {
  readonly card: string;
  readonly by: string;
  /** Of the order that takes the balance to the new card. */
  readonly orderId: string;
  /** What the ledger has of the old card's debits. */
  readonly spentMinor: number;
  readonly settlingMs: number;
}

export class CardRegister {
  readonly #store: CardStore;
  readonly #nowMs: () => number;

  constructor(store: CardStore, nowMs: () => number) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  issue(fresh: NewCard): Promise<CardAccount | Refused> {
    return this.#transaction((held) => {
      const card = issueCard(held.card(fresh.card), fresh, held.nowMs);
      if (!('refused' in card)) held.putCard(card);
      return card;
    });
  }

  step(card: string, step: CardStep): Promise<CardAccount | Refused> {
    return this.#change(card, (held, account) => cardSteps[step](account, held.nowMs));
  }

  /** @param freshMs how old the reading of the balance may be that the till pays out. */
  giveBack(card: string, freshMs: number): Promise<CardAccount | Refused> {
    return this.#change(card, (held, account) => giveBack(account, held.nowMs, freshMs));
  }

  reissue(card: string): Promise<CardAccount | Refused> {
    return this.#change(card, (held, account) => reissue(account, held.nowMs));
  }

  /**
   * Ends the old card; its balance becomes a funded order for the new one, and so reaches it by the
   * same way as all money, once. Orders of the old card go back: whether it holds the money of one
   * without outcome does not matter, since it was not spent and never can be. Where the card spent
   * more than it was loaded with, it had that money, and what is left of it is its balance.
   */
  replace(asked: Replacement): Promise<{ readonly order: LoadOrder | null } | Refused> {
    return this.#transaction((held) => {
      const { orderId } = asked;
      const old = held.card(asked.card);
      const by = held.card(asked.by);
      if (!old || !by) return refuse('unknownCard');
      const known = held.order(orderId);
      if (old.standing === 'replaced') {
        const same = old.replacedBy === by.card && (!known || known.card === by.card);
        return same ? { order: known ?? null } : refuse('wrongStanding');
      }
      if (known) return refuse('orderDiffers');
      const { spentMinor, settlingMs } = asked;
      const may = replaceCard(old, by, spentMinor, held.nowMs, settlingMs);
      if ('refused' in may) return may;
      const spender = creditSpent(held, old, spentMinor);
      const change = replaceCard(spender, by, spentMinor, held.nowMs, settlingMs);
      if ('refused' in change) return change;
      held.applyCard(change);
      for (const open of held.ordersOf(old)) {
        const back = refundOrder(open, 'card replaced', true, held.nowMs);
        if (!('refused' in back)) held.applyOrder(back);
      }
      if (change.balanceMinor === 0) return { order: null };
      // The balance was within the purse's bounds before.
      const order = newOrder(by, orderId, change.balanceMinor, held.nowMs);
      const funding: Funding = { source: 'transfer', reference: old.card };
      held.addOrder(order);
      const funded = fundOrder(order, funding, held.nowMs);
      held.applyOrder(funded);
      return { order: funded.order };
    });
  }

  #change(
    card: string,
    work: (held: Held, account: CardAccount) => CardChange | Refused,
  ): Promise<CardAccount | Refused> {
    return this.#transaction((held) => {
      const account = held.card(card);
      if (!account) return refuse('unknownCard');
      const change = work(held, account);
      if ('refused' in change) return change;
      held.applyCard(change);
      return change.card;
    });
  }

  #transaction<R>(work: (held: Held) => R): Promise<R> {
    return this.#store.transaction((writer) => work(new Held(writer, this.#nowMs())));
  }
}

/** The card, credited with its open order where it spent of that. */
function creditSpent(held: Held, card: CardAccount, spentMinor: number): CardAccount {
  if (card.openOrder === null || spentMinor <= card.initialMinor + card.loadedMinor) return card;
  const order = held.order(card.openOrder)!;
  const { onlineCounter } = order.attempts.at(-1)!;
  return held.credit(card, order, { by: 'ledger' }, onlineCounter, card.day.day);
}

/** Keyed hashes, 16 bytes in hexadecimal, of the cards that gates must stop. */
export function* stoppedCardsOf(reader: CardReader): Generator<string> {
  for (const { row } of eachRow(reader, 'cards')) {
    if (stoppedStandings.includes(row.standing)) yield row.card;
  }
}
