/**
 * Power cuts and kills under a shared log: what two gates were promised by then must be found again
 * once the log and the gates' files are put together, at every step of every operation.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readU48 } from '../../../../engine/bytes.ts';
import { at } from '../../../../engine/debit/codec.ts';
import { type Choose, seeded } from '../../../sim-disk.ts';
import { Day, Promises } from '../promises.ts';
import { type Disks, hook, mapDisks, newDisks, openStation } from './world.ts';

interface Left {
  readonly disks: Disks;
  readonly promises: readonly Promises[];
}

/** Opens what was left, checks both gates, works a little, ends in order, and checks again. */
async function check({ disks, promises }: Left, choose: Choose): Promise<void> {
  const first = await openStation(disks, choose);
  for (const [i, journal] of first.journals.entries()) await promises[i]!.check(journal);
  for (const [i, journal] of first.journals.entries()) {
    const day = new Day(journal, promises[i]!, 50);
    const sequence = journal.nextSequence;
    await day.intent().catch(unlessFull);
    if (journal.nextSequence > sequence) day.close(sequence);
  }
  await first.end();
  const second = await openStation(disks, choose);
  for (const [i, journal] of second.journals.entries()) await promises[i]!.check(journal);
  await second.end();
}

/** Taps at both gates, alone and at the same time, over several generations of the log. */
async function scriptedDay(days: readonly Day[]): Promise<void> {
  const [north, south] = days as [Day, Day];
  for (let sequence = 1; sequence <= 12; sequence++) {
    await Promise.all([north.intent(), south.intent()]);
    north.close(sequence);
    if (sequence !== 3) south.close(sequence);
    if (sequence === 8) {
      await north.read();
      north.acknowledge(5);
    }
  }
  south.close(3);
  for (let i = 0; i < 4; i++) await north.intent();
  await south.read();
}

/** Ways to lose power at one moment: nothing that was not synced, all of it, and some of it. */
const SAMPLES = 3;

test('a power cut or a kill after any operation of any disk', async (t) => {
  const seed = Number(process.env.SEED ?? 1);
  t.diagnostic(`seed ${seed}`);
  const choose = seeded(seed);
  const disks = newDisks();
  const promises = [new Promises(), new Promises()];
  const left: Left[] = [];
  const keep = (found: Disks): void => {
    left.push({ disks: found, promises: promises.map((each) => each.copy()) });
  };
  hook(disks, {
    after: () => {
      keep(mapDisks(disks, (disk) => disk.crash(() => 0)));
      for (let i = 0; i < SAMPLES; i++) keep(mapDisks(disks, (disk) => disk.crash(choose)));
      keep(mapDisks(disks, (disk) => disk.kill(choose)));
    },
  });
  const station = await openStation(disks, choose);
  await scriptedDay(station.journals.map((journal, i) => new Day(journal, promises[i]!, 0)));
  await station.end();
  t.diagnostic(`${left.length} moments`);
  assert(left.length > 300);
  for (const [index, each] of left.entries()) {
    try {
      await check(each, choose);
    } catch (error) {
      throw new Error(`moment ${index} with seed ${seed}`, { cause: error });
    }
  }
});

async function randomDay(day: Day, choose: Choose): Promise<void> {
  for (let step = 0; step < 15; step++) {
    const open = day.journal.open().map((record) => readU48(record, at.gateSequence));
    const kind = choose(10);
    if (kind < 5) await day.intent().catch(unlessFull);
    else if (kind < 8 && open.length > 0) day.close(open[choose(open.length)]!);
    else await day.read();
  }
}

function unlessFull(error: { code?: string }): void {
  if (error.code !== 'JOURNAL_FULL') throw error;
}

/** Lives through cuts and kills at random moments, some of them while it opens. */
async function life(seed: number): Promise<void> {
  const choose = seeded(seed);
  let disks = newDisks();
  let promises: readonly Promises[] = [new Promises(), new Promises()];
  for (let generation = 1; generation <= 6; generation++) {
    const alive = disks;
    const now = promises;
    let left: Left | null = null;
    let steps = choose(3) === 0 ? choose(12) : choose(160);
    hook(alive, {
      before: () => {
        if (left) throw new Error('this process is dead');
      },
      after: () => {
        if (left || steps-- > 0) return;
        const isKill = choose(2) === 0;
        const found = mapDisks(alive, (disk) => (isKill ? disk.kill(choose) : disk.crash(choose)));
        left = { disks: found, promises: now.map((each) => each.copy()) };
      },
    });
    try {
      const { journals, end } = await openStation(alive, choose);
      for (const [i, journal] of journals.entries()) await now[i]!.check(journal);
      const days = journals.map((journal, i) => new Day(journal, now[i]!, generation * 10));
      await Promise.all(days.map((day) => randomDay(day, choose)));
      await end();
    } catch (error) {
      if (!left) throw error;
    }
    const isLeft: Left = left ?? { disks: mapDisks(alive, (disk) => disk.kill(choose)), promises };
    ({ disks, promises } = isLeft);
  }
  await check({ disks, promises }, choose);
}

test('lives of several cuts and kills, each going on with what the last one left', async (t) => {
  const first = Number(process.env.SEED ?? 1);
  const lives = Number(process.env.LIVES ?? 30);
  t.diagnostic(`seeds ${first} to ${first + lives - 1}`);
  for (let seed = first; seed < first + lives; seed++) {
    try {
      await life(seed);
    } catch (error) {
      throw new Error(`life with seed ${seed}`, { cause: error });
    }
  }
});
