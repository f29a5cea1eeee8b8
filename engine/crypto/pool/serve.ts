/** A worker thread's side of the pool: takes tasks and runs the job they name on its own keys. */
import assert from 'node:assert/strict';
import { workerData } from 'node:worker_threads';
import { type ErrorCode, FaregateError } from '../../errors.ts';
import type { KeySet } from '../key-set.ts';
import { marks, viewBlock } from './blocks.ts';
import type { JobKind, JobTable } from './jobs.ts';
import { KeyTools } from './key-tools.ts';

/** What a worker is sent; the keys it has from its start. */
export interface Task {
  readonly kind: string;
  readonly count: number;
  /** Laid out by `blocks.ts`. */
  readonly block: SharedArrayBuffer;
  /** The items in shared memory of the caller's, or null: they are in the block. */
  readonly input: Uint8Array | null;
  readonly parameters: unknown;
}

/** The first task of each worker: to answer once it is warm. */
export type WarmTask = 'warm';

/** Null, or the operating error of a job: it would come again, and an error loses its code. */
export type TaskAnswer = { readonly code: ErrorCode; readonly message: string } | null;

/** The function a worker file has as its default export. */
export function serveJobs(table: JobTable): (task: Task | WarmTask) => TaskAnswer {
  const tools = new KeyTools(workerData as KeySet);
  return (task) => {
    try {
      if (task === 'warm') tools.warm();
      else runTask(table, tools, task);
      return null;
    } catch (error) {
      if (error instanceof FaregateError) return { code: error.code, message: error.message };
      throw error;
    }
  };
}

function runTask(table: JobTable, tools: KeyTools, task: Task): void {
  const kind = kindOf(table, task.kind);
  const { count, block } = task;
  const inputBytes = count * kind.itemBytes;
  const memory = viewBlock(block, task.input, inputBytes, count * kind.resultBytes);
  Atomics.store(memory.mark, 0, marks.begun);
  kind.run(tools, { input: memory.input, count, output: memory.output }, task.parameters);
  Atomics.store(memory.mark, 0, marks.done);
}

/** The job called `name`, which takes the parameters that came with it. */
export function kindOf(table: JobTable, name: string): JobKind<unknown> {
  const kind = table[name];
  assert(kind, `no job is called ${name}`);
  return kind as JobKind<unknown>;
}
