/** What every journal must do, and the records that the tests of journals use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readU48, writeU48 } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, DebitState } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { Journal } from '../../gate/journal/port.ts';

/** A record of `sequence`: only what a journal looks at has meaning, the rest tells it apart. */
export function recordOf(sequence: number, state: DebitState, mark = 0): Uint8Array {
  const record = new Uint8Array(DEBIT_BYTES);
  for (let i = 0; i < DEBIT_BYTES; i++) record[i] = sequence * 7 + i * 13 + mark;
  record[at.state] = state;
  writeU48(record, at.gateSequence, sequence);
  return record;
}

export function intentOf(sequence: number, mark = 0): Uint8Array {
  return recordOf(sequence, DebitState.intended, mark);
}

export function finalOf(sequence: number, mark = 0): Uint8Array {
  return recordOf(sequence, DebitState.confirmed, mark + 1);
}

export function sequencesOf(records: readonly Uint8Array[]): number[] {
  return records.map((record) => readU48(record, at.gateSequence));
}

/** Appends `count` intents and their final records. @returns the last sequence. */
export async function append(journal: Journal, count: number): Promise<number> {
  for (let i = 0; i < count; i++) {
    const sequence = journal.nextSequence;
    await journal.intent(intentOf(sequence));
    journal.close(finalOf(sequence));
  }
  return journal.nextSequence - 1;
}

/** Lets the work that is under way go on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Appends closed records until the journal refuses. @returns the refusal. */
export async function fill(journal: Journal): Promise<FaregateError> {
  for (;;) {
    try {
      await append(journal, 1);
      await settled();
    } catch (error) {
      assert(error instanceof FaregateError);
      return error;
    }
  }
}

/** Everything there is to read, as single records. */
export async function readAll(journal: Journal, max = 1000): Promise<Uint8Array[]> {
  const { records, count } = await journal.read(journal.acknowledged + 1, max);
  assert.equal(records.length, count * DEBIT_BYTES);
  return Array.from({ length: count }, (_, i) =>
    records.slice(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES),
  );
}

/** Waits until the journal has synced its final records by itself. */
export async function untilReadable(journal: Journal, sequence: number): Promise<void> {
  for (;;) {
    const { count } = await journal.read(sequence, 1);
    if (count === 1) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export interface JournalUnderTest {
  readonly journal: Journal;
  /** The same journal after `end()`; null where it keeps nothing. */
  readonly reopen: (() => Promise<Journal>) | null;
  done(): Promise<void>;
}

export function journalSuite(kind: string, make: () => Promise<JournalUnderTest>): void {
  const journal = (name: string, body: (under: JournalUnderTest) => Promise<void>): void => {
    test(`${kind}: ${name}`, async () => {
      const under = await make();
      try {
        await body(under);
      } finally {
        await under.done();
      }
    });
  };

  journal('a new journal starts at sequence 1 with nothing in it', async ({ journal }) => {
    assert.equal(journal.nextSequence, 1);
    assert.equal(journal.backlog, 0);
    assert.equal(journal.acknowledged, 0);
    assert.deepEqual(journal.open(), []);
    assert.deepEqual(await readAll(journal), []);
    journal.reserve();
    await journal.end();
  });

  journal('sequences run without gaps, also for intents at the same time', async ({ journal }) => {
    const work: Promise<void>[] = [];
    for (let sequence = 1; sequence <= 8; sequence++) {
      assert.equal(journal.nextSequence, sequence);
      work.push(journal.intent(intentOf(sequence)));
    }
    await Promise.all(work);
    assert.deepEqual(
      journal.open(),
      [1, 2, 3, 4, 5, 6, 7, 8].map((s) => intentOf(s)),
    );
    await journal.end();
  });

  journal('final records are read in order, byte for byte', async ({ journal }) => {
    const last = await append(journal, 5);
    await untilReadable(journal, last);
    assert.equal(journal.backlog, 5);
    assert.deepEqual(
      await readAll(journal),
      [1, 2, 3, 4, 5].map((s) => finalOf(s)),
    );
    const { records, count } = await journal.read(2, 2);
    assert.equal(count, 2);
    assert.deepEqual(records.slice(0, DEBIT_BYTES), finalOf(2));
    await journal.end();
  });

  journal('reading stops before the first open intent', async ({ journal }) => {
    for (let sequence = 1; sequence <= 4; sequence++) await journal.intent(intentOf(sequence));
    journal.close(finalOf(4));
    journal.close(finalOf(1));
    journal.close(finalOf(3));
    await untilReadable(journal, 1);
    assert.deepEqual(sequencesOf(await readAll(journal)), [1]);
    assert.equal(journal.backlog, 3);
    assert.deepEqual(sequencesOf(journal.open()), [2]);
    journal.close(finalOf(2));
    await untilReadable(journal, 2);
    assert.deepEqual(
      await readAll(journal),
      [1, 2, 3, 4].map((s) => finalOf(s)),
    );
    await journal.end();
  });

  journal('an acknowledgement takes from the backlog and never goes back', async ({ journal }) => {
    await untilReadable(journal, await append(journal, 6));
    journal.acknowledge(4);
    assert.equal(journal.acknowledged, 4);
    assert.equal(journal.backlog, 2);
    journal.acknowledge(3);
    assert.equal(journal.acknowledged, 4);
    assert.deepEqual(sequencesOf(await readAll(journal)), [5, 6]);
    await journal.end();
  });

  journal('everything is there again after an orderly end', async ({ journal, reopen }) => {
    if (!reopen) return;
    await append(journal, 5);
    await journal.intent(intentOf(6));
    await untilReadable(journal, 5);
    journal.acknowledge(2);
    await journal.end();
    for (let times = 0; times < 2; times++) {
      const again = await reopen();
      assert.equal(again.nextSequence, 7);
      assert.equal(again.acknowledged, 2);
      assert.equal(again.backlog, 3);
      assert.deepEqual(
        await readAll(again),
        [3, 4, 5].map((s) => finalOf(s)),
      );
      assert.deepEqual(again.open(), [intentOf(6)]);
      await again.end();
    }
    const again = await reopen();
    again.close(finalOf(6));
    await append(again, 1);
    await untilReadable(again, 7);
    assert.deepEqual(sequencesOf(await readAll(again)), [3, 4, 5, 6, 7]);
    await again.end();
  });

  journal('an intent of the wrong sequence is our mistake', async ({ journal }) => {
    await assert.rejects(async () => journal.intent(intentOf(2)), { code: 'ERR_ASSERTION' });
    assert.throws(() => journal.close(finalOf(1)), { code: 'ERR_ASSERTION' });
    assert.equal(journal.nextSequence, 1);
    await journal.end();
  });
}
