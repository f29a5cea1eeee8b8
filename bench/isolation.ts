/**
 * How should a station's process be run? The `station` benchmark's load of cards that take their
 * time, with a backlog that goes up, list deltas and key derivation beside the taps, once for each
 * way: uploads on the event loop of the taps or on a thread, one log for all gates or a sync for
 * each, and the process as it comes, with a higher priority, on a core of its own, or with another
 * size of the collector's young generation. Last with nothing beside, which is the most that
 * isolation could win. `docs/isolation.md` says what came of it.
 */
import type { Benchmark, Contender } from './harness.ts';
import { canPin, full, Ground, load, smoke as small, usual, type Way } from './station/scene.ts';
import type { Figures } from './station/station-process.ts';
import {
  answerOf,
  type Beside,
  everything,
  latencyFigures,
  measuredOf,
  measureLatency,
  nothing,
} from './station.ts';

const young = (mebibytes: number): Way => ({
  ...usual,
  name: `young generation of ${mebibytes} MiB`,
  execArgv: [`--max-semi-space-size=${mebibytes}`, `--min-semi-space-size=${mebibytes}`],
});

const ways: readonly Way[] = [
  { ...usual, name: 'one log, uploads on a thread' },
  { ...usual, name: 'one log, uploads on the loop', uplinks: 'loop' },
  { ...usual, name: 'a sync a gate, uploads on a thread', sharedLog: false },
  { ...usual, name: 'a sync a gate, uploads on the loop', sharedLog: false, uplinks: 'loop' },
  { ...usual, name: 'priority -10', priority: -10 },
  { ...usual, name: 'on its own core', pinned: true },
  young(1),
  young(64),
];

let ground: Ground | null = null;

export const isolationBenchmark: Benchmark = {
  name: 'isolation',
  isLong: true,
  async questions(smoke) {
    const where = await Ground.make(smoke ? small : full);
    ground = where;
    const possible = ways.filter(({ pinned }) => !pinned || canPin());
    const beside = possible.map((way) => contender(where, way, everything));
    const alone = contender(where, { ...usual, name: 'nothing beside' }, nothing);
    const contenders = smoke ? beside.slice(0, 1) : [...beside, alone];
    return [{ name: "host's share of a tap", operations: 1, contenders }];
  },
  close: () => ground?.remove(),
};

function contender(where: Ground, way: Way, beside: Beside): Contender {
  let found: Figures | null = null;
  return {
    name: way.name,
    answer: () => answerOf(where, way),
    measure: async () => {
      found = await measureLatency(where, way, beside);
      return measuredOf(found, 'hostUs');
    },
    figures: () => ({ ...latencyFigures(found!), load: load() }),
  };
}
