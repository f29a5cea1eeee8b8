/**
 * Runs seeds of the float simulation: `float-seeds FIRST COUNT [CANARY]`. Prints what happened as
 * one JSON line; the first failing seed as `seed N: ...`, and exits 1.
 */
import { type FloatCanary, runFloatSeed } from '../cards/float-run.ts';

const [first = '1', count = '300', canary = 'none'] = process.argv.slice(2);
const total = { settled: 0, late: 0, replaced: 0, credited: 0, crashes: 0 };
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  try {
    const ran = await runFloatSeed(seed, canary as FloatCanary);
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += ran[name];
  } catch (error) {
    process.stdout.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}
process.stdout.write(`${JSON.stringify(total)}\n`);
