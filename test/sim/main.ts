/**
 * `npm run sim -- --seed S --seeds N [--canary NAME] [--until-failure]`: N whole-system runs
 * from seed S on, spread over the machine's cores. The last line is `N passed, M failed`. A failing
 * seed is printed with what did not hold, and shrunk: the fewest faults, riders and journeys with
 * which it still fails.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CardKind, cardKinds } from './cards.ts';
import { type KindCounts, type RunResult, runScenario } from './run.ts';
import {
  type CanaryName,
  canaryNames,
  type FaultName,
  faultNames,
  makeScenario,
  type ScenarioOptions,
} from './scenario.ts';
import { shrink } from './shrink.ts';

const USAGE = `npm run sim -- [--seed S] [--seeds N] [--canary ${canaryNames.join('|')}]
              [--until-failure] [--faults ${faultNames.join(',')}] [--riders N] [--journeys N]`;

/** Room for what a run makes and soon forgets: a tenth less time than with Node's own choice. */
const YOUNG_HEAP = ['--min-semi-space-size=32', '--max-semi-space-size=32'];

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    canary: { type: 'string' },
    faults: { type: 'string' },
    riders: { type: 'string' },
    journeys: { type: 'string' },
    'until-failure': { type: 'boolean', default: false },
    worker: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function optionsOf(): ScenarioOptions {
  const faults = values.faults === undefined ? undefined : values.faults.split(',').filter(Boolean);
  const strange = faults?.find((name) => !faultNames.includes(name as FaultName));
  if (strange) throw new Error(`no such fault: ${strange}`);
  if (values.canary && !canaryNames.includes(values.canary as CanaryName)) {
    throw new Error(`no such canary: ${values.canary}`);
  }
  return {
    canary: (values.canary as CanaryName) ?? null,
    ...(faults ? { faults: faults as FaultName[] } : {}),
    ...(values.riders ? { riders: Number(values.riders) } : {}),
    ...(values.journeys ? { journeys: Number(values.journeys) } : {}),
  };
}

/** A worker is given seeds one by one and answers each with its result. */
function work(options: ScenarioOptions): void {
  process.on('message', (seed: number) => {
    void runScenario(makeScenario(seed, options)).then((result) => process.send?.(result));
  });
}

async function runAll(
  first: number,
  count: number,
  /** False ends it, whatever is under way. */
  told: (result: RunResult) => boolean,
): Promise<void> {
  let next = first;
  let over = false;
  const children: ChildProcess[] = [];
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const args = [...process.argv.slice(2), '--worker'];
      const child = fork(fileURLToPath(import.meta.url), args, { execArgv: YOUNG_HEAP });
      children.push(child);
      let seed = 0;
      const give = (): void => {
        seed = next++;
        if (seed < first + count) child.send(seed);
        else child.kill();
      };
      child.on('message', (result: RunResult) => {
        if (over) return;
        over = !told(result);
        if (!over) give();
        else for (const each of children) each.kill();
      });
      child.on('exit', (code) => {
        if (over || seed >= first + count) resolve();
        else reject(new Error(`seed ${seed}: the run's process ended with ${code}`));
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.min(count, availableParallelism()) }, one));
}

function added(sum: KindCounts | undefined, more: KindCounts): KindCounts {
  if (!sum) return more;
  return {
    cards: sum.cards + more.cards,
    taps: sum.taps + more.taps,
    passages: sum.passages + more.passages,
    debits: sum.debits + more.debits,
  };
}

async function main(options: ScenarioOptions): Promise<void> {
  const seeds = Number(values.seeds);
  let passed = 0;
  let taps = 0;
  let debits = 0;
  let events = 0;
  let openBanks = 0;
  const kinds = new Map<CardKind, KindCounts>();
  const failed: RunResult[] = [];
  await runAll(Number(values.seed), seeds, (result) => {
    taps += result.taps;
    debits += result.debits;
    events += result.events;
    openBanks += result.openBanks;
    for (const kind of cardKinds) kinds.set(kind, added(kinds.get(kind), result.byKind[kind]));
    if (result.violations.length === 0) passed += 1;
    else {
      failed.push(result);
      console.log(`seed ${result.seed} failed (${result.taps} taps, ${result.events} events):`);
      for (const violation of result.violations) console.log(`  ${violation}`);
    }
    if (process.stderr.isTTY) {
      process.stderr.write(`\r${passed + failed.length} of ${seeds} seeds `);
    }
    return failed.length === 0 || !values['until-failure'];
  });
  if (process.stderr.isTTY) process.stderr.write('\n');
  const worst = failed.sort((a, b) => a.events - b.events)[0];
  if (worst && !values['until-failure']) {
    const smallest = await shrink(worst.seed, options);
    console.log(`smallest failing run: npm run sim -- ${smallest}`);
  }
  for (const [kind, of] of kinds) {
    const { cards, passages } = of;
    console.log(
      `${kind}: ${cards} cards, ${of.taps} taps, ${passages} passages, ${of.debits} debits`,
    );
  }
  console.log(`${openBanks} debits of bank cards stay open: the card was not seen again`);
  console.log(`${taps} taps, ${debits} debits, ${events} events`);
  console.log(`${passed} passed, ${failed.length} failed`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

if (values.help) console.log(USAGE);
else if (values.worker) work(optionsOf());
else await main(optionsOf());
