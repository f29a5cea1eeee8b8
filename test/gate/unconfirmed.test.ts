/** Unconfirmed debits over restarts: the file at every power cut, damaged, foreign, and shared. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaregateError } from '../../engine/errors.ts';
import { UNCONFIRMED_PER_GATE_MAX } from '../../engine/limits.ts';
import type { Clock } from '../../gate/clock.ts';
import { UnconfirmedDebits } from '../../gate/unconfirmed.ts';
import { UnconfirmedFile } from '../../gate/unconfirmed-file.ts';
import { SimDisk, seeded } from '../sim-disk.ts';
import { debitOf } from './uplink/fakes.ts';

const KEY = new Uint8Array(32).fill(7);
const at: Clock = { nowMs: () => 1_000_000, monotonicUs: () => 0 };

/** The `n`-th card's debit, at sequence `n`. */
function tornDebit(n: number, gateId = 'G1') {
  const cardNumber = new Uint8Array(10);
  cardNumber[8] = n >> 8;
  cardNumber[9] = n;
  return { ...debitOf(gateId, n), cardNumber, instantMs: 900_000 + n };
}

async function open(disk: SimDisk, over: { gateId?: string; key?: Uint8Array } = {}) {
  let salt = 0;
  const failures: unknown[] = [];
  const file = await UnconfirmedFile.open({
    disk,
    gateId: 'G1',
    key: KEY,
    random: (length) => new Uint8Array(length).fill(++salt),
    failed: (error) => failures.push(error),
    ...over,
  });
  return { file, failures };
}

const sequences = (debits: Iterable<{ gateSequence: number }>): number[] =>
  [...debits].map(({ gateSequence }) => gateSequence);

test('what was kept is found by the next process, to the byte', async () => {
  const disk = new SimDisk();
  const { file } = await open(disk);
  assert.deepEqual(file.found, []);
  const debits = [1, 2, 3].map((n) => tornDebit(n));
  await file.keep(debits);
  await file.keep(debits.slice(1));
  await file.end();
  const { file: next } = await open(disk);
  assert.deepEqual(next.found, debits.slice(1));
  assert.equal(next.damaged, false);
});

test('a power cut at any write leaves the list before it or the one of it', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const choose = seeded(seed);
    const disk = new SimDisk();
    const { file } = await open(disk);
    const kept: number[][] = [[]];
    let durable = 0;
    let cut: SimDisk | null = null;
    let steps = 2 + choose(12);
    disk.hooks.after = () => {
      steps -= 1;
      if (steps === 0) cut = disk.crash(choose);
    };
    for (let n = 1; n <= 4 && !cut; n++) {
      const list = Array.from({ length: n }, (_, i) => tornDebit(i + 1));
      kept.push(sequences(list));
      await file.keep(list);
      if (!cut) durable = kept.length - 1;
    }
    const { file: next } = await open(cut ?? disk.crash(choose));
    const found = JSON.stringify(sequences(next.found));
    const allowed = kept.slice(durable).map((list) => JSON.stringify(list));
    assert(allowed.includes(found), `seed ${seed}: ${found}, not one of ${allowed}`);
    assert.equal(next.damaged, false, `seed ${seed}: a power cut is no damage`);
    await next.keep([tornDebit(9)]);
    const { file: after } = await open(cut ?? disk);
    assert.deepEqual(sequences(after.found), cut ? [9] : sequences(after.found));
  }
});

test('a changed byte, another gate’s file or key is passed over and said', async () => {
  const disk = new SimDisk();
  const { file } = await open(disk);
  await file.keep([tornDebit(1)]);
  await file.keep([tornDebit(1), tornDebit(2)]);
  const names = disk.names();
  assert.equal(names.length, 2);
  const length = 32 + 2 * 176 + 16;
  const whole = names.map((name) => disk.bytesOf(name).slice());
  for (let i = 0; i < length; i++) {
    for (const [n, name] of names.entries()) {
      const bytes = whole[n]!.slice();
      bytes[i]! ^= 0x10;
      disk.put(name, bytes);
    }
    const { file: next } = await open(disk);
    // One of the lists is shorter, so a byte behind its end changes nothing.
    assert(next.found.length === 0 || i >= length - 176, `byte ${i}`);
  }
  for (const [n, name] of names.entries()) disk.put(name, whole[n]!);
  for (const other of [{ gateId: 'G2' }, { key: new Uint8Array(32) }]) {
    const { file: foreign } = await open(disk, other);
    assert.deepEqual(foreign.found, []);
    assert.equal(foreign.damaged, true);
  }
});

test('a disk that fails is told of once, and nothing is promised any more', async () => {
  const disk = new SimDisk();
  const { file, failures } = await open(disk);
  disk.hooks.before = (operation) => {
    if (operation === 'sync') throw new FaregateError('DISK_FAILED', 'broken');
  };
  let promised = false;
  void file.keep([tornDebit(1)]).then(() => {
    promised = true;
  });
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert.equal(failures.length, 1);
  assert.equal(promised, false);
});

test('over the bound of its file a gate keeps the newest', async () => {
  const disk = new SimDisk();
  const { file } = await open(disk);
  const count = UNCONFIRMED_PER_GATE_MAX + 5;
  await file.keep(Array.from({ length: count }, (_, i) => tornDebit(i + 1)));
  const { file: next } = await open(disk);
  assert.equal(next.found.length, UNCONFIRMED_PER_GATE_MAX);
  assert.equal(next.found.at(-1)?.gateSequence, count);
});

test('the gates of a station share the table, and each keeps its own', async () => {
  const disks = { G1: new SimDisk(), G2: new SimDisk() };
  const table = new UnconfirmedDebits(at);
  for (const gateId of ['G1', 'G2'] as const) {
    const { file } = await open(disks[gateId], { gateId });
    table.attach(gateId, file, file.found);
  }
  await table.add(tornDebit(1));
  await table.add(tornDebit(2, 'G2'));
  await table.settle(tornDebit(1));
  // A newer debit of a card takes the place of its older one, whichever gate made that.
  await table.add({ ...tornDebit(3), cardNumber: tornDebit(2).cardNumber });
  for (let i = 0; i < 50; i++) await Promise.resolve();
  const again = new UnconfirmedDebits(at);
  for (const gateId of ['G1', 'G2'] as const) {
    const { file } = await open(disks[gateId], { gateId });
    again.attach(gateId, file, file.found);
  }
  assert.deepEqual(sequences(again.all()), [3]);
  assert.equal(again.find(tornDebit(1).cardNumber), null);
  const found = again.find(tornDebit(2).cardNumber)!;
  assert.equal(found.debit.gateId, 'G1');
  assert.equal(found.ageMs, 1_000_000 - 900_003, 'as old as the wall clock says');
});

test('an age grows with the monotonic clock only', async () => {
  let nowMs = 500;
  let us = 0;
  const table = new UnconfirmedDebits({ nowMs: () => nowMs, monotonicUs: () => us });
  const debit = { ...tornDebit(1), instantMs: 500 };
  await table.add(debit);
  nowMs += 86_400_000;
  us += 3_000_000;
  assert.equal(table.find(debit.cardNumber)?.ageMs, 3000);
});

test('what was settled before its gate was here again is not found by it', async () => {
  const disk = new SimDisk();
  const { file } = await open(disk);
  await file.keep([tornDebit(1), tornDebit(2)]);
  await file.end();
  const { file: next } = await open(disk);
  const unconfirmed = new UnconfirmedDebits(at);
  await unconfirmed.settle(tornDebit(1));
  unconfirmed.attach('G1', next, next.found);
  assert.deepEqual(sequences(unconfirmed.all()), [2]);
  await unconfirmed.add(tornDebit(1));
  assert.deepEqual(sequences(unconfirmed.all()), [2], 'nor is what its journal had open');
  await next.end();
  const { file: third } = await open(disk);
  assert.deepEqual(sequences(third.found), [2]);
});
