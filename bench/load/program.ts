/**
 * A process of an ingest benchmark: `program.js engine|gates PLAN [PORT]`, the plan as JSON. Takes
 * orders from its parent.
 */
import { setFlagsFromString } from 'node:v8';
import { HEAP_GROWTH_PERCENT } from '../../engine/limits.ts';
import { type Orders, obey } from '../child.ts';
import { held, runEngine } from './engine.ts';
import { LoadGates } from './gates.ts';
import type { LoadPlan } from './plan.ts';

const [role = '', plan = '', port = '0'] = process.argv.slice(2);

async function begin(plan: LoadPlan): Promise<Orders> {
  if (role === 'gates') {
    // As the engine does: what its collector takes of the machine is not the engine's to bear.
    setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
    const gates = await LoadGates.connect(plan, Number(port));
    return {
      post: (count) => gates.post(count as number),
      flow: (count) => gates.flow(count as number),
      drain: () => gates.drain(),
      stop: () => gates.end(),
    };
  }
  const engine = await runEngine(plan);
  return {
    port: () => ({ port: engine.uplinkPort }),
    usage: () => {
      const { user, system } = process.cpuUsage();
      return { cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() };
    },
    stop: () => engine.stop(),
    held: () => held(plan),
  };
}

obey(await begin(JSON.parse(plan)));
