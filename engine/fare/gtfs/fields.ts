/**
 * Values of GTFS fields (reference, "Field Types") as numbers: dates as days since 1970, times as
 * seconds. Each parser answers NaN where the text is no such value.
 */

const DAY_MS = 86_400_000;

/** `20240920` -> days since 1970-01-01. */
export function parseDate(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)$/.exec(text);
  if (!match) return Number.NaN;
  const ms = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  const isReal = new Date(ms).toISOString().slice(0, 10) === `${match[1]}-${match[2]}-${match[3]}`;
  return isReal ? ms / DAY_MS : Number.NaN;
}

/** Days since 1970 -> `20240920`. */
export function formatDate(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
}

/** `7:05:00` or `07:05:00` -> seconds since midnight; beyond 24:00:00 as the standard has it. */
export function parseTime(text: string): number {
  const match = /^(\d{1,3}):([0-5]\d):([0-5]\d)$/.exec(text);
  if (!match) return Number.NaN;
  return Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]);
}

/** A whole number, with a minus or without. */
export function parseWhole(text: string): number {
  return /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
}

/** Whether `text` is a name of the time zone database. */
export function isTimezone(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** Degrees within -`most` to `most`. */
export function isDegrees(text: string, most: number): boolean {
  return /^[+-]?\d+(\.\d+)?$|^[+-]?\.\d+$/.test(text) && Math.abs(Number(text)) <= most;
}
