/**
 * What the debits of a card say about its open order, for a rider who rides on and never comes to
 * a machine again. No clock is asked: at the attempt's INITIALIZE the card had spent exactly what
 * it was ever loaded with less the balance it showed. A ledger that has more debits than that has
 * one made later, and what is on the card after it tells whether the load is.
 */
import type { CardAccount, LoadOrder } from './model.ts';

/** One card's purse as the ledger has it. */
export interface SpentOfCard {
  /** Debits posted, and their sum. */
  readonly debits: number;
  readonly postedMinor: number;
  /** The last debit: its counter before the increment, and what it left. */
  readonly head: {
    readonly offlineCounter: number;
    readonly balanceAfterMinor: number;
  } | null;
}

/**
 * Null where nothing is proved: no debit after the attempt has arrived, some before it are missing,
 * or the sum fits neither outcome.
 */
export function judgeByLedger(
  card: CardAccount,
  order: LoadOrder,
  { debits, postedMinor, head }: SpentOfCard,
): 'credited' | 'notCredited' | null {
  const attempt = order.attempts.at(-1);
  // A card is issued with its offline counter at 0: with a gap, or a restart, the sum says nothing.
  if (!attempt || head === null || debits !== head.offlineCounter + 1) return null;
  const spentThenMinor = card.everLoadedMinor - attempt.balanceMinor;
  if (postedMinor <= spentThenMinor) return null;
  const loadedMinor = head.balanceAfterMinor + postedMinor;
  if (loadedMinor === card.everLoadedMinor) return 'notCredited';
  return loadedMinor === card.everLoadedMinor + order.amountMinor ? 'credited' : null;
}
