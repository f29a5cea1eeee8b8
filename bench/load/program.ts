/**
 * A process of an ingest benchmark: `program.js engine|gates PLAN [PORT]`, the plan as JSON. Takes
 * orders from its parent by message and answers each with a message.
 */
import { held, runEngine } from './engine.ts';
import { LoadGates } from './gates.ts';
import type { LoadPlan } from './plan.ts';

type Order = (count: number) => unknown;

const [role = '', plan = '', port = '0'] = process.argv.slice(2);

async function begin(plan: LoadPlan): Promise<Readonly<Record<string, Order>>> {
  if (role === 'gates') {
    const gates = await LoadGates.connect(plan, Number(port));
    return {
      post: (count) => gates.post(count),
      flow: (count) => gates.flow(count),
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

const orders = await begin(JSON.parse(plan));
process.on('message', (message: { order: string; count: number }) => {
  void Promise.resolve(orders[message.order]!(message.count)).then((answer) => {
    process.send?.(answer ?? {});
  });
});
process.send?.({});
