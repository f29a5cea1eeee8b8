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
import { openJournal } from '../../../gate/journal/journal.ts';
import type { Journal } from '../../../gate/journal/port.ts';
import { type Choose, everyChoice, SimDisk, seeded } from '../../sim-disk.ts';
import { finalOf, intentOf, readAll, untilReadable } from '../../suites/journal.ts';

const key = new Uint8Array(32).fill(7);

/** Salts that differ, and repeat with the seed. */
function saltsOf(choose: Choose): (bytes: number) => Uint8Array {
  return (bytes) => Uint8Array.from({ length: bytes }, () => choose(256));
}

function open(disk: SimDisk, choose: Choose, segmentBytes: number): Promise<Journal> {
  const random = saltsOf(choose);
  return openJournal({ disk, gateId: 'G-01', key, random, segmentBytes, segments: 8 });
}

/** What the outside knows of a journal: a cut may lose nothing of it, nor invent anything. */
class Promises {
  /** Sequences whose intent was appended, with the mark of the bytes it was last given. */
  readonly appended = new Map<number, number>();
  readonly durable = new Set<number>();
  /** Sequences whose final record was appended. */
  readonly closed = new Set<number>();
  /** Those of them that were read back, so durable. */
  readonly read = new Set<number>();
  acknowledged = 0;

  copy(): Promises {
    const copy = new Promises();
    for (const [sequence, mark] of this.appended) copy.appended.set(sequence, mark);
    for (const name of ['durable', 'closed', 'read'] as const) {
      for (const sequence of this[name]) copy[name].add(sequence);
    }
    copy.acknowledged = this.acknowledged;
    return copy;
  }

  /** Checks a journal just opened, and forgets what was rightly lost. */
  async check(journal: Journal): Promise<void> {
    const { nextSequence, acknowledged } = journal;
    for (const sequence of this.durable) {
      assert(sequence < nextSequence, `durable intent ${sequence} is lost, or may be used again`);
    }
    assert(acknowledged <= this.acknowledged, 'an acknowledgement was invented');
    const open = new Map(journal.open().map((bytes) => [readU48(bytes, at.gateSequence), bytes]));
    const finals = new Map<number, Uint8Array>();
    const records = await readAll(journal);
    for (const bytes of records) finals.set(readU48(bytes, at.gateSequence), bytes);
    const firstOpen = Math.min(nextSequence, ...open.keys());
    for (let sequence = acknowledged + 1; sequence < nextSequence; sequence++) {
      const mark = this.appended.get(sequence);
      assert(mark !== undefined, `sequence ${sequence} was invented`);
      const intent = open.get(sequence);
      const final = finals.get(sequence);
      if (intent) {
        assert(!this.read.has(sequence), `the final record of ${sequence} is lost`);
        assert.deepEqual(intent, intentOf(sequence, mark));
      } else if (sequence < firstOpen) {
        assert(this.closed.has(sequence), `the final record of ${sequence} was invented`);
        assert.deepEqual(final, finalOf(sequence, mark));
      }
    }
    assert.equal(records.length, firstOpen - acknowledged - 1);
    assert.equal(journal.backlog, nextSequence - acknowledged - 1 - open.size);
    this.#forget(nextSequence, [...open.keys()]);
  }

  #forget(nextSequence: number, open: readonly number[]): void {
    for (const sequence of [...this.appended.keys()]) {
      if (sequence < nextSequence) this.durable.add(sequence);
      else this.appended.delete(sequence);
    }
    for (const sequence of [...this.closed]) {
      if (sequence >= nextSequence || open.includes(sequence)) this.closed.delete(sequence);
      else this.read.add(sequence);
    }
  }
}

/** One gate at work on one journal, keeping the promises up to date. */
class Day {
  readonly journal: Journal;
  readonly promises: Promises;
  /** Tells this opening's records from those of another under the same sequence. */
  readonly #mark: number;

  constructor(journal: Journal, promises: Promises, mark: number) {
    this.journal = journal;
    this.promises = promises;
    this.#mark = mark;
  }

  async intent(): Promise<void> {
    const sequence = this.journal.nextSequence;
    this.promises.appended.set(sequence, this.#mark);
    await this.journal.intent(intentOf(sequence, this.#mark));
    this.promises.durable.add(sequence);
    // A simulated disk is so fast that the next segment would not be ready in time.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Appends the final record of an intent that may be of an earlier opening. */
  close(sequence: number): void {
    this.promises.closed.add(sequence);
    this.journal.close(finalOf(sequence, this.promises.appended.get(sequence)));
  }

  async read(): Promise<void> {
    for (const bytes of await readAll(this.journal)) {
      this.promises.read.add(readU48(bytes, at.gateSequence));
    }
  }

  acknowledge(through: number): void {
    this.promises.acknowledged = Math.max(this.promises.acknowledged, through);
    this.journal.acknowledge(through);
  }
}

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

test('an opening that a cut left alone is written over, so that cuts alone never fill it', async () => {
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
