/** Parameters over the uplinks of a station, beside its debits: over TLS, and over a bad line. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../../engine/log/log.ts';
import { StationParameters } from '../../../gate/parameters/station-parameters.ts';
import type { Transport } from '../../../gate/uplink/transport.ts';
import { Uplink } from '../../../gate/uplink/uplink.ts';
import { MemoryShelf, text, verify } from '../../kit/parameters-kit.ts';
import { SimDisk } from '../../sim-disk.ts';
import { seeded, Unreliable } from '../../suites/uplink.ts';
import { MemoryJournal, statusOf } from './fakes.ts';
import { TlsWorld } from './worlds.ts';

const GATES = ['G01', 'G02', 'G03'];
const LARGE = new Uint8Array(200_000).map((_, i) => i * 31);

async function openWorld(options: { parameters?: MemoryShelf } = {}): Promise<TlsWorld> {
  const world = await TlsWorld.open(options);
  opened.push(() => world.close());
  return world;
}

async function openParameters(): Promise<StationParameters> {
  const parameters = await StationParameters.open({
    disk: new SimDisk(),
    verify,
    gateIds: GATES,
    load: async (manifest, folder) => {
      for (const item of manifest.items) await folder.readWhole(item);
      return async () => {};
    },
    nowMs: Date.now,
    onNews: () => {},
    askMs: 20,
    retryMs: 1,
  });
  opened.push(() => parameters.end());
  await parameters.start();
  return parameters;
}

function uplinkOf(
  gateId: string,
  transport: Transport,
  parameters: StationParameters,
  random: () => number,
  answerMs = 30_000,
): { uplink: Uplink; journal: MemoryJournal } {
  const journal = new MemoryJournal(gateId, 100);
  const uplink = new Uplink({
    gateId,
    transport,
    journal,
    random,
    downloads: parameters.downloads,
    status: () => ({ ...statusOf(gateId), parameters: parameters.status }),
    log: silentLog,
    onFailure: (error) => {
      throw error;
    },
    timing: { batchRecords: 7, pollMs: 5, answerMs, pauseMinMs: 1, pauseMaxMs: 10 },
  });
  opened.push(() => uplink.stop());
  uplink.start();
  return { uplink, journal };
}

/** A test that fails half way must not leave an uplink behind: its file would never end. */
const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 20_000 && !holds(); i++) await sleep(5);
  assert(holds(), what);
}

test('a station gets a set over TLS once, whichever gate asks, while its debits go up', async () => {
  const shelf = new MemoryShelf();
  const world = await openWorld({ parameters: shelf });
  const parameters = await openParameters();
  shelf.publish({ version: 1, items: { a: LARGE } });
  const gates = [];
  for (const id of GATES) {
    gates.push(uplinkOf(id, await world.transport(id), parameters, Math.random));
  }
  await until(() => parameters.version === 1, 'the first set');
  assert.equal(shelf.given, LARGE.length);
  await Promise.all(gates.map(({ uplink }) => uplink.drained()));
  // Nobody has anything to upload: an idle gate hears of the next set by asking.
  shelf.publish({ version: 2, items: { a: LARGE, b: text('more') } });
  await until(() => parameters.version === 2, 'the second set');
  assert.equal(shelf.given, LARGE.length + 4);
  await until(
    () => world.server!.gates().some(({ status }) => status?.parameters?.version === 2),
    'the engine hears of it',
  );
});

test('over a line that cuts, loses and repeats, sets and debits all arrive', async () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`# SEED=${seed}`);
  const random = seeded(seed);
  const shelf = new MemoryShelf();
  const world = await openWorld({ parameters: shelf });
  const parameters = await openParameters();
  const faults = { drop: 0.01, repeat: 0.1, swap: 0.02, cut: 0.03 };
  const gates = [];
  for (const id of GATES) {
    const transport = new Unreliable(await world.transport(id), random, faults);
    gates.push(uplinkOf(id, transport, parameters, random, 150));
  }
  for (let version = 1; version <= 3; version++) {
    shelf.publish({ version, items: { a: LARGE.slice(version), b: text(`b${version}`) } });
    for (const { journal } of gates) journal.add(20);
    await until(() => parameters.version === version, `set ${version}`);
  }
  await Promise.all(gates.map(({ uplink }) => uplink.drained()));
  for (const { journal } of gates) assert.equal(journal.acknowledged, 160);
  assert.deepEqual(parameters.faults, []);
});

test('an engine that gives out none is not asked', async () => {
  const world = await openWorld();
  const parameters = await openParameters();
  const { downloads } = parameters;
  let asked = 0;
  const question = downloads.question.bind(downloads);
  downloads.question = (...args) => {
    const made = question(...args);
    if (made) asked += 1;
    return made;
  };
  const { uplink } = uplinkOf('G01', await world.transport('G01'), parameters, Math.random);
  await uplink.drained();
  // Five times as long as it would take to ask.
  await sleep(100);
  assert(uplink.connected, uplink.lastError?.message);
  assert.equal(world.server!.counters.refused, 0);
  assert.equal(asked, 0);
});
