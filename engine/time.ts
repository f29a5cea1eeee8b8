/**
 * Business time: instants (milliseconds since 1970 UTC) seen in the operator's zone, as the seven
 * BCD bytes YYYYMMDDhhmmss that cards and records carry. Pure: the instant is passed in.
 */
import assert from 'node:assert/strict';
import { bcd, fromBcd } from './bytes.ts';
import { FaregateError } from './errors.ts';

const QUARTER_HOUR_MS = 15 * 60 * 1000;

/** Quarter hours whose offset is kept: two and a half days, so a journey's instants all hit. */
const CACHED_QUARTERS = 256;

/** A time zone whose offset is looked up once a quarter hour (no zone changes within one). */
export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #quarters = new Float64Array(CACHED_QUARTERS).fill(Number.NaN);
  readonly #offsetsMs = new Float64Array(CACHED_QUARTERS);

  /** @throws FaregateError CONFIG_INVALID for a name the IANA database does not have. */
  constructor(name: string) {
    this.name = name;
    try {
      this.#format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        timeZoneName: 'longOffset',
      });
    } catch (cause) {
      throw new FaregateError('CONFIG_INVALID', `unknown time zone: ${name}`, { cause });
    }
  }

  /** Milliseconds to add to an instant to read its fields as if they were UTC. */
  offsetMs(instantMs: number): number {
    const quarter = Math.floor(instantMs / QUARTER_HOUR_MS);
    const slot = quarter & (CACHED_QUARTERS - 1);
    if (this.#quarters[slot] !== quarter) {
      this.#offsetsMs[slot] = this.#lookUp(quarter * QUARTER_HOUR_MS);
      this.#quarters[slot] = quarter;
    }
    return this.#offsetsMs[slot]!;
  }

  #lookUp(instantMs: number): number {
    const parts = this.#format.formatToParts(instantMs);
    const text = parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
    const match = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
    assert(match, `unexpected offset of ${this.name}: ${text}`);
    const [hours, minutes, seconds] = match.slice(2).map((part) => Number(part ?? 0));
    const offset = ((hours! * 60 + minutes!) * 60 + seconds!) * 1000;
    return match[1] === '-' ? -offset : offset;
  }
}

const DAY_MS = 86_400_000;
/**
 * The widest offsets of any zone: a local time names an instant at most this far before or after.
 */
const OFFSET_EAST_MAX_MS = 14 * 3_600_000;
const OFFSET_WEST_MAX_MS = 12 * 3_600_000;
const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Writes YYYYMMDDhhmmss of `instantMs` in `zone` as 7 BCD bytes at `out[at]`. No allocation. */
export function writeLocalDateTime(
  zone: Zone,
  instantMs: number,
  out: Uint8Array,
  at: number,
): void {
  const local = instantMs + zone.offsetMs(instantMs);
  const days = Math.floor(local / DAY_MS);
  // `| 0` throughout, for doubles know neither a cheap floor nor a cheap remainder.
  const second = ((local - days * DAY_MS) / 1000) | 0;
  // Civil date from a day count: the proleptic Gregorian algorithm over 400-year eras.
  const z = (days + 719_468) | 0;
  const era = (z / 146_097) | 0;
  const dayOfEra = (z - era * 146_097) | 0;
  const leapDays = ((dayOfEra / 1460) | 0) - ((dayOfEra / 36_524) | 0) + ((dayOfEra / 146_096) | 0);
  const yearOfEra = ((dayOfEra - leapDays) / 365) | 0;
  const leapYears = ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0);
  const dayOfYear = (dayOfEra - (365 * yearOfEra + leapYears)) | 0;
  const shifted = ((5 * dayOfYear + 2) / 153) | 0;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = (yearOfEra + era * 400 + (month <= 2 ? 1 : 0)) | 0;
  out[at] = bcd((year / 100) | 0);
  out[at + 1] = bcd(year % 100);
  out[at + 2] = bcd(month);
  out[at + 3] = bcd(dayOfYear - (((153 * shifted + 2) / 5) | 0) + 1);
  out[at + 4] = bcd((second / 3600) | 0);
  out[at + 5] = bcd(((second / 60) | 0) % 60);
  out[at + 6] = bcd(second % 60);
}

/**
 * The instant of 7 BCD bytes YYYYMMDDhhmmss at `bytes[at]`, read in `zone`; NaN where they are no
 * date (cards hold zeros before the first journey). An hour that daylight saving skips or repeats
 * is read with the offset in force just before it.
 */
export function readLocalDateTime(zone: Zone, bytes: Uint8Array, at: number): number {
  const yearOfCentury = fromBcd(bytes[at + 1]!);
  const year = fromBcd(bytes[at]!) * 100 + yearOfCentury;
  const month = fromBcd(bytes[at + 2]!);
  const day = fromBcd(bytes[at + 3]!);
  const hour = fromBcd(bytes[at + 4]!);
  const minute = fromBcd(bytes[at + 5]!);
  const second = fromBcd(bytes[at + 6]!);
  if (year < 1970 || yearOfCentury < 0) return Number.NaN;
  if (month < 1 || month > 12 || day < 1 || day > 31) return Number.NaN;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
    return Number.NaN;
  }
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > DAYS_OF_MONTH[month - 1]! + (leap && month === 2 ? 1 : 0)) return Number.NaN;
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  const before = zone.offsetMs(local - OFFSET_EAST_MAX_MS);
  const after = zone.offsetMs(local + OFFSET_WEST_MAX_MS);
  if (before === after || zone.offsetMs(local - before) === before) return local - before;
  return local - (zone.offsetMs(local - after) === after ? after : before);
}
