/** A disk that fails or fills up under the journal: what is refused, to whom, and what goes on. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { FaregateError } from '../../../engine/errors.ts';
import { type JournalOptions, openJournal } from '../../../gate/journal/journal.ts';
import type { Journal } from '../../../gate/journal/port.ts';
import { type Operation, SimDisk, type SimHooks } from '../../sim-disk.ts';
import {
  append,
  fill,
  finalOf,
  intentOf,
  readAll,
  sequencesOf,
  settled,
  untilReadable,
} from '../../suites/journal.ts';

function open(disk: SimDisk, more: Partial<JournalOptions> = {}): Promise<Journal> {
  const key = new Uint8Array(32).fill(7);
  const random = (bytes: number): Uint8Array => new Uint8Array(randomBytes(bytes));
  return openJournal({ disk, gateId: 'G-01', key, random, segmentBytes: 4096, ...more });
}

/** Hooks that fail one operation with `code` while `isFailing`. */
function failing(
  operation: Operation,
  code: 'DISK_FULL' | 'DISK_FAILED',
): SimHooks & { isFailing: boolean } {
  const hooks = {
    isFailing: false,
    before: (current: Operation, name: string) => {
      if (hooks.isFailing && current === operation) throw new FaregateError(code, name);
    },
  };
  return hooks;
}

for (const operation of ['write', 'sync'] as const) {
  test(`a failed ${operation} ends the journal for every caller`, async () => {
    const faults = failing(operation, 'DISK_FAILED');
    const disk = new SimDisk(faults);
    const failures: FaregateError[] = [];
    const journal = await open(disk, { failed: (error) => failures.push(error) });
    await append(journal, 2);
    faults.isFailing = true;
    const refused = { code: 'DISK_FAILED', message: /segment-00000001/ };
    const waiting = [journal.intent(intentOf(3)), journal.intent(intentOf(4))];
    for (const intent of waiting) await assert.rejects(intent, refused);
    faults.isFailing = false;
    await assert.rejects(journal.intent(intentOf(5)), refused);
    assert.throws(() => journal.reserve(), refused);
    assert.throws(() => journal.close(finalOf(3)), refused);
    assert.throws(() => journal.acknowledge(1), refused);
    await assert.rejects(journal.read(1, 1), refused);
    assert.equal(failures.length, 1);
    await assert.rejects(journal.end(), refused);
    const again = await open(disk);
    assert.deepEqual(sequencesOf(await readAll(again)).slice(0, 1), [1]);
    await again.end();
  });
}

test('a write that finds no space ends the journal too, and is not called a refusal', async () => {
  const faults = failing('write', 'DISK_FULL');
  const journal = await open(new SimDisk(faults));
  faults.isFailing = true;
  const failed = { code: 'DISK_FAILED', message: /stopped: .*segment-00000001/ };
  await assert.rejects(journal.intent(intentOf(1)), failed);
  assert.throws(() => journal.reserve(), failed);
  await assert.rejects(journal.end(), failed);
});

test('upkeep that fails during a batch ends the journal for those who wait', async () => {
  const disk = new SimDisk();
  const journal = await open(disk);
  await untilReadable(journal, await append(journal, 20));
  let cutWrite = (): void => {};
  disk.hooks.before = (operation, name) => {
    if (operation === 'remove') throw new FaregateError('DISK_FAILED', name);
    if (operation !== 'write') return;
    return new Promise((_, reject) => {
      cutWrite = () => reject(new FaregateError('DISK_FAILED', name));
    });
  };
  const intent = journal.intent(intentOf(21));
  journal.acknowledge(20);
  await settled();
  cutWrite();
  await assert.rejects(intent, { code: 'DISK_FAILED', message: /segment-00000001/ });
  await assert.rejects(journal.end(), { code: 'DISK_FAILED' });
});

test('a final record whose own sync fails is reported', async () => {
  const faults = failing('sync', 'DISK_FAILED');
  const reported = new Promise<FaregateError>((failed) => {
    void open(new SimDisk(faults), { failed }).then(async (journal) => {
      await append(journal, 1);
      faults.isFailing = true;
    });
  });
  assert.equal((await reported).code, 'DISK_FAILED');
});

test('a full disk is refused when the segment is used up, and tried again', async () => {
  const faults = failing('preallocate', 'DISK_FULL');
  const disk = new SimDisk(faults);
  let journal = await open(disk);
  faults.isFailing = true;
  const refusal = await fill(journal);
  assert.equal(refusal.code, 'DISK_FULL');
  assert.match(refusal.message, /segment-00000003\.log/);
  const last = journal.nextSequence - 1;
  await journal.end();

  journal = await open(disk);
  assert.equal((await readAll(journal)).length, last);
  assert.throws(() => journal.reserve(), { code: 'DISK_FULL' });
  faults.isFailing = false;
  assert.throws(() => journal.reserve(), { code: 'DISK_FULL' });
  await settled();
  journal.reserve();
  assert.equal(await append(journal, 2), last + 2);
  await journal.end();
});

test('a disk too full for a new journal is refused', async () => {
  const faults = failing('preallocate', 'DISK_FULL');
  faults.isFailing = true;
  await assert.rejects(open(new SimDisk(faults)), {
    code: 'DISK_FULL',
    message: /segment-00000001/,
  });
});
