/** The suite of the card accounts over both stores, and what a crash leaves. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCards } from '../../engine/cards/open.ts';
import { type CardTable, cardTables } from '../../engine/cards/rows.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { cardDeskSuite } from '../suites/card-desk.ts';

cardDeskSuite('memory', async () => {
  const store = new MemoryStore<CardTable>(undefined, cardTables);
  return { store, done: () => store.close() };
});

cardDeskSuite('lmdb', async () => {
  const path = mkdtempSync(join(tmpdir(), 'faregate-cards-'));
  const store = await openCards(path, cmacKey(new Uint8Array(16)));
  const done = async () => {
    await store.close();
    rmSync(path, { recursive: true });
  };
  return { store, done };
});

test('accounts that must be there are not made', async () => {
  const path = mkdtempSync(join(tmpdir(), 'faregate-cards-'));
  const key = cmacKey(new Uint8Array(16));
  const other = cmacKey(new Uint8Array(16).fill(1));
  await assert.rejects(openCards(path, other, { mustExist: true }), { code: 'CARDS_MISSING' });
  assert.deepEqual(readdirSync(path), [], 'nothing was made');
  await (await openCards(path, key)).close();
  await (await openCards(path, key, { mustExist: true })).close();
  await assert.rejects(openCards(path, other, { mustExist: true }), { code: 'KEYS_REFUSED' });
  rmSync(path, { recursive: true });
});

test('accounts named under another key are refused', async () => {
  const path = mkdtempSync(join(tmpdir(), 'faregate-cards-'));
  await (await openCards(path, cmacKey(new Uint8Array(16)))).close();
  await (await openCards(path, cmacKey(new Uint8Array(16)))).close();
  await assert.rejects(openCards(path, cmacKey(new Uint8Array(16).fill(1))), {
    code: 'KEYS_REFUSED',
  });
  rmSync(path, { recursive: true });
});
