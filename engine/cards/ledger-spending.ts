/** What the ledger has of a card's purse, for evidence and for replacements. */
import { fromHex, toHex } from '../bytes.ts';
import type { DebitId } from '../debit/record.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { EXCEPTIONS_PAGE_MAX } from '../limits.ts';
import type { SpentOfCard } from './ledger-evidence.ts';

/** Purse of the ledger's totals: 2 is EP, which is what is loaded. */
const PURSE = 2;

/** @param card keyed hash, 16 bytes in hexadecimal. */
export function spentOf(
  ledger: Pick<Ledger, 'cardTotals'>,
  card: string,
  currency: number,
): SpentOfCard {
  for (const total of ledger.cardTotals([fromHex(card)])) {
    if (total.purse !== PURSE || total.currency !== currency) continue;
    const { debits, postedMinor, head } = total;
    return { debits, postedMinor, head };
  }
  return { debits: 0, postedMinor: 0, head: null };
}

/** Cards with a debit that no record has settled: their sums may still change. */
export function cardsInDoubt(ledger: Pick<Ledger, 'unconfirmed'>): Set<string> {
  const cards = new Set<string>();
  let after: DebitId | undefined;
  for (;;) {
    const page = ledger.unconfirmed({ limit: EXCEPTIONS_PAGE_MAX, ...(after && { after }) });
    for (const { card } of page) cards.add(toHex(card));
    if (page.length < EXCEPTIONS_PAGE_MAX) return cards;
    after = page.at(-1)!;
  }
}
