/** Two ledgers that are given the same: one by columns, one by the general rules alone. */
import assert from 'node:assert/strict';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { byColumns, byRules, type Lane } from './columns.ts';
import { GATES } from './world.ts';

export interface Side {
  readonly store: MemoryStore;
  readonly ledger: Ledger;
  readonly lane: Lane;
}

export async function sideOf(lane: Lane): Promise<Side> {
  const store = new MemoryStore();
  return { store, ledger: await Ledger.open(store, { checkpointRows: 3 }), lane };
}

/** All that a ledger tells of itself. */
function told(ledger: Ledger, store: MemoryStore): object {
  return {
    summary: ledger.summary(),
    exceptions: ledger.exceptions({}),
    unconfirmed: ledger.unconfirmed({}),
    totals: [...ledger.cardTotals()],
    through: GATES.map((gate) => ledger.acknowledgedThrough(gate)),
    check: checkLedger(store),
  };
}

/** All of both that can be asked for is the same, also once they are opened again. */
export async function compare(fast: Side, slow: Side): Promise<void> {
  const expected = told(slow.ledger, slow.store);
  assert.deepEqual(told(fast.ledger, fast.store), expected);
  assert.deepEqual(checkLedger(fast.store, { passes: 5 }), checkLedger(slow.store));
  const again = await Ledger.open(fast.store);
  assert.deepEqual(told(again, fast.store), expected, 'opened again');
}

/** Posts batches of one gate each to both lanes. */
export async function both(...batches: ReceivedDebit[][]): Promise<{ fast: Side; slow: Side }> {
  const fast = await sideOf(byColumns);
  const slow = await sideOf(byRules);
  for (const debits of batches) {
    const { gateId } = debits[0]!;
    const expected = await slow.lane(slow.ledger, gateId, debits);
    assert.deepEqual(await fast.lane(fast.ledger, gateId, debits), expected);
  }
  await compare(fast, slow);
  return { fast, slow };
}

/** Blocks with rows, and debits with rows of their own. */
export function rowsIn(store: MemoryStore): { blocks: number; debits: number } {
  return store.read((reader) => ({
    blocks: [...reader.range('blockIndex', {})].length,
    debits: [...reader.range('debits', {})].length,
  }));
}
