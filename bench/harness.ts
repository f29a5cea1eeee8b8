/**
 * The one harness of all benchmarks, over tinybench. A benchmark asks questions; each question has
 * contenders that must agree on the answer before they are timed, and one of them is the baseline
 * that a user would otherwise write. Figures of one run on one machine compare; single figures do
 * not travel.
 *
 * Printed with --json, one object a line: first `{machine, node, cores, smoke}`, then `{bench,
 * contender, p50Ns, p99Ns, p999Ns, opsPerSec, bytes?, hash}` for each contender and `{bench, ratio,
 * against, value, goal?}`: how many times faster than `against` the contender named by `ratio` is,
 * by p50. Figures that are no time of an operation stand in lines `{bench, question, ...figures}`.
 */
import { createHash } from 'node:crypto';
import { availableParallelism, cpus } from 'node:os';
import { Bench } from 'tinybench';

export interface Contender {
  readonly name: string;
  /** Results for a fixed set of inputs; all contenders of the question give the same. */
  readonly answer: () => Uint8Array | Promise<Uint8Array>;
  /** Does the question's `operations` once. */
  readonly run?: () => void | Promise<void>;
  /** In place of `run`, where the load is other processes': measures by itself. */
  readonly measure?: () => Promise<Measured>;
  /** After timing: figures beyond the times of `run`, by name. */
  readonly figures?: () => Figures | Promise<Figures>;
  /** After all that: stop what it started. */
  readonly close?: () => void | Promise<void>;
}

/** Of one operation. */
export type Measured = Pick<Result, 'p50Ns' | 'p99Ns' | 'p999Ns' | 'opsPerSec'>;

export type Figures = Readonly<Record<string, number>>;

export interface Question {
  /** Goes before the contenders' names: `tac from master`. */
  readonly name: string;
  /**
   * Operations in one `run`. One sample is one run, and times are divided by this: with more than
   * one, p99 and p99.9 are of means over so many operations.
   */
  readonly operations: number;
  /** Bytes one operation takes on a wire or disk, where that is of interest. */
  readonly bytes?: number;
  /** The first is the one in question, the last the baseline all others are compared with. */
  readonly contenders: readonly Contender[];
  /** How many times faster than the baseline the first is meant to be. */
  readonly goal?: number;
  /** Milliseconds to measure each contender, where the default is too short. */
  readonly timeMs?: number;
  /** Runs at least, where the usual 64 would take too long. */
  readonly iterationsMin?: number;
}

export interface Benchmark {
  readonly name: string;
  /** Makes inputs and contenders; `smoke` asks for little data. */
  readonly questions: (
    smoke: boolean,
    options: Options,
  ) => readonly Question[] | Promise<readonly Question[]>;
  /** After the last question. */
  readonly close?: () => void | Promise<void>;
  /** Runs for minutes: only where it is named. */
  readonly isLong?: boolean;
}

/** What the command line asks for. */
export interface Options {
  /** Cards that debits are of, instead of the benchmark's own numbers. */
  readonly cards?: number;
  /** Other servers too, where they are installed. */
  readonly withPeers?: boolean;
}

export interface Result {
  readonly bench: string;
  readonly contender: string;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly opsPerSec: number;
  readonly bytes?: number;
  /** Of the answers, equal within a question. */
  readonly hash: string;
}

export interface Ratio {
  readonly bench: string;
  readonly ratio: string;
  readonly against: string;
  readonly value: number;
  readonly goal?: number;
}

/** Goes before the further figures of a contender. */
export interface FiguresLine {
  readonly bench: string;
  /** Question and contender, as in results. */
  readonly question: string;
}

const TIME_MS = 1000;
const WARMUP_MS = 300;

/** What the figures were measured on. */
export function machine(smoke: boolean): object {
  return {
    machine: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    smoke,
  };
}

/**
 * Runs one benchmark and tells each result as it comes. @throws Error where contenders disagree.
 */
export async function runBenchmark(
  benchmark: Benchmark,
  smoke: boolean,
  tell: (line: Result | Ratio | FiguresLine) => void,
  options: Options = {},
): Promise<void> {
  try {
    await runQuestions(benchmark, smoke, tell, options);
  } finally {
    await benchmark.close?.();
  }
}

async function runQuestions(
  benchmark: Benchmark,
  smoke: boolean,
  tell: (line: Result | Ratio | FiguresLine) => void,
  options: Options,
): Promise<void> {
  for (const question of await benchmark.questions(smoke, options)) {
    const hash = await agree(benchmark.name, question);
    const results: Result[] = [];
    for (const contender of question.contenders) {
      const result = await measure(benchmark.name, question, contender, hash, smoke);
      results.push(result);
      tell(result);
      const figures = await contender.figures?.();
      if (figures) tell({ bench: benchmark.name, question: result.contender, ...figures });
      await contender.close?.();
    }
    const baseline = results.at(-1)!;
    for (const [place, result] of results.slice(0, -1).entries()) {
      const goal = place === 0 && question.goal !== undefined ? { goal: question.goal } : {};
      const value = round(baseline.p50Ns / result.p50Ns, 2);
      const { bench, contender } = result;
      tell({ bench, ratio: contender, against: baseline.contender, value, ...goal });
    }
  }
}

/** The hash of the answers. @throws Error naming the contender that differs. */
async function agree(bench: string, question: Question): Promise<string> {
  let first: string | null = null;
  for (const { name, answer } of question.contenders) {
    const digest = createHash('sha256')
      .update(await answer())
      .digest('hex');
    first ??= digest;
    if (digest !== first) throw new Error(`${bench}: ${question.name}: ${name} answers otherwise`);
  }
  return first?.slice(0, 16) ?? '';
}

async function measure(
  bench: string,
  question: Question,
  contender: Contender,
  hash: string,
  smoke: boolean,
): Promise<Result> {
  const measured = await (contender.measure?.() ?? timed(question, contender, smoke));
  return {
    bench,
    contender: `${question.name}: ${contender.name}`,
    p50Ns: round(measured.p50Ns, 1),
    p99Ns: round(measured.p99Ns, 1),
    p999Ns: round(measured.p999Ns, 1),
    opsPerSec: Math.round(measured.opsPerSec),
    ...(question.bytes === undefined ? {} : { bytes: question.bytes }),
    hash,
  };
}

async function timed(question: Question, contender: Contender, smoke: boolean): Promise<Measured> {
  const { name, run } = contender;
  if (!run) throw new Error(`${name} has nothing to run`);
  const suite = new Bench({
    throws: true,
    time: smoke ? 0 : (question.timeMs ?? TIME_MS),
    iterations: smoke ? 2 : (question.iterationsMin ?? 64),
    warmup: !smoke,
    warmupTime: WARMUP_MS,
  });
  suite.add(name, run);
  await suite.run();
  const statistics = suite.tasks[0]?.result;
  if (statistics?.state !== 'completed') throw new Error(`${name} did not run`);
  const { p50, p99, p999, mean } = statistics.latency;
  const perOperation = (milliseconds: number) => (milliseconds * 1e6) / question.operations;
  return {
    p50Ns: perOperation(p50),
    p99Ns: perOperation(p99),
    p999Ns: perOperation(p999),
    opsPerSec: 1e9 / perOperation(mean),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
