/**
 * The load simulation in short: seeds pass, and a bug planted on purpose is found. More of them:
 * `node dist/test/programs/load-seeds.js FIRST COUNT`.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../programs/load-seeds.js', import.meta.url));
/** A run that is not done by then hangs; a slow machine takes many minutes for one. */
const HANG_MS = 20 * 60_000;
const SEEDS = 500;

function seeds(...args: readonly string[]): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { timeout: HANG_MS }, (error, out) => {
      resolve({ code: error ? Number(error.code ?? 99) : 0, out: out.trim() });
    });
  });
}

test(`${SEEDS} seeds: all money is on a card, with the bank, or back with its rider`, async () => {
  const { code, out } = await seeds('1', String(SEEDS));
  assert.equal(code, 0, out);
  const total = JSON.parse(out) as { credited: number; refunded: number; crashes: number };
  assert(total.credited > 400 && total.refunded > 500 && total.crashes > 1000, out);
});

test('a refund before the outcome is known, planted on purpose, is found', async () => {
  const { code, out } = await seeds('1', '300', 'hastyRefund');
  assert.equal(code, 1, out);
  assert.match(out, /^seed \d+: /);
});
