/**
 * Processes of a benchmark that take orders by message, one at a time: `BenchChild` gives them in
 * the benchmark's own process, `obey` takes them in the other.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a process does at each order, with its first argument; the answer goes back. */
export type Orders = Readonly<Record<string, (argument: string | number) => unknown>>;

interface Waiter {
  readonly resolve: (answer: object) => void;
  readonly reject: (error: Error) => void;
}

export class BenchChild {
  readonly #process: ChildProcess;
  #waiting: Waiter[] = [];
  #gone: Error | null = null;

  private constructor(program: URL, args: readonly string[], execArgv: readonly string[]) {
    this.#process = fork(fileURLToPath(program), [...args], {
      execArgv: [...execArgv],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process.on('message', (answer: object) => this.#waiting.shift()?.resolve(answer));
    this.#process.on('exit', (code, signal) => {
      this.#gone = new Error(`the ${args[0]} process ended with ${signal ?? code}`);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#gone);
    });
  }

  /** Resolves when the process is ready. @param args its role first. */
  static async start(
    program: URL,
    args: readonly string[],
    execArgv: readonly string[] = [],
  ): Promise<BenchChild> {
    const child = new BenchChild(program, args, execArgv);
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

/** Takes the parent's orders from now on; `end` ends the process, as does the parent's own end. */
export function obey(orders: Orders): void {
  const tell = (word: object): void => void process.send?.(word);
  process.on('message', (message) => {
    const { order, args } = message as { order: string; args: (string | number)[] };
    if (order === 'end') process.exit(0);
    void Promise.resolve(orders[order]!(args[0] ?? 0)).then((answer) => tell(answer ?? {}));
  });
  process.on('disconnect', () => process.exit(1));
  tell({});
}
