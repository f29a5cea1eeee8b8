/**
 * `npm run kill` in short: a real process killed during taps leaves a record of every opened gate,
 * once; a planted bug is found. The full run has 500 kills.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CanaryName, canaryNames } from './plan.ts';
import { type KillResult, runKills } from './run.ts';

/** Ends a run that hangs: each kill takes the start of a process, however slow the machine. */
const limit = { timeout: 20 * 60_000 };

const firstSeed = Number(process.env.SEED ?? 1);

async function killed(
  t: TestContext,
  seed: number,
  kills: number,
  canary: CanaryName | null = null,
): Promise<KillResult> {
  t.diagnostic(`seed ${seed}`);
  const dir = await mkdtemp(join(tmpdir(), 'faregate-kill-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return runKills({ seed, kills, dir, canary });
}

// One seed with a journal synced by each gate for itself, one with the station's shared log.
for (const [seed, kills] of [
  [2 * firstSeed - 1, 14],
  [2 * firstSeed, 6],
] as const) {
  test(`a gate killed ${kills} times during taps owes nothing`, limit, async (t) => {
    const result = await killed(t, seed, kills);
    assert.deepEqual(result.violations, []);
    assert.equal(result.kills, kills);
    assert(result.openings > kills, `${result.openings} openings`);
  });
}

/** What a debit leaves that a gate opened on, or whose card was torn away, without an intent. */
const TRACE = /opened on .*: no record of it|debited, and sent away/;
for (const canary of canaryNames) {
  test(`the planted bug ${canary} is found`, limit, async (t) => {
    const { violations } = await killed(t, 1, 100, canary);
    assert(
      violations.some((violation) => TRACE.test(violation)),
      violations.join('\n'),
    );
  });
}
