/**
 * `npm run bench -- [names] [--json] [--smoke] [--cards N] [--with-peers]`: runs the benchmarks
 * named, or all.
 */
import { parseArgs } from 'node:util';
import { accountBenchmark } from './account.ts';
import { backlogBenchmark } from './backlog.ts';
import { cardKeysBenchmark } from './card-keys.ts';
import { denylistBenchmark } from './denylist.ts';
import { desfireBenchmark } from './desfire.ts';
import {
  type Benchmark,
  type FiguresLine,
  machine,
  type Ratio,
  type Result,
  runBenchmark,
} from './harness.ts';
import { ingestBenchmark } from './ingest.ts';
import { isolationBenchmark } from './isolation.ts';
import { macBenchmark } from './mac.ts';
import { odaBenchmark } from './oda.ts';
import { poolBenchmark } from './pool.ts';
import { quoteBenchmark } from './quote.ts';
import { sealBenchmark } from './seal.ts';
import { soakBenchmark } from './soak.ts';
import { stationBenchmark } from './station.ts';
import { tacBenchmark } from './tac.ts';
import { tapBenchmark } from './tap.ts';

const benchmarks: readonly Benchmark[] = [
  macBenchmark,
  tacBenchmark,
  tapBenchmark,
  desfireBenchmark,
  cardKeysBenchmark,
  odaBenchmark,
  sealBenchmark,
  ingestBenchmark,
  backlogBenchmark,
  denylistBenchmark,
  poolBenchmark,
  quoteBenchmark,
  accountBenchmark,
  stationBenchmark,
  isolationBenchmark,
  soakBenchmark,
];

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean' },
    smoke: { type: 'boolean' },
    cards: { type: 'string' },
    'with-peers': { type: 'boolean' },
    help: { type: 'boolean' },
  },
  allowPositionals: true,
});
const names = benchmarks.map(({ name }) => name);
const unknown = positionals.find((name) => !names.includes(name));
if (values.help || unknown !== undefined) {
  if (unknown !== undefined) console.error(`no such benchmark: ${unknown}`);
  console.log(
    `npm run bench -- [${names.join('|')} ...] [--json] [--smoke] [--cards N] [--with-peers]`,
  );
  const long = benchmarks.filter(({ isLong }) => isLong).map(({ name }) => name);
  console.log(`without names all but ${long.join(' and ')}, which take minutes`);
  process.exitCode = unknown === undefined ? 0 : 2;
} else {
  const smoke = values.smoke === true;
  const wanted = benchmarks.filter(({ name, isLong }) =>
    positionals.length === 0 ? !isLong : positionals.includes(name),
  );
  const print = values.json ? (line: object) => console.log(JSON.stringify(line)) : printRow;
  print(machine(smoke));
  const options = {
    withPeers: values['with-peers'] === true,
    ...(values.cards === undefined ? {} : { cards: Number(values.cards) }),
  };
  for (const benchmark of wanted) await runBenchmark(benchmark, smoke, print, options);
}

function printRow(line: object | Result | Ratio | FiguresLine): void {
  if ('contender' in line) {
    const times = [line.p50Ns, line.p99Ns, line.p999Ns].map((ns) => time(ns).padStart(10)).join('');
    const rate = `${line.opsPerSec.toLocaleString('en')}/s`.padStart(14);
    console.log(
      `${line.bench.padEnd(10)}${line.contender.padEnd(60)}${times}${rate}  ${line.hash}`,
    );
  } else if ('ratio' in line) {
    const goal = line.goal === undefined ? '' : ` (goal ${line.goal})`;
    console.log(`${' '.repeat(8)}${line.ratio} is ${line.value} times as fast as the last${goal}`);
  } else if ('question' in line) {
    const { bench: _, question, ...figures } = line;
    const printed = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
    console.log(`${' '.repeat(8)}${question}: ${printed.join(', ')}`);
  } else {
    console.log(
      Object.entries(line)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
    );
    console.log(`${''.padEnd(70)}${['p50', 'p99', 'p99.9'].map((p) => p.padStart(10)).join('')}`);
  }
}

function time(ns: number): string {
  if (ns < 10_000) return `${ns.toFixed(0)} ns`;
  return ns < 10_000_000 ? `${(ns / 1000).toFixed(1)} us` : `${(ns / 1e6).toFixed(1)} ms`;
}
