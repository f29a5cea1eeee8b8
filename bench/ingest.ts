/**
 * How many debits a second go from gates to posted and durable? The engine as `serve` runs it, in a
 * process of its own, and in another a load generator: gates that upload over mutual TLS without
 * pause. Runs count what was acknowledged meanwhile; the flow does not stop between them. Before,
 * each card has been debited once; after, the ledger is opened anew and holds what was
 * acknowledged, to the last minor unit. All on the disk of the folder for temporary files: on a
 * memory disk a sync costs nothing and the figures say little.
 *
 * With --with-peers, what an operator would use instead, given the same debits at the same time on
 * the same disk (`peers/`). They check no TAC, seal no evidence and speak no TLS.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchChild } from './child.ts';
import type { Benchmark, Contender, Options, Question } from './harness.ts';
import { pathQuestion } from './ingest-path.ts';
import { answerOf } from './load/answer.ts';
import { Debits } from './load/debits.ts';
import type { Held } from './load/engine.ts';
import type { Acknowledged } from './load/gates.ts';
import { type LoadPlan, startLoad } from './load/plan.ts';
import { peerContenders } from './peers/contenders.ts';

const GOAL = 4;

export const ingestBenchmark: Benchmark = {
  name: 'ingest',
  async questions(smoke, options) {
    const cards = smoke ? [32_768] : options.cards ? [options.cards] : [1_000_000, 10_000_000];
    const network = await Promise.all(
      cards.map((count, place) => networkQuestion(count, smoke, options, place === 0)),
    );
    const paths = await Promise.all([false, true].map((crossed) => pathQuestion(smoke, crossed)));
    return [...network, ...paths];
  },
};

async function networkQuestion(
  cards: number,
  smoke: boolean,
  options: Options,
  peers: boolean,
): Promise<Question> {
  const size = smoke ? { gates: 2, batchRecords: 256 } : { gates: 64, batchRecords: 512 };
  const operations = smoke ? 1024 : 131_072;
  const engine = engineContender({ ...size, cards }, operations, smoke);
  const others = options.withPeers && peers ? await peerContenders(cards, operations) : [];
  const name = `from gates to durable, ${cards.toLocaleString('en')} cards`;
  const timing = { timeMs: 15_000, iterationsMin: 8, goal: GOAL };
  return { name, operations, contenders: [engine, ...others], ...timing };
}

function engineContender(
  size: Omit<LoadPlan, 'dir'>,
  operations: number,
  smoke: boolean,
): Contender {
  const plan = { ...size, dir: mkdtempSync(join(tmpdir(), 'faregate-bench-')) };
  let engine: BenchChild;
  let gates: BenchChild;
  let startMs = 0;
  let measured = { debits: 0, gates: 0, engine: 0 };
  const usage = () => engine.order<{ cpuSeconds: number; rssBytes: number }>('usage');

  const answer = async () => {
    engine = await startLoad('engine', plan, 0, profiled());
    const { port } = await engine.order<{ port: number }>('port');
    gates = await startLoad('gates', plan, port);
    const beforeMs = performance.now();
    const first = await gates.order<Acknowledged>('post', plan.cards);
    const seconds = (performance.now() - beforeMs) / 1000;
    if (!smoke) console.error(`first debits: ${Math.round(plan.cards / seconds)}/s`);
    measured = {
      debits: first.debits,
      gates: first.cpuSeconds,
      engine: (await usage()).cpuSeconds,
    };
    return answerOf(first.debits, new Debits(plan.cards).sumMinor(0, plan.cards));
  };
  const run = async () => {
    // Not before: other contenders post their first debits meanwhile.
    startMs ||= performance.now();
    await gates.order<Acknowledged>('flow', operations);
  };
  const figures = async () => {
    const last = await gates.order<Acknowledged>('drain');
    const seconds = (performance.now() - startMs) / 1000;
    const { cpuSeconds, rssBytes } = await usage();
    await gates.order('stop');
    await engine.order('stop');
    const held = await engine.order<Held>('held');
    assert.equal(held.debits, last.debits, 'what is held is what was acknowledged');
    assert.equal(held.posted, last.debits);
    assert.equal(held.sumMinor, new Debits(plan.cards).sumMinor(0, last.debits));
    const debits = last.debits - measured.debits;
    return {
      debits: last.debits,
      meanPerSecond: Math.round(debits / seconds),
      engineCpuUs: Number((((cpuSeconds - measured.engine) / debits) * 1e6).toFixed(2)),
      generatorCpuUs: Number((((last.cpuSeconds - measured.gates) / debits) * 1e6).toFixed(2)),
      engineRssMB: Math.round(rssBytes / 1e6),
      diskBytesPerDebit: Math.round(held.diskBytes / held.debits),
      reopenSeconds: Number(held.openSeconds.toFixed(2)),
    };
  };
  const close = async () => {
    await Promise.all([gates.end(), engine.end()]);
    rmSync(plan.dir, { recursive: true });
  };
  return { name: 'faregate', run, answer, figures, close };
}

/** INGEST_PROFILE=folder writes a CPU profile of the engine's process there. */
function profiled(): string[] {
  const folder = process.env.INGEST_PROFILE;
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : [];
}
