/**
 * The float simulation in short: seeds pass, and bugs planted on purpose are found. More of them:
 * `node dist/test/programs/float-seeds.js FIRST COUNT`.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../programs/float-seeds.js', import.meta.url));
/** A run that is not done by then hangs; a slow machine takes many minutes for one. */
const HANG_MS = 20 * 60_000;
const SEEDS = 150;

function seeds(...args: readonly string[]): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { timeout: HANG_MS }, (error, out) => {
      resolve({ code: error ? Number(error.code ?? 99) : 0, out: out.trim() });
    });
  });
}

test(`${SEEDS} seeds: floats equal cards and ledger, every debit is settled once`, async () => {
  const { code, out } = await seeds('1', String(SEEDS));
  assert.equal(code, 0, out);
  const total = JSON.parse(out) as Record<string, number>;
  assert(total.settled! > 5000 && total.late! > 50 && total.replaced! > 200, out);
  assert(total.crashes! > 1000, out);
});

for (const canary of ['lostMark', 'lostPosting']) {
  test(`planted on purpose, it is found: ${canary}`, async () => {
    const { code, out } = await seeds('1', '20', canary);
    assert.equal(code, 1, out);
    assert.match(out, /^seed \d+: /);
  });
}
