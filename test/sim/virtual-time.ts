/**
 * Simulated time for a whole process. `install` puts it in the place of the timers and clocks of
 * Node (globals, `node:timers/promises`, `performance.now`, `Date.now`), so that production code
 * runs unchanged while hours pass in milliseconds, in one order for one seed. Nothing here may wait
 * for the outside: no files, sockets, threads.
 *
 * Every timer belongs to the simulated process that set it (`SimProcess`, carried through promises
 * by AsyncLocalStorage): when that process dies, its timers die with it, and it never goes on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';

/** A process of the simulation: what a kill ends. */
export class SimProcess {
  readonly name: string;
  /** Resolves when it dies. */
  readonly death: Promise<void>;
  /** Its wall clock less the true time. */
  skewMs = 0;
  #alive = true;
  #die: () => void = () => {};

  constructor(name: string) {
    this.name = name;
    this.death = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  kill(): void {
    this.#alive = false;
    this.#die();
  }
}

class Timer {
  readonly dueUs: number;
  readonly order: number;
  readonly process: SimProcess | undefined;
  run: (() => void) | null;

  constructor(dueUs: number, order: number, process: SimProcess | undefined, run: () => void) {
    this.dueUs = dueUs;
    this.order = order;
    this.process = process;
    this.run = run;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

const realImmediate = globalThis.setImmediate;
/** Timers that fire in one run before it is called stuck. */
const EVENTS_MAX = 2_000_000;
/**
 * Things that happen in one turn of Node's event loop. Between two immediates of one turn Node lets
 * every promise go on that can; a turn for each would cost more than what happens in it.
 */
const STEPS_OF_A_TURN = 256;

export class VirtualTime {
  readonly #processes = new AsyncLocalStorage<SimProcess | undefined>();
  readonly #heap: Timer[] = [];
  #order = 0;
  #nowUs = 0;
  #startMs = 0;
  #events = 0;

  /** Replaces the process's timers and clocks, for good. */
  install(): void {
    const after = (ms: number | undefined, run: () => void): Timer => this.#add(ms ?? 0, run);
    const cancel = (timer: unknown): void => {
      if (timer instanceof Timer) timer.run = null;
    };
    const globals = globalThis as unknown as Record<string, unknown>;
    globals.setTimeout = (run: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
      after(ms, () => run(...args));
    globals.setImmediate = (run: (...args: unknown[]) => void, ...args: unknown[]) =>
      after(0, () => run(...args));
    globals.setInterval = () => {
      throw new Error('the simulation has no intervals');
    };
    globals.clearTimeout = cancel;
    globals.clearImmediate = cancel;
    Date.now = () => this.wallMs();
    performance.now = () => this.#nowUs / 1000;
    const promises = timersPromises as unknown as Record<string, unknown>;
    promises.setTimeout = (ms?: number, value?: unknown, options?: { signal?: AbortSignal }) =>
      this.#sleep(ms ?? 0, value, options?.signal);
    promises.setImmediate = (value?: unknown) => this.#sleep(0, value, undefined);
    syncBuiltinESMExports();
  }

  /** Forgets all timers and begins again at `startMs`. */
  begin(startMs: number): void {
    this.#heap.length = 0;
    this.#order = 0;
    this.#nowUs = 0;
    this.#events = 0;
    this.#startMs = startMs;
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  /** True time, in milliseconds since 1970. */
  get trueMs(): number {
    return this.#startMs + this.#nowUs / 1000;
  }

  /** Timers that have fired since `begin`: tells whether a run was told again alike. */
  get events(): number {
    return this.#events;
  }

  /** The wall clock of the process that asks, in whole milliseconds. */
  wallMs(): number {
    return Math.floor(this.trueMs + (this.current()?.skewMs ?? 0));
  }

  /** The simulated process whose code is running. */
  current(): SimProcess | undefined {
    return this.#processes.getStore();
  }

  /** Runs `work` as a part of `process`. */
  within<T>(process: SimProcess | undefined, work: () => T): T {
    return this.#processes.run(process, work);
  }

  sleep(ms: number): Promise<void> {
    return this.#sleep(ms, undefined, undefined) as Promise<void>;
  }

  /** Lets time pass until `done`. @throws Error where nothing is left that could happen. */
  run(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let over = false;
      const end = (settle: () => void): void => {
        over = true;
        settle();
      };
      const step = (): void => {
        try {
          if (over) return;
          if (done()) end(resolve);
          else this.#step();
        } catch (error) {
          end(() => reject(error));
        }
      };
      const turn = (): void => {
        if (over) return;
        for (let i = 0; i < STEPS_OF_A_TURN; i++) realImmediate(step);
        realImmediate(turn);
      };
      realImmediate(turn);
    });
  }

  /** The next thing happens. */
  #step(): void {
    for (;;) {
      const timer = this.#pop();
      if (!timer) throw new Error('the simulation is stuck: nothing is left to happen');
      if (!timer.run || timer.process?.alive === false) continue;
      if (++this.#events > EVENTS_MAX) throw new Error('the simulation does not end');
      this.#nowUs = Math.max(this.#nowUs, timer.dueUs);
      const { run } = timer;
      timer.run = null;
      this.#processes.run(timer.process, run);
      return;
    }
  }

  #sleep(ms: number, value: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => reject(signal?.reason);
      if (signal?.aborted) {
        aborted();
        return;
      }
      this.#add(ms, () => {
        signal?.removeEventListener('abort', aborted);
        resolve(value);
      });
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  #add(ms: number, run: () => void): Timer {
    const dueUs = this.#nowUs + Math.max(0, ms) * 1000;
    const timer = new Timer(dueUs, this.#order++, this.current(), run);
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
    return timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueUs < b.dueUs || (a.dueUs === b.dueUs && a.order < b.order);
}
