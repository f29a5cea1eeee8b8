/**
 * What a tap should do, from the card's last journey and the fares alone: pure rules, no card. An
 * entry writes the journey record and debits nothing (or the missing exit of the last journey); an
 * exit debits the fare (or the missing entry).
 */
import type { CompiledFares } from '../fare/fares.ts';
import { exitFareMinor, fareRule } from '../fare/quote.ts';
import type { Reason } from './reasons.ts';

/** The card's journey record as the rules see it. */
export interface LastJourney {
  /** `inside`: came in and has not left; `outside`: has left; `none`: never used or unreadable. */
  readonly where: 'inside' | 'outside' | 'none';
  /** Index of the station of that tap in the fare set, -1 where it is not in it. */
  readonly station: number;
  /** NaN where the record has no date. */
  readonly instantMs: number;
}

export type Plan =
  | {
      readonly reason: null;
      readonly amountMinor: number;
      /** The part of it that is a ride's fare, which discounts and caps may lower; null: none. */
      readonly rideMinor: number | null;
      readonly minimumBalanceMinor: number;
    }
  | { readonly reason: Reason };

/** What is charged where no balance has to be left. */
export function charge(amountMinor: number, rideMinor: number | null): Plan {
  return { reason: null, amountMinor, rideMinor, minimumBalanceMinor: 0 };
}

/** Used here a moment ago: the rider taps twice, or hands the card back. */
export function isPassBack(
  fares: CompiledFares,
  last: LastJourney,
  station: number,
  nowMs: number,
): boolean {
  const sinceMs = nowMs - last.instantMs;
  return last.station === station && sinceMs >= 0 && sinceMs < fares.rules.passBackSeconds * 1000;
}

/** Entry at `station` (index). */
export function planEntry(
  fares: CompiledFares,
  last: LastJourney,
  station: number,
  nowMs: number,
): Plan {
  const { rules } = fares;
  if (last.where !== 'inside') {
    return {
      reason: null,
      amountMinor: 0,
      rideMinor: null,
      minimumBalanceMinor: rules.entryBalanceMinor,
    };
  }
  if (isPassBack(fares, last, station, nowMs)) return { reason: 'passBack' };
  if (rules.missingTapMinor === null) return { reason: 'noExit' };
  return {
    reason: null,
    amountMinor: rules.missingTapMinor,
    rideMinor: null,
    minimumBalanceMinor: rules.entryBalanceMinor,
  };
}

/**
 * A ride that is tapped once, at `station` (index): costs what the matrix has from the station to
 * itself, and a missing exit as an entry does.
 */
export function planSingle(
  fares: CompiledFares,
  last: LastJourney,
  station: number,
  rider: number,
  nowMs: number,
): Plan {
  if (last.where === 'outside' && isPassBack(fares, last, station, nowMs)) {
    return { reason: 'passBack' };
  }
  const fareMinor = fares.fareMinor(station, station, rider);
  if (last.where !== 'inside') {
    return charge(fareMinor, fareMinor);
  }
  const { missingTapMinor } = fares.rules;
  if (missingTapMinor === null) return { reason: 'noExit' };
  return charge(missingTapMinor + fareMinor, fareMinor);
}

/** Exit at `station` (index) for a rider class (index). */
export function planExit(
  fares: CompiledFares,
  last: LastJourney,
  station: number,
  rider: number,
  nowMs: number,
): Plan {
  if (last.where === 'inside') {
    if (last.station < 0) return { reason: 'stationUnknown' };
    // A clock that ran ahead at entry must not make a fare: the ride is then taken as just begun.
    const enteredMs = last.instantMs <= nowMs ? last.instantMs : nowMs;
    const amountMinor = exitFareMinor(fares, last.station, station, rider, enteredMs, nowMs);
    const rule = fareRule(fares.rules, last.station === station, nowMs - enteredMs);
    return charge(amountMinor, rule === 'fare' ? amountMinor : null);
  }
  if (last.where === 'outside' && isPassBack(fares, last, station, nowMs)) {
    return { reason: 'passBack' };
  }
  if (fares.rules.missingTapMinor === null) return { reason: 'noEntry' };
  return charge(fares.rules.missingTapMinor, null);
}
