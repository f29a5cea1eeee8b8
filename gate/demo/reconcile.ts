/**
 * The demo's reckoning: what left the cards must be what the ledger posted, card by card. The
 * cards' side comes from the card file, which neither gate nor engine can read; the ledger is read
 * from disk after the engine has closed it.
 */
import { join } from 'node:path';
import { toHex } from '../../engine/bytes.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { hashCard } from '../../engine/operator/engine.ts';
import { loadKeyFile } from '../../engine/operator/key-files.ts';
import type { CardFile } from './card-file.ts';
import { demoFiles } from './plan.ts';
import { truthOf } from './rider-card.ts';

export interface Reckoning {
  /** Debits that cards committed, of whatever amount. */
  readonly debits: number;
  /** Of these, posted by the ledger. */
  readonly posted: number;
  /** Debits whose outcome the ledger does not know. */
  readonly unresolved: number;
  /** Sum over all cards of what the card spent and the ledger posted differently. */
  readonly unreconciledMinor: number;
  readonly spentMinor: number;
  readonly exceptions: number;
  /** What `ledger check` found wrong. */
  readonly findings: readonly string[];
}

export async function reckon(
  dir: string,
  cards: CardFile,
  firstCounter: (index: number) => number,
): Promise<Reckoning> {
  const files = demoFiles(dir);
  const key = cmacKey((await loadKeyFile(files.keys, {})).cardHash);
  const store = LmdbStore.open(join(files.engine, 'ledger'), { readOnly: true });
  try {
    const ledger = await Ledger.open(store);
    const posted = new Map<string, number>();
    for (const total of ledger.cardTotals()) {
      const card = toHex(total.card);
      posted.set(card, (posted.get(card) ?? 0) + total.postedMinor);
    }
    let debits = 0;
    let spentMinor = 0;
    let unreconciledMinor = 0;
    for (let i = 0; i < cards.riders; i++) {
      const card = truthOf(cards.card(i));
      const hash = toHex(hashCard(key, card.cardNumber));
      debits += card.offlineCounter - firstCounter(i);
      spentMinor += card.spentMinor;
      unreconciledMinor += Math.abs(card.spentMinor - (posted.get(hash) ?? 0));
      posted.delete(hash);
    }
    for (const strangerMinor of posted.values()) unreconciledMinor += Math.abs(strangerMinor);
    const summary = ledger.summary();
    return {
      debits,
      posted: summary.posted,
      unresolved: summary.unconfirmed + summary.settlementsWaiting,
      unreconciledMinor,
      spentMinor,
      exceptions: Object.values(summary.exceptions).reduce((sum, count) => sum + count, 0),
      findings: checkLedger(store).findings,
    };
  } finally {
    await store.close();
  }
}
