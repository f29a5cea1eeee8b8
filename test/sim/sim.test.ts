/**
 * The simulation in short: some seeds pass, a seed tells the same story twice, and each planted bug
 * is found. In processes of their own, because a simulation replaces the timers of its process.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cardKinds } from './cards.ts';
import { canaryNames } from './scenario.ts';

const program = fileURLToPath(new URL('./main.js', import.meta.url));
/** A run that is not done by then hangs; a slow machine takes many minutes for one. */
const HANG_MS = 20 * 60_000;

/** Runs it; answers its exit code and lines. */
function simulate(...args: readonly string[]): Promise<{ code: number; lines: string[] }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { timeout: HANG_MS }, (error, stdout) => {
      const code = error ? Number(error.code ?? 99) : 0;
      resolve({ code, lines: stdout.trim().split('\n') });
    });
  });
}

test('whole-system runs with faults keep every promise', async () => {
  const { code, lines } = await simulate('--seed', '1', '--seeds', '24');
  assert.equal(lines.at(-1), '24 passed, 0 failed', lines.join('\n'));
  assert.equal(code, 0);
  for (const kind of cardKinds) {
    const rides = new RegExp(
      `^${kind}: \\d+ cards, \\d+ taps, [1-9]\\d+ passages, [1-9]\\d* debits$`,
    );
    assert(
      lines.some((line) => rides.test(line)),
      `${kind}: ${lines.join('\n')}`,
    );
  }
});

test('a seed tells the same story twice', async () => {
  const args = ['--seed', '7', '--seeds', '4'];
  const [first, second] = [await simulate(...args), await simulate(...args)];
  assert.match(first.lines.at(-2)!, /^[1-9]\d* taps, [1-9]\d* debits, [1-9]\d* events$/);
  assert.deepEqual(first.lines, second.lines);
});

for (const canary of canaryNames) {
  test(`the planted bug ${canary} is found within 200 seeds`, async () => {
    const args = ['--seed', '1', '--seeds', '200', '--until-failure', '--canary', canary];
    const { code, lines } = await simulate(...args);
    assert.equal(code, 1);
    assert.match(lines[0]!, /^seed \d+ failed/);
  });
}

test('a failing seed is shrunk to a command that fails too', async () => {
  const planted = ['--canary', 'tornIsVoid'];
  const { lines } = await simulate('--seed', '24', ...planted);
  const smallest = lines.find((line) => line.startsWith('smallest failing run: '));
  assert(smallest, lines.join('\n'));
  const args = smallest.slice('smallest failing run: npm run sim -- '.length).split(' ');
  assert.equal((await simulate(...args, '--until-failure')).code, 1);
});

test('what is no fault, canary or seed is said', async () => {
  assert.notEqual((await simulate('--faults', 'rust')).code, 0);
  assert.notEqual((await simulate('--canary', 'sparrow')).code, 0);
});
