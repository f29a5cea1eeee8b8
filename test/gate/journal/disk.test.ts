/** The two disks under the same suite, and what only the real one has: its lock. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openNodeDisk } from '../../../gate/journal/node-disk.ts';
import { SimDisk, seeded } from '../../sim-disk.ts';
import { diskSuite } from '../../suites/disk.ts';

const linuxOnly = process.platform === 'linux' ? false : 'the lock is a Linux abstract socket';

async function temporary(): Promise<{ directory: string; done: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'faregate-disk-'));
  return { directory, done: () => rm(directory, { recursive: true }) };
}

diskSuite('node disk', async () => {
  const { directory, done } = await temporary();
  const path = join(directory, 'journal');
  return { disk: await openNodeDisk(path), reopen: () => openNodeDisk(path), done };
});

diskSuite('simulated disk', async () => {
  const disk = new SimDisk();
  return { disk, reopen: async () => disk.crash(seeded(1)), done: async () => {} };
});

test('node disk: the directory is for its owner only', async () => {
  const { directory, done } = await temporary();
  const path = join(directory, 'a', 'b');
  const disk = await openNodeDisk(path);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  await (await disk.preallocate('x.log', 1)).close();
  assert.equal((await stat(join(path, 'x.log'))).mode & 0o777, 0o600);
  await disk.close();
  await done();
});

test('node disk: a directory that is open is refused', { skip: linuxOnly }, async () => {
  const { directory, done } = await temporary();
  const disk = await openNodeDisk(directory);
  const refusal = { code: 'JOURNAL_IN_USE', message: /faregate-disk-/ };
  await assert.rejects(openNodeDisk(directory), refusal);
  const module = new URL('../../../gate/journal/node-disk.js', import.meta.url).href;
  const program = `
    const { openNodeDisk } = await import(${JSON.stringify(module)});
    await openNodeDisk(${JSON.stringify(directory)}).catch((error) => console.log(error.code));
  `;
  const run = () =>
    spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(run().stdout, 'JOURNAL_IN_USE\n');
  await disk.close();
  assert.equal(run().stdout, '');
  await (await openNodeDisk(directory)).close();
  await done();
});

test('node disk: a file that cannot be made is an error that names it', async () => {
  const { directory, done } = await temporary();
  const disk = await openNodeDisk(directory);
  await (await disk.preallocate('x.log', 100)).close();
  await assert.rejects(disk.preallocate('x.log', 100), {
    code: 'DISK_FAILED',
    message: /x\.log.*EEXIST/,
  });
  await disk.close();
  await done();
});

/** Handles of this process to a file. */
async function handlesOf(path: string): Promise<number> {
  let count = 0;
  for (const fd of await readdir('/proc/self/fd')) {
    // The listing's own handle is gone by now.
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '');
    if (target === path) count += 1;
  }
  return count;
}

test('node disk: durable writes have one handle more, and closing leaves none', {
  skip: linuxOnly,
}, async () => {
  const { directory, done } = await temporary();
  const disk = await openNodeDisk(directory);
  const path = join(directory, 'x.log');
  const file = await disk.preallocate('x.log', 8192);
  await Promise.all([
    file.writeDurably(Uint8Array.of(1), 0),
    file.writeDurably(Uint8Array.of(2), 1),
    file.write(Uint8Array.of(3), 2),
  ]);
  assert.deepEqual(await file.read(0, 4), Uint8Array.of(1, 2, 3, 0));
  assert.equal(await handlesOf(path), 2);
  await file.close();
  assert.equal(await handlesOf(path), 0);
  await assert.rejects(file.writeDurably(Uint8Array.of(1), 0), { code: 'DISK_FAILED' });
  await disk.close();
  await done();
});

test('node disk: a file that took the name meanwhile is not written to', async () => {
  const { directory, done } = await temporary();
  const disk = await openNodeDisk(directory);
  const path = join(directory, 'x.log');
  const file = await disk.preallocate('x.log', 8192);
  await rename(path, join(directory, 'moved'));
  await writeFile(path, new Uint8Array(8192));
  await file.writeDurably(Uint8Array.of(7), 0);
  assert.deepEqual(await file.read(0, 1), Uint8Array.of(7));
  assert.equal((await readFile(path))[0], 0);
  await file.close();
  await disk.close();
  await done();
});

test('simulated disk: only what was synced surely survives', async () => {
  const disk = new SimDisk();
  const file = await disk.preallocate('a.log', 16);
  await file.write(Uint8Array.of(1), 0);
  await file.sync();
  await file.write(Uint8Array.of(2), 1);
  assert.equal(disk.pendingWrites, 1);
  assert.deepEqual(
    [
      ...disk
        .crash(() => 0)
        .bytesOf('a.log')
        .subarray(0, 2),
    ],
    [1, 0],
  );
  assert.deepEqual(
    [
      ...disk
        .crash(() => 1)
        .bytesOf('a.log')
        .subarray(0, 2),
    ],
    [1, 2],
  );
  assert.deepEqual(
    [
      ...disk
        .kill(() => 0)
        .bytesOf('a.log')
        .subarray(0, 2),
    ],
    [1, 2],
  );
});
