/**
 * The processes of one measurement: the engine, and the station with its cards; started, measured,
 * stopped in order, and reckoned with: what left the cards is what the ledger posted.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Uplinks } from '../../gate/station.ts';
import { BenchChild } from '../child.ts';
import type { Pace } from './cards.ts';
import { enrolGates, type Held } from './engine-process.ts';
import { type LoadPlan, savePlan } from './plan.ts';
import type { Figures } from './station-process.ts';

const PROGRAM = new URL('./program.js', import.meta.url);

/** A file system in memory, on Linux. */
const MEMORY_DIR = '/dev/shm';

/** How much a benchmark does. */
export interface Size {
  readonly gates: number;
  readonly cardsPerPair: number;
  readonly warmUpTaps: number;
  /** Of a measurement with instant cards, with cards that take their time, and before it. */
  readonly ms: number;
  readonly latencyMs: number;
  readonly settleMs: number;
  /** Of taps at instant cards that make a backlog. */
  readonly backlogMs: number;
}

export const full: Size = {
  gates: 200,
  cardsPerPair: 32,
  warmUpTaps: 1000,
  ms: 10_000,
  latencyMs: 20_000,
  settleMs: 4000,
  backlogMs: 6000,
};

export const smoke: Size = {
  gates: 2,
  cardsPerPair: 4,
  warmUpTaps: 5,
  ms: 50,
  latencyMs: 50,
  settleMs: 10,
  backlogMs: 50,
};

/** How a station's process is run. */
export interface Way {
  readonly name: string;
  readonly sharedLog: boolean;
  readonly uplinks: Uplinks;
  readonly execArgv?: readonly string[];
  /** The station on one core by itself, everything else on the others. */
  readonly pinned?: boolean;
  /** Higher priority, and a heap that may grow (`gate/service/taps-first.ts`). */
  readonly tapsFirst: boolean;
}

/** The collector's young generation of a station's process. */
export function young(mebibytes: number): string[] {
  return [`--max-semi-space-size=${mebibytes}`, `--min-semi-space-size=${mebibytes}`];
}

/** As `faregate-gate run` does it, started as the unit in docs/gate-config.md does. */
export const usual: Way = {
  name: 'faregate',
  sharedLog: true,
  uplinks: 'thread',
  tapsFirst: true,
  execArgv: young(32),
};
/** As one would write it: each gate syncs its own journal, and uploads on the loop of the taps. */
export const plain: Way = {
  name: 'a sync a gate, one loop',
  sharedLog: false,
  uplinks: 'loop',
  tapsFirst: false,
};

/** Gates enrolled once for all measurements of a benchmark. */
export class Ground {
  readonly size: Size;
  readonly #dir: string;
  /** Of the engines: a ledger's syncs would hold up those of the station's intents. */
  readonly #enginesDir: string;
  #runs = 0;

  private constructor(size: Size, dir: string, enginesDir: string) {
    this.size = size;
    this.#dir = dir;
    this.#enginesDir = enginesDir;
  }

  static async make(size: Size): Promise<Ground> {
    const dir = mkdtempSync(join(tmpdir(), 'faregate-station-'));
    await enrolGates(dir, size.gates);
    const memory = existsSync(MEMORY_DIR) ? MEMORY_DIR : tmpdir();
    return new Ground(size, dir, mkdtempSync(join(memory, 'faregate-engine-')));
  }

  remove(): void {
    for (const dir of [this.#dir, this.#enginesDir]) rmSync(dir, { recursive: true });
  }

  /** The plan of one measurement, saved. */
  plan(
    { sharedLog, uplinks, tapsFirst }: Way,
    gates = this.size.gates,
  ): { plan: LoadPlan; path: string } {
    this.#runs += 1;
    const { cardsPerPair, warmUpTaps } = this.size;
    const plan: LoadPlan = {
      dir: join(this.#dir, `run-${this.#runs}`),
      engineDir: join(this.#enginesDir, `run-${this.#runs}`),
      enrolledDir: this.#dir,
      gates,
      cardsPerPair,
      warmUpTaps,
      masterHex: '00112233445566778899aabbccddeeff',
      sharedLog,
      uplinks,
      tapsFirst,
    };
    mkdirSync(plan.dir);
    return { plan, path: savePlan(plan) };
  }
}

export class Scene {
  readonly #plan: LoadPlan;
  readonly #engine: BenchChild;
  readonly #station: BenchChild;

  private constructor(plan: LoadPlan, engine: BenchChild, station: BenchChild) {
    this.#plan = plan;
    this.#engine = engine;
    this.#station = station;
  }

  static async open(ground: Ground, way: Way, gates?: number): Promise<Scene> {
    const { plan, path } = ground.plan(way, gates);
    const engine = await BenchChild.start(PROGRAM, ['engine', path]);
    const { port } = await engine.order<{ port: number }>('port');
    const execArgv = ['--expose-gc', ...(way.execArgv ?? []), ...profiled()];
    const station = await BenchChild.start(PROGRAM, ['station', path, String(port)], execArgv);
    const { thread } = await station.order<{ thread: number }>('thread');
    isolate(way, station.pid, [engine.pid, thread]);
    return new Scene(plan, engine, station);
  }

  start(): Promise<object> {
    return this.#station.order('start');
  }

  connect(): Promise<object> {
    return this.#station.order('connect');
  }

  keepUp(): Promise<object> {
    return this.#station.order('keepUp');
  }

  flow(pace: Pace): Promise<object> {
    return this.#station.order('flow', pace);
  }

  /** Riders who come by the clock, so many a second. */
  paced(ridersPerSecond: number): Promise<object> {
    return this.#station.order('paced', ridersPerSecond);
  }

  rounds(taps: number): Promise<object> {
    return this.#station.order('rounds', taps);
  }

  pause(): Promise<object> {
    return this.#station.order('pause');
  }

  progress(): Promise<{ backlog: number; taps: number }> {
    return this.#station.order('progress');
  }

  figures(): Promise<Figures> {
    return this.#station.order('figures');
  }

  /** Figures after a collection, so that the heap's are of what lives. */
  async lived(): Promise<Figures> {
    await this.#station.order('collect');
    return this.figures();
  }

  /** Uploads everything, ends all processes, and reckons. */
  async close(): Promise<Held> {
    await this.pause();
    await this.connect();
    await this.#station.order('drained');
    await this.#station.order('cardsStop');
    await this.#station.order('stop');
    await this.#engine.order('stop');
    const held = await this.#engine.order<Held>('held');
    for (const child of [this.#station, this.#engine]) await child.end();
    for (const dir of [this.#plan.dir, this.#plan.engineDir]) rmSync(dir, { recursive: true });
    assert.equal(held.unreconciledMinor, 0, 'what left the cards is what the ledger posted');
    assert.equal(held.posted, held.debits, 'each debit is posted once');
    assert.equal(held.unresolved + held.exceptions, 0);
    return held;
  }
}

/** The load average of the last minute: whatever else ran meanwhile. */
export function load(): number {
  return Number(loadavg()[0]!.toFixed(1));
}

/** Waits so long, and for some taps. @throws what the station failed with. */
export async function pass(scene: Scene, ms: number): Promise<void> {
  const untilMs = performance.now() + ms;
  for (;;) {
    await sleep(Math.min(100, ms / 4));
    const { taps } = await scene.progress();
    if (taps >= 2 && performance.now() >= untilMs) return;
  }
}

/** STATION_PROFILE=folder writes a CPU profile of every station's process there. */
function profiled(): string[] {
  const folder = process.env.STATION_PROFILE;
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : [];
}

function isolate({ pinned }: Way, station: number, others: readonly number[]): void {
  if (!pinned) return;
  const last = availableParallelism() - 1;
  pin(['-a'], station, String(last));
  for (const other of others) pin([], other, last === 1 ? '0' : `0-${last - 1}`);
}

/** @param which `-a`: all threads of the process. */
function pin(which: readonly string[], id: number, cores: string): void {
  execFileSync('taskset', [...which, '-c', '-p', cores, String(id)], { stdio: 'ignore' });
}

/** Whether processes can be pinned here. */
export function canPin(): boolean {
  return availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;
}
