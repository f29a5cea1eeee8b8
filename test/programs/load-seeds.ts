/**
 * Runs seeds of the load simulation: `load-seeds FIRST COUNT [CANARY]`. Prints what happened as one
 * JSON line; the first failing seed as `seed N: ...`, and exits 1. A process of its own, because the
 * test runner watches every promise, which costs more than the runs.
 */
import { type Canary, runSeed } from '../cards/load-run.ts';

const [first = '1', count = '1000', canary = 'none'] = process.argv.slice(2);
const total = {
  seeds: Number(count),
  credited: 0,
  refunded: 0,
  crashes: 0,
  creditedByLedger: 0,
  notByLedger: 0,
};
for (let seed = Number(first); seed < Number(first) + total.seeds; seed++) {
  try {
    const { credited, refunded, crashes, byLedger } = await runSeed(seed, canary as Canary);
    total.credited += credited;
    total.refunded += refunded;
    total.crashes += crashes;
    total.creditedByLedger += byLedger.credited;
    total.notByLedger += byLedger.not;
  } catch (error) {
    process.stdout.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}
process.stdout.write(`${JSON.stringify(total)}\n`);
