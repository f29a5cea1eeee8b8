/** Sets and items that cannot be had, at the engine or on the disk: what else there is goes on. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaregateError } from '../../../engine/errors.ts';
import type { ParameterAnswer } from '../../../engine/wire/parameter-messages.ts';
import { ParameterStation, set } from '../../kit/parameter-station.ts';
import { exchange, MemoryShelf, text } from '../../kit/parameters-kit.ts';
import { SimDisk } from '../../sim-disk.ts';

/** A disk that cannot read the file whose name ends so. */
class UnreadableDisk extends SimDisk {
  unreadable = '';

  override async open(name: string) {
    const file = await super.open(name);
    if (this.unreadable === '' || !name.endsWith(this.unreadable)) return file;
    const read = async (): Promise<never> => {
      throw new FaregateError('DISK_FAILED', `${name}: EIO`);
    };
    return Object.create(file, { read: { value: read } }) as typeof file;
  }
}

const sha256Of = (content: string) => createHash('sha256').update(content).digest('hex');

test('a set that cannot be had whole keeps no later one away', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  shelf.publish({ version: 1, items: { a: text('one'), gone: text('gone') } });
  const parameters = await world.open();
  await exchange(world.downloads, shelf, (answer) =>
    answer.type === 'piece' && answer.item === 1 ? { ...answer, bytes: new Uint8Array(0) } : answer,
  );
  assert.match(parameters.status.fault, /gone: the engine has not got it/);
  shelf.sets.delete(1);
  shelf.publish(set(2, 'two'));
  for (let round = 0; round < 50 && parameters.version < 2; round++) {
    await sleep(5);
    await exchange(world.downloads, shelf);
  }
  assert.deepEqual([world.inForce, parameters.version], ['two', 2]);
  await parameters.end();
});

test('a newer set is asked for while an item that fails is tried again and again', async () => {
  const world = new ParameterStation();
  const shelf = new MemoryShelf();
  shelf.publish(set(1, 'damaged at the engine'));
  const damaged = (answer: ParameterAnswer): ParameterAnswer =>
    answer.type === 'piece' && answer.set === 1
      ? { ...answer, bytes: new Uint8Array(answer.bytes.length) }
      : answer;
  const parameters = await world.open();
  await exchange(world.downloads, shelf, damaged);
  shelf.publish(set(2, 'two'));
  for (let round = 0; round < 50 && parameters.version < 2; round++) {
    await sleep(5);
    await exchange(world.downloads, shelf, damaged);
  }
  assert.deepEqual([world.inForce, parameters.version], ['two', 2]);
  await parameters.end();
});

test('an item that cannot be read is received again, and the sets beside it stay', async () => {
  const disk = new UnreadableDisk();
  const world = new ParameterStation(disk);
  const shelf = new MemoryShelf();
  shelf.publish(set(1, 'one'));
  await world.open();
  await exchange(world.downloads, shelf);
  shelf.publish(set(2, 'two'));
  await exchange(world.downloads, shelf);
  await world.parameters!.end();
  disk.unreadable = sha256Of('two');
  const again = await world.open();
  assert.deepEqual([world.inForce, again.version], ['one', 1]);
  disk.unreadable = '';
  for (let round = 0; round < 50 && again.version < 2; round++) {
    await sleep(5);
    await exchange(world.downloads, shelf);
  }
  assert.deepEqual([world.inForce, again.version], ['two', 2]);
  await again.end();
});
