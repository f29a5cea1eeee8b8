/**
 * The crypto pool: batches of card cryptography on worker threads, for uploads, cache warming and
 * list building. Never for a tap, whose microseconds of work are less than the way to a thread and
 * back (`docs/pool.md` has the measured curve).
 *
 * Batches are served first in, first out, whoever sent them, from a queue bounded in batches and
 * bytes. A batch is done with the keys in force when it was sent.
 */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { FaregateError } from '../../errors.ts';
import {
  POOL_BYTES_MAX,
  POOL_JOB_BYTES_MAX,
  POOL_JOBS_MAX,
  POOL_WORKERS_MAX,
} from '../../limits.ts';
import type { KeySet } from '../key-set.ts';
import { type Batch, Crew, type CrewOptions } from './crew.ts';
import { type JobParameters, type JobTable, jobs } from './jobs.ts';

export interface PoolOptions {
  /** Worker threads; 0 to do everything in line. One fewer than cores, at least one, by default. */
  readonly workers?: number;
  /** Batches, and bytes of their items, that may wait. */
  readonly jobsMax?: number;
  readonly bytesMax?: number;
}

/** What a pool serves, where it is not the engine's own jobs. */
export interface PoolJobs<T extends JobTable> {
  readonly table: T;
  /** Exports `serveJobs(table)` as its default. */
  readonly workerFile: URL;
}

export interface PoolStatus {
  /** Threads at work; 0 where all is done in line. */
  readonly workers: number;
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Batches with the threads. */
  readonly running: number;
  /** Counts up from 1 with each key set taken into use. */
  readonly keysVersion: number;
  /** Threads with these keys that died. */
  readonly deaths: number;
  readonly blocksFree: number;
}

interface Shift {
  readonly crew: Crew;
  readonly version: number;
  /** Batches sent and not yet done with these keys. */
  batches: number;
  current: boolean;
}

interface Waiting extends Batch {
  wanted: boolean;
  readonly shift: Shift;
  resolve(results: Uint8Array): void;
  reject(reason: unknown): void;
}

const ownJobs: PoolJobs<typeof jobs> = {
  table: jobs,
  workerFile: new URL('./worker.js', import.meta.url),
};

/** Starts a pool of the engine's jobs, its threads warm. */
export function openCryptoPool(
  keys: KeySet,
  options: PoolOptions = {},
): Promise<CryptoPool<typeof jobs>> {
  return CryptoPool.open(ownJobs, keys, options);
}

export class CryptoPool<T extends JobTable> {
  readonly #table: T;
  readonly #crewOptions: CrewOptions;
  readonly #jobsMax: number;
  readonly #bytesMax: number;
  /** In order of arrival; a set, so that an aborted batch leaves from the middle. */
  readonly #queue = new Set<Waiting>();
  readonly #running = new Set<Waiting>();
  readonly #ending = new Set<Promise<void>>();
  #waitingBytes = 0;
  #versions = 1;
  #shift: Shift;
  #closed = false;
  readonly #onIdle: (() => void)[] = [];

  private constructor(table: T, crewOptions: CrewOptions, crew: Crew, options: PoolOptions) {
    this.#table = table;
    this.#crewOptions = crewOptions;
    this.#jobsMax = options.jobsMax ?? POOL_JOBS_MAX;
    this.#bytesMax = options.bytesMax ?? POOL_BYTES_MAX;
    this.#shift = { crew, version: 1, batches: 0, current: true };
  }

  static async open<T extends JobTable>(
    { table, workerFile }: PoolJobs<T>,
    keys: KeySet,
    options: PoolOptions,
  ): Promise<CryptoPool<T>> {
    const workers = options.workers ?? Math.max(1, availableParallelism() - 1);
    assert(Number.isInteger(workers) && workers >= 0, `${workers} workers`);
    const crewOptions = { table, workerFile, workers: Math.min(workers, POOL_WORKERS_MAX) };
    return new CryptoPool(table, crewOptions, await Crew.start(keys, crewOptions), options);
  }

  /**
   * Does one batch and resolves to its results, one after another, in memory of their own.
   *
   * @param input items, one after another; not to be changed until this settles. Those in a
   *   SharedArrayBuffer are read where they lie, others are copied once, when their turn comes.
   * @param signal drops the batch: at once where it waits, its result where it runs.
   * @throws FaregateError POOL_FULL where the queue is at its bound; POOL_FAILED where the job
   *   failed again and again; POOL_CLOSED; and the job's own. The signal's reason.
   */
  async run<K extends keyof T & string>(
    kind: K,
    input: Uint8Array,
    parameters: JobParameters<T, K>,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const { itemBytes, resultBytes, itemsMin } = this.#table[kind]!;
    const count = input.length / itemBytes;
    assert(Number.isInteger(count), `${input.length} bytes are no items of ${itemBytes}`);
    assert(input.length + count * resultBytes <= POOL_JOB_BYTES_MAX, `${count} items at once`);
    signal?.throwIfAborted();
    if (this.#closed) throw closedError();
    const shift = this.#shift;
    const batch = { kind, input, count, resultBytes, parameters, wanted: true };
    if (count < itemsMin) return shift.crew.inLine(batch);
    return this.#enqueue(batch, shift, signal);
  }

  #enqueue(batch: Batch, shift: Shift, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const bytes = batch.input.length;
    if (this.#queue.size >= this.#jobsMax || this.#waitingBytes + bytes > this.#bytesMax) {
      const held = `${this.#queue.size} batches of ${this.#waitingBytes} bytes wait`;
      throw new FaregateError('POOL_FULL', `${batch.kind} of ${batch.count} items: ${held}`);
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { ...batch, shift, resolve, reject };
      if (signal) {
        const onAbort = () => this.#drop(waiting, signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        const leave = () => signal.removeEventListener('abort', onAbort);
        waiting.resolve = (results) => {
          leave();
          resolve(results);
        };
        waiting.reject = (reason) => {
          leave();
          reject(reason);
        };
      }
      shift.batches++;
      this.#queue.add(waiting);
      this.#waitingBytes += bytes;
      this.#advance();
    });
  }

  /** Hands batches over as long as their crew takes them, in order. */
  #advance(): void {
    for (const batch of this.#queue) {
      if (this.#running.size >= batch.shift.crew.batchesMax) return;
      this.#leaveQueue(batch);
      this.#running.add(batch);
      void this.#serve(batch);
    }
  }

  async #serve(batch: Waiting): Promise<void> {
    try {
      batch.resolve(await batch.shift.crew.perform(batch));
    } catch (error) {
      batch.reject(error);
    }
    // In line, other work has its turn between two batches.
    if (batch.shift.crew.workers === 0) await new Promise((resolve) => setImmediate(resolve));
    this.#running.delete(batch);
    this.#endOf(batch);
    this.#advance();
  }

  #leaveQueue(batch: Waiting): void {
    this.#queue.delete(batch);
    this.#waitingBytes -= batch.input.length;
  }

  /** Nobody waits for `batch` any more. Its thread, if it has one, ends it and is kept. */
  #drop(batch: Waiting, reason: unknown): void {
    batch.wanted = false;
    if (this.#queue.has(batch)) {
      this.#leaveQueue(batch);
      this.#endOf(batch);
    }
    batch.reject(reason);
  }

  #endOf({ shift }: Waiting): void {
    shift.batches--;
    this.#endShift(shift);
    if (this.#queue.size + this.#running.size > 0) return;
    for (const tell of this.#onIdle.splice(0)) tell();
  }

  #endShift(shift: Shift): void {
    if (shift.current || shift.batches > 0) return;
    const end = shift.crew.close().finally(() => this.#ending.delete(end));
    this.#ending.add(end);
  }

  /**
   * Puts a new key set in force, its threads warm, and resolves to its version. Batches sent before
   * are done with the keys before, whose threads end with the last of them.
   */
  async useKeys(keys: KeySet): Promise<number> {
    if (this.#closed) throw closedError();
    const version = ++this.#versions;
    const crew = await Crew.start(keys, this.#crewOptions);
    const next: Shift = { crew, version, batches: 0, current: true };
    const before = this.#shift;
    if (this.#closed || before.version > version) {
      await crew.close();
      if (this.#closed) throw closedError();
      return version;
    }
    this.#shift = next;
    before.current = false;
    this.#endShift(before);
    return version;
  }

  status(): PoolStatus {
    const { crew, version } = this.#shift;
    return {
      workers: crew.workers,
      waiting: this.#queue.size,
      waitingBytes: this.#waitingBytes,
      running: this.#running.size,
      keysVersion: version,
      deaths: crew.deaths,
      blocksFree: crew.blocksFree,
    };
  }

  /**
   * Takes no more batches, does those it has (or, with `abort`, drops them), and ends the threads.
   */
  async close({ abort = false }: { readonly abort?: boolean } = {}): Promise<void> {
    this.#closed = true;
    if (abort) {
      for (const batch of [...this.#queue, ...this.#running]) this.#drop(batch, closedError());
      await Promise.all([...this.#running].map(({ shift }) => shift.crew.close()));
    }
    if (this.#queue.size + this.#running.size > 0) {
      await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    }
    await Promise.all([this.#shift.crew.close(), ...this.#ending]);
  }
}

function closedError(): FaregateError {
  return new FaregateError('POOL_CLOSED', 'the crypto pool takes no more batches');
}
