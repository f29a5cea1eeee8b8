/** What every store of the ledger must do, run over each implementation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LedgerStore, Range } from '../../engine/ledger/store.ts';

const key = (...bytes: number[]) => new Uint8Array(bytes);

/** @param make a fresh, empty store; `done` closes and removes it. */
export function ledgerStoreSuite(
  name: string,
  make: () => Promise<{ store: LedgerStore; done: () => Promise<void> }>,
): void {
  const run = (what: string, work: (store: LedgerStore) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const { store, done } = await make();
      try {
        await work(store);
      } finally {
        await done();
      }
    });

  run(
    'what a transaction wrote is read by it and, once it resolved, by everyone',
    async (store) => {
      const seen = await store.transaction((writer) => {
        writer.put('debits', key(1), key(10));
        writer.put('debits', key(2), key());
        writer.put('chain', key(1), key(11));
        writer.remove('debits', key(2));
        writer.remove('debits', key(3));
        return [writer.get('debits', key(1)), writer.get('debits', key(2))];
      });
      assert.deepEqual(seen.map(plain), [[10], undefined]);
      store.read((reader) => {
        assert.deepEqual(plain(reader.get('debits', key(1))), [10]);
        assert.deepEqual(plain(reader.get('chain', key(1))), [11]);
        assert.equal(reader.get('debits', key(2)), undefined);
      });
    },
  );

  run('a transaction that throws keeps nothing, its neighbours everything', async (store) => {
    const put = (n: number) => store.transaction((writer) => writer.put('debits', key(n), key(n)));
    const first = put(1);
    const second = store.transaction((writer) => {
      writer.put('debits', key(1), key(99));
      writer.put('debits', key(2), key(2));
      throw new Error('on purpose');
    });
    const third = put(3);
    await assert.rejects(second, /on purpose/);
    await Promise.all([first, third]);
    const rows = store.read((reader) => [...reader.range('debits', {})].map((e) => plain(e.value)));
    assert.deepEqual(rows, [[1], [3]]);
  });

  run('transactions run one after the other in the order they were asked for', async (store) => {
    const results = await Promise.all(
      Array.from({ length: 20 }, () =>
        store.transaction((writer) => {
          const n = (writer.get('totals', key(1))?.[0] ?? 0) + 1;
          writer.put('totals', key(1), key(n));
          return n;
        }),
      ),
    );
    assert.deepEqual(
      results,
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });

  run('what is returned is the reader’s own', async (store) => {
    const mine = key(5);
    await store.transaction((writer) => writer.put('debits', key(1), mine));
    mine[0] = 6;
    store.read((reader) => {
      reader.get('debits', key(1))![0] = 7;
      for (const entry of reader.range('debits', {})) entry.value[0] = entry.key[0] = 8;
      const [a, b] = [reader.get('debits', key(1)), reader.get('debits', key(2))];
      assert.deepEqual([plain(a), plain(b)], [[5], undefined]);
    });
  });

  run('ranges are the keys of a sorted list, in transactions too', async (store) => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(bytes, { maxLength: 30 }),
        fc.record(
          { from: bytes, to: bytes, reverse: fc.boolean(), limit: fc.integer({ min: 1, max: 5 }) },
          { requiredKeys: [] },
        ),
        async (keys, range) => {
          const inside = await store.transaction((writer) => {
            for (const { key } of [...writer.range('pending', {})]) writer.remove('pending', key);
            for (const one of keys) writer.put('pending', one, one);
            return [...writer.range('pending', range)].map((e) => plain(e.key));
          });
          const after = store.read((reader) =>
            [...reader.range('pending', range)].map((e) => plain(e.value)),
          );
          assert.deepEqual(inside, expected(keys, range));
          assert.deepEqual(after, inside);
        },
      ),
      { numRuns: 60 },
    );
  });

  run('a closed store refuses', async (store) => {
    await store.close();
    await assert.rejects(
      store.transaction(() => undefined),
      { code: 'STORE_FAILED' },
    );
  });
}

function plain(bytes: Uint8Array | undefined): number[] | undefined {
  return bytes && [...bytes];
}

function expected(keys: readonly Uint8Array[], range: Range): number[][] {
  const sorted = [...new Set(keys.map((one) => Buffer.from(one).toString('latin1')))].sort();
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  const within = sorted.filter(
    (one) => (!range.from || one >= text(range.from)) && (!range.to || one < text(range.to)),
  );
  if (range.reverse) within.reverse();
  return within.slice(0, range.limit).map((one) => [...Buffer.from(one, 'latin1')]);
}
