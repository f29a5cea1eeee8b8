/**
 * Power cuts while a set is fetched and put in force: at every step of every write, whatever is
 * left on the disk, the station starts on the set before or on the new one, whole, and gets the
 * new one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaregateError } from '../../../engine/errors.ts';
import { StationParameters } from '../../../gate/parameters/station-parameters.ts';
import { exchange, MemoryShelf, text, verify } from '../../kit/parameters-kit.ts';
import { SimDisk, seeded } from '../../sim-disk.ts';

const SETS = {
  1: { version: 1, items: { a: text('old fares'), b: text('shared') } },
  2: { version: 2, items: { a: text('new fares'), b: text('shared'), c: new Uint8Array(999) } },
} as const;

/** Opens the station on a disk; `inForce` tells what it works by. */
async function open(disk: SimDisk) {
  const seen = { inForce: 'own' };
  const parameters = await StationParameters.open({
    disk,
    verify,
    gateIds: ['G01'],
    load: async (manifest, folder) => {
      const first = Buffer.from(await folder.readWhole(manifest.items[0]!)).toString();
      for (const item of manifest.items) await folder.readWhole(item);
      return async () => {
        seen.inForce = first;
      };
    },
    nowMs: () => 1_790_000_000_000,
    onNews: () => {},
    lookMs: 1000,
    retryMs: 1,
  });
  await parameters.start();
  return { parameters, seen };
}

async function fetched(station: Awaited<ReturnType<typeof open>>, shelf: MemoryShelf) {
  for (let i = 0; i < 400 && station.parameters.version !== shelf.newestFor('G01'); i++) {
    await exchange(station.parameters.downloads, shelf);
    await sleep(1);
  }
}

interface Cut {
  found: SimDisk | null;
  /** What the station worked by as the power went. */
  inForce: string;
  steps: number;
}

/** Fetches set 2 on top of set 1, counting the steps; cuts the power at one of them. */
async function cutAt(step: number, choose: (options: number) => number) {
  const shelf = new MemoryShelf();
  shelf.publish(SETS[1]);
  const disk = new SimDisk();
  const station = await open(disk);
  await fetched(station, shelf);
  assert.equal(station.seen.inForce, 'old fares');
  shelf.publish(SETS[2]);
  const cut: Cut = { found: null, inForce: '', steps: 0 };
  disk.hooks.after = () => {
    cut.steps += 1;
    if (cut.steps !== step) return;
    cut.found = disk.crash(choose);
    cut.inForce = station.seen.inForce;
  };
  await fetched(station, shelf);
  assert.equal(station.seen.inForce, 'new fares');
  await station.parameters.end();
  return { ...cut, shelf };
}

test('a power cut at any step leaves the old set in force, or the new one, never a part', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`# SEED=${seed}`);
  const choose = seeded(seed);
  const { steps } = await cutAt(0, choose);
  assert(steps > 10, `${steps} steps`);
  for (let step = 1; step <= steps; step++) {
    for (let way = 0; way < 8; way++) {
      const { found, inForce, shelf } = await cutAt(step, choose);
      assert(found);
      const after = await open(found);
      if (inForce === 'new fares')
        assert.equal(after.seen.inForce, inForce, 'what riders had paid');
      assert(['old fares', 'new fares'].includes(after.seen.inForce), after.seen.inForce);
      await fetched(after, shelf);
      assert.equal(after.seen.inForce, 'new fares', `cut at step ${step}`);
      await after.parameters.end();
    }
  }
});

test('a full disk keeps the old set in force until there is room', async () => {
  const shelf = new MemoryShelf();
  shelf.publish(SETS[1]);
  const disk = new SimDisk();
  let station = await open(disk);
  await fetched(station, shelf);
  shelf.publish(SETS[2]);
  disk.hooks.before = (operation) => {
    if (operation === 'preallocate') throw new FaregateError('DISK_FULL', 'no space left');
  };
  for (let i = 0; i < 10; i++) {
    await exchange(station.parameters.downloads, shelf);
    await sleep(2);
  }
  assert.equal(station.seen.inForce, 'old fares');
  assert.match(station.parameters.status.fault, /no space left/);
  await station.parameters.end();
  station = await open(disk);
  assert.equal(station.seen.inForce, 'old fares', 'a full disk can be read');
  disk.hooks.before = () => {};
  await sleep(300);
  await fetched(station, shelf);
  assert.equal(station.seen.inForce, 'new fares');
  await station.parameters.end();
});
