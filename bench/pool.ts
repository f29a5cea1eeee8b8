/**
 * When does a batch of TACs belong on a worker thread, and does the pool treat its callers alike?
 *
 * The curve: batches of 16 to 8,192 TACs, one after another, on a thread and in line. On a thread a
 * lone batch always takes longer; what it saves is the caller's event loop, so that is measured
 * too: `heldP50Us` of one batch. Then 16 callers that each send their next batch on the answer to
 * the one before, through the pool and through bare piscina: how long the unluckiest answer took,
 * and what share of the mean the unluckiest caller got.
 */
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { createTacBatch } from '../engine/crypto/bitslice/tac-batch.ts';
import type { KeySet } from '../engine/crypto/key-set.ts';
import { Keyring } from '../engine/crypto/keyring.ts';
import { Blocks } from '../engine/crypto/pool/blocks.ts';
import { jobs } from '../engine/crypto/pool/jobs.ts';
import { CryptoPool } from '../engine/crypto/pool/pool.ts';
import type { Task } from '../engine/crypto/pool/serve.ts';
import { at } from '../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../engine/debit/record.ts';
import type { Benchmark, Contender, Figures, Question } from './harness.ts';

const CALLERS = 16;
const CALLER_TACS = 1024;
const WORST_WAIT_GOAL_MS = 50;
const LEAST_SHARE_GOAL = 0.8;
const workerFile = new URL('../engine/crypto/pool/worker.js', import.meta.url);

const keys: KeySet = {
  keys: [
    {
      use: 'tac',
      index: 1,
      version: 1,
      algorithm: '3des',
      master: Buffer.from('11223344556677888877665544332211', 'hex'),
    },
  ],
  aes: [],
  cryptogram: [],
  cardHash: new Uint8Array(16),
};

/** The engine's jobs, but every batch goes to a thread. */
const table = { ...jobs, tacs: { ...jobs.tacs, itemsMin: 0 } };
type Pool = CryptoPool<typeof table>;

export const poolBenchmark: Benchmark = {
  name: 'pool',
  async questions(smoke) {
    const pool = await CryptoPool.open({ table, workerFile }, keys, {});
    const workers = Math.max(1, pool.status().workers);
    const bare = new Piscina<object, unknown>({
      filename: fileURLToPath(workerFile),
      minThreads: workers,
      maxThreads: workers,
      workerData: keys,
    });
    const sizes = smoke ? [16, 512] : Array.from({ length: 10 }, (_, i) => 16 << i);
    return [
      ...sizes.map((count) => batches(pool, count, smoke)),
      callers(pool, bare, smoke ? 20 : 3000),
    ];
  },
};

/** Records in shared memory with verdicts of all kinds. */
function makeRecords(count: number): Uint8Array {
  const records = new Uint8Array(new SharedArrayBuffer(count * DEBIT_BYTES));
  for (let i = 0; i < records.length; i++) records[i] = (i * 89 + (i >> 7) * 57) & 255;
  for (let i = 0; i < count; i++) {
    records[i * DEBIT_BYTES + at.keyIndex] = i % 7 === 3 ? 2 : 1;
    records[i * DEBIT_BYTES + at.keyVersion] = 1;
    records[i * DEBIT_BYTES + at.algorithm] = 0;
    records[i * DEBIT_BYTES + at.factorLevels] = 1;
  }
  return records;
}

function batches(pool: Pool, count: number, smoke: boolean): Question {
  const records = makeRecords(count);
  const verdicts = new Uint8Array(count);
  const inLine = createTacBatch(new Keyring(keys.keys));
  if (!smoke) inLine.warm();
  const onThread = () => pool.run('tacs', records, null);
  const here = () => inLine.verify(records, count, verdicts);
  const repeats = smoke ? 2 : 500;
  const contenders: Contender[] = [
    {
      name: 'on a thread',
      answer: onThread,
      run: async () => void (await onThread()),
      figures: () => timesOf(repeats, onThread),
    },
    {
      name: 'in line',
      answer: () => {
        here();
        return verdicts;
      },
      run: here,
      figures: () => timesOf(repeats, here),
    },
  ];
  const name = `${count.toLocaleString('en')} TACs`;
  return { name, operations: count, contenders, timeMs: 300 };
}

/** How long one of `repeats` batches took, and how long it kept the event loop from other work. */
async function timesOf(repeats: number, run: () => unknown): Promise<Figures> {
  const waits: number[] = [];
  const held: number[] = [];
  // The loop's own account begins with its first turn.
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < repeats; i++) {
    const before = performance.eventLoopUtilization();
    const start = performance.now();
    await run();
    waits.push(performance.now() - start);
    held.push(performance.eventLoopUtilization(before).active);
  }
  const [p50, p99] = quantiles(waits);
  const [heldP50] = quantiles(held);
  return { p50Us: us(p50), p99Us: us(p99), heldP50Us: us(heldP50) };
}

function callers(pool: Pool, bare: Piscina<object, unknown>, timeMs: number): Question {
  const records = Array.from({ length: CALLERS }, () => makeRecords(CALLER_TACS));
  const blocks = new Blocks(0);
  const memories = records.map((input) => blocks.take(input, CALLER_TACS));
  const task = (caller: number): Task => {
    const { block, input } = memories[caller]!;
    return { kind: 'tacs', count: CALLER_TACS, block, input, parameters: null };
  };
  const contender = (
    name: string,
    run: (caller: number) => Promise<unknown>,
    answer: () => Promise<Uint8Array>,
    close: () => Promise<void>,
  ): Contender => ({
    name,
    answer,
    run: async () => {
      await Promise.all(records.map((_, caller) => run(caller)));
    },
    figures: () => sharesOf(run, timeMs),
    close,
  });
  return {
    name: `${CALLERS} callers of 1,024 TACs`,
    operations: CALLERS * CALLER_TACS,
    contenders: [
      contender(
        'pool',
        (caller) => pool.run('tacs', records[caller]!, null),
        () => pool.run('tacs', records[0]!, null),
        () => pool.close(),
      ),
      contender(
        'bare piscina',
        (caller) => bare.run(task(caller)),
        async () => {
          await bare.run(task(0));
          return memories[0]!.output.slice();
        },
        () => bare.destroy(),
      ),
    ],
  };
}

/**
 * All callers send batch after batch for `timeMs`. The longest pause is the longest time in which
 * nobody got an answer: a wait that is hardly longer is the machine's, not the queue's.
 */
async function sharesOf(
  run: (caller: number) => Promise<unknown>,
  timeMs: number,
): Promise<Figures> {
  const served = new Array<number>(CALLERS).fill(0);
  const waits: number[] = [];
  let last = performance.now();
  let longestPause = 0;
  const end = last + timeMs;
  await Promise.all(
    served.map(async (_, caller) => {
      for (let start = performance.now(); start < end; ) {
        await run(caller);
        const now = performance.now();
        waits.push(now - start);
        start = now;
        longestPause = Math.max(longestPause, now - last);
        last = now;
        // Batches that end late are waits, but no part of a share.
        if (now < end) served[caller]!++;
      }
    }),
  );
  const [p50, p99, worst] = quantiles(waits);
  const mean = served.reduce((sum, count) => sum + count, 0) / CALLERS;
  return {
    batchesPerSec: Math.round((mean * CALLERS * 1000) / timeMs),
    p50WaitMs: ms(p50),
    p99WaitMs: ms(p99),
    worstWaitMs: ms(worst),
    worstWaitGoalMs: WORST_WAIT_GOAL_MS,
    longestPauseMs: ms(longestPause),
    leastShare: mean === 0 ? 0 : Number((Math.min(...served) / mean).toFixed(3)),
    leastShareGoal: LEAST_SHARE_GOAL,
  };
}

/** Median, 99th percentile and maximum. */
function quantiles(values: number[]): [number, number, number] {
  values.sort((a, b) => a - b);
  const at = (share: number) =>
    values[Math.min(values.length - 1, Math.floor(share * values.length))]!;
  return [at(0.5), at(0.99), at(1)];
}

function ms(milliseconds: number): number {
  return Number(milliseconds.toFixed(2));
}

function us(milliseconds: number): number {
  return Number((milliseconds * 1000).toFixed(1));
}
