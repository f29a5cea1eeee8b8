/**
 * What the engine remembers of the gates' reports between two of them: sums that never fall when a
 * gate restarts (its counts start again from zero, under a new `startedMs`), and how many taps fell
 * into each of the last seconds. In memory only: after a restart of the engine the sums are those
 * of the gates' running processes.
 */
import assert from 'node:assert/strict';
import { Histogram } from '../histogram.ts';
import { GATES_MAX } from '../limits.ts';
import type { GateStatus } from '../wire/gate-status.ts';

/** Seconds of history the dashboard draws. */
export const RATE_HISTORY_S = 120;
/**
 * Gates report about once a second, so the two youngest seconds are still filling: rates and the
 * history end before them.
 */
export const RATE_LAG_S = 2;
/** Seconds a displayed rate is the mean of. */
export const RATE_MEAN_S = 5;

/** Earlier processes of a gate whose late reports are recognised. */
const PROCESSES_REMEMBERED = 8;

/** Taps in each of the last seconds. Memory: eight bytes a second; feeding allocates nothing. */
export class RateMeter {
  readonly #slots: Float64Array;
  /** The newest second the ring holds, since 1970; every older slot belongs to a second before. */
  #newestS = Number.NEGATIVE_INFINITY;

  /** @param seconds whole seconds that can be asked for, the lag not counted. */
  constructor(seconds: number) {
    assert(Number.isInteger(seconds) && seconds > 0);
    this.#slots = new Float64Array(seconds + RATE_LAG_S + 1);
  }

  /** Spreads `count` evenly from `fromMs` to `toMs`; what is older than the ring is let go. */
  add(count: number, fromMs: number, toMs: number): void {
    const lastS = Math.floor(toMs / 1000);
    this.#advance(lastS);
    const startMs = Math.min(fromMs, toMs);
    const oldestS = this.#newestS - this.#slots.length + 1;
    if (toMs - startMs < 1) {
      if (lastS >= oldestS) this.#slots[this.#slot(lastS)]! += count;
      return;
    }
    for (let s = Math.max(Math.floor(startMs / 1000), oldestS); s <= lastS; s++) {
      const overlapMs = Math.min(toMs, (s + 1) * 1000) - Math.max(startMs, s * 1000);
      this.#slots[this.#slot(s)]! += (count * overlapMs) / (toMs - startMs);
    }
  }

  /** Taps in each of the last `seconds` seconds whose reports are in, oldest first. */
  history(nowMs: number, seconds: number): number[] {
    assert(seconds <= this.#slots.length - RATE_LAG_S - 1);
    const endS = Math.floor(nowMs / 1000) - RATE_LAG_S;
    return Array.from({ length: seconds }, (_, i) => this.#at(endS - seconds + 1 + i));
  }

  /** Mean taps a second over the last `RATE_MEAN_S` seconds whose reports are in. */
  perSecond(nowMs: number): number {
    const endS = Math.floor(nowMs / 1000) - RATE_LAG_S;
    let sum = 0;
    for (let s = endS - RATE_MEAN_S + 1; s <= endS; s++) sum += this.#at(s);
    return sum / RATE_MEAN_S;
  }

  #at(second: number): number {
    const held = second <= this.#newestS && second > this.#newestS - this.#slots.length;
    return held ? this.#slots[this.#slot(second)]! : 0;
  }

  #slot(second: number): number {
    return ((second % this.#slots.length) + this.#slots.length) % this.#slots.length;
  }

  #advance(toS: number): void {
    if (toS <= this.#newestS) return;
    const from = Math.max(this.#newestS + 1, toS - this.#slots.length + 1);
    for (let s = from; s <= toS; s++) this.#slots[this.#slot(s)] = 0;
    this.#newestS = toS;
  }
}

/** The counts of a report that add up over restarts. */
export const COUNTS = ['taps', 'opened', 'debits', 'torn', 'recovered'] as const;
export type Counts = Record<(typeof COUNTS)[number], number>;

/** Times of taps, each kind of promise by itself. */
const LATENCIES = ['tapMs', 'hostUs', 'bankTapMs', 'bankHostUs'] as const;
export type Latencies = Readonly<Record<(typeof LATENCIES)[number], Histogram>>;

/** One gate over all its restarts that this engine saw. */
export interface GateTally {
  readonly counts: Readonly<Counts>;
  readonly denied: Readonly<Record<string, number>>;
  readonly deniedTaps: number;
  readonly rate: RateMeter;
  /** Bank cards left out. */
  readonly tapP99Ms: number;
  /** The newest report. */
  readonly last: GateStatus;
}

interface Tally extends GateTally {
  counts: Counts;
  denied: Record<string, number>;
  deniedTaps: number;
  tapP99Ms: number;
  last: GateStatus;
  seenMs: number;
  /** Sums of the gate's earlier processes, and the `startedMs` of the latest of them. */
  readonly before: { counts: Counts; denied: Record<string, number>; startedMs: number[] };
}

/** The reports of all gates. Feed it each report as it arrives; asking it changes nothing. */
export class Telemetry {
  readonly rate: RateMeter = new RateMeter(RATE_HISTORY_S);
  readonly #tallies = new Map<string, Tally>();
  /** Latencies of gate processes that are gone; those that run are merged when asked for. */
  readonly #before: Latencies = noLatencies();

  get tallies(): ReadonlyMap<string, GateTally> {
    return this.#tallies;
  }

  /**
   * Takes a gate's report that arrived at `nowMs`. The same report again adds nothing; a late one,
   * of an earlier process or with fewer taps than the same process had, is left out. A restart is
   * any other `startedMs`, not only a later one: a gate's clock may have been set back meanwhile.
   */
  observe(status: GateStatus, nowMs: number): void {
    const tally = this.#tallies.get(status.gateId);
    if (!tally) {
      this.#begin(status, nowMs);
      return;
    }
    if (status === tally.last || tally.before.startedMs.includes(status.startedMs)) return;
    const restarted = status.startedMs !== tally.last.startedMs;
    if (!restarted && status.taps < tally.last.taps) return;
    if (restarted) this.#fold(tally);
    const taps = tally.counts.taps;
    const fromMs = Math.max(tally.seenMs, restarted ? status.startedMs : 0);
    tally.last = status;
    tally.seenMs = nowMs;
    recount(tally);
    this.#spread(tally, tally.counts.taps - taps, fromMs, nowMs);
  }

  /** Latencies over all gates and restarts. */
  latencies(): Latencies {
    const all = noLatencies();
    for (const name of LATENCIES) all[name].merge(this.#before[name].data());
    for (const { last } of this.#tallies.values()) addLatencies(all, last);
    return all;
  }

  #begin(status: GateStatus, nowMs: number): void {
    // Only enrolled gates report; a fleet past the bound is drawn without the late ones.
    if (this.#tallies.size >= GATES_MAX) return;
    const tally: Tally = {
      counts: noCounts(),
      denied: {},
      deniedTaps: 0,
      rate: new RateMeter(RATE_MEAN_S),
      tapP99Ms: 0,
      last: status,
      seenMs: nowMs,
      before: { counts: noCounts(), denied: {}, startedMs: [] },
    };
    this.#tallies.set(status.gateId, tally);
    recount(tally);
    this.#spread(tally, tally.counts.taps, status.startedMs, nowMs);
  }

  #spread(tally: Tally, taps: number, fromMs: number, toMs: number): void {
    tally.rate.add(taps, fromMs, toMs);
    this.rate.add(taps, fromMs, toMs);
  }

  #fold(tally: Tally): void {
    tally.before.counts = tally.counts;
    tally.before.denied = tally.denied;
    tally.before.startedMs.push(tally.last.startedMs);
    if (tally.before.startedMs.length > PROCESSES_REMEMBERED) tally.before.startedMs.shift();
    addLatencies(this.#before, tally.last);
  }
}

function noLatencies(): Latencies {
  return {
    tapMs: new Histogram(),
    hostUs: new Histogram(),
    bankTapMs: new Histogram(),
    bankHostUs: new Histogram(),
  };
}

function addLatencies(to: Latencies, status: GateStatus): void {
  for (const name of LATENCIES) {
    const data = status[name];
    if (data) to[name].merge(data);
  }
}

function noCounts(): Counts {
  return { taps: 0, opened: 0, debits: 0, torn: 0, recovered: 0 };
}

function recount(tally: Tally): void {
  const counts = noCounts();
  for (const name of COUNTS) counts[name] = tally.before.counts[name] + tally.last[name];
  const denied = { ...tally.before.denied };
  for (const [reason, taps] of Object.entries(tally.last.denied)) {
    denied[reason] = (denied[reason] ?? 0) + taps;
  }
  tally.counts = counts;
  tally.denied = denied;
  tally.deniedTaps = Object.values(denied).reduce((sum, taps) => sum + taps, 0);
  const tapMs = new Histogram();
  tapMs.merge(tally.last.tapMs);
  tally.tapP99Ms = tapMs.percentile(0.99);
}
