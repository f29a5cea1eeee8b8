/** A worker thread's side of the pool: takes tasks and runs the job they name on its own keys. */
import assert from 'node:assert/strict';
import { workerData } from 'node:worker_threads';
import { type ErrorCode, FaregateError } from '../../errors.ts';
import type { KeySet } from '../key-set.ts';
import type { JobKind, JobTable } from './jobs.ts';
import { KeyTools } from './key-tools.ts';

/** What a worker is sent. Both arrays lie in shared memory; the keys it has from its start. */
export interface Task {
  readonly kind: string;
  readonly input: Uint8Array;
  readonly count: number;
  readonly output: Uint8Array;
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

/** Does what `task` says, on this thread. */
export function runTask(table: JobTable, tools: KeyTools, task: Task): void {
  const kind = table[task.kind] as JobKind<unknown> | undefined;
  assert(kind, `no job is called ${task.kind}`);
  kind.run(tools, task, task.parameters);
}
