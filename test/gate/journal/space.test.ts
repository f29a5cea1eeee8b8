/**
 * The space a journal promises, at its real sizes on a real disk: a week without a network at
 * 30,000 taps a day, in no more bytes than said; then the oldest go first.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaregateError } from '../../../engine/errors.ts';
import { JOURNAL_SEGMENT_BYTES, JOURNAL_SEGMENTS_MAX } from '../../../engine/limits.ts';
import { openJournal } from '../../../gate/journal/journal.ts';
import { openNodeDisk } from '../../../gate/journal/node-disk.ts';
import type { Journal } from '../../../gate/journal/port.ts';
import { finalOf, intentOf, readAll, sequencesOf } from '../../suites/journal.ts';

const WEEK = 7 * 30_000;
const TAPS_MIN = 200_000;
/** Taps that share a sync here, so that the test takes seconds. */
const AT_ONCE = 400;
/** What a journal says that has nothing to hope for but acknowledgements. */
const FULL = /all are in use$/;
/** Waits for the next segment in a row, of 10 ms each, before it is called stuck. */
const WAITS_MAX = 3000;

const open = async (directory: string): Promise<Journal> =>
  openJournal({
    disk: await openNodeDisk(directory),
    gateId: 'G-01',
    key: new Uint8Array(32).fill(7),
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
  });

/** Why the journal takes no intent; null where it takes one. */
function refusalOf(journal: Journal): string | null {
  try {
    journal.reserve();
    return null;
  } catch (error) {
    assert(error instanceof FaregateError && error.code === 'JOURNAL_FULL');
    return error.message;
  }
}

/** Taps until nothing more is taken. */
async function fill(journal: Journal): Promise<void> {
  for (let waits = 0; waits < WAITS_MAX; waits++) {
    const first = journal.nextSequence;
    const intents: Promise<void>[] = [];
    while (intents.length < AT_ONCE && refusalOf(journal) === null) {
      intents.push(journal.intent(intentOf(journal.nextSequence)));
    }
    await Promise.all(intents);
    for (let i = 0; i < intents.length; i++) journal.close(finalOf(first + i));
    if (intents.length > 0) {
      waits = 0;
      continue;
    }
    if (FULL.test(refusalOf(journal) ?? '')) return;
    // The next segment is in the making.
    await sleep(10);
  }
  assert.fail('the next segment is never made');
}

test('a week of taps fits, and the oldest acknowledged go first', {
  timeout: 300_000,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'faregate-space-'));
  t.after(() => rm(directory, { recursive: true }));
  let journal = await open(directory);
  await fill(journal);
  const taps = journal.nextSequence - 1;
  t.diagnostic(`${taps} taps`);
  assert(taps >= WEEK && taps >= TAPS_MIN, `${taps} taps`);
  await journal.end();

  const sizes = async (): Promise<Map<string, number>> => {
    const names = (await readdir(directory)).filter((name) => name.startsWith('segment-')).sort();
    const found = names.map(async (name) => {
      return [name, (await stat(join(directory, name))).size] as const;
    });
    return new Map(await Promise.all(found));
  };
  const full = await sizes();
  assert(full.size <= JOURNAL_SEGMENTS_MAX);
  for (const size of full.values()) assert.equal(size, JOURNAL_SEGMENT_BYTES);

  journal = await open(directory);
  assert.equal(journal.backlog, taps);
  const expected = Array.from({ length: AT_ONCE }, (_, i) => finalOf(i + 1));
  assert.deepEqual(await readAll(journal, AT_ONCE), expected);
  const half = Math.floor(taps / 2);
  journal.acknowledge(half);
  await journal.end();

  journal = await open(directory);
  assert.equal(journal.acknowledged, half);
  const rest = sequencesOf(await readAll(journal, taps));
  assert.equal(rest.length, taps - half);
  for (const [i, sequence] of rest.entries()) assert.equal(sequence, half + 1 + i);
  // One after the other, each for good before the next; a restart goes on with it.
  const names = [...full.keys()];
  while ((await sizes()).size > names.length * 0.6) await sleep(100);
  const kept = [...(await sizes()).keys()].filter((name) => full.has(name));
  assert.deepEqual(kept, names.slice(names.indexOf(kept[0]!)), 'the newest are kept');
  await journal.end();
});
