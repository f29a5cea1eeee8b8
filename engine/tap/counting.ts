/**
 * What a ride costs by the card's own counters (docs/card-counters.md), and the counters that its
 * new journey record takes. The record and the debit commit together, so that what was counted was
 * paid.
 */
import type { JourneyLayout } from '../card/journey-record.ts';
import {
  type CardCounters,
  newCounters,
  readCounters,
  writeCounters,
} from '../fare/card/counters.ts';
import { beginRide, endRide, endStay, networkIndex, turnCounters } from '../fare/card/meter.ts';
import type { CompiledFares } from '../fare/fares.ts';
import type { Zone } from '../time.ts';
import type { LastJourney, Plan } from './plan.ts';
import type { Side } from './setting.ts';

/** What counting looks at. */
export interface CountedTap {
  readonly side: Side;
  readonly zone: Zone;
  /** '' where the gate is on none. */
  readonly network: string;
  /** The version that prices the ride. */
  readonly fares: CompiledFares;
  /** Index of the class. */
  readonly rider: number;
  readonly last: LastJourney;
  readonly nowMs: number;
}

export interface Counted {
  readonly amountMinor: number;
  readonly counters: CardCounters;
}

/** @param record the card's journey record, or null where it has none */
export function countRide(
  tap: CountedTap,
  layout: JourneyLayout,
  record: Uint8Array | null,
  plan: Extract<Plan, { readonly reason: null }>,
): Counted {
  const counters = newCounters();
  const { side, fares, last, nowMs } = tap;
  const { card } = fares;
  // Without rules the bytes are cleared, for sums that nobody turns over would come back.
  if (!card) return { amountMinor: plan.amountMinor, counters };
  const isRead = record !== null && last.where !== 'none';
  if (isRead) readCounters(record, layout.counters.offset, counters);
  const rules = card.riders[tap.rider]!;
  const network = networkIndex(card, tap.network);
  const lastLocalMs = localMs(tap.zone, last.instantMs);
  const nowLocalMs = localMs(tap.zone, nowMs);
  if (side !== 'exit') {
    turnCounters(counters, card, lastLocalMs, nowLocalMs);
    const sinceExitMs = last.where === 'outside' ? nowMs - last.instantMs : Number.NaN;
    beginRide(counters, rules, network, sinceExitMs);
  }
  let { amountMinor } = plan;
  if (plan.rideMinor !== null) {
    amountMinor += endRide(counters, rules, network, plan.rideMinor) - plan.rideMinor;
  } else if (side === 'exit') {
    endStay(counters);
  }
  // A ride that ended on a later day is of the day it began.
  if (side === 'exit') turnCounters(counters, card, lastLocalMs, nowLocalMs);
  return { amountMinor, counters };
}

/** Writes the counters into the journey record at `out[at]`. */
export function fillCounters(
  layout: JourneyLayout,
  counters: CardCounters,
  out: Uint8Array,
  at: number,
): void {
  writeCounters(counters, out, at + layout.counters.offset);
}

function localMs(zone: Zone, instantMs: number): number {
  return Number.isNaN(instantMs) ? instantMs : instantMs + zone.offsetMs(instantMs);
}
