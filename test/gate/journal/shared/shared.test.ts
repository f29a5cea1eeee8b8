/** The station's shared log: the suites of disk and journal over it, and what it adds to them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaregateError } from '../../../../engine/errors.ts';
import { checkUnshared, openSharedDisk } from '../../../../gate/journal/shared/shared-disk.ts';
import { SharedLog } from '../../../../gate/journal/shared/shared-log.ts';
import { SimDisk, seeded } from '../../../sim-disk.ts';
import { diskSuite } from '../../../suites/disk.ts';
import { finalOf, intentOf, readAll, sequencesOf } from '../../../suites/journal.ts';
import { hook, newDisks, openLog, openStation } from './world.ts';

const choose = seeded(11);
const random = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, () => choose(256));

diskSuite('shared disk', async () => {
  const inner = new SimDisk();
  const logDisk = new SimDisk();
  const open = async () => {
    const log = await SharedLog.open({
      disk: logDisk,
      openDirectory: async () => inner,
      random,
      fileBytes: 64 * 1024,
      batchBytes: 8192,
    });
    return openSharedDisk(log, inner, 'gate');
  };
  return { disk: await open(), reopen: open, done: async () => {} };
});

test('one sync serves the intents of many gates', async () => {
  const disks = newDisks();
  const syncs: string[] = [];
  const log = await openLog(disks, choose);
  const gates = await Promise.all(
    Array.from({ length: 20 }, (_, i) => openSharedDisk(log, new SimDisk(), `gate ${i}`)),
  );
  const files = await Promise.all(gates.map((gate) => gate.preallocate('a.log', 1000)));
  hook(disks, { before: (operation, name) => void (operation === 'sync' && syncs.push(name)) });
  await Promise.all(
    files.map(async (file, i) => {
      await file.write(Uint8Array.of(i), 0);
      await file.sync();
    }),
  );
  assert(syncs.length >= 1 && syncs.length <= 2, `${syncs.length} syncs`);
});

test('what is synced in the log comes back after a power cut, in the files it is for', async () => {
  const disks = newDisks();
  const { journals } = await openStation(disks, choose);
  await Promise.all(journals.map((journal) => journal.intent(intentOf(1))));
  const [north] = journals;
  north!.close(finalOf(1));
  await north!.intent(intentOf(2));
  const crashed = {
    log: disks.log.crash(() => 0),
    gates: new Map([...disks.gates].map(([gate, disk]) => [gate, disk.crash(() => 0)])),
  };
  const found = await openStation(crashed, choose);
  assert.deepEqual(
    found.journals.map((journal) => [journal.nextSequence, journal.backlog]),
    [
      [3, 1],
      [2, 0],
    ],
  );
  assert.deepEqual(sequencesOf(await readAll(found.journals[0]!)), [1]);
  await found.end();
});

test('a directory whose last writes are in a log opens with that log only', async () => {
  const disks = newDisks();
  const { log } = await openStation(disks, choose);
  const inner = disks.gates.get('north')!;
  await assert.rejects(checkUnshared(inner, 'gates/north'), {
    code: 'JOURNAL_REFUSED',
    message: /gates\/north.*shared log/,
  });
  const other = await openLog(newDisks(), choose);
  await assert.rejects(openSharedDisk(other, inner, 'gates/north'), {
    code: 'JOURNAL_REFUSED',
    message: /gates\/north.*another station/,
  });
  assert(log);
});

test('a station that ends in order leaves its gates to stand for themselves', async () => {
  const disks = newDisks();
  const station = await openStation(disks, choose);
  await station.journals[0]!.intent(intentOf(1));
  await station.end();
  const inner = disks.gates.get('north')!;
  await checkUnshared(inner, 'north');
  // Written by a process that knows nothing of the log, which must not write over it again.
  const file = await inner.open('segment-00000001.log');
  await file.write(Uint8Array.of(1, 2, 3), 200);
  await file.sync();
  const before = inner.bytesOf('segment-00000001.log').slice();
  await openLog(disks, choose);
  assert.deepEqual(inner.bytesOf('segment-00000001.log'), before);
});

test('a gate that is gone is passed over, the others are brought up to the log', async () => {
  const disks = newDisks();
  const { journals } = await openStation(disks, choose);
  await Promise.all(journals.map((journal) => journal.intent(intentOf(1))));
  const south = disks.gates.get('south')!.crash(() => 0);
  const left = { log: disks.log.crash(() => 0), gates: new Map([['south', south]]) };
  const found = await openStation(left, choose);
  assert.deepEqual(
    found.journals.map((journal) => journal.nextSequence),
    [2],
  );
  await found.end();
});

for (const operation of ['write', 'sync'] as const) {
  test(`a failed ${operation} of the log ends every journal`, async () => {
    const disks = newDisks();
    const failures: FaregateError[] = [];
    const log = await SharedLog.open({
      disk: disks.log,
      openDirectory: async () => null,
      random,
      fileBytes: 8192,
      batchBytes: 1024,
      failed: (error) => failures.push(error),
    });
    const files = await Promise.all(
      [...disks.gates].map(async ([gate, inner]) => {
        const disk = await openSharedDisk(log, inner, gate);
        return disk.preallocate('a.log', 1000);
      }),
    );
    disks.log.hooks.before = (current, name) => {
      if (current === operation) throw new FaregateError('DISK_FAILED', name);
    };
    const refused = { code: 'DISK_FAILED', message: /shared-0\.log/ };
    const writes = files.map(async (file) => {
      await file.write(Uint8Array.of(1), 0);
      await file.sync();
    });
    for (const write of writes) await assert.rejects(write, refused);
    await assert.rejects(files[0]!.write(Uint8Array.of(1), 0), refused);
    assert.equal(failures.length, 1);
  });
}

test('a gate file that cannot be synced stops the station before its log bytes are let go', async () => {
  const disks = newDisks();
  const failures: FaregateError[] = [];
  const log = await SharedLog.open({
    disk: disks.log,
    openDirectory: async () => null,
    random,
    fileBytes: 8192,
    batchBytes: 1024,
    failed: (error) => failures.push(error),
  });
  const inner = disks.gates.get('north')!;
  const file = await (await openSharedDisk(log, inner, 'north')).preallocate('a.log', 100_000);
  inner.hooks.before = (operation) => {
    if (operation === 'sync') throw new FaregateError('DISK_FAILED', 'north/a.log');
  };
  await assert.rejects(
    async () => {
      for (let i = 0; i < 100; i++) {
        await file.write(new Uint8Array(400).fill(i), i * 400);
        await file.sync();
      }
    },
    { code: 'DISK_FAILED', message: /a\.log/ },
  );
  assert.equal(failures.length, 1);
});

test('files that nobody holds are closed once their bytes are theirs', async () => {
  const disks = newDisks();
  const log = await openLog(disks, choose);
  const inner = disks.gates.get('north')!;
  let open = 0;
  const counting = {
    list: () => inner.list(),
    remove: (name: string) => inner.remove(name),
    close: () => inner.close(),
    open: (name: string) => inner.open(name),
    preallocate: async (name: string, bytes: number) => {
      const file = await inner.preallocate(name, bytes);
      open += 1;
      return {
        write: (data: Uint8Array, position: number) => file.write(data, position),
        sync: () => file.sync(),
        writeDurably: (data: Uint8Array, position: number) => file.writeDurably(data, position),
        read: (position: number, length: number) => file.read(position, length),
        close: () => {
          open -= 1;
          return file.close();
        },
      };
    },
  };
  const disk = await openSharedDisk(log, counting, 'north');
  open = 0;
  for (let i = 0; i < 40; i++) {
    const file = await disk.preallocate(`${i}.log`, 1000);
    await file.write(new Uint8Array(1000).fill(i), 0);
    await file.sync();
    await file.close();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert(open < 20, `${open} files are open`);
  for (let i = 0; i < 40; i++)
    assert.equal((await disk.open(`${i}.log`).then((f) => f.read(9, 1)))[0], i);
});
