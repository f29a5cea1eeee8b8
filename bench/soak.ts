/**
 * Does memory stay flat? A station of 200 gates with instant cards and running uploads, for ten
 * minutes; every half minute what lives in its heap after a collection, and all that the process
 * has. The figures are the first and the last of them after the first fifth, and the slope between
 * by least squares. At the end every debit is reckoned with.
 */
import type { Benchmark, Contender } from './harness.ts';
import { full, Ground, load, pass, Scene, smoke as small, usual } from './station/scene.ts';
import type { Figures } from './station/station-process.ts';
import { answerOf, measuredOf } from './station.ts';

const MINUTES = 10;
const SAMPLES = 20;
const SMOKE_SAMPLES = 5;
const MIB = 1024 ** 2;

let ground: Ground | null = null;

export const soakBenchmark: Benchmark = {
  name: 'soak',
  isLong: true,
  async questions(smoke) {
    const where = await Ground.make(smoke ? small : { ...full, ms: (MINUTES * 60_000) / SAMPLES });
    ground = where;
    const contender = soaked(where, smoke ? SMOKE_SAMPLES : SAMPLES);
    const name = `${where.size.gates} gates, instant cards, uploads run`;
    return [{ name, operations: 1, contenders: [contender] }];
  },
  close: () => ground?.remove(),
};

function soaked(where: Ground, count: number): Contender {
  const samples: Figures[] = [];
  return {
    name: `${count} samples`,
    answer: () => answerOf(where, usual),
    measure: async () => {
      const scene = await Scene.open(where, usual);
      await scene.connect();
      await scene.flow('instant');
      await scene.figures();
      for (let i = 0; i < count; i++) {
        await pass(scene, where.size.ms);
        samples.push(await scene.lived());
      }
      await scene.close();
      return measuredOf(samples.at(-1)!, 'tapUs');
    },
    figures: () => ({ ...flatness(samples), load: load() }),
  };
}

/** First and last after the first fifth, and the growth. */
function flatness(samples: readonly Figures[]): Readonly<Record<string, number>> {
  const settled = samples.slice(Math.floor(samples.length / 5));
  const first = settled[0]!;
  const last = settled.at(-1)!;
  const sum = (of: (sample: Figures) => number) => samples.reduce((all, each) => all + of(each), 0);
  return {
    taps: sum(({ taps }) => taps),
    uploaded: sum(({ uploaded }) => uploaded),
    seconds: Math.round(sum(({ seconds }) => seconds)),
    heapFirstMiB: mebibytes(first.heapBytes),
    heapLastMiB: mebibytes(last.heapBytes),
    heapMiBPerHour: mebibytes(slope(settled, ({ heapBytes }) => heapBytes) * 3600),
    rssFirstMiB: mebibytes(first.rssBytes),
    rssLastMiB: mebibytes(last.rssBytes),
    rssMiBPerHour: mebibytes(slope(settled, ({ rssBytes }) => rssBytes) * 3600),
    backlog: last.backlog,
  };
}

/** Bytes a second. */
function slope(samples: readonly Figures[], bytesOf: (sample: Figures) => number): number {
  let elapsed = 0;
  const times = samples.map(({ seconds }) => (elapsed += seconds));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
  const meanTime = mean(times);
  const meanBytes = mean(samples.map(bytesOf));
  let products = 0;
  let squares = 0;
  for (const [i, sample] of samples.entries()) {
    products += (times[i]! - meanTime) * (bytesOf(sample) - meanBytes);
    squares += (times[i]! - meanTime) ** 2;
  }
  return squares === 0 ? 0 : products / squares;
}

function mebibytes(bytes: number): number {
  return Number((bytes / MIB).toFixed(1));
}
