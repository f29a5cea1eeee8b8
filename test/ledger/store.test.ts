/** The suite of the store port over both stores, and what is particular to each. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { ledgerStoreSuite } from '../suites/ledger-store.ts';

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'faregate-ledger-'));
}

ledgerStoreSuite('memory', async () => {
  const store = new MemoryStore();
  return { store, done: () => store.close() };
});

ledgerStoreSuite('lmdb', async () => {
  const path = folder();
  const store = LmdbStore.open(path);
  const done = async () => {
    await store.close();
    rmSync(path, { recursive: true });
  };
  return { store, done };
});

const key = new Uint8Array([1]);

test('memory: a crash loses what is not durable, and says so', async () => {
  const store = new MemoryStore();
  await store.transaction((writer) => writer.put('debits', key, new Uint8Array([1])));
  const lost = store.transaction((writer) => writer.put('debits', key, new Uint8Array([2])));
  assert.equal(
    store.read((reader) => reader.get('debits', key)?.[0]),
    1,
  );
  store.crash();
  await assert.rejects(lost, { code: 'STORE_FAILED' });
  const seen = await store.transaction((writer) => writer.get('debits', key)?.[0]);
  assert.equal(seen, 1);
});

test('lmdb: opens again with what was committed, and read-only beside the writer', async () => {
  const path = folder();
  const first = LmdbStore.open(path);
  await first.transaction((writer) => writer.put('debits', key, new Uint8Array([1])));
  await first.close();
  const writer = LmdbStore.open(path);
  const reader = LmdbStore.open(path, { readOnly: true });
  await writer.transaction((w) => w.put('debits', key, new Uint8Array([2])));
  assert.equal(
    reader.read((r) => r.get('debits', key)?.[0]),
    2,
  );
  await reader.close();
  await writer.close();
  rmSync(path, { recursive: true });
});

test('lmdb: what cannot be opened is named, and a missing ledger is not made', () => {
  const path = folder();
  assert.throws(() => LmdbStore.open(join(path, 'none'), { readOnly: true }), {
    code: 'STORE_FAILED',
    message: /none: there is no ledger/,
  });
  writeFileSync(join(path, 'file'), 'x');
  assert.throws(() => LmdbStore.open(join(path, 'file')), {
    code: 'STORE_FAILED',
    message: /file/,
  });
  rmSync(path, { recursive: true });
});

test('a table that an earlier version never made reads as empty', async () => {
  const path = mkdtempSync(join(tmpdir(), 'faregate-store-'));
  const before = LmdbStore.openTables<'debits'>(path, ['debits'], 'ledger');
  await before.transaction((writer) => writer.put('debits', Buffer.from('a'), Buffer.from('b')));
  await before.close();
  const store = LmdbStore.open(path, { readOnly: true });
  store.read((reader) => {
    assert.equal([...reader.range('debits', {})].length, 1);
    assert.deepEqual([...reader.range('changes', {})], []);
    assert.equal(reader.get('changes', Buffer.from('a')), undefined);
  });
  await store.close();
  rmSync(path, { recursive: true });
});
