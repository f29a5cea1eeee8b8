/**
 * A process of a station benchmark: `program.js ROLE PLAN [PORT]`. Takes orders from its parent by
 * message and answers each with a message; `end` ends it.
 */
import { Cards, type Pace } from './cards-process.ts';
import { held, runEngine } from './engine-process.ts';
import { loadPlan } from './plan.ts';
import { LoadedStation } from './station-process.ts';

const [role = '', path = '', port = '0'] = process.argv.slice(2);
const plan = loadPlan(path);
const tell = (word: object): void => void process.send?.(word);
type Orders = Readonly<Record<string, (argument: string | number) => unknown>>;

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

const orders = await begin();
process.on('message', (message) => {
  const { order, args } = message as { order: string; args: (string | number)[] };
  if (order === 'end') process.exit(0);
  void Promise.resolve(orders[order]!(args[0] ?? 0)).then((answer) => tell(answer ?? {}));
});
process.on('disconnect', () => process.exit(1));
tell({});
