/**
 * A process of a station benchmark: `program.js ROLE PLAN [PORT]`. Takes orders from its parent by
 * message and answers each with a message; `end` ends it.
 */
import { type Orders, obey } from '../child.ts';
import { Cards, type Pace } from './cards-process.ts';
import { held, runEngine } from './engine-process.ts';
import { loadPlan } from './plan.ts';
import { LoadedStation } from './station-process.ts';

const [role = '', path = '', port = '0'] = process.argv.slice(2);
const plan = loadPlan(path);

async function begin(): Promise<Orders> {
  if (role === 'engine') {
    const engine = await runEngine(plan);
    return {
      port: () => ({ port: engine.uplinkPort }),
      stop: () => engine.stop(),
      held: () => held(plan),
    };
  }
  if (role === 'cards') {
    const cards = new Cards(plan);
    return {
      flow: (pace) => cards.flow(pace as Pace),
      rounds: (taps) => cards.rounds(taps as number),
      pause: () => cards.pause(),
      stop: () => cards.tell(),
    };
  }
  const station = await LoadedStation.open(plan, Number(port));
  return {
    start: () => station.start(),
    connect: () => station.connect(),
    keepUp: () => station.keepUp(),
    progress: () => station.progress,
    figures: () => station.take(),
    drained: () => station.drained(),
    collect: () => globalThis.gc?.(),
    stop: () => station.stop(),
  };
}

obey(await begin());
