/**
 * Service days, weeks and months of an operator, and the periods an instant is in
 * (docs/fare-extensions.md, "Days, periods, zones").
 */
import { FARE_CALENDAR_DAYS } from '../../limits.ts';
import { ZoneTable } from '../gtfs/zones.ts';
import type { FareTerms } from './terms.ts';

const DAY_MS = 86_400_000;

/** A century of a zone's clocks takes some 20 ms to find out, and versions of fares share it. */
const zones = new Map<string, ZoneTable>();

function zoneOf(timezone: string): ZoneTable {
  const known = zones.get(timezone);
  if (known) return known;
  const { first, last } = FARE_CALENDAR_DAYS;
  const zone = new ZoneTable(timezone, first, last);
  zones.set(timezone, zone);
  return zone;
}

interface Stretch {
  readonly weekdays: readonly boolean[];
  readonly startMs: number;
  readonly endMs: number;
}

export class FareCalendar {
  readonly #terms: FareTerms;
  readonly #periods: readonly (readonly Stretch[])[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #zone: ZoneTable;

  constructor(terms: FareTerms) {
    this.#terms = terms;
    const stretches = new Map<string, Stretch[]>();
    for (const { id, ...row } of terms.periods) {
      const known = stretches.get(id);
      if (known) known.push(row);
      else stretches.set(id, [row]);
    }
    this.#periods = [...stretches.values()];
    this.#ids = new Map([...stretches.keys()].map((id, index) => [id, index]));
    this.#zone = zoneOf(terms.settings.timezone);
  }

  /** Milliseconds since 1970 by the operator's clocks. Allocates nothing. */
  localMs(instantMs: number): number {
    return instantMs + this.#zone.offsetMs(instantMs);
  }

  /** The service day of an instant, in days since 1970. Allocates nothing. */
  dayOf(instantMs: number): number {
    return Math.floor((this.localMs(instantMs) - this.#terms.settings.dayStartMs) / DAY_MS);
  }

  /** A number that all days of one week have in common. Allocates nothing. */
  weekOf(day: number): number {
    // The first of January 1970 was a Thursday.
    return Math.floor((day + 3 - this.#terms.settings.weekStart) / 7);
  }

  /** A number that all days of one month have in common: months since year 0. */
  monthOf(day: number): number {
    // Civil month from days, counted from March of year 0 (H. Hinnant, "chrono-compatible dates").
    const shifted = day + 719_468;
    const era = Math.floor(shifted / 146_097);
    const ofEra = shifted - era * 146_097;
    const year = Math.floor(
      (ofEra -
        Math.floor(ofEra / 1460) +
        Math.floor(ofEra / 36_524) -
        Math.floor(ofEra / 146_096)) /
        365,
    );
    const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
    return (era * 400 + year) * 12 + Math.floor((5 * ofYear + 2) / 153);
  }

  /** The weekday whose rules hold a service day: 0 Monday to 6 Sunday. Allocates nothing. */
  weekdayOf(day: number): number {
    const holiday = this.#terms.holidays.get(day);
    if (holiday !== undefined) return holiday;
    return (((day + 3) % 7) + 7) % 7;
  }

  /** Number of a period for `isIn`; -1 for '', which holds always. */
  periodOf(id: string): number {
    return id === '' ? -1 : this.#ids.get(id)!;
  }

  /** Whether an instant is in a period. Allocates nothing. */
  isIn(period: number, instantMs: number): boolean {
    if (period < 0) return true;
    const day = this.dayOf(instantMs);
    const ofDayMs = this.localMs(instantMs) - day * DAY_MS;
    const weekday = this.weekdayOf(day);
    const stretches = this.#periods[period]!;
    for (let i = 0; i < stretches.length; i++) {
      const { weekdays, startMs, endMs } = stretches[i]!;
      if (weekdays[weekday] && startMs <= ofDayMs && ofDayMs < endMs) return true;
    }
    return false;
  }
}
