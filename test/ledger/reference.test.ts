/**
 * The ledger against its slow twin over both stores: gates upload in any order, in any batches,
 * again and again, with crashes in between; after every commit both must agree and sum to zero.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { byColumns, byRules, type Lane } from './columns.ts';
import { Run } from './run.ts';
import { anyTaps, honestTaps, play, uploads, type World } from './world.ts';

type Work = (run: Run) => Promise<void>;

async function inMemory(world: World, lane: Lane, work: Work): Promise<void> {
  await work(await Run.on(world, new MemoryStore(), lane));
}

async function onLmdb(world: World, lane: Lane, work: Work): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'faregate-ledger-'));
  const store = LmdbStore.open(path);
  try {
    await work(await Run.on(world, store, lane));
  } finally {
    await store.close();
    rmSync(path, { recursive: true });
  }
}

const stores = [
  { name: 'memory', on: inMemory, lane: byRules, numRuns: 100 },
  { name: 'memory, by columns', on: inMemory, lane: byColumns, numRuns: 200 },
  { name: 'lmdb, by columns', on: onLmdb, lane: byColumns, numRuns: 10 },
];

for (const { name, on, lane, numRuns } of stores) {
  test(`${name}: whatever arrives in whatever order: as the twin has it`, async () => {
    await fc.assert(
      fc.asyncProperty(anyTaps, uploads, async (taps, plan) => {
        await on(play(taps, false), lane, async (run) => {
          for (const upload of plan) await run.upload(upload);
          await run.finish();
        });
      }),
      { numRuns },
    );
  });

  test(`${name}: honest cards: every order of uploads ends with what the cards paid`, async () => {
    await fc.assert(
      fc.asyncProperty(honestTaps, uploads, async (taps, plan) => {
        const world = play(taps, true);
        await on(world, lane, async (run) => {
          for (const upload of plan) await run.upload(upload);
          await run.finish();
          assert.equal(run.ledger.summary().unconfirmed, 0);
          const paid = [...run.ledger.cardTotals(world.cards.map((card) => card.hash))];
          assert.deepEqual(
            paid.map((total) => total.postedMinor),
            world.cards.map((card) => card.paidMinor),
          );
          const { naturalKeyConflict, settlementConflict, balanceBreak } =
            run.ledger.summary().exceptions;
          assert.deepEqual([naturalKeyConflict, settlementConflict, balanceBreak], [0, 0, 0]);
        });
      }),
      { numRuns },
    );
  });
}
