/** The one writer: shared commits, what readers see meanwhile, and the end after a failure. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { LedgerStore } from '../../engine/ledger/store.ts';
import { byColumns } from './columns.ts';
import { cardOf, received } from './samples.ts';

async function onLmdb(work: (store: LmdbStore, path: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'faregate-ledger-'));
  const store = LmdbStore.open(path);
  try {
    await work(store, path);
  } finally {
    await store.close();
    rmSync(path, { recursive: true });
  }
}

test('batches that arrive together share commits', async () => {
  await onLmdb(async (store) => {
    let commits = 0;
    const counted: LedgerStore = {
      transaction: (work) => {
        commits++;
        return store.transaction(work);
      },
      read: (work) => store.read(work),
      close: () => store.close(),
    };
    const ledger = await Ledger.open(counted);
    const before = commits;
    const posts = Array.from({ length: 60 }, (_, i) =>
      byColumns(ledger, `G${i}`, [
        received({ gateId: `G${i}`, gateSequence: 1, card: cardOf(`card ${i}`) }),
      ]),
    );
    for (const { outcomes } of await Promise.all(posts)) assert.deepEqual(outcomes, ['posted']);
    assert(commits - before <= 5, `${commits - before} commits`);
    assert.deepEqual(checkLedger(store).findings, []);
    assert.equal(ledger.acknowledgedThrough('G59'), 1);
  });
});

test('readers see a debit once it is on disk, and no sooner', async () => {
  const releases: (() => void)[] = [];
  let held = false;
  const sync = () => (held ? new Promise<void>((go) => releases.push(go)) : Promise.resolve());
  const ledger = await Ledger.open(new MemoryStore(sync));
  const next = (gateSequence: number) =>
    byColumns(ledger, 'G01', [
      received({
        gateSequence,
        offlineCounter: gateSequence,
        balanceBeforeMinor: 5000 - 200 * gateSequence,
      }),
    ]);
  const seen = () => [
    ledger.acknowledgedThrough('G01'),
    ledger.summary().posted,
    ...[...ledger.cardTotals()].map((total) => total.debits),
    ...[...ledger.cardTotals([cardOf('card')])].map((total) => total.head!.offlineCounter),
  ];
  await next(1);
  held = true;
  const posts = [next(2), next(3)];
  assert.deepEqual(seen(), [1, 1, 1, 1]);
  releases[0]!();
  await posts[0];
  assert.deepEqual(seen(), [2, 2, 2, 2]);
  releases[1]!();
  await posts[1];
  assert.deepEqual(seen(), [3, 3, 3, 3]);
});

test('after a failure nothing is posted any more, until a start from what is there', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  const debits = [1, 2, 3].map((gateSequence) =>
    received({ gateSequence, card: cardOf(`card ${gateSequence}`) }),
  );
  await byColumns(ledger, 'G01', debits.slice(0, 1));
  const lost = byColumns(ledger, 'G01', debits.slice(1, 2));
  store.crash();
  await assert.rejects(lost, { code: 'STORE_FAILED' });
  await assert.rejects(byColumns(ledger, 'G01', debits.slice(1)), {
    code: 'STORE_FAILED',
    message: /failed before/,
  });
  assert.deepEqual(checkLedger(store).findings, []);
  const again = await Ledger.open(store);
  assert.equal(again.acknowledgedThrough('G01'), 1);
  const { outcomes } = await byColumns(again, 'G01', debits);
  assert.deepEqual(outcomes, ['exists', 'posted', 'posted']);
});

test('a store that lost a commit in silence is found out before anything is built on it', async () => {
  let inner = new MemoryStore();
  const store: LedgerStore = {
    transaction: (work) => inner.transaction(work),
    read: (work) => inner.read(work),
    close: () => inner.close(),
  };
  const ledger = await Ledger.open(store);
  const layout = inner;
  await byColumns(ledger, 'G01', [received({ gateSequence: 1 })]);
  inner = new MemoryStore();
  await Ledger.open(inner);
  const next = received({ gateSequence: 2, offlineCounter: 8, balanceBeforeMinor: 4800 });
  await assert.rejects(byColumns(ledger, 'G01', [next]), {
    code: 'STORE_FAILED',
    message: /does not hold what was posted before/,
  });
  assert.equal((await Ledger.open(inner)).summary().debits, 0);
  assert.equal((await Ledger.open(layout)).summary().debits, 1);
});

test('a ledger that only reads follows one that posts', async () => {
  await onLmdb(async (store, path) => {
    const ledger = await Ledger.open(store);
    const debit = (gateSequence: number) =>
      received({
        gateSequence,
        offlineCounter: gateSequence,
        balanceBeforeMinor: 5000 - 200 * gateSequence,
      });
    await byColumns(ledger, 'G01', [debit(1)]);
    const beside = LmdbStore.open(path, { readOnly: true });
    const reading = await Ledger.open(beside);
    await byColumns(ledger, 'G01', [debit(2), debit(3)]);
    const [total] = [...reading.cardTotals([cardOf('card')])];
    assert.deepEqual([total!.debits, total!.postedMinor], [3, 600]);
    assert.equal(reading.acknowledgedThrough('G01'), 3);
    await beside.close();
  });
});
