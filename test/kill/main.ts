/**
 * `npm run kill -- --kills N --seed S [--dir DIR] [--canary NAME]`: a gate's real process is killed
 * with SIGKILL N times while riders tap at it. The last line is what was counted; the exit code is
 * 0 only if every opened gate has its record, none twice, and cards and ledger agree.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CanaryName, canaryNames } from './plan.ts';
import { runKills } from './run.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    dir: { type: 'string' },
    canary: { type: 'string' },
  },
});
const canary = canaryNames.find((name) => name === values.canary) ?? null;
if (values.canary !== undefined && canary === null) {
  throw new Error(`no such canary: ${values.canary}`);
}

async function main(planted: CanaryName | null): Promise<void> {
  const dir = await mkdtemp(join(values.dir ?? tmpdir(), 'faregate-kill-'));
  const kills = Number(values.kills);
  const startMs = performance.now();
  const result = await runKills({
    seed: Number(values.seed),
    kills,
    dir,
    canary: planted,
    onKill: (done) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${kills} kills `);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\n');
  for (const violation of result.violations) console.log(violation);
  const { taps, openings, otherKills, violations } = result;
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(
    `seed ${values.seed}: ${result.kills} kills during taps, ${otherKills} others, ${taps} taps, ` +
      `${openings} openings, ${violations.length} violations, ${seconds} s`,
  );
  if (violations.length === 0) await rm(dir, { recursive: true });
  else console.log(`kept: ${dir}`);
  process.exit(violations.length === 0 ? 0 : 1);
}

await main(canary);
