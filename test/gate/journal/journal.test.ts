/** The journal under its suite, and what its port leaves open: group commit, bounds, refusals. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { at } from '../../../engine/debit/codec.ts';
import { DebitKind, DebitState } from '../../../engine/debit/record.ts';
import type { FaregateError } from '../../../engine/errors.ts';
import { JOURNAL_TAP_RECORDS } from '../../../engine/limits.ts';
import { type JournalOptions, openJournal } from '../../../gate/journal/journal.ts';
import { MemoryJournal } from '../../../gate/journal/memory.ts';
import { openNodeDisk } from '../../../gate/journal/node-disk.ts';
import type { Journal } from '../../../gate/journal/port.ts';
import { SimDisk } from '../../sim-disk.ts';
import {
  append,
  fill,
  finalOf,
  intentOf,
  journalSuite,
  readAll,
  recordOf,
  sequencesOf,
  settled,
  untilReadable,
} from '../../suites/journal.ts';

const key = new Uint8Array(32).fill(7);
const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));

function open(disk: SimDisk, more: Partial<JournalOptions> = {}): Promise<Journal> {
  return openJournal({ disk, gateId: 'G-01', key, random, segmentBytes: 4096, ...more });
}

journalSuite('journal on a simulated disk', async () => {
  const disk = new SimDisk();
  return { journal: await open(disk), reopen: () => open(disk), done: async () => {} };
});

journalSuite('journal on a real disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'faregate-journal-'));
  const reopen = async () =>
    openJournal({ disk: await openNodeDisk(directory), gateId: 'G-01', key, random });
  return { journal: await reopen(), reopen, done: () => rm(directory, { recursive: true }) };
});

journalSuite('journal in memory', async () => {
  return { journal: new MemoryJournal(), reopen: null, done: async () => {} };
});

/** A disk that counts what is asked of it and whose syncs wait for `release` while held. */
class HeldDisk {
  readonly counts: Record<string, number> = {};
  readonly disk: SimDisk;
  #held: (() => void)[] | null = null;

  constructor() {
    this.disk = new SimDisk({
      before: (operation) => {
        this.counts[operation] = (this.counts[operation] ?? 0) + 1;
        const held = this.#held;
        if (operation !== 'sync' || !held) return;
        return new Promise((release) => held.push(release));
      },
    });
  }

  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const release of held) release();
  }
}

test('an intent is written at once and resolves only when it is synced', async () => {
  const held = new HeldDisk();
  const journal = await open(held.disk);
  held.hold();
  let isDurable = false;
  const intent = journal.intent(intentOf(1)).then(() => {
    isDurable = true;
  });
  await settled();
  assert.equal(held.disk.pendingWrites, 1);
  assert.equal(isDurable, false);
  held.release();
  await intent;
  assert.equal(held.disk.pendingWrites, 0);
  await journal.end();
});

test('what arrives during a sync shares the next one, in order', async () => {
  const held = new HeldDisk();
  const journal = await open(held.disk);
  held.hold();
  const order: number[] = [];
  const intents = [1, 2, 3, 4, 5].map((sequence) =>
    journal.intent(intentOf(sequence)).then(() => order.push(sequence)),
  );
  journal.close(finalOf(1));
  const { write = 0, sync = 0 } = held.counts;
  await settled();
  held.release();
  await Promise.all(intents);
  assert.deepEqual(order, [1, 2, 3, 4, 5]);
  assert.equal(held.counts.write! - write, 1);
  assert.equal(held.counts.sync! - sync, 2);
  assert.deepEqual(sequencesOf(await readAll(journal)), [1]);
  await journal.end();
});

test('one intent after another costs one write and one sync each', async () => {
  const held = new HeldDisk();
  const journal = await open(held.disk, { segmentBytes: 64 * 1024 });
  const before = { ...held.counts };
  await append(journal, 20);
  assert.equal(held.counts.write! - before.write!, 20);
  assert.equal(held.counts.sync! - before.sync!, 20);
  await journal.end();
});

test('a final record is synced without another intent', async () => {
  const disk = new SimDisk();
  const journal = await open(disk);
  await append(journal, 1);
  assert.deepEqual(await readAll(journal), []);
  await untilReadable(journal, 1);
  assert.equal(disk.pendingWrites, 0);
  await journal.end();
});

test('a full journal refuses before it appends, until something is acknowledged', async () => {
  const disk = new SimDisk();
  let journal = await open(disk, { segments: 3 });
  const refusal = await fill(journal);
  assert.equal(refusal.code, 'JOURNAL_FULL');
  assert.match(refusal.message, /3 of 3 segments/);
  const last = journal.nextSequence - 1;
  assert(last >= 20, `only ${last} taps fit`);
  await assert.rejects(journal.intent(intentOf(last + 1)), { code: 'JOURNAL_FULL' });
  assert.equal(journal.nextSequence, last + 1);
  assert.deepEqual(journal.open(), []);
  await untilReadable(journal, last);

  await journal.end();
  journal = await open(disk, { segments: 3 });
  assert.throws(() => journal.reserve(), { code: 'JOURNAL_FULL' });
  assert.equal((await readAll(journal)).length, last);
  journal.acknowledge(last);
  await settled();
  journal.reserve();
  assert.equal(disk.names().includes('segment-00000001.log'), false);
  assert.equal(await append(journal, 3), last + 3);
  await journal.end();
  journal = await open(disk, { segments: 3 });
  assert.equal(journal.acknowledged, last);
  assert.deepEqual(sequencesOf(await readAll(journal)), [last + 1, last + 2, last + 3]);
  await journal.end();
});

test('a tap begins only where all of its records fit', async () => {
  for (let before = 0; ; before++) {
    const journal = await open(new SimDisk(), { segments: 2 });
    for (let i = 0; i < before; i++) {
      await append(journal, 1);
      await settled();
    }
    let isReserved = true;
    try {
      journal.reserve();
    } catch (error) {
      assert.equal((error as FaregateError).code, 'JOURNAL_FULL');
      isReserved = false;
    }
    const records = Array.from({ length: JOURNAL_TAP_RECORDS }, () =>
      journal.intent(intentOf(journal.nextSequence)),
    );
    const ends = await Promise.allSettled(records);
    const taken = ends.filter(({ status }) => status === 'fulfilled').length;
    assert.equal(isReserved, taken === JOURNAL_TAP_RECORDS, `${before} before: ${taken} taken`);
    await journal.end();
    if (isReserved) continue;
    assert(before >= 10 && taken > 0, 'one record alone still fits');
    return;
  }
});

test('a full journal always has room for the final records of its open intents', async () => {
  const disk = new SimDisk();
  let journal = await open(disk, { segments: 2 });
  for (;;) {
    try {
      await journal.intent(intentOf(journal.nextSequence));
      await settled();
    } catch (error) {
      assert.equal((error as FaregateError).code, 'JOURNAL_FULL');
      break;
    }
  }
  const open_ = sequencesOf(journal.open());
  assert(open_.length >= 10);
  await journal.end();
  for (const sequence of open_) {
    journal = await open(disk, { segments: 2 });
    journal.close(finalOf(sequence));
    await journal.end();
  }
  journal = await open(disk, { segments: 2 });
  assert.deepEqual(
    await readAll(journal),
    open_.map((sequence) => finalOf(sequence)),
  );
  await journal.end();
});

test('segments are removed oldest first as they are acknowledged', async () => {
  const disk = new SimDisk();
  const journal = await open(disk);
  for (let i = 0; i < 40; i++) {
    await append(journal, 1);
    await settled();
  }
  assert.deepEqual(disk.names().length, 6);
  await untilReadable(journal, 40);
  journal.acknowledge(15);
  await settled();
  assert.deepEqual(disk.names()[0], 'segment-00000002.log');
  assert.deepEqual(sequencesOf(await readAll(journal, 3)), [16, 17, 18]);
  journal.acknowledge(40);
  await settled();
  assert.equal(disk.names().length, 2);
  await journal.end();
});

test('a segment stays while it is read', async () => {
  let hold: Promise<void> | undefined;
  const disk = new SimDisk({ before: (operation) => (operation === 'read' ? hold : undefined) });
  const journal = await open(disk);
  for (let i = 0; i < 40; i++) {
    await append(journal, 1);
    await settled();
  }
  await untilReadable(journal, 40);
  let release = (): void => {};
  hold = new Promise((resolve) => {
    release = resolve;
  });
  const reading = journal.read(1, 5);
  await settled();
  journal.acknowledge(40);
  await settled();
  hold = undefined;
  release();
  assert.equal((await reading).count, 5);
  await settled();
  assert.equal(disk.names().length, 2);
  await journal.end();
});

test('a settlement is appended with the state it has; a debit only as intended', async () => {
  const journal = await open(new SimDisk());
  const record = recordOf(1, DebitState.confirmed);
  record[at.kind] = DebitKind.debit;
  await assert.rejects(async () => journal.intent(record), { code: 'ERR_ASSERTION' });
  record[at.kind] = DebitKind.settlement;
  await journal.intent(record);
  journal.close(record);
  await untilReadable(journal, 1);
  assert.deepEqual(await readAll(journal), [record]);
  await journal.end();
});

test('another key and another gate are refused, and nothing is changed', async () => {
  const disk = new SimDisk();
  const journal = await open(disk);
  await append(journal, 3);
  await journal.end();
  const before = disk.bytesOf('segment-00000001.log').slice();
  const otherKey = { key: new Uint8Array(32).fill(8) };
  await assert.rejects(open(disk, otherKey), { code: 'JOURNAL_REFUSED', message: /key/ });
  await assert.rejects(open(disk, { gateId: 'G-02' }), {
    code: 'JOURNAL_REFUSED',
    message: /segment-00000001\.log: is of gate "G-01", not G-02/,
  });
  assert.deepEqual(disk.bytesOf('segment-00000001.log'), before);
  const again = await open(disk);
  assert.equal(again.backlog, 3);
  await again.end();
});

test('files that are not segments are left alone', async () => {
  const disk = new SimDisk();
  disk.put('notes.txt', Uint8Array.of(1, 2, 3));
  const journal = await open(disk);
  await append(journal, 1);
  await journal.end();
  assert.deepEqual(disk.bytesOf('notes.txt'), Uint8Array.of(1, 2, 3));
});
