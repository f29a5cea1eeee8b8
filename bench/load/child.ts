/** Starts a process of an ingest benchmark and gives it orders, one at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadPlan } from './plan.ts';

const PROGRAM = fileURLToPath(new URL('./program.js', import.meta.url));

export class LoadProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when the process is ready. `execArgv` is for profiles: `--cpu-prof`. */
  static async start(
    role: 'engine' | 'gates',
    plan: LoadPlan,
    port = 0,
    execArgv: readonly string[] = [],
  ): Promise<LoadProcess> {
    const child = fork(PROGRAM, [role, JSON.stringify(plan), String(port)], {
      execArgv: [...execArgv],
    });
    const started = new LoadProcess(child);
    await started.#answer();
    return started;
  }

  async order<T>(order: string, count = 0): Promise<T> {
    this.#child.send({ order, count });
    return (await this.#answer()) as T;
  }

  /** Ends it, once it is idle. */
  async end(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.disconnect();
    await exit;
  }

  async #answer(): Promise<unknown> {
    const ended = new AbortController();
    const gone = once(this.#child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`a process of the benchmark ended with ${code}`);
    });
    const answer = once(this.#child, 'message', { signal: ended.signal });
    try {
      return ((await Promise.race([answer, gone])) as [unknown])[0];
    } finally {
      gone.catch(() => {});
      answer.catch(() => {});
      ended.abort();
    }
  }
}
