/**
 * Shift counters over restarts: whatever dies, every closed shift says exactly what the engine got
 * of it, and the shifts of a gate follow each other without a hole. Prints its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readU48 } from '../../engine/bytes.ts';
import { at, encodeDebit } from '../../engine/debit/codec.ts';
import { decodeEvent, encodeEvent, isEvent, type ShiftClosed } from '../../engine/debit/event.ts';
import { DEBIT_BYTES, NOTHING_IN_FORCE } from '../../engine/debit/record.ts';
import { SHIFT_KEEP_MS } from '../../engine/durations.ts';
import { SHIFT_RECORDS_MAX } from '../../engine/limits.ts';
import { serviceDay } from '../../engine/service-day.ts';
import { refuse } from '../../engine/tap/decision.ts';
import { Zone } from '../../engine/time.ts';
import { openJournal } from '../../gate/journal/journal.ts';
import { newShift, ShiftFold, tallyNames } from '../../gate/shift/fold.ts';
import { ShiftFile } from '../../gate/shift/shift-file.ts';
import { ShiftJournal } from '../../gate/shift/shift-journal.ts';
import { SimDisk, seeded } from '../sim-disk.ts';
import { debitOf } from './uplink/fakes.ts';

const KEY = new Uint8Array(32).fill(7);
const DAY_MS = 86_400_000;

class Machine {
  disk = new SimDisk();
  nowMs = Date.UTC(2026, 0, 1);
  #salt = 0;
  readonly clock = { nowMs: () => this.nowMs, monotonicUs: () => this.nowMs * 1000 };

  async open(): Promise<ShiftJournal> {
    this.#salt += 1;
    const random = (length: number) => new Uint8Array(length).fill(this.#salt);
    const failed = (error: unknown): never => {
      throw error;
    };
    const storage = { disk: this.disk, gateId: 'G1', key: KEY, random, failed };
    const journal = await openJournal({ ...storage, segments: 16, segmentBytes: 16 * 1024 });
    return ShiftJournal.open(journal, { disk: this.disk, clock: this.clock, failed });
  }
}

const dayOf = (instantMs: number): number => Math.floor(instantMs / DAY_MS);

async function append(journal: ShiftJournal, choose: (options: number) => number): Promise<void> {
  const sequence = journal.nextSequence;
  const isSettlement = choose(5) === 0;
  const debit = debitOf('G1', sequence, {
    amountMinor: choose(1000),
    ...(isSettlement ? { kind: 2 as const, refersTo: { gateId: 'G2', gateSequence: 1 } } : {}),
  });
  const state = (isSettlement ? 1 : 1 + choose(3)) as 1 | 2 | 3;
  const intent = new Uint8Array(DEBIT_BYTES);
  encodeDebit({ ...debit, state: isSettlement ? state : 0 }, intent, 0);
  await journal.intent(intent);
  const final = new Uint8Array(DEBIT_BYTES);
  encodeDebit({ ...debit, state }, final, 0);
  // Some taps are cut off by the crash that comes next.
  if (choose(12) !== 0) journal.close(final);
}

function closeOpen(journal: ShiftJournal): void {
  for (const record of journal.open()) {
    if (record[at.state] === 0) record[at.state] = 2;
    journal.close(record);
  }
}

async function closeShift(journal: ShiftJournal, body: () => ShiftClosed, nowMs: number) {
  const record = new Uint8Array(DEBIT_BYTES);
  const head = { gateId: 'G1', gateSequence: journal.nextSequence, instantMs: nowMs };
  const place = { dateTime: new Uint8Array(7), station: new Uint8Array(4), ...NOTHING_IN_FORCE };
  encodeEvent({ ...head, ...place, ...body() }, record, 0);
  await journal.intent(record);
  journal.close(record);
}

/** The engine: takes what is there in order, and then acknowledges it. */
async function upload(journal: ShiftJournal, got: Uint8Array[], most: number): Promise<void> {
  const from = got.length + 1;
  if (got.length > journal.acknowledged) journal.acknowledge(got.length);
  const { records, count } = await journal.read(from, most);
  for (let i = 0; i < count; i++) {
    got.push(records.slice(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES));
  }
  if (count > 0) journal.acknowledge(got.length);
}

/** Recounts each shift from the records that arrived. */
function compare(got: readonly Uint8Array[], seed: number): number {
  let next = 1;
  let shifts = 0;
  for (const [i, record] of got.entries()) {
    assert.equal(readU48(record, at.gateSequence), i + 1);
    if (!isEvent(record, 0)) continue;
    const event = decodeEvent(record, 0);
    assert(event.event === 'shiftClosed');
    shifts += 1;
    assert.equal(event.shift, shifts, `seed ${seed}`);
    assert.equal(event.first, next, `seed ${seed}: shift ${shifts} follows the one before`);
    next = event.last + 1;
    const fold = new ShiftFold(newShift(1, event.first, 0));
    for (const one of got.slice(event.first - 1, event.last))
      if (!isEvent(one, 0)) fold.add(one, 0);
    for (const name of tallyNames) {
      assert.deepEqual(event.counts[name], fold.state().counts[name], `seed ${seed}: ${name}`);
    }
  }
  return shifts;
}

test('every closed shift says what the engine got of it, whatever died', async () => {
  let shifts = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const choose = seeded(seed);
    const machine = new Machine();
    const got: Uint8Array[] = [];
    let journal = await machine.open();
    for (let step = 0; step < 120; step++) {
      machine.nowMs += choose(2 * SHIFT_KEEP_MS);
      const what = choose(10);
      if (what < 5) {
        closeOpen(journal);
        await append(journal, choose);
      } else if (what < 7) await upload(journal, got, 1 + choose(20));
      else if (what === 7) await journal.look();
      else if (what === 8) {
        machine.nowMs += DAY_MS;
        const body = journal.closeDue(machine.nowMs, dayOf);
        if (body) await closeShift(journal, body, machine.nowMs);
      } else if (choose(3) === 0) {
        await journal.end();
        journal = await machine.open();
      } else {
        machine.disk = choose(2) === 0 ? machine.disk.crash(choose) : machine.disk.kill(choose);
        journal = await machine.open();
      }
    }
    closeOpen(journal);
    await journal.end();
    journal = await machine.open();
    for (let last = -1; last !== got.length; ) {
      last = got.length;
      await upload(journal, got, 50);
    }
    await journal.end();
    shifts += compare(got, seed);
  }
  assert(shifts > 100, `${shifts} shifts`);
});

test('what the engine has is let go only with the counters that include it', async () => {
  const machine = new Machine();
  const journal = await machine.open();
  const got: Uint8Array[] = [];
  const sure = (options: number) => options - 1;
  for (let i = 0; i < 3; i++) await append(journal, sure);
  await new Promise((resolve) => setTimeout(resolve, 150));
  await upload(journal, got, 10);
  assert.equal(got.length, 3);
  assert.deepEqual([journal.acknowledged, journal.backlog], [3, 0], 'as the uplink sees it');
  assert.equal((await ShiftFile.open(machine.disk.kill(sure))).found, null, 'nothing was written');
  machine.nowMs += SHIFT_KEEP_MS;
  await journal.look();
  await journal.end();
  const again = await machine.open();
  assert.equal(again.acknowledged, 3);
  assert.equal(again.state.through, 3);
  await again.end();
});

test('counters that are damaged begin a new shift, and say no more than they know', async () => {
  const machine = new Machine();
  const first = await machine.open();
  const got: Uint8Array[] = [];
  for (let i = 0; i < 4; i++) await append(first, (options) => options - 1);
  await new Promise((resolve) => setTimeout(resolve, 150));
  await upload(first, got, 10);
  await first.end();
  for (const name of ['shift-0', 'shift-1']) {
    const file = await machine.disk.open(name);
    await file.write(new Uint8Array(128).fill(1), 0);
    await file.sync();
    await file.close();
  }
  const { state } = await machine.open();
  assert.deepEqual([state.shift, state.first, state.through], [1, 5, 4]);
  assert.equal(state.counts.confirmed.count, 0);
});

test('a shift is closed once at the end of its day, at too many records, never by a clock set back', () => {
  const zone = new Zone('Asia/Shanghai');
  const day = (text: string) => serviceDay(zone, Date.parse(text));
  assert.equal(day('2026-03-01T02:59:59+08:00') + 1, day('2026-03-01T03:00:00+08:00'));
  const fold = new ShiftFold(newShift(3, 11, 0));
  assert.equal(fold.records, 0);
  assert(SHIFT_RECORDS_MAX > 30_000, 'more than a day of one gate');
});

test('refusals and people are counted, and taken away by the event that told them', async () => {
  const machine = new Machine();
  const journal = await machine.open();
  journal.tapped(refuse(1, 'expired', ''), 0);
  journal.tapped(refuse(1, 'cardGone', ''), 0);
  journal.tapped({ ...refuse(1, 'released', ''), open: true }, 0x200);
  journal.passed(7, 0x200);
  const body = journal.closing()();
  assert.equal(body.counts.denied, 1);
  assert.equal(body.counts.underMode[9], 8);
  assert.equal(journal.closeDue(machine.nowMs + 5 * DAY_MS, dayOf), null, 'it is on its way');
  journal.passed(1, 0x200);
  await closeShift(journal, () => body, machine.nowMs);
  await new Promise((resolve) => setTimeout(resolve, 150));
  await journal.look();
  assert.equal(journal.state.shift, 2);
  assert.equal(journal.state.counts.denied, 0);
  assert.equal(journal.state.counts.underMode[9], 1);
  assert.notEqual(journal.closeDue(machine.nowMs + 5 * DAY_MS, dayOf), null);
  await journal.end();
});

test('counters of another journal in the same folder are not taken for this one', async () => {
  const machine = new Machine();
  const journal = await machine.open();
  for (let i = 0; i < 4; i++) await append(journal, () => 1);
  await journal.end();
  for (const name of await machine.disk.list()) {
    if (name.startsWith('segment-')) await machine.disk.remove(name);
  }
  const anew = await machine.open();
  assert.equal(anew.nextSequence, 1);
  assert.deepEqual([anew.state.shift, anew.state.first, anew.state.through], [2, 1, 0]);
  // The second one's intent takes the end of the first along to the disk.
  for (let i = 0; i < 2; i++) await append(anew, () => 1);
  await anew.look();
  assert(anew.state.through >= 1);
  await anew.end();
});

test('what leaves no record is kept although nothing is acknowledged', async () => {
  const machine = new Machine();
  const journal = await machine.open();
  const refused = refuse(1, 'expired', '');
  for (let second = 0; second < 60; second++) {
    machine.nowMs += 1000;
    journal.tapped(refused, 0);
    await journal.look();
  }
  machine.disk = machine.disk.crash(() => 0);
  const { denied } = (await machine.open()).state.counts;
  assert(denied >= 60 - SHIFT_KEEP_MS / 1000 - 1, `${denied} of 60`);
});
