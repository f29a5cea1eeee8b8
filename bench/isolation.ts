/**
 * How should a station's process be run? The `station` benchmark's load of cards that take their
 * time, with a backlog that goes up, list deltas and key derivation beside the taps, once for each
 * way: as a service does it (`gate/service/taps-first.ts`, the unit in docs/gate-config.md), with
 * the process as it comes, uploads on the event loop of the taps, a sync for each gate, on a core
 * of its own, or with another size of the collector's young generation. Last with the taps' own
 * uploads alone, which is the most that isolation could win. `docs/isolation.md` says what came of it.
 */
import type { Benchmark, Contender } from './harness.ts';
import {
  canPin,
  full,
  Ground,
  load,
  smoke as small,
  usual,
  type Way,
  young,
} from './station/scene.ts';
import type { Figures } from './station/station-process.ts';
import {
  answerOf,
  type Beside,
  everything,
  latencyFigures,
  measuredOf,
  measureLatency,
  uploadsAlone,
} from './station.ts';

const ofYoung = (mebibytes: number): Way => ({
  ...usual,
  name: `young generation of ${mebibytes} MiB`,
  execArgv: young(mebibytes),
});

const ways: readonly Way[] = [
  { ...usual, name: 'as the service does it' },
  { ...usual, name: 'as the system has it', tapsFirst: false, execArgv: [] },
  { ...usual, name: "Node's young generation", execArgv: [] },
  { ...usual, name: 'one log, uploads on the loop', uplinks: 'loop' },
  { ...usual, name: 'a sync a gate, uploads on a thread', sharedLog: false },
  { ...usual, name: 'a sync a gate, uploads on the loop', sharedLog: false, uplinks: 'loop' },
  { ...usual, name: 'on its own core', pinned: true },
  ofYoung(1),
  ofYoung(64),
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
    const alone = contender(where, { ...usual, name: 'uploads alone' }, uploadsAlone);
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
