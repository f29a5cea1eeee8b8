/** The parent's side of one process that is to be killed: its ports, and what its gates showed. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DebitId } from '../../engine/debit/record.ts';
import type { Reason } from '../../engine/tap/reasons.ts';
import { gates, type KillPlan } from './plan.ts';

const PROGRAM = fileURLToPath(new URL('./program.js', import.meta.url));

const OPEN_MS_MAX = 60_000;

/** The debit a decision speaks of. */
export interface ShownDebit extends DebitId {
  readonly offlineCounter: number;
  readonly amountMinor: number;
}

/** What a barrier showed. */
export interface Shown {
  readonly gateId: string;
  readonly open: boolean;
  readonly reason: Reason;
  readonly debit: ShownDebit | null;
}

export class Life {
  /** Resolves when the process is gone and all that it showed has been read. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #loaded: Promise<unknown>;
  readonly #onShown: (shown: Shown) => void;
  readonly #waiting = new Map<string, (shown: Shown | null) => void>();
  #ports: readonly number[] | null = null;
  #over = false;
  #printed = '';
  #said = '';

  /** Starts a process, which loads its modules and then waits for `open`. */
  constructor(onShown: (shown: Shown) => void) {
    this.#onShown = onShown;
    this.#child = fork(PROGRAM, [], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#loaded = once(this.#child, 'message');
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    this.ended = once(this.#child, 'close').then(() => {
      this.#over = true;
      for (const resolve of this.#waiting.values()) resolve(null);
    });
  }

  /** Whether it takes cards. */
  get serving(): boolean {
    return this.#ports !== null && !this.#over;
  }

  /** How it ended: '' for a kill or an end in order, else what it said. */
  get complaint(): string {
    const { exitCode } = this.#child;
    return exitCode === null || exitCode === 0 ? '' : `it ended with ${exitCode}: ${this.#said}`;
  }

  /** Resolves when it has loaded its modules, or died over it. */
  async loaded(): Promise<void> {
    await Promise.race([this.#loaded, this.ended]);
  }

  /** Opens its gates; false where it died before they were. */
  async open(plan: KillPlan): Promise<boolean> {
    await this.loaded();
    if (this.#over) return false;
    const ready = once(this.#child, 'message').then(([ports]) => {
      this.#ports = ports as number[];
      return true;
    });
    this.#child.send(plan);
    const late = sleep(OPEN_MS_MAX, null, { ref: false }).then(() => {
      throw new Error('the process did not open its gates');
    });
    return Promise.race([ready, this.ended.then(() => false), late]);
  }

  /** Asks it to upload everything and to end in order. */
  finish(): void {
    this.#child.send('finish');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  portOf(gateId: string): number {
    const port = this.#ports?.[gates.findIndex((gate) => gate.gateId === gateId)];
    assert(port !== undefined);
    return port;
  }

  /** What the gate shows next; null where the process is gone before. */
  nextShown(gateId: string): Promise<Shown | null> {
    if (this.#over) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting.set(gateId, resolve);
    });
  }

  #read(text: string): void {
    const lines = (this.#printed + text).split('\n');
    this.#printed = lines.pop()!;
    for (const line of lines) {
      const shown = JSON.parse(line) as Shown;
      this.#onShown(shown);
      const waiting = this.#waiting.get(shown.gateId);
      this.#waiting.delete(shown.gateId);
      waiting?.(shown);
    }
  }
}
