/** Takes away from a failing run whatever it still fails without. */
import { runScenario } from './run.ts';
import { type FaultName, makeScenario, type ScenarioOptions } from './scenario.ts';

/** The command line of the smallest run of `seed` that fails. */
export async function shrink(seed: number, options: ScenarioOptions): Promise<string> {
  let { faults, riders, journeys } = makeScenario(seed, options);
  const fails = async (other: {
    faults?: readonly FaultName[];
    riders?: number;
    journeys?: number;
  }): Promise<boolean> => {
    const run = { ...options, faults: other.faults ?? [...faults], riders, journeys, ...other };
    return (await runScenario(makeScenario(seed, run))).violations.length > 0;
  };
  for (const name of [...faults]) {
    const without = [...faults].filter((other) => other !== name);
    if (await fails({ faults: without })) faults = new Set(without);
  }
  while (riders > 1 && (await fails({ riders: riders - 1 }))) riders -= 1;
  while (journeys > 1 && (await fails({ journeys: journeys - 1 }))) journeys -= 1;
  const canary = options.canary ? ` --canary ${options.canary}` : '';
  const chosen = `--faults ${[...faults].join(',')} --riders ${riders} --journeys ${journeys}`;
  return `--seed ${seed} ${chosen}${canary}`;
}
