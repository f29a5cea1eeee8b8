/**
 * The uplink of one gate: sends what the journal holds, in order, until the engine has acknowledged
 * it; retries for ever. A debit's identity was made at the tap and never changes, so a repeat does
 * no harm; what leaves the journal is only what the engine says is durable. `docs/wire.md`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  HEARTBEAT_MS,
  UPLINK_ANSWER_MS_MAX,
  UPLINK_GATHER_MS,
  UPLINK_PAUSE_MS_MAX,
  UPLINK_PAUSE_MS_MIN,
  UPLINK_POLL_MS,
} from '../../engine/durations.ts';
import { type ErrorCode, FaregateError } from '../../engine/errors.ts';
import { UPLINK_BATCH_RECORDS } from '../../engine/limits.ts';
import type { Log } from '../../engine/log/log.ts';
import type { GateStatus } from '../../engine/wire/gate-status.ts';
import type { Journal } from '../journal/port.ts';
import type { Downloads } from './downloads.ts';
import type { Transport } from './transport.ts';
import type { Turns } from './turns.ts';
import { UplinkSession } from './uplink-session.ts';

export interface UplinkOptions {
  readonly gateId: string;
  readonly transport: Transport;
  readonly journal: Journal;
  readonly status: () => GateStatus;
  readonly log: Log;
  /** Uniform in [0, 1): spreads the retries of many gates. */
  readonly random: () => number;
  /** Told once when the journal itself failed; the uplink has then stopped. */
  readonly onFailure: (error: unknown) => void;
  /** Shared by the gates of a station. */
  readonly turns?: Turns;
  /**
   * Turns to read the journal, shared too: reads stand in one queue with the syncs of intents, and
   * opening what was read takes the taps' thread.
   */
  readonly reads?: Turns;
  /** Fetches parameters over this connection too; shared by the gates of a station. */
  readonly downloads?: Downloads;
  /** The gate's wall clock, to be compared with the engine's. */
  readonly nowMs?: () => number;
  /** Told the engine's clock less the gate's, and how long the answer took. */
  readonly onCompared?: (skewMs: number, roundTripMs: number) => void;
  readonly timing?: Partial<UplinkTiming>;
}

export interface UplinkTiming {
  readonly batchRecords: number;
  /** How often the journal is looked at when nobody calls `wake`. */
  readonly pollMs: number;
  /** At least so long between two batches that are not full, unless somebody waits for them. */
  readonly gatherMs: number;
  readonly heartbeatMs: number;
  readonly answerMs: number;
  readonly pauseMinMs: number;
  readonly pauseMaxMs: number;
}

/** What the engine or the way to it can cause; anything else is the gate's own failure. */
const remoteCodes: ReadonlySet<ErrorCode> = new Set([
  'UPLINK_FAILED',
  'GATE_REFUSED',
  'UPLOAD_MALFORMED',
  'UPLOAD_TOO_LARGE',
]);

const usual: UplinkTiming = {
  batchRecords: UPLINK_BATCH_RECORDS,
  pollMs: UPLINK_POLL_MS,
  gatherMs: UPLINK_GATHER_MS,
  heartbeatMs: HEARTBEAT_MS,
  answerMs: UPLINK_ANSWER_MS_MAX,
  pauseMinMs: UPLINK_PAUSE_MS_MIN,
  pauseMaxMs: UPLINK_PAUSE_MS_MAX,
};

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #timing: UplinkTiming;
  readonly #stop = new AbortController();
  readonly #drainWaiters: (() => void)[] = [];
  #session: UplinkSession | null = null;
  #running: Promise<void> | null = null;
  #lastError: FaregateError | null = null;
  #skewMs: number | null = null;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#timing = { ...usual, ...options.timing };
  }

  get connected(): boolean {
    return this.#session?.welcomed ?? false;
  }

  /** Why the last connection ended; null while one stands or none was tried. */
  get lastError(): FaregateError | null {
    return this.connected ? null : this.#lastError;
  }

  /** The engine's clock less the gate's, when last connected; null before. */
  get skewMs(): number | null {
    return this.#session?.skewMs ?? this.#skewMs;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Tells that the journal has closed a debit: it is sent now rather than at the next poll. */
  wake(): void {
    this.#session?.wake();
  }

  /** Resolves when the journal has nothing left to acknowledge. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drainWaiters.push(resolve);
      this.#checkDrained();
      this.wake();
    });
  }

  /** Sends nothing new, waits for the answers under way (within the time of one), and closes. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#session?.finish();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log, gateId, onFailure } = this.#options;
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      const session = new UplinkSession(
        this.#options,
        this.#timing,
        () => this.#checkDrained(),
        () => this.#drainWaiters.length > 0,
      );
      this.#session = session;
      try {
        await session.run(this.#stop.signal);
      } catch (error) {
        if (!(error instanceof FaregateError && remoteCodes.has(error.code))) {
          onFailure(error);
          return;
        }
        if (!this.#stop.signal.aborted) {
          this.#lastError = error;
          log.warn({ gate: gateId, code: error.code, failures }, error.message);
        }
      } finally {
        this.#skewMs = session.skewMs ?? this.#skewMs;
        this.#session = null;
      }
      failures = session.progressed ? 0 : failures + 1;
      await this.#pause(failures);
    }
  }

  /** Doubles with each failure in a row, up to the bound; between half and all of it, by chance. */
  async #pause(failures: number): Promise<void> {
    const { pauseMinMs, pauseMaxMs } = this.#timing;
    const longest = Math.min(pauseMaxMs, pauseMinMs * 2 ** Math.min(failures, 30));
    const ms = longest * (0.5 + this.#options.random() / 2);
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  #checkDrained(): void {
    if (this.#options.journal.backlog > 0) return;
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }
}
