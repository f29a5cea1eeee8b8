/** Single cuts and kills at exact moments: torn and stale frames, openings, segments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Choose, SimDisk, seeded } from '../../sim-disk.ts';
import { finalOf, untilReadable } from '../../suites/journal.ts';
import { Day, open, Promises } from './promises.ts';

test('one intent torn after every byte of its write', async () => {
  const choose = seeded(3);
  const disk = new SimDisk();
  const journal = await open(disk, choose, 4096);
  const promises = new Promises();
  const day = new Day(journal, promises, 0);
  await day.intent();
  const torn: SimDisk[] = [];
  const intent = day.intent();
  await Promise.resolve();
  assert.equal(disk.pendingWrites, 1);
  for (let bytes = 0; bytes <= 208; bytes++) {
    const script = [2, bytes];
    torn.push(disk.crash(() => script.shift()!));
  }
  const atCut = promises.copy();
  await intent;
  for (const [bytes, found] of torn.entries()) {
    const again = await open(found, choose, 4096);
    assert.equal(again.nextSequence, bytes === 208 ? 3 : 2);
    await atCut.copy().check(again);
    await again.end();
  }
  await journal.end();
});

/** Choices that are made one after another; whatever else is asked is answered with 0. */
function scripted(...choices: number[]): Choose {
  return () => choices.shift() ?? 0;
}

/** Cuts the power in the middle of the `nth` write from now. */
function cutAtWrite(disk: SimDisk, nth: number, choose: Choose): Promise<SimDisk> {
  let count = 0;
  return new Promise((found) => {
    disk.hooks.after = (operation) => {
      if (operation === 'write' && ++count === nth) found(disk.crash(choose));
    };
  });
}

test('an opening that a cut left alone is written over, so cuts alone fill nothing', async () => {
  const choose = seeded(4);
  let disk = new SimDisk();
  const journal = await open(disk, choose, 3072);
  await new Day(journal, new Promises(), 0).intent();
  await journal.end();
  for (let round = 0; round < 60; round++) {
    const again = await open(disk, choose, 3072);
    const cut = cutAtWrite(disk, 1, scripted(2, 64));
    again.close(finalOf(1));
    await again.end();
    disk = await cut;
  }
  const last = await open(disk, choose, 3072);
  last.close(finalOf(1));
  await last.end();
  assert.deepEqual(disk.names(), ['segment-00000001.log', 'segment-00000002.log']);
});

test('a whole frame of a lost batch is not taken up where the new tail meets it', async () => {
  const choose = seeded(5);
  const disk = new SimDisk();
  const journal = await open(disk, choose, 4096);
  const day = new Day(journal, new Promises(), 0);
  for (let sequence = 1; sequence <= 3; sequence++) {
    await day.intent();
    day.close(sequence);
  }
  await day.intent();
  // The first goes alone, with the final record before it; of the others, 208 bytes each, the first
  // frame loses its start and the rest is whole.
  const cut = cutAtWrite(disk, 2, scripted(3, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1));
  await Promise.all([day.intent(), day.intent(), day.intent(), day.intent()]);
  await journal.end();
  const found = await cut;
  const again = await open(found, choose, 4096);
  assert.equal(again.nextSequence, 6);
  // Opening and three acknowledgements take the room of that frame to the byte.
  for (let through = 1; through <= 3; through++) again.acknowledge(through);
  await again.end();
  const third = await open(found, choose, 4096);
  assert.equal(third.nextSequence, 6);
  assert.equal(third.acknowledged, 3);
  await third.end();
});

test('the only durable segment stays until the next one is durable', async () => {
  const choose = seeded(6);
  const disk = new SimDisk();
  const journal = await open(disk, choose, 3072);
  const day = new Day(journal, new Promises(), 0);
  for (let sequence = 1; sequence <= 7; sequence++) {
    await day.intent();
    day.close(sequence);
  }
  await untilReadable(journal, 7);
  let isRolling = false;
  disk.hooks.before = (operation, name) => {
    isRolling ||= operation === 'write' && name === 'segment-00000002.log';
    return isRolling && operation === 'sync'
      ? new Promise((resolve) => setTimeout(resolve, 20))
      : undefined;
  };
  const intent = day.intent();
  journal.acknowledge(7);
  await new Promise((resolve) => setImmediate(resolve));
  assert(isRolling);
  const found = disk.crash(scripted());
  await intent;
  await journal.end();
  const again = await open(found, choose, 3072);
  assert.equal(again.nextSequence, 8);
  await again.end();
});

test('a spare segment that a killed process made is made durable before it is used', async () => {
  const choose = seeded(7);
  const disk = new SimDisk();
  let killed: SimDisk | undefined;
  disk.hooks.after = (operation, name) => {
    if (operation === 'preallocate' && name === 'segment-00000002.log') {
      killed ??= disk.kill(scripted(2));
    }
  };
  await (await open(disk, choose, 3072)).end();
  assert(killed);
  assert.equal(killed.pendingWrites, 1);
  const journal = await open(killed, choose, 3072);
  assert.equal(killed.pendingWrites, 0);
  assert.deepEqual(killed.names(), ['segment-00000001.log', 'segment-00000002.log']);
  await journal.end();
});
