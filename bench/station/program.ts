/**
 * A process of a station benchmark: `program.js ROLE PLAN [PORT]`. Takes orders from its parent by
 * message and answers each with a message; `end` ends it.
 */
import { constants, setPriority } from 'node:os';
import { putTapsFirst } from '../../gate/service/taps-first.ts';
import { type Orders, obey } from '../child.ts';
import { held, runEngine } from './engine-process.ts';
import { loadPlan } from './plan.ts';
import { LoadedStation } from './station-process.ts';

const [role = '', path = '', port = '0'] = process.argv.slice(2);
const plan = loadPlan(path);

async function begin(): Promise<Orders> {
  if (role === 'engine') {
    // In a city it has a machine of its own.
    setPriority(constants.priority.PRIORITY_LOW);
    const engine = await runEngine(plan);
    return {
      port: () => ({ port: engine.uplinkPort }),
      stop: () => engine.stop(),
      held: () => held(plan),
    };
  }
  if (plan.tapsFirst) putTapsFirst();
  const station = await LoadedStation.open(plan, Number(port));
  return {
    thread: () => ({ thread: station.cards.thread }),
    flow: (pace) => station.cards.order('flow', pace),
    paced: (riders) => station.cards.order('paced', riders),
    rounds: (taps) => station.cards.order('rounds', taps),
    pause: () => station.cards.order('pause'),
    cardsStop: () => station.cards.order('stop'),
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
