/** How taps are taken out of the ledger and taken back: faults, the mark, runs at one time. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { OPEN_LOOP_TRANSACTION } from '../../engine/debit/record.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { PostedMark } from '../../engine/ledger/posted.ts';
import { type DebitRow, encodeDebitRow, idKey, Standing } from '../../engine/ledger/rows.ts';
import type { ReadTap, WithdrawnTap } from '../../engine/openloop/charge-book.ts';
import { TapReader } from '../../engine/openloop/ledger-taps.ts';
import { eachRow, getRow } from '../../engine/openloop/rows.ts';
import { takeTaps } from '../../engine/openloop/take-taps.ts';
import { received } from '../ledger/samples.ts';
import { type City, city } from './city.ts';
import { World } from './world.ts';

let lantern: City;
before(async () => {
  lantern = await city();
});

test('a posted tap whose record is gone is named, and waits', async () => {
  const store = new MemoryStore();
  await Ledger.open(store);
  const debit = received({ gateSequence: 5, transactionType: OPEN_LOOP_TRANSACTION });
  const nothing = new Uint8Array(0);
  const row: DebitRow = {
    ...debit,
    standing: Standing.posted,
    postings: 0,
    issuer: new Uint8Array(8),
    sealed: nothing,
  };
  await store.transaction((writer) => writer.put('debits', idKey(debit), encodeDebitRow(row)));
  const names = { sets: [], networkOf: () => '' };
  const [taps] = [...new TapReader(store, new Uint8Array(32), names).taps(null, null)];
  assert.equal(taps!.length, 1);
  assert.deepEqual([taps![0]!.id, taps![0]!.stop, taps![0]!.kind], ['G01-5', null, 'exit']);
  const world = new World(lantern);
  const { faults } = await world.book.take(taps!, Date.now());
  assert.equal(faults[0]!.code, 'recordMissing');
  const found = { ...taps![0]!, stop: lantern.stops[0]!, isRecordMissing: false };
  assert.equal((await world.book.take([found], Date.now())).taken, 1);
  assert.deepEqual(
    world.store.read((reader) => [...eachRow(reader, 'faults')]),
    [],
  );
});

test('taps are read on from the mark; what had a fault is tried again, a broken run begins anew', async () => {
  const world = new World(lantern);
  const { store, book } = world;
  const tap = (gateSequence: number, stop: string | null): ReadTap => ({
    ...{ card: '0A'.repeat(16), id: `G01-${gateSequence}`, atMs: Date.now() },
    ...{ kind: 'single', stop, network: '', route: '' },
  });
  const [stop] = lantern.stops as [string];
  const held = [tap(1, stop), tap(2, null)];
  let fails = false;
  const asked: unknown[] = [];
  const reader = {
    *taps(after: PostedMark | null) {
      for (const one of held.slice(after?.block ?? 0)) yield [one];
      if (fails) throw new Error('gone');
    },
    *tapsOf(ids: Iterable<string>) {
      for (const id of ids) {
        asked.push(id);
        yield held.filter((one) => one.id === id);
      }
    },
    *withdrawn() {},
  };
  const take = async (all = false) => {
    const through = { block: held.length, change: 0 };
    const done = await takeTaps(store, book, reader, through, Date.now(), all);
    return [done.taken, done.known, done.faults.map(({ code }) => code).join()];
  };
  assert.deepEqual(await take(), [1, 0, 'unknownStation']);
  held.push(tap(3, stop));
  fails = true;
  await assert.rejects(take(), { message: 'gone' });
  fails = false;
  assert.deepEqual(await take(), [0, 1, 'unknownStation'], 'the mark had stayed');
  held[1] = tap(2, stop);
  assert.deepEqual(await take(), [1, 0, '']);
  assert.deepEqual(await take(), [0, 0, '']);
  assert.deepEqual(asked, ['G01-2', 'G01-2', 'G01-2']);
  assert.deepEqual(await take(true), [0, 3, '']);
});

test('of two runs at a time the lower mark stands: what one took too late is read again', async () => {
  const { store, book } = new World(lantern);
  const [stop] = lantern.stops as [string];
  const card = '0b'.repeat(16);
  const at = { kind: 'single', stop, network: '', route: '', atMs: Date.now() } as const;
  const tap: ReadTap = { card, id: 'G01-1', ...at };
  const voidedBy = 5;
  const run = (change: number, isVoided: boolean, meanwhile: () => Promise<unknown>) => {
    const reader = {
      *taps() {
        if (!isVoided) yield [tap];
      },
      *tapsOf() {},
      *withdrawn(after: PostedMark | null): Generator<WithdrawnTap[]> {
        if (isVoided && (after?.change ?? 0) < voidedBy) yield [tap];
      },
    };
    const withdraw = async (taps: readonly WithdrawnTap[], nowMs: number) => {
      const done = await book.withdraw(taps, nowMs);
      await meanwhile();
      return done;
    };
    const through = { block: 1, change };
    const books = { take: book.take.bind(book), withdraw };
    return takeTaps(store, books, reader, through, Date.now(), false);
  };
  const nothing = async () => {};
  // It has read what is voided, and ends after the other, which had read the tap as posted before.
  const quick = await run(voidedBy, true, async () => {
    assert.equal((await run(voidedBy - 1, false, nothing)).taken, 1);
  });
  assert.equal(quick.withdrawn, 0);
  assert.equal((await run(voidedBy, true, nothing)).withdrawn, 1);
  store.read((reader) => {
    assert.deepEqual([...eachRow(reader, 'taps')], []);
    assert.equal(getRow(reader, 'meta', 'tapsChange'), voidedBy);
  });
});
