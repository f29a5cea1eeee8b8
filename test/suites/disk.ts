/** What every disk must do, whatever it is made of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk } from '../../gate/journal/disk.ts';

export interface DiskUnderTest {
  readonly disk: Disk;
  /** The same directory, opened again after `disk.close()`. */
  reopen(): Promise<Disk>;
  /** Cleans up. */
  done(): Promise<void>;
}

const ascending = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251);

export function diskSuite(kind: string, make: () => Promise<DiskUnderTest>): void {
  const disk = (name: string, body: (under: DiskUnderTest) => Promise<void>): void => {
    test(`${kind}: ${name}`, async () => {
      const under = await make();
      try {
        await body(under);
      } finally {
        await under.done();
      }
    });
  };

  disk('a new directory is empty', async ({ disk }) => {
    assert.deepEqual(await disk.list(), []);
    await disk.close();
  });

  disk('a preallocated file has its size, in zeros, and a name', async ({ disk }) => {
    const file = await disk.preallocate('a.log', 300_000);
    assert.deepEqual(await disk.list(), ['a.log']);
    assert.deepEqual(await file.read(0, 400_000), new Uint8Array(300_000));
    await file.close();
    await disk.close();
  });

  disk('what is written is read, in place', async ({ disk }) => {
    const file = await disk.preallocate('a.log', 1000);
    await file.write(ascending(100), 50);
    await file.write(Uint8Array.of(9, 9), 149);
    await file.sync();
    const expected = new Uint8Array(1000);
    expected.set(ascending(100), 50);
    expected.set([9, 9], 149);
    assert.deepEqual(await file.read(0, 1000), expected);
    assert.deepEqual(await file.read(50, 99), ascending(99));
    await file.close();
    await disk.close();
  });

  disk('a read over the end is short, behind it empty', async ({ disk }) => {
    const file = await disk.preallocate('a.log', 100);
    assert.equal((await file.read(90, 20)).length, 10);
    assert.equal((await file.read(100, 20)).length, 0);
    await file.close();
    await disk.close();
  });

  disk('writes and syncs may overlap', async ({ disk }) => {
    const file = await disk.preallocate('a.log', 4000);
    const work: Promise<void>[] = [];
    for (let i = 0; i < 40; i++) {
      work.push(file.write(new Uint8Array(100).fill(i + 1), i * 100), file.sync());
    }
    await Promise.all(work);
    for (let i = 0; i < 40; i++) {
      assert.deepEqual(await file.read(i * 100, 100), new Uint8Array(100).fill(i + 1));
    }
    await file.close();
    await disk.close();
  });

  disk('files keep their bytes when the directory is opened again', async ({ disk, reopen }) => {
    const file = await disk.preallocate('a.log', 500);
    await file.write(ascending(500), 0);
    await file.sync();
    await file.close();
    await disk.close();
    const again = await reopen();
    assert.deepEqual(await again.list(), ['a.log']);
    const same = await again.open('a.log');
    assert.deepEqual(await same.read(0, 500), ascending(500));
    await same.write(Uint8Array.of(1), 0);
    await same.sync();
    await same.close();
    await again.close();
  });

  disk('a removed file is gone, and its name is free', async ({ disk }) => {
    await (await disk.preallocate('a.log', 10)).close();
    await (await disk.preallocate('b.log', 10)).close();
    await disk.remove('a.log');
    assert.deepEqual(await disk.list(), ['b.log']);
    await (await disk.preallocate('a.log', 20)).close();
    assert.deepEqual((await disk.list()).sort(), ['a.log', 'b.log']);
    await disk.close();
  });

  disk('a missing file is an error that names it', async ({ disk }) => {
    await assert.rejects(disk.open('missing.log'), {
      code: 'DISK_FAILED',
      message: /missing\.log/,
    });
    await disk.close();
  });
}
