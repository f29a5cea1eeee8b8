/** Both forms of a table against a plain Set of keys, at sizes where their layouts change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FastTable, fastTableBytes } from '../../engine/denylist/fast-table.ts';
import type { KeyCursor, KeyTable, KeyTableFiller } from '../../engine/denylist/key-table.ts';
import { SmallTable, smallTableBytes } from '../../engine/denylist/small-table.ts';
import { compareKeys, sortKeys } from '../../engine/denylist/sorted-keys.ts';

type Make = (entries: number) => KeyTable & KeyTableFiller;

const forms: readonly (readonly [string, Make])[] = [
  ['fast', (n) => new FastTable(new SharedArrayBuffer(fastTableBytes(n)), 0, n)],
  ['small', (n) => new SmallTable(new SharedArrayBuffer(smallTableBytes(n)), 0, n)],
];

/** Halves that are often alike, and often at the ends of their range. */
const half = fc.oneof(fc.integer(), fc.constantFrom(0, 1, 2, -1, -2, 0x7fff_ffff, -0x8000_0000));
const key = fc.tuple(
  half,
  half.filter((low) => low !== 0),
);

function filled(make: Make, keys: Int32Array): KeyTable {
  const table = make(keys.length / 2);
  for (let i = 0; i < keys.length; i += 2) assert(table.insert(keys[i]!, keys[i + 1]!));
  table.finish();
  return table;
}

function readAll(cursor: KeyCursor, batch: number): number[] {
  const all: number[] = [];
  const out = new Int32Array(2 * batch);
  for (let count = cursor.fill(out); count > 0; count = cursor.fill(out)) {
    all.push(...out.subarray(0, 2 * count));
  }
  return all;
}

for (const [form, make] of forms) {
  test(`${form}: listed keys are found, others are not, and all are read in order`, () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 80 }), fc.array(key), (listed, others) => {
        const keys = sortKeys(Int32Array.from(listed.flat()));
        const twin = new Set(listed.map(String));
        assert.equal(keys.length / 2, twin.size);
        const table = filled(make, keys);
        for (const [high, low] of [...listed, ...others]) {
          assert.equal(table.has(high, low), twin.has(`${high},${low}`));
          if (high !== 0) assert.equal(table.has(low, high), twin.has(`${low},${high}`));
        }
        assert.deepEqual(readAll(table.cursor(), 7), [...keys]);
      }),
    );
  });

  // From 3.5 million keys on the small form has more buckets.
  for (const count of [1, 2, 63, 64, 65, 1000, 300_000, form === 'small' ? 3_500_000 : 400_000]) {
    test(`${form}: ${count} keys spread as hashes are`, () => {
      const keys = new Int32Array(2 * count);
      let state = 42;
      for (let i = 0; i < keys.length; i++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        keys[i] = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) | 1;
      }
      const sorted = sortKeys(keys);
      const table = filled(make, sorted);
      const step = 2 * Math.max(1, Math.floor(count / 50_000));
      for (let i = 0; i < sorted.length; i += step) {
        assert(table.has(sorted[i]!, sorted[i + 1]!));
        assert(!table.has(sorted[i]! ^ 2, sorted[i + 1]! ^ 0x5555_5554));
      }
      const cursor = table.cursor();
      const out = new Int32Array(2 * 4096);
      let read = 0;
      for (let n = cursor.fill(out); n > 0; n = cursor.fill(out)) {
        const wanted = sorted.subarray(read, read + 2 * n);
        assert.equal(Buffer.compare(bytesOf(out.subarray(0, 2 * n)), bytesOf(wanted)), 0);
        read += 2 * n;
      }
      assert.equal(read, sorted.length);
    });
  }
}

test('the fast form refuses keys that pile up as no hashes do, and stays searchable', () => {
  const [, make] = forms[0]!;
  const table = make(5000);
  let taken = 0;
  while (taken < 5000 && table.insert(-1, taken + 1)) taken += 1;
  assert(taken > 500 && taken < 5000);
  assert(table.has(-1, 1) && table.has(-1, taken) && !table.has(-1, taken + 1));
});

test('the small form takes what it was made for and no key more', () => {
  const [, make] = forms[1]!;
  const table = make(1);
  assert(table.insert(7, 7));
  assert(!table.insert(8, 8));
});

test('ten million cards: the small form stays under 60 MB, the fast one under 150 MB', () => {
  assert(smallTableBytes(10_000_000) < 56e6);
  assert(fastTableBytes(10_000_000) < 135e6);
});

test('comparing two sets gives what makes one of the other', () => {
  fc.assert(
    fc.property(fc.array(key), fc.array(key), (a, b) => {
      const [from, to] = [sortKeys(Int32Array.from(a.flat())), sortKeys(Int32Array.from(b.flat()))];
      const { added, removed } = compareKeys(from, to);
      const twin = new Set(pairs(from));
      for (const each of pairs(removed)) assert(twin.delete(each));
      for (const each of pairs(added)) assert(!twin.has(each) && twin.add(each));
      assert.deepEqual([...twin].sort(), pairs(to).sort());
    }),
  );
});

function pairs(keys: Int32Array): string[] {
  return Array.from({ length: keys.length / 2 }, (_, i) => `${keys[2 * i]},${keys[2 * i + 1]}`);
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
