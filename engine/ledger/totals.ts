/** What one card's chain adds up to: used to reconcile cards with the ledger. */
import { readU16 } from '../bytes.ts';
import {
  CARD_BYTES,
  chainKey,
  decodeDebitRow,
  decodeLink,
  decodePending,
  idKey,
  Standing,
} from './rows.ts';
import type { StoreReader } from './store.ts';

/** One card's purse in one currency. */
export interface CardTotal {
  readonly card: Uint8Array;
  /** 1 electronic deposit (ED), 2 electronic purse (EP), 3 a bank card. */
  readonly purse: number;
  readonly currency: number;
  /** Posted debits, presumed ones included, those in suspense not. */
  readonly debits: number;
  readonly postedMinor: number;
  /** At the highest counter posted; null where every debit is presumed. */
  readonly head: CardHead | null;
}

export interface CardHead {
  /** Of the last debit, before the card's increment. */
  readonly offlineCounter: number;
  readonly balanceAfterMinor: number;
}

interface Sum {
  purse: number;
  currency: number;
  debits: number;
  postedMinor: number;
  head: CardHead | null;
}

/**
 * Totals of a card, one for each purse and currency it was debited in; empty for an unknown card.
 */
export function totalsOfCard(reader: StoreReader, card: Uint8Array): CardTotal[] {
  const sums = new Map<number, Sum>();
  const add = (purse: number, currency: number, amountMinor: number): Sum => {
    const id = purse * 0x10000 + currency;
    const sum = sums.get(id) ?? { purse, currency, debits: 0, postedMinor: 0, head: null };
    sum.debits++;
    sum.postedMinor += amountMinor;
    sums.set(id, sum);
    return sum;
  };
  const range = { from: chainKey(card, 0, 0), to: chainKey(card, 0xff, 0) };
  for (const { key, value } of reader.range('chain', range)) {
    const link = decodeLink(key, value);
    const sum = add(key[CARD_BYTES]!, link.currency, link.amountMinor);
    sum.head = {
      offlineCounter: readU16(key, CARD_BYTES + 1),
      balanceAfterMinor: link.balanceBeforeMinor - link.amountMinor,
    };
  }
  for (const { key, value } of reader.range('pending', range)) {
    for (const pending of decodePending(value)) {
      const row = decodeDebitRow(reader.get('debits', idKey(pending))!);
      if (row.standing !== Standing.presumedPosted) continue;
      add(key[CARD_BYTES]!, pending.currency, pending.amountMinor);
    }
  }
  return [...sums.values()].map((sum) => ({ card, ...sum }));
}
