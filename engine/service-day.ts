/**
 * The service day: a day of the operator's zone that begins in the small hours, when nobody rides,
 * so that a night's journeys belong to the day they began in. Pure.
 */
import type { Zone } from './time.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** 03:00: past the hour that daylight saving skips or repeats in Europe and America. */
export const SERVICE_DAY_START_MINUTES = 180;

/**
 * The service day of an instant, as days since 1970. Where clocks are set back over its beginning,
 * an instant may fall into the day before again: whoever waits for the next day asks for a higher
 * number.
 */
export function serviceDay(
  zone: Zone,
  instantMs: number,
  startMinutes: number = SERVICE_DAY_START_MINUTES,
): number {
  const localMs = instantMs + zone.offsetMs(instantMs);
  return Math.floor((localMs - startMinutes * MINUTE_MS) / DAY_MS);
}
