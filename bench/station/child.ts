/** Starts a process of a station benchmark and gives it orders, one at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./program.js', import.meta.url));

export type Role = 'engine' | 'station' | 'cards';

interface Waiter {
  readonly resolve: (answer: object) => void;
  readonly reject: (error: Error) => void;
}

export class BenchChild {
  readonly #process: ChildProcess;
  #waiting: Waiter[] = [];
  #gone: Error | null = null;

  private constructor(role: Role, args: readonly string[], execArgv: readonly string[]) {
    this.#process = fork(PROGRAM, [role, ...args], {
      execArgv: [...execArgv],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process.on('message', (answer: object) => this.#waiting.shift()?.resolve(answer));
    this.#process.on('exit', (code, signal) => {
      this.#gone = new Error(`the ${role} process ended with ${signal ?? code}`);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#gone);
    });
  }

  /** Resolves when the process is ready. */
  static async start(
    role: Role,
    args: readonly string[],
    execArgv: readonly string[] = [],
  ): Promise<BenchChild> {
    const child = new BenchChild(role, args, execArgv);
    await child.#answer();
    return child;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  order<T extends object>(order: string, ...args: (string | number)[]): Promise<T> {
    if (this.#gone) return Promise.reject(this.#gone);
    this.#process.send({ order, args });
    return this.#answer() as Promise<T>;
  }

  /** The last order: `end` makes the process exit by itself, so that a profile is written. */
  async end(): Promise<void> {
    if (this.#gone) return;
    const exited = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.send({ order: 'end', args: [] });
    await exited;
  }

  #answer(): Promise<object> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }
}
