/** Posted debits read off the store: each once, whether in a block or with a row of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ECASH_TRANSACTION } from '../../engine/debit/record.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { ownDebits, postedBatches } from '../../engine/ledger/posted.ts';
import { LEDGER_PAGE_ROWS } from '../../engine/limits.ts';
import { byColumns, byRules } from './columns.ts';
import { cardOf, received, settlement, torn } from './samples.ts';

function postedIn(store: MemoryStore): string[] {
  return [...postedBatches(store)].flatMap(({ gateId, debits }) =>
    debits.map(({ gateSequence }) => `${gateId}/${gateSequence}`),
  );
}

test('a block that only says what became of heads has no batch behind it', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  const lost = torn({ gateSequence: 1 });
  await byColumns(ledger, 'G01', [lost]);
  assert.deepEqual(postedIn(store), []);
  await byColumns(ledger, 'G01', [settlement(lost, 1, { gateSequence: 2 })]);
  assert.deepEqual(postedIn(store), ['G01/1']);
});

test('a late debit comes with its batch, one with a row of its own with its record', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  const ecash = (gateId: string, offlineCounter: number) =>
    received({ gateId, gateSequence: 1, transactionType: ECASH_TRANSACTION, offlineCounter });
  await byColumns(ledger, 'G01', [ecash('G01', 9)]);
  const late = ecash('G02', 5);
  await byColumns(ledger, 'G02', [late]);
  const own = ecash('G03', 7);
  await byRules(ledger, 'G03', [own]);
  const [, second, third] = [...postedBatches(store)];
  assert.deepEqual(
    [second!.isOne, Buffer.from(second!.sealed).toString()],
    [false, 'sealed G02/1+1'],
  );
  assert.deepEqual([third!.isOne, third!.sealed], [true, own.sealed]);
  assert.deepEqual(postedIn(store), ['G01/1', 'G02/1', 'G03/1']);
});

test('rows of their own are read page by page', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  const count = 2 * LEDGER_PAGE_ROWS;
  const debits = Array.from({ length: count }, (_, i) =>
    received({ gateSequence: i + 1, card: cardOf(`card ${i}`) }),
  );
  await byRules(ledger, 'G01', debits);
  const found = [...ownDebits(store)].map(({ gateSequence }) => gateSequence);
  assert.deepEqual(
    found,
    debits.map(({ gateSequence }) => gateSequence),
  );
});
