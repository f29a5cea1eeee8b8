/**
 * A station's parameter sets: fetched whole or not at all, in force from their instant on, and
 * never lost to a bad one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PARAMETER_SETS_HELD_MAX, PARAMETER_SYNC_BYTES } from '../../../engine/limits.ts';
import { NOW_MS, ParameterStation, set } from '../../kit/parameter-station.ts';
import { answerTo, exchange, MemoryShelf, text } from '../../kit/parameters-kit.ts';
import { SimDisk } from '../../sim-disk.ts';

const LARGE = 3 * PARAMETER_SYNC_BYTES + 777;

test('a set arrives, is in force, is there after a restart; an older one is not taken', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  shelf.publish(set(1, 'one'));
  const first = await world.open();
  assert.equal(world.inForce, 'own');
  await exchange(world.downloads, shelf);
  assert.deepEqual([world.inForce, first.version], ['one', 1]);
  shelf.publish(set(2, 'two'));
  await exchange(world.downloads, shelf);
  assert.equal(world.inForce, 'two');
  assert.deepEqual(first.status, { version: 2, staged: 0, fault: '' });
  await first.end();

  const again = await world.open();
  assert.deepEqual([world.inForce, again.version], ['two', 2]);
  shelf.sets.delete(2);
  await exchange(world.downloads, shelf);
  assert.equal(again.version, 2);
  await again.end();
});

test('what two sets share crosses the network once, and once for all gates of a station', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  const large = new Uint8Array(LARGE).fill(7);
  shelf.publish({ version: 1, items: { large, a: text('one') } });
  const parameters = await world.open();
  const askers = ['G01', 'G02'].map((gateId) => ({ gateId }));
  for (const asker of askers) world.downloads.told(asker, 1);
  for (let idle = 0; idle < 2; ) {
    idle += 1;
    for (const asker of askers) {
      const question = world.downloads.question(asker, false);
      if (!question) continue;
      idle = 0;
      const other = askers.find((one) => one !== asker)!;
      assert.equal(world.downloads.question(other, false), null, 'one question at a time');
      await world.downloads.answer(asker, await answerTo(shelf, asker.gateId, question));
    }
  }
  assert.equal(parameters.version, 1);
  assert.equal(shelf.given, LARGE + 3);
  shelf.publish({ version: 2, items: { a: text('two'), large } });
  await exchange(world.downloads, shelf);
  assert.equal(parameters.version, 2);
  assert.equal(shelf.given, LARGE + 6);
  await parameters.end();
});

test('a set waits for its instant; a correction that comes before it takes its place', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  const parameters = await world.open();
  shelf.publish(set(1, 'one'));
  shelf.publish(set(2, 'two', { effectiveMs: NOW_MS + 3_600_000 }));
  shelf.publish(set(3, 'three', { effectiveMs: NOW_MS + 7_200_000 }));
  await exchange(world.downloads, shelf);
  assert.equal(world.inForce, 'one');
  assert.equal(parameters.status.staged, 3);
  const becomes = async (nowMs: number, expected: string): Promise<void> => {
    world.nowMs = nowMs;
    for (let i = 0; i < 400 && world.inForce !== expected; i++) await sleep(5);
    assert.equal(world.inForce, expected);
  };
  world.nowMs = NOW_MS + 3_599_999;
  await sleep(30);
  assert.equal(world.inForce, 'one', 'not a millisecond early');
  await becomes(NOW_MS + 3_600_000, 'two');
  shelf.publish(set(4, 'four', { effectiveMs: NOW_MS }));
  await exchange(world.downloads, shelf);
  assert.equal(world.inForce, 'four');
  world.nowMs = NOW_MS + 7_200_000;
  await sleep(30);
  assert.equal(world.inForce, 'four');
  await parameters.end();
});

test('a clock that is set back takes nothing out of force', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  shelf.publish(set(1, 'one', { effectiveMs: NOW_MS - 1000 }));
  shelf.publish(set(2, 'two', { effectiveMs: NOW_MS }));
  const parameters = await world.open();
  await exchange(world.downloads, shelf);
  world.nowMs = NOW_MS - 500;
  await sleep(30);
  assert.equal(world.inForce, 'two');
  await parameters.end();
});

test('a clock that is set back while a set is made ready keeps it waiting for its instant', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  shelf.publish(set(1, 'one', { effectiveMs: NOW_MS }));
  const first = await world.open();
  await exchange(world.downloads, shelf);
  assert.equal(world.inForce, 'one');
  await first.end();
  world.misfit = () => {
    world.nowMs = NOW_MS - 60_000;
    return null;
  };
  const again = await world.open();
  await sleep(30);
  assert.deepEqual([world.inForce, again.version], ['own', 0]);
  world.misfit = () => null;
  world.nowMs = NOW_MS;
  for (let i = 0; i < 400 && world.inForce !== 'one'; i++) await sleep(5);
  assert.deepEqual([world.inForce, again.version], ['one', 1]);
  await again.end();
});

test('a download goes on where it was cut, also after a restart', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  const large = new Uint8Array(LARGE).map((_, i) => i * 7);
  shelf.publish({ version: 1, items: { a: text('one'), large } });
  await world.open();
  await exchange(world.downloads, shelf, (answer, count) => (count === 40 ? null : answer));
  const before = shelf.given;
  await world.parameters!.end();
  const again = await world.open();
  await exchange(world.downloads, shelf);
  assert.equal(again.version, 1);
  const twice = shelf.given - (LARGE + 3);
  assert(before > 2 * PARAMETER_SYNC_BYTES && twice <= PARAMETER_SYNC_BYTES + 65_536, `${twice}`);
  await again.end();
});

test('a forged, foreign, misnamed or cut answer changes nothing', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  shelf.publish(set(1, 'one'));
  const parameters = await world.open();
  await exchange(world.downloads, shelf);
  shelf.publish(set(2, 'two', { forged: true }));
  await exchange(world.downloads, shelf);
  assert.match(parameters.status.fault, /set-2: not signed by the operator/);
  shelf.publish(set(2, 'two'));
  const wrong: [string, Parameters<typeof exchange>[2], RegExp][] = [
    ['another set', (a) => (a.type === 'set' ? { ...a, version: 3 } : a), /set-3: it is set 2/],
    [
      'none of it',
      (a) => (a.type === 'set' ? { ...a, manifest: text('') } : a),
      /no parameter set/,
    ],
    ['no bytes', (a) => (a.type === 'piece' ? { ...a, bytes: text('') } : a), /has not got it/],
    ['too much', (a) => (a.type === 'piece' ? { ...a, bytes: text('two+') } : a), /more came/],
    ['damaged', (a) => (a.type === 'piece' ? { ...a, bytes: text('twO') } : a), /another hash/],
  ];
  for (const [name, change, says] of wrong) {
    for (let i = 0; i < 400 && !says.test(parameters.status.fault); i++) {
      await exchange(world.downloads, shelf, change);
      await sleep(5);
    }
    assert.match(parameters.status.fault, says, name);
    assert.equal(world.inForce, 'one', name);
  }
  await retried(world, shelf, 'two');
  await parameters.end();
});

/** Asks again until the pause after a failure is over. */
async function retried(
  world: ParameterStation,
  shelf: MemoryShelf,
  expected: string,
): Promise<void> {
  for (let i = 0; i < 400 && world.inForce !== expected; i++) {
    await exchange(world.downloads, shelf);
    await sleep(5);
  }
  assert.equal(world.inForce, expected);
}

test('a set for other gates is neither offered nor taken', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  shelf.publish(set(1, 'one', { gates: ['G02'] }));
  shelf.publish(set(2, 'two', { gates: ['G09'] }));
  const parameters = await world.open();
  await exchange(world.downloads, shelf);
  assert.equal(parameters.version, 0, 'G01 is not offered the set of G02');
  await exchange(world.downloads, shelf, undefined, 'G02');
  assert.equal(world.inForce, 'one', 'its neighbour is');
  await exchange(world.downloads, shelf, undefined, 'G09');
  assert.match(parameters.status.fault, /set-2: it is for other gates/);
  assert.equal(world.inForce, 'one');
  await parameters.end();
});

test('answers that are repeated or come late do no harm', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  shelf.publish({ version: 1, items: { a: new Uint8Array(200_000).fill(65), b: text('bee') } });
  const parameters = await world.open();
  const asker = { gateId: 'G01' };
  world.downloads.told(asker, 1);
  const said = [];
  for (;;) {
    const question = world.downloads.question(asker, false);
    if (!question) break;
    const answer = await answerTo(shelf, 'G01', question);
    said.push(answer);
    const taking = world.downloads.answer(asker, answer);
    await world.downloads.answer(asker, answer);
    await taking;
    for (const old of said) await world.downloads.answer(asker, old);
  }
  assert.equal(parameters.version, 1);
  assert.deepEqual(parameters.faults, []);
  await parameters.end();
});

test('a set that does not fit stays out of force, and many of them stop no better one', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  world.misfit = (version) => (version > 1 && version < 20 ? 'no such station' : null);
  shelf.publish(set(1, 'one'));
  const parameters = await world.open();
  await exchange(world.downloads, shelf);
  for (let version = 2; version < 2 + 2 * PARAMETER_SETS_HELD_MAX; version++) {
    shelf.publish(set(version, `bad ${version}`));
    await exchange(world.downloads, shelf);
    assert.equal(world.inForce, 'one');
    assert.match(parameters.status.fault, new RegExp(`set ${version}: no such station`));
  }
  shelf.publish(set(20, 'good'));
  await exchange(world.downloads, shelf);
  assert.equal(world.inForce, 'good');
  await parameters.end();
});

test('any damage to the newest set on the disk: the one before is in force at the start', async () => {
  const origin = new ParameterStation();
  const shelf = new MemoryShelf();
  const opened = await origin.open();
  for (const [version, content] of [
    [1, 'one'],
    [2, 'two'],
    [3, 'three'],
  ] as const) {
    shelf.publish(set(version, content));
    await exchange(origin.downloads, shelf);
  }
  await opened.end();
  const names = origin.disk.names().filter((name) => /^(set|item)-/.test(name));
  assert.equal(names.length, 4, 'the newest and the one before');
  const item = names.find((name) => Buffer.from(origin.disk.bytesOf(name)).toString() === 'three')!;
  const damage: ((bytes: Uint8Array, i: number) => Uint8Array)[] = [
    (bytes, i) => bytes.map((byte, at) => (at === i ? byte ^ 0x10 : byte)),
    (bytes, i) => bytes.slice(0, i),
  ];
  for (const name of ['set-3', item]) {
    const good = origin.disk.bytesOf(name);
    const step = name === item ? 1 : 13;
    for (let i = 0; i < good.length; i += step) {
      for (const change of damage) {
        const disk = new SimDisk();
        for (const one of origin.disk.names()) disk.put(one, origin.disk.bytesOf(one));
        disk.put(name, change(good, i));
        const world = new ParameterStation(disk);
        const parameters = await world.open();
        assert.equal(world.inForce, 'two', `${name} damaged at ${i}`);
        assert(parameters.faults.length > 0);
        if (i % 5 === 0) await retried(world, shelf, 'three');
        await parameters.end();
      }
    }
  }
});
