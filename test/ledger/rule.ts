/** One posting rule as a test, in both lanes: a fresh ledger, recomputed after every record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { Outcome } from '../../engine/ledger/outcomes.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { byColumns, byRules, type Lane } from './columns.ts';
import { ISSUER } from './samples.ts';

export interface Case {
  ledger: Ledger;
  /** Posts one record of whichever gate. */
  post(debit: ReceivedDebit): Promise<Outcome>;
  /** Balances as [receivable, float, suspense]. */
  balances(): number[];
  store: MemoryStore;
}

export function rule(name: string, work: (on: Case) => Promise<void>): void {
  test(name, () => onLedger(byRules, work));
  test(`by columns: ${name}`, () => onLedger(byColumns, work));
}

async function onLedger(lane: Lane, work: (on: Case) => Promise<void>): Promise<void> {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store, { checkpointRows: 2 });
  const post = async (debit: ReceivedDebit) => {
    const { outcomes } = await lane(ledger, debit.gateId, [debit]);
    const report = checkLedger(store);
    assert.deepEqual(report.findings, []);
    return outcomes[0]!;
  };
  const balances = () => {
    const { accounts } = ledger.summary();
    const balanceOf = (kind: string) =>
      accounts.find((one) => one.name === `${kind}:${ISSUER}`)?.balanceMinor ?? 0;
    // A purse's debits stand on its float, a bank card's on clearing.
    const posted = balanceOf('float') + balanceOf('clearing');
    return [balanceOf('receivable'), posted, balanceOf('suspense')];
  };
  await work({ ledger, post, balances, store });
}
