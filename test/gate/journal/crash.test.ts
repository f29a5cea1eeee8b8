/**
 * Power cuts and kills. A scripted day runs once on a simulated disk; at every step of every
 * operation the disk is taken as a power cut may leave it, in every combination of what was not
 * synced where they are few and in seeded samples where not, and the journal found there must hold
 * to what had been promised by then. Then whole lives: runs of days, cuts and kills in a row.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readU48 } from '../../../engine/bytes.ts';
import { at } from '../../../engine/debit/codec.ts';
import { type Choose, everyChoice, SimDisk, seeded } from '../../sim-disk.ts';
import { readAll, untilReadable } from '../../suites/journal.ts';
import { Day, open, Promises } from './promises.ts';

/** Taps alone and together, out of order, over several segments, with acknowledgements. */
async function scriptedDay(day: Day): Promise<void> {
  for (let sequence = 1; sequence <= 6; sequence++) {
    await day.intent();
    day.close(sequence);
  }
  await Promise.all([day.intent(), day.intent(), day.intent()]);
  day.close(9);
  day.close(7);
  await day.intent();
  await day.read();
  day.acknowledge(4);
  for (let sequence = 11; sequence <= 16; sequence++) {
    await day.intent();
    day.close(sequence);
  }
  day.close(8);
  day.close(10);
  await untilReadable(day.journal, 16);
  await day.read();
  day.acknowledge(13);
  await day.intent();
  day.close(17);
  await day.journal.end();
}

/** Samples of each moment with torn writes, besides every way to lose or keep whole ones. */
const TORN_SAMPLES = 8;

/** The disk as cuts at this moment may leave it. */
function cutsOf(disk: SimDisk, choose: Choose): SimDisk[] {
  const found: SimDisk[] = [];
  const isComplete = everyChoice((choice) => {
    found.push(disk.crash((options) => choice(Math.min(options, 2))));
  }, 64);
  assert(isComplete, 'more is unsynced at one time than the writer may leave');
  for (let i = 0; i < TORN_SAMPLES; i++) found.push(disk.crash(choose));
  return found;
}

test('a power cut after any operation, with unsynced writes lost in any combination', async (t) => {
  const seed = Number(process.env.SEED ?? 1);
  t.diagnostic(`seed ${seed}`);
  const choose = seeded(seed);
  const promises = new Promises();
  const cuts: { found: SimDisk; promises: Promises }[] = [];
  const disk = new SimDisk();
  disk.hooks.after = () => {
    for (const found of cutsOf(disk, choose)) cuts.push({ found, promises: promises.copy() });
  };
  const journal = await open(disk, choose, 3072);
  await scriptedDay(new Day(journal, promises, 0));
  t.diagnostic(`${cuts.length} disks`);
  assert(cuts.length > 400, `only ${cuts.length} cuts`);
  for (const [index, cut] of cuts.entries()) {
    try {
      await checkTwice(cut.found, cut.promises, choose);
    } catch (error) {
      throw new Error(`cut ${index} with seed ${seed}`, { cause: error });
    }
  }
});

/** Opens what a cut left, twice with the same result, works on it, and opens it once more. */
async function checkTwice(found: SimDisk, promises: Promises, choose: Choose): Promise<void> {
  const first = await open(found, choose, 3072);
  await promises.check(first);
  const seen = [first.nextSequence, first.acknowledged, first.backlog, first.open()];
  await first.end();
  const second = await open(found, choose, 3072);
  await promises.check(second);
  assert.deepEqual([second.nextSequence, second.acknowledged, second.backlog, second.open()], seen);
  const day = new Day(second, promises, 50);
  await day.intent();
  day.close(second.nextSequence - 1);
  await second.end();
  const third = await open(found, choose, 3072);
  await promises.check(third);
  await third.end();
}

/** Intents at the same time; a full journal may refuse them. */
async function intents(day: Day, count: number): Promise<void> {
  const results = await Promise.allSettled(Array.from({ length: count }, () => day.intent()));
  for (const result of results) {
    if (result.status === 'rejected' && result.reason.code !== 'JOURNAL_FULL') throw result.reason;
  }
}

async function readAndAcknowledge(day: Day, choose: Choose): Promise<void> {
  await day.read();
  const readable = (await readAll(day.journal)).length;
  if (readable > 0) day.acknowledge(day.journal.acknowledged + 1 + choose(readable));
}

/** A random stretch of work, which a cut may end at any moment. */
async function randomDay(day: Day, choose: Choose): Promise<void> {
  for (const record of day.journal.open()) {
    if (choose(3) > 0) day.close(readU48(record, at.gateSequence));
  }
  for (let step = 0; step < 25; step++) {
    const open = day.journal.open().map((record) => readU48(record, at.gateSequence));
    const kind = choose(10);
    if (kind < 4) await intents(day, 1);
    else if (kind < 5) await Promise.all([intents(day, 2), readAndAcknowledge(day, choose)]);
    else if (kind < 8 && open.length > 0) day.close(open[choose(open.length)]!);
    else await readAndAcknowledge(day, choose);
  }
}

/** Lives through cuts and kills at random moments; the disk that is left each time goes on. */
async function life(seed: number): Promise<void> {
  const choose = seeded(seed);
  let disk = new SimDisk();
  let promises = new Promises();
  for (let generation = 1; generation <= 6; generation++) {
    const alive = disk;
    let left: { disk: SimDisk; promises: Promises } | null = null;
    let steps = choose(3) === 0 ? choose(5) : choose(90);
    alive.hooks.after = () => {
      if (left || steps-- > 0) return;
      const found = choose(2) === 0 ? alive.kill(choose) : alive.crash(choose);
      left = { disk: found, promises: promises.copy() };
    };
    alive.hooks.before = () => {
      if (left) throw new Error('this process is dead');
    };
    try {
      const journal = await open(alive, choose, 3072);
      await promises.check(journal);
      await randomDay(new Day(journal, promises, generation * 10), choose);
      await journal.end();
    } catch (error) {
      if (!left) throw error;
    }
    ({ disk, promises } = left ?? { disk: alive.kill(choose), promises });
  }
  const journal = await open(disk, choose, 3072);
  await promises.check(journal);
  await journal.end();
}

test('lives of several cuts and kills, each going on with what the last one left', async (t) => {
  const first = Number(process.env.SEED ?? 1);
  const lives = Number(process.env.LIVES ?? 100);
  t.diagnostic(`seeds ${first} to ${first + lives - 1}`);
  for (let seed = first; seed < first + lives; seed++) {
    try {
      await life(seed);
    } catch (error) {
      throw new Error(`life with seed ${seed}`, { cause: error });
    }
  }
});
