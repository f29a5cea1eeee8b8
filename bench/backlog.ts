/**
 * Does a gate that was away for a week disturb its riders while it uploads? A station process as
 * `faregate-gate run` composes it, whose first gate's journal holds 7 days of 30,000 taps, and the
 * engine in a process of its own, over mutual TLS. Riders go in and out without a pause: first
 * while the backlog is uploaded, then when it is gone. The cards only count their time, so a tap is
 * the host's work and its syncs. At the end the ledger holds every record once.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchChild } from './child.ts';
import type { Benchmark, Contender, Question } from './harness.ts';
import { BacklogStation, fillJournal } from './load/backlog-gate.ts';
import type { Held } from './load/engine.ts';
import { type LoadPlan, startLoad } from './load/plan.ts';

const DAYS = 7;
const TAPS_A_DAY = 30_000;
const SMOKE_RECORDS = 3000;

export const backlogBenchmark: Benchmark = {
  name: 'backlog',
  questions: async (smoke) => [await backlogQuestion(smoke ? SMOKE_RECORDS : DAYS * TAPS_A_DAY)],
};

async function backlogQuestion(records: number): Promise<Question> {
  const world = await BacklogWorld.open(records);
  const answer = async (): Promise<Uint8Array> => {
    await world.gates.ride();
    return new TextEncoder().encode('in and out');
  };
  const uploading: Contender = {
    name: `while ${records.toLocaleString('en')} records are uploaded`,
    answer,
    run: async () => {
      world.upload();
      await world.gates.ride();
    },
    figures: () => world.uploaded(),
  };
  const quiet: Contender = {
    name: 'with nothing to upload',
    answer,
    run: async () => await world.gates.ride(),
    close: () => world.close(),
  };
  return { name: 'tap', operations: 2, contenders: [uploading, quiet] };
}

class BacklogWorld {
  readonly gates: BacklogStation;
  readonly #plan: LoadPlan;
  readonly #engine: BenchChild;
  readonly #serving: Promise<void>;
  readonly #records: number;
  readonly #sumMinor: number;
  #startMs = 0;
  #done: Promise<number> | null = null;
  #ridesBefore = 0;

  static async open(records: number): Promise<BacklogWorld> {
    const dir = mkdtempSync(join(tmpdir(), 'faregate-bench-'));
    const plan = { dir, gates: 2, cards: TAPS_A_DAY, batchRecords: 0 };
    const engine = await startLoad('engine', plan);
    const { port } = await engine.order<{ port: number }>('port');
    const sumMinor = await fillJournal(plan, records);
    return new BacklogWorld(plan, engine, await BacklogStation.open(plan, port), records, sumMinor);
  }

  private constructor(
    plan: LoadPlan,
    engine: BenchChild,
    gates: BacklogStation,
    records: number,
    sumMinor: number,
  ) {
    this.#plan = plan;
    this.#engine = engine;
    this.gates = gates;
    this.#records = records;
    this.#sumMinor = sumMinor;
    this.#serving = gates.station.serve();
  }

  /** Begins; the network is back. */
  upload(): void {
    if (this.#done) return;
    this.#startMs = performance.now();
    this.#ridesBefore = this.gates.debits;
    this.gates.station.start();
    this.#done = this.#drained();
  }

  async #drained(): Promise<number> {
    while (this.gates.station.backlog > this.gates.debits - this.#ridesBefore) await sleep(2);
    await this.gates.station.drained();
    return performance.now();
  }

  /** What the upload took; riders have gone on for the first part of it. */
  async uploaded(): Promise<Readonly<Record<string, number>>> {
    const tappedMs = performance.now();
    const left = this.gates.station.backlog;
    const endMs = await this.#done!;
    const seconds = (endMs - this.#startMs) / 1000;
    return {
      recordsPerSecond: Math.round(this.#records / seconds),
      uploadSeconds: Number(seconds.toFixed(2)),
      tappedSeconds: Number(((Math.min(tappedMs, endMs) - this.#startMs) / 1000).toFixed(2)),
      leftAfterTaps: left,
      lateTaps: this.gates.late,
    };
  }

  /** Stops all, and compares what the ledger holds. */
  async close(): Promise<void> {
    const { station, debits, debitedMinor, late } = this.gates;
    await station.drained();
    await station.stop();
    await this.#serving;
    await this.#engine.order('stop');
    const held = await this.#engine.order<Held>('held');
    assert.equal(held.debits, this.#records + debits, 'every record is held');
    assert(held.posted >= held.debits - late);
    assert.equal(held.sumMinor, this.#sumMinor + debitedMinor);
    await this.#engine.end();
    rmSync(this.#plan.dir, { recursive: true });
  }
}
