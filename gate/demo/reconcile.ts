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
import { chargeOpenLoop, type OpenLoopDay } from './open-loop.ts';
import { type DemoPlan, demoFiles } from './plan.ts';
import { truthsOf } from './rider-card.ts';

export interface Reckoning {
  /** Debits that cards committed, of whatever amount. */
  readonly debits: number;
  /** Debits that the ledger posted; taps that are charged later are none. */
  readonly posted: number;
  /** Debits, and taps that are charged later, that only the cards' own bank can verify. */
  readonly passedThrough: number;
  /** Taps of bank cards that are charged later. */
  readonly openLoop: OpenLoopDay;
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
  plan: DemoPlan,
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
      for (const card of truthsOf(cards.card(i), i, firstCounter(i))) {
        const hash = toHex(hashCard(key, card.cardNumber));
        debits += card.debits;
        spentMinor += card.spentMinor;
        unreconciledMinor += Math.abs(card.spentMinor - (posted.get(hash) ?? 0));
        posted.delete(hash);
      }
    }
    for (const strangerMinor of posted.values()) unreconciledMinor += Math.abs(strangerMinor);
    const summary = ledger.summary();
    const openLoop = await chargeOpenLoop(files.engine, plan, store, cards.clockMs);
    return {
      debits,
      posted: summary.posted - openLoop.taps,
      passedThrough: summary.passedThrough,
      openLoop,
      unresolved: summary.unconfirmed + summary.settlementsWaiting,
      unreconciledMinor,
      spentMinor,
      exceptions: Object.values(summary.exceptions).reduce((sum, count) => sum + count, 0),
      findings: [...checkLedger(store).findings, ...openLoop.findings],
    };
  } finally {
    await store.close();
  }
}
