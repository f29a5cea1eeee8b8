/** What the ledger has of cards' purses: for evidence, replacements and the float. */
import { fromHex, toHex } from '../bytes.ts';
import type { DebitId } from '../debit/record.ts';
import type { AccountBalance, Ledger } from '../ledger/ledger.ts';
import type { LedgerStore } from '../ledger/store.ts';
import { EXCEPTIONS_PAGE_MAX } from '../limits.ts';
import type { LedgerSpending } from './float.ts';
import { finalDebits } from './ledger-debits.ts';
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

/** What debits took from the purses of each issuer. */
export function spentOfIssuers(accounts: readonly AccountBalance[]): LedgerSpending['issuers'] {
  const float = /^float:([0-9a-f]{16})$/;
  return accounts.flatMap(({ name, currency, balanceMinor }) => {
    const issuer = float.exec(name)?.[1]?.toUpperCase();
    return issuer === undefined ? [] : [{ issuer, currency, spentMinor: 0 - balanceMinor }];
  });
}

/** The ledger's side of the float. */
export function spendingOf(
  ledger: Pick<Ledger, 'cardTotals' | 'summary'>,
  store: LedgerStore,
  storageKey: Uint8Array,
): LedgerSpending {
  return {
    issuers: spentOfIssuers(ledger.summary().accounts),
    spentOf: (card, currency) => spentOf(ledger, card, currency),
    debits: () => finalDebits(store, storageKey),
  };
}
