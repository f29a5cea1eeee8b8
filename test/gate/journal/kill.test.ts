/** kill -9 of a real process at random moments: every sequence it called durable is there. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openJournal } from '../../../gate/journal/journal.ts';
import { openNodeDisk } from '../../../gate/journal/node-disk.ts';
import { seeded } from '../../sim-disk.ts';
import { finalOf, intentOf, readAll, sequencesOf } from '../../suites/journal.ts';

const ROUNDS = 20;
const program = fileURLToPath(new URL('../../programs/journal-appender.js', import.meta.url));

/** Runs the appender, kills it `ms` after its first line, and gives what it had printed. */
async function killedAfter(
  directory: string,
  ms: number,
): Promise<{ start: number; last: number }> {
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    if (printed === '') setTimeout(() => child.kill('SIGKILL'), ms);
    printed += text;
  });
  const [, signal] = await once(child, 'close');
  assert.equal(signal, 'SIGKILL', printed);
  const lines = printed.split('\n').filter((line) => /^[in] \d+$/.test(line));
  const start = Number(lines[0]!.slice(2));
  const sequences = lines.slice(1).map((line) => Number(line.slice(2)));
  assert.deepEqual(
    sequences,
    sequences.map((_, index) => start + index),
  );
  return { start, last: sequences.at(-1) ?? start - 1 };
}

test('what a killed process called durable survives it', async (t) => {
  const seed = Number(process.env.SEED ?? 1);
  t.diagnostic(`seed ${seed}`);
  const choose = seeded(seed);
  const directory = await mkdtemp(join(tmpdir(), 'faregate-kill-'));
  let last = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const run = await killedAfter(directory, choose(100));
    assert(run.start === last + 1 || run.start === last + 2, `${run.start} after ${last}`);
    last = Math.max(run.last, run.start - 1);
    if (round % 4 === 3) last = await checked(directory, last);
  }
  t.diagnostic(`${last} taps`);
  await rm(directory, { recursive: true });
});

/** Opens what was left and compares every record. @returns the last sequence. */
async function checked(directory: string, last: number): Promise<number> {
  const journal = await openJournal({
    disk: await openNodeDisk(directory),
    gateId: 'G-01',
    key: new Uint8Array(32).fill(7),
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
  });
  const found = journal.nextSequence - 1;
  assert(found === last || found === last + 1, `${found} found after ${last}`);
  const records = await readAll(journal, found);
  const open = journal.open();
  assert.deepEqual(
    records,
    sequencesOf(records).map((sequence) => finalOf(sequence)),
  );
  assert.deepEqual(
    open,
    sequencesOf(open).map((sequence) => intentOf(sequence)),
  );
  const firstOpen = sequencesOf(open)[0] ?? found + 1;
  assert.deepEqual(
    sequencesOf(records),
    Array.from({ length: firstOpen - 1 - journal.acknowledged }, (_, index) => {
      return journal.acknowledged + 1 + index;
    }),
  );
  await journal.end();
  return found;
}
