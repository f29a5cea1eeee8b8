/**
 * The worker threads that hold one version of the keys, and the same work in line where there are
 * none. Keys go to a thread once, when it starts; a new version of the keys is a new crew, so that
 * no batch can meet two versions.
 *
 * Batches come one or two a worker at a time (`pool.ts` sees to it), since piscina serves callers
 * that wait for its answers in no fair order. A worker that dies takes nothing along: jobs are
 * pure, and the batch it had is begun again on another.
 */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { FaregateError } from '../../errors.ts';
import { POOL_ATTEMPTS_MAX, POOL_BATCHES_PER_WORKER, POOL_WORKER_HEAP_MB } from '../../limits.ts';
import type { KeySet } from '../key-set.ts';
import { type BatchMemory, Blocks, marks, sharedOnly } from './blocks.ts';
import type { JobTable } from './jobs.ts';
import { KeyTools } from './key-tools.ts';
import { kindOf, type Task, type TaskAnswer, type WarmTask } from './serve.ts';

export interface CrewOptions {
  /** The kinds of jobs that the worker file serves. */
  readonly table: JobTable;
  /** A real file: threads load it. */
  readonly workerFile: URL;
  /** 0 to work in line. */
  readonly workers: number;
}

/** One batch as the crew takes it. */
export interface Batch {
  readonly kind: string;
  readonly input: Uint8Array;
  readonly count: number;
  readonly resultBytes: number;
  readonly parameters: unknown;
  /** False once nobody waits for it: it is not begun again. */
  readonly wanted: boolean;
}

type Threads = Piscina<Task | WarmTask, TaskAnswer>;

/** What pending attempts are told where no thread is left to make them. */
const NO_THREADS = new Error('no worker thread is left');

export class Crew {
  readonly #table: JobTable;
  readonly #tools: KeyTools;
  readonly #workers: number;
  readonly #blocks: Blocks;
  readonly #attempts = new Set<(reason: Error) => void>();
  #threads: Threads | null = null;
  #closed = false;
  #deaths = 0;

  private constructor(keys: KeySet, options: CrewOptions) {
    this.#table = options.table;
    this.#workers = options.workers;
    this.#tools = new KeyTools(keys);
    this.#blocks = new Blocks(POOL_BATCHES_PER_WORKER * options.workers);
  }

  /** Starts and warms the threads. Where they cannot start, the crew works in line. */
  static async start(keys: KeySet, options: CrewOptions): Promise<Crew> {
    const crew = new Crew(keys, options);
    if (options.workers > 0) await crew.#startThreads(keys, options);
    return crew;
  }

  async #startThreads(keys: KeySet, { workerFile, workers }: CrewOptions): Promise<void> {
    try {
      const threads: Threads = new Piscina({
        filename: fileURLToPath(workerFile),
        minThreads: workers,
        maxThreads: workers,
        // The next batch lies with the thread already when it ends one.
        concurrentTasksPerWorker: POOL_BATCHES_PER_WORKER,
        stricterFIFO: true,
        workerData: keys,
        resourceLimits: { maxOldGenerationSizeMb: POOL_WORKER_HEAP_MB },
      });
      this.#threads = threads;
      // A thread that dies without work is told here, and replaced or counted below.
      threads.on('error', () => {});
      threads.on('workerDestroy', () => this.#onDeath());
      await Promise.all(Array.from({ length: workers }, () => threads.run('warm')));
    } catch {
      await this.#giveUpThreads();
    }
  }

  /** Threads at work; 0 where all is done in line. */
  get workers(): number {
    return this.#threads === null ? 0 : this.#workers;
  }

  /** Threads that died. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Blocks of shared memory kept for the next batches. */
  get blocksFree(): number {
    return this.#blocks.free;
  }

  /** Batches that may be with the crew at once. */
  get batchesMax(): number {
    return Math.max(1, POOL_BATCHES_PER_WORKER * this.workers);
  }

  /** Does a batch on the calling thread. @throws what the job throws. */
  inLine({ kind, input, count, resultBytes, parameters }: Batch): Uint8Array {
    const output = new Uint8Array(count * resultBytes);
    kindOf(this.#table, kind).run(this.#tools, { input, count, output }, parameters);
    return output;
  }

  /**
   * Does a batch on a thread, again if its thread dies, and in line where there is no thread.
   * @throws FaregateError POOL_FAILED, or the job's own.
   */
  async perform(batch: Batch): Promise<Uint8Array> {
    let last: unknown = null;
    let failures = 0;
    while (failures < POOL_ATTEMPTS_MAX && !this.#closed && batch.wanted) {
      const threads = this.#threads;
      if (threads === null) {
        // What may have killed a thread must not have this one.
        if (failures > 0) break;
        return this.inLine(batch);
      }
      const memory = this.#blocks.take(batch.input, batch.count * batch.resultBytes);
      const deaths = this.#deaths;
      try {
        const answer = await this.#attempt(threads, batch, memory);
        if (answer === null) return memory.output.slice();
        throw new FaregateError(answer.code, answer.message);
      } catch (error) {
        if (error instanceof FaregateError) throw error;
        last = error;
        const mark = memory.mark[0];
        // Done, but the thread died of the next batch before it could say so.
        if (mark === marks.done) return memory.output.slice();
        // A batch that waited behind the one that killed its thread is not to blame.
        const died = error === NO_THREADS || this.#deaths > deaths;
        if (mark !== marks.waiting || !died) failures++;
      } finally {
        this.#blocks.give(memory);
      }
    }
    const cause = last instanceof Error ? last.message : String(last);
    const what = `${batch.kind} of ${batch.count} items`;
    throw new FaregateError('POOL_FAILED', `${what}: ${cause}`, { cause: last });
  }

  #attempt(threads: Threads, batch: Batch, { block }: BatchMemory): Promise<TaskAnswer> {
    const { kind, count, parameters } = batch;
    const input = sharedOnly(batch.input);
    return new Promise((resolve, reject) => {
      this.#attempts.add(reject);
      threads
        .run({ kind, count, block, input, parameters })
        .then(resolve, reject)
        .finally(() => this.#attempts.delete(reject));
    });
  }

  /** Piscina replaces threads, but not when replacements fail to start: then its tasks hang. */
  #onDeath(): void {
    if (this.#closed) return;
    this.#deaths++;
    setImmediate(() => {
      if (this.#threads?.threads.length === 0) void this.#giveUpThreads();
    });
  }

  async #giveUpThreads(): Promise<void> {
    const threads = this.#threads;
    this.#threads = null;
    for (const reject of this.#attempts) reject(NO_THREADS);
    this.#attempts.clear();
    await threads?.destroy();
  }

  /** Ends the threads; batches still with them fail. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#giveUpThreads();
  }
}
