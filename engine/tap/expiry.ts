/**
 * An expired card that may ride all the same. The date of a journey is that of its entry: a card
 * that runs out at midnight, the month's end or 29 February still takes its rider out of the
 * station he is in. Free dates excuse a card here, and at every exit one that came in under them.
 */
import { readDate } from '../card/purse/selected.ts';
import { EXPIRED_EXIT_MS_MAX } from '../durations.ts';
import { writeLocalDateTime, type Zone } from '../time.ts';
import { type ModeHistory, stationNumber } from './mode-history.ts';
import { Mode } from './modes.ts';
import type { LastJourney } from './plan.ts';
import type { Side } from './setting.ts';

/** Whether it is worth reading the journey record of an expired card at all. */
export function mayRideExpired(mode: number, side: Side): boolean {
  return side === 'exit' || (mode & Mode.dateFree) !== 0;
}

/** What `ridesExpired` looks at. */
export interface ExpiredRide {
  readonly mode: number;
  readonly history: ModeHistory | null;
  readonly side: Side;
  readonly zone: Zone;
  readonly last: LastJourney;
  /** Code of the station of entry, where the fare set has it. */
  readonly enteredAt: Uint8Array | null;
  readonly nowMs: number;
}

/**
 * Whether an expired card may ride.
 * @param expiry the card's last day, YYYYMMDD.
 */
export function ridesExpired(expiry: number, ride: ExpiredRide): boolean {
  const { mode, history, side, zone, last, enteredAt, nowMs } = ride;
  if ((mode & Mode.dateFree) !== 0) return true;
  if (side !== 'exit' || last.where !== 'inside' || Number.isNaN(last.instantMs)) return false;
  if (enteredAt && history) {
    const station = stationNumber(enteredAt);
    if (history.enteredUnder(Mode.dateFree, station, last.instantMs, nowMs)) return true;
  }
  const sinceMs = nowMs - last.instantMs;
  if (sinceMs < 0 || sinceMs > EXPIRED_EXIT_MS_MAX) return false;
  const entered = new Uint8Array(7);
  writeLocalDateTime(zone, last.instantMs, entered, 0);
  return expiry >= readDate(entered, 0);
}
