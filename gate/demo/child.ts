/**
 * A supervised child process of the demo: speaks JSON lines on its stdout, stops when its stdin
 * ends, and is started again when it dies before it was told to stop (as systemd would).
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { FaregateError } from '../../engine/errors.ts';

/** Starts in a row after which something is wrong with more than one process. */
const RESTARTS_MAX = 50;

type Process = ChildProcessByStdio<Writable, Readable, null>;

export interface ChildOptions {
  readonly name: string;
  /** Compiled program, relative to this file, and its arguments. */
  readonly program: string;
  readonly args: readonly string[];
  readonly onWord: (word: unknown) => void;
  readonly note: (line: string) => void;
}

export class Child {
  readonly #options: ChildOptions;
  #process: Process;
  #restarts = 0;
  #stopping = false;
  #ended: () => void = () => {};
  #failed: (error: Error) => void = () => {};
  /** Resolves when the child has ended as told, or by itself with exit code 0. */
  readonly ended: Promise<void>;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.ended = new Promise((resolve, reject) => {
      this.#ended = resolve;
      this.#failed = reject;
    });
    this.ended.catch(() => {});
    this.#process = this.#start();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Asks the child to finish, and waits. */
  stop(): Promise<void> {
    this.#stopping = true;
    this.#process.stdin.end();
    return this.ended;
  }

  #start(): Process {
    const { program, args, onWord, name, note } = this.#options;
    const path = fileURLToPath(new URL(program, import.meta.url));
    // Its own process group: Ctrl-C goes to the supervisor alone, which then stops things in order.
    const child = spawn(process.execPath, [path, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => {
      let word: unknown;
      try {
        word = JSON.parse(line);
      } catch {
        note(`${name}: ${line}`);
        return;
      }
      onWord(word);
    });
    child.on('exit', (code, signal) => this.#exited(code, signal));
    return child;
  }

  #exited(code: number | null, signal: string | null): void {
    const { name, note } = this.#options;
    if (code === 0) {
      this.#ended();
      return;
    }
    const how = signal ? `killed by ${signal}` : `ended with code ${code}`;
    // Exit code 1 is an operating error that the child has told: starting again would not help.
    if (code === 1 || this.#restarts >= RESTARTS_MAX) {
      this.#failed(new FaregateError('PROCESS_ENDED', `${name} ${how}`));
      return;
    }
    this.#restarts += 1;
    note(`${name} was ${how}; starting it again`);
    this.#process = this.#start();
    if (this.#stopping) this.#process.stdin.end();
  }
}
