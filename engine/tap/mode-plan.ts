/**
 * What a tap should do under the modes of its station and the history of modes: `plan.ts` with
 * exceptions in the rider's favour. Pure. `docs/modes.md` has the same as a table, and
 * `test/reference/modes.ts` as a slow twin.
 */
import type { CompiledFares } from '../fare/fares.ts';
import { exitFareMinor } from '../fare/quote.ts';
import { type ModeHistory, stationNumber } from './mode-history.ts';
import { Mode } from './modes.ts';
import {
  charge,
  isPassBack,
  type LastJourney,
  type Plan,
  planEntry,
  planExit,
  planSingle,
} from './plan.ts';
import type { Side } from './setting.ts';

/** What a plan under modes is made of. */
export interface PlanFacts {
  readonly side: Side;
  readonly mode: number;
  readonly history: ModeHistory;
  readonly fares: CompiledFares;
  readonly last: LastJourney;
  /** Index of this station. */
  readonly here: number;
  /** Index of the rider class. */
  readonly rider: number;
  readonly nowMs: number;
}

/** The last journey of a card whose rider left it without a tap. */
const NOWHERE: LastJourney = { where: 'none', station: -1, instantMs: Number.NaN };

const FREE: Plan = charge(0, 0);

/** The plan where a mode or the history of modes may have a say. */
export function planUnderModes(facts: PlanFacts): Plan {
  const plan = facts.side === 'exit' ? exitPlan(facts) : entryPlan(facts);
  if (plan.reason !== null) return plan;
  if ((facts.mode & Mode.fareFree) === 0) return plan;
  // No ride ends at an entry.
  return facts.side === 'entry' ? charge(0, null) : FREE;
}

/** A missing exit costs nothing where the order is free or a mode explains it. */
function entryPlan({ side, mode, history, fares, last, here, rider, nowMs }: PlanFacts): Plan {
  const excused =
    last.where === 'inside' &&
    ((mode & Mode.orderFree) !== 0 || leftUnderModes(history, fares, last, nowMs));
  const before = excused ? NOWHERE : last;
  if (side === 'single') return planSingle(fares, before, here, rider, nowMs);
  return planEntry(fares, before, here, nowMs);
}

/** Whether the rider may have left without a tap: an emergency anywhere, no trains where he was. */
function leftUnderModes(
  history: ModeHistory,
  fares: CompiledFares,
  last: LastJourney,
  nowMs: number,
): boolean {
  if (history.isEmpty) return false;
  if (history.caughtBy(Mode.emergency, null, last.instantMs, nowMs)) return true;
  const entered = stationOf(fares, last.station);
  return entered !== null && history.caughtBy(Mode.trainFailure, entered, last.instantMs, nowMs);
}

function exitPlan(facts: PlanFacts): Plan {
  const { mode, fares, last, here, rider, nowMs } = facts;
  if (last.where === 'inside') {
    if ((mode & (Mode.trainFailure | Mode.fareFree)) !== 0) return FREE;
    const plan = planExit(fares, last, here, rider, nowMs);
    if (plan.reason !== null) return plan;
    const amountMinor = exitFareMinor(fares, last.station, here, rider, nowMs, nowMs);
    if (amountMinor === plan.amountMinor || !isTimeFree(facts)) return plan;
    return charge(amountMinor, amountMinor);
  }
  if ((mode & Mode.orderFree) !== 0) return FREE;
  if (last.where === 'outside' && isPassBack(fares, last, here, nowMs)) {
    return { reason: 'passBack' };
  }
  if ((mode & Mode.trainFailure) !== 0) return FREE;
  const amountMinor = cheapestFromOrderFree(facts);
  if (amountMinor !== null) return charge(amountMinor, null);
  return planExit(fares, last, here, rider, nowMs);
}

/** The time in the paid area is the operator's fault, here or where the rider came in. */
function isTimeFree({ mode, history, fares, last, nowMs }: PlanFacts): boolean {
  if ((mode & Mode.timeFree) !== 0) return true;
  if (history.isEmpty) return false;
  const entered = stationOf(fares, last.station)!;
  return (
    history.enteredUnder(Mode.timeFree, entered, last.instantMs, nowMs) ||
    history.caughtBy(Mode.trainFailure, entered, last.instantMs, nowMs)
  );
}

/**
 * A rider without an entry may have come in where the order was free: the lowest fare from there,
 * or null where there was no such station.
 */
function cheapestFromOrderFree({ history, fares, here, rider, nowMs }: PlanFacts): number | null {
  if (history.isEmpty) return null;
  let lowest: number | null = null;
  for (const number of history.stationsUnder(Mode.orderFree, nowMs)) {
    const from = fares.stations.findIndex(({ code }) => stationNumber(code) === number);
    if (from < 0) continue;
    const fare = fares.fareMinor(from, here, rider);
    if (lowest === null || fare < lowest) lowest = fare;
  }
  return lowest;
}

function stationOf(fares: CompiledFares, index: number): number | null {
  const station = fares.stations[index];
  return station ? stationNumber(station.code) : null;
}
