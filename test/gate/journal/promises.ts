/**
 * What a gate promises and a journal must keep: bookkeeping for the tests that cut the power. Knows
 * at any moment what a cut may not lose, and checks a journal found after one against it.
 */
import assert from 'node:assert/strict';
import { readU48 } from '../../../engine/bytes.ts';
import { at } from '../../../engine/debit/codec.ts';
import type { Disk } from '../../../gate/journal/disk.ts';
import { openJournal } from '../../../gate/journal/journal.ts';
import type { Journal } from '../../../gate/journal/port.ts';
import type { Choose } from '../../sim-disk.ts';
import { finalOf, intentOf, readAll } from '../../suites/journal.ts';

const key = new Uint8Array(32).fill(7);

/** Salts that differ, and repeat with the seed. */
function saltsOf(choose: Choose): (bytes: number) => Uint8Array {
  return (bytes) => Uint8Array.from({ length: bytes }, () => choose(256));
}

export function open(disk: Disk, choose: Choose, segmentBytes: number): Promise<Journal> {
  const random = saltsOf(choose);
  return openJournal({ disk, gateId: 'G-01', key, random, segmentBytes, segments: 8 });
}

/** What the outside knows of a journal: a cut may lose nothing of it, nor invent anything. */
export class Promises {
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
export class Day {
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
