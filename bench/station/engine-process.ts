/** The engine's process: the operator's engine itself, and its reckoning with the cards. */
import { createHash } from 'node:crypto';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { hashCard, type RunningEngine } from '../../engine/operator/engine.ts';
import { enrolGate } from '../../engine/operator/enrolment.ts';
import { startBenchEngine } from '../load/engine.ts';
import { type CardTruth, gateIdOf, HASH_KEY, keyringOf, type LoadPlan, truthOf } from './plan.ts';

/** What the ledger holds, beside what the cards say. */
export interface Held {
  readonly debits: number;
  readonly posted: number;
  readonly unresolved: number;
  readonly exceptions: number;
  /** Sum over all cards of what a card spent and the ledger posted differently. */
  readonly unreconciledMinor: number;
  /** Of all cards' numbers, debits and amounts. */
  readonly hash: string;
}

/** Enrols the gates once; every run's engine begins with a copy. */
export async function enrolGates(enrolledDir: string, gates: number): Promise<void> {
  for (let i = 0; i < gates; i++) {
    const gateId = gateIdOf(i);
    const outDir = join(enrolledDir, 'gates', gateId);
    await enrolGate(join(enrolledDir, 'engine'), { gateId, outDir });
  }
}

export function runEngine(plan: LoadPlan): Promise<RunningEngine> {
  cpSync(join(plan.enrolledDir, 'engine'), plan.engineDir, { recursive: true });
  return startBenchEngine(plan.engineDir, keyringOf(plan), HASH_KEY);
}

/** After engine and cards have stopped: the ledger from disk, card by card. */
export async function held(plan: LoadPlan): Promise<Held> {
  const key = cmacKey(HASH_KEY);
  const truth = JSON.parse(readFileSync(truthOf(plan), 'utf8')) as CardTruth[];
  const store = LmdbStore.open(join(plan.engineDir, 'ledger'), { readOnly: true });
  try {
    const ledger = await Ledger.open(store);
    const posted = new Map<string, number>();
    for (const { card, postedMinor } of ledger.cardTotals()) {
      posted.set(toHex(card), (posted.get(toHex(card)) ?? 0) + postedMinor);
    }
    let unreconciledMinor = 0;
    let debits = 0;
    for (const card of truth) {
      const hash = toHex(hashCard(key, fromHex(card.number)));
      unreconciledMinor += Math.abs(card.spentMinor - (posted.get(hash) ?? 0));
      posted.delete(hash);
      debits += card.debits;
    }
    for (const strangerMinor of posted.values()) unreconciledMinor += Math.abs(strangerMinor);
    const summary = ledger.summary();
    return {
      debits,
      posted: summary.posted,
      unresolved: summary.unconfirmed + summary.settlementsWaiting,
      exceptions: Object.values(summary.exceptions).reduce((sum, count) => sum + count, 0),
      unreconciledMinor,
      hash: createHash('sha256').update(JSON.stringify(truth)).digest('hex'),
    };
  } finally {
    await store.close();
  }
}
