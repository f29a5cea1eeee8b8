/** What a process acknowledged is there after it died: by kill -9, and by a disk that is full. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readTotal } from '../../engine/ledger/books.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';

const program = fileURLToPath(new URL('./program.js', import.meta.url));
const ROUNDS = 10;

/** Runs the child until it has acknowledged `enough`, then kills it. @returns what it said last. */
async function postUntil(
  command: string,
  args: string[],
  enough: number,
): Promise<{ held: number; said: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let held = 0;
  let said = '';
  for await (const line of createInterface({ input: child.stdout })) {
    said = line;
    if (line.startsWith('held ')) held = Number(line.slice(5));
    if (held >= enough) child.kill('SIGKILL');
  }
  return { held, said };
}

/** Everything up to `held` is there once, and the ledger adds up. @returns what is there. */
async function checkHeld(path: string, held: number): Promise<number> {
  const store = LmdbStore.open(path);
  try {
    const ledger = await Ledger.open(store);
    assert.deepEqual(checkLedger(store).findings, []);
    const through = ledger.acknowledgedThrough('CRASH');
    assert(through >= held, `${held} were acknowledged, ${through} are there`);
    const { posted, exceptions } = ledger.summary();
    assert.equal(posted, through);
    assert(Object.values(exceptions).every((count) => count === 0));
    const totals = [...ledger.cardTotals()];
    assert.equal(
      totals.reduce((sum, { debits }) => sum + debits, 0),
      through,
    );
    const late = store.read((reader) => readTotal(reader, 'rowsLate'));
    assert(late > through / 5, `${late} of ${through} are late rows of blocks`);
    return through;
  } finally {
    await store.close();
  }
}

test('kill -9 while posting loses nothing that was acknowledged', async () => {
  const path = mkdtempSync(join(tmpdir(), 'faregate-ledger-'));
  let through = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // Repeats a batch that may be half known; dies at another place each time.
    const from = Math.max(1, through - 10);
    const enough = through + 25 + 35 * round;
    const args = ['--enable-source-maps', program, path, String(from)];
    const { held } = await postUntil(process.execPath, args, enough);
    assert(held >= enough, `the child ended early at ${held}`);
    through = await checkHeld(path, held);
  }
  rmSync(path, { recursive: true });
});

test('a full disk fails the batch, and what was acknowledged before is there', async () => {
  const path = mkdtempSync(join(tmpdir(), 'faregate-ledger-'));
  const limited = `ulimit -f 600; exec "${process.execPath}" "${program}" "${path}" 1 2>/dev/null`;
  const { held, said } = await postUntil('bash', ['-c', limited], Number.POSITIVE_INFINITY);
  assert.equal(said, 'failed STORE_FAILED');
  assert(held > 0);
  await checkHeld(path, held);
  rmSync(path, { recursive: true });
});
