/**
 * How many taps does one station process take, and how long does a rider wait for it?
 *
 * Two processes: the station under test (the real `Station`; journals, seals, syncs and uplinks over
 * TLS are real), and the operator's engine that it uploads to. The cards are a thread of the
 * station's process, reached through shared memory (`station/card-link.ts`): what a call to a
 * reader costs depends on the reader, and sockets cost more here than all that is measured.
 *
 * Capacity: 200 gates at which cards answer at once and the next is there at once, so that the
 * station does nothing but work. Times are of whole taps while 200 of them wait for each other; the
 * figure in question is taps a second, and `tapsPerCoreSecond`, by the processor time of all
 * threads of the station's process but the cards'. A card is computed by the engine's own ciphers
 * (`station/instant-card.ts`) after its answers were found equal to those of the virtual card of
 * node:crypto.
 *
 * Latency: the same station with a card at every reader all the time. The cards take a card's
 * time, some four taps a second at each reader. First their uploads run beside them; then a backlog
 * goes up too, denylist deltas are put in force, keys derived. The host's share of a tap is what
 * the card waits: from the instant its answer was sent to the instant the next command is.
 *
 * Open flow: both of these wait for the station before the next card comes, so that their latency
 * at capacity is the length of a queue. Here riders come by the clock, at a share of the capacity
 * just measured, uploads running; a tap's time counts from the instant its rider was meant to come.
 * `late` is how long the generator itself was late for them, `sync` how long the disk's syncs took,
 * which instant cards hide nothing of.
 *
 * `starved` is the share of the time in which the taps' thread waited for a core that others had:
 * on a machine where it is not near nothing, times are the machine's.
 *
 * Before it is timed each contender makes the same taps at the same cards; after, all is uploaded,
 * and each card's spending is what the ledger posted, to the last minor unit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fromHex } from '../engine/bytes.ts';
import type { Benchmark, Contender, Measured, Question } from './harness.ts';
import { type CardCheck, checkCards } from './station/card-check.ts';
import {
  full,
  Ground,
  load,
  pass,
  plain,
  Scene,
  smoke as small,
  usual,
  type Way,
} from './station/scene.ts';
import type { Figures } from './station/station-process.ts';

const CAPACITY_GOAL = 20_000;
const HOST_P99_GOAL_US = 1000;
const HOST_P999_GOAL_US = 3000;
/** Of the capacity, in open flow. */
const SHARES = [0.5, 0.8];
/** Taps a second of capacity where none was measured. */
const SMOKE_CAPACITY = 400;
const CARDS_CHECKED = 20;
const CHECK_GATES_MAX = 20;
const CHECK_TAPS = 4;

let ground: Ground | null = null;

export const stationBenchmark: Benchmark = {
  name: 'station',
  async questions(smoke) {
    const size = smoke ? small : full;
    ground = await Ground.make(size);
    const check = checkCards(ground.plan(usual).plan, smoke ? 2 : CARDS_CHECKED, size.ms);
    const ways = smoke ? [usual] : [usual, plain];
    const found: Found = { tapsPerSecond: SMOKE_CAPACITY };
    return [
      capacity(ground, ways, check, found),
      latency(ground, ways, 'uploads run', uploadsAlone),
      latency(ground, ways, 'all else runs', everything),
      openFlow(ground, smoke ? [SHARES[0]!] : SHARES, found),
    ];
  },
  close: () => ground?.remove(),
};

/** What is done beside the taps. */
export interface Beside {
  /** Records that gathered before, going up together with those of the taps. */
  readonly backlog: boolean;
  /** Denylist deltas and keys derived anew. */
  readonly upkeep: boolean;
}

export const everything: Beside = { backlog: true, upkeep: true };
/** The uploads of the taps themselves. */
export const uploadsAlone: Beside = { backlog: false, upkeep: false };

/** The same taps at the same cards, uploaded and reckoned with: every way answers the same. */
export async function answerOf(where: Ground, way: Way): Promise<Uint8Array> {
  const scene = await Scene.open(where, way, Math.min(where.size.gates, CHECK_GATES_MAX));
  await scene.connect();
  await scene.rounds(CHECK_TAPS);
  return fromHex((await scene.close()).hash);
}

/** Cards that answer at once, uploads running. */
async function measureCapacity(where: Ground, way: Way): Promise<Figures> {
  const scene = await Scene.open(where, way);
  await scene.connect();
  await scene.flow('instant');
  await sleep(where.size.settleMs);
  await scene.figures();
  await pass(scene, where.size.ms);
  const figures = await scene.figures();
  await scene.close();
  return figures;
}

/** Riders who come by the clock, uploads running. */
async function measureOpen(where: Ground, way: Way, perSecond: number): Promise<Figures> {
  const scene = await Scene.open(where, way);
  await scene.connect();
  // Compiles the path.
  await scene.flow('instant');
  await sleep(where.size.settleMs);
  await scene.pause();
  await scene.paced(perSecond);
  await sleep(where.size.settleMs / 2);
  await scene.figures();
  await pass(scene, where.size.latencyMs);
  const figures = await scene.figures();
  await scene.close();
  return figures;
}

/** Cards that take their time; a backlog goes up first where there is one, then what they add. */
export async function measureLatency(where: Ground, way: Way, beside: Beside): Promise<Figures> {
  const scene = await Scene.open(where, way);
  // Compiles the path, too.
  await scene.flow('instant');
  await sleep(where.size.backlogMs);
  await scene.pause();
  if (!beside.backlog) await scene.connect();
  await scene.flow('plastic');
  if (beside.upkeep) await scene.keepUp();
  await sleep(where.size.settleMs);
  await scene.figures();
  if (beside.backlog) await scene.start();
  await pass(scene, where.size.latencyMs);
  const figures = await scene.figures();
  await scene.close();
  return figures;
}

/** Capacity of the usual way, once it was measured. */
interface Found {
  tapsPerSecond: number;
}

function capacity(
  where: Ground,
  ways: readonly Way[],
  { cardUs }: CardCheck,
  measured: Found,
): Question {
  const contender = (way: Way): Contender => {
    let found: Figures | null = null;
    return {
      name: way.name,
      answer: () => answerOf(where, way),
      measure: async () => {
        found = await measureCapacity(where, way);
        if (way === usual) measured.tapsPerSecond = found.taps / found.seconds;
        return measuredOf(found, 'tapUs');
      },
      figures: () => ({
        ...capacityFigures(found!),
        goal: CAPACITY_GOAL,
        cardUs: Number(cardUs.toFixed(2)),
        load: load(),
      }),
    };
  };
  const name = `${where.size.gates} gates, instant cards, uploads run`;
  return { name, operations: 1, contenders: ways.map(contender) };
}

function openFlow(where: Ground, shares: readonly number[], capacity: Found): Question {
  const contender = (share: number): Contender => {
    let found: Figures | null = null;
    return {
      name: `${100 * share} % of capacity`,
      answer: () => answerOf(where, usual),
      measure: async () => {
        found = await measureOpen(where, usual, share * capacity.tapsPerSecond);
        return measuredOf(found, 'tapUs');
      },
      figures: () => ({
        ...openFigures(found!),
        wantedPerSecond: Math.round(share * capacity.tapsPerSecond),
        p99GoalUs: HOST_P99_GOAL_US,
        p999GoalUs: HOST_P999_GOAL_US,
        load: load(),
      }),
    };
  };
  const name = `${where.size.gates} gates, riders come by the clock, uploads run`;
  return { name, operations: 1, contenders: shares.map(contender) };
}

function openFigures(figures: Figures) {
  const { taps, seconds, hostUs, ownUs, lateUs, syncUs } = figures;
  const { loopBusy, starved, uploaded, backlog, refused } = figures;
  return {
    tapsPerSecond: Math.round(taps / seconds),
    hostP50Us: hostUs.p50,
    hostP99Us: hostUs.p99,
    hostP999Us: hostUs.p999,
    ownP50Us: ownUs.p50,
    ownP99Us: ownUs.p99,
    ownP999Us: ownUs.p999,
    lateP50Us: lateUs.p50,
    lateP99Us: lateUs.p99,
    lateP999Us: lateUs.p999,
    syncP50Us: syncUs.p50,
    syncP99Us: syncUs.p99,
    syncP999Us: syncUs.p999,
    loopBusy: Number(loopBusy.toFixed(2)),
    starved: Number(starved.toFixed(2)),
    uploadsPerSec: Math.round(uploaded / seconds),
    backlog,
    refused,
  };
}

function capacityFigures(figures: Figures) {
  const { taps, seconds, cpuSeconds, loopBusy, starved, ownUs } = figures;
  const { uploaded, backlog, refused } = figures;
  return {
    tapsPerSecond: Math.round(taps / seconds),
    tapsPerCoreSecond: Math.round(taps / cpuSeconds),
    loopBusy: Number(loopBusy.toFixed(2)),
    starved: Number(starved.toFixed(2)),
    ownP50Us: ownUs.p50,
    ownP99Us: ownUs.p99,
    uploadsPerSec: Math.round(uploaded / seconds),
    backlog,
    refused,
  };
}

function latency(where: Ground, ways: readonly Way[], runs: string, beside: Beside): Question {
  const contender = (way: Way): Contender => {
    let found: Figures | null = null;
    return {
      name: way.name,
      answer: () => answerOf(where, way),
      measure: async () => {
        found = await measureLatency(where, way, beside);
        return measuredOf(found, 'hostUs');
      },
      figures: () => ({
        ...latencyFigures(found!),
        p99GoalUs: HOST_P99_GOAL_US,
        p999GoalUs: HOST_P999_GOAL_US,
        load: load(),
      }),
    };
  };
  const name = `host's share of a tap, ${where.size.gates} readers busy, ${runs}`;
  return { name, operations: 1, contenders: ways.map(contender) };
}

export function latencyFigures(figures: Figures) {
  const { syncUs } = figures;
  const { hostUs, ownUs, tapUs, seconds, uploaded, deltas, keysDerived, refused } = figures;
  return {
    maxUs: hostUs.max,
    syncP50Us: syncUs.p50,
    syncP99Us: syncUs.p99,
    ownP50Us: ownUs.p50,
    ownP99Us: ownUs.p99,
    ownP999Us: ownUs.p999,
    tapP50Us: tapUs.p50,
    tapP99Us: tapUs.p99,
    tapP999Us: tapUs.p999,
    uploadsPerSec: Math.round(uploaded / seconds),
    deltas,
    keysDerived,
    cpu: Number((figures.cpuSeconds / seconds).toFixed(2)),
    starved: Number(figures.starved.toFixed(2)),
    refused,
  };
}

export function measuredOf(figures: Figures, what: 'hostUs' | 'tapUs'): Measured {
  const { p50, p99, p999 } = figures[what];
  const opsPerSec = figures.taps / figures.seconds;
  return { p50Ns: p50 * 1000, p99Ns: p99 * 1000, p999Ns: p999 * 1000, opsPerSec };
}
