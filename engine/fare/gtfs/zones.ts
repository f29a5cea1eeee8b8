/**
 * Offsets of time zones from UTC over a span of days, as tables, so that a quote asks no library
 * what time it is somewhere.
 */

const DAY_MS = 86_400_000;
/** No zone changes twice within so many days. */
const STEP_DAYS = 7;

export class ZoneTable {
  /** Instants from which each offset holds; the first is before the span. */
  readonly fromMs: Float64Array;
  /** Milliseconds that the zone's clocks are then ahead of UTC. */
  readonly offsetsMs: Int32Array;

  /** Good from the first day (UTC, since 1970) to the last; beyond, the nearest offset is told. */
  constructor(zone: string, firstDay: number, lastDay: number) {
    const offsetAt = offsets(zone);
    const fromMs = [Number.NEGATIVE_INFINITY];
    const found = [offsetAt(firstDay * DAY_MS)];
    for (let day = firstDay; day < lastDay; day += STEP_DAYS) {
      const before = found.at(-1)!;
      let low = day * DAY_MS;
      let high = Math.min(day + STEP_DAYS, lastDay) * DAY_MS;
      if (offsetAt(high) === before) continue;
      while (high - low > 1000) {
        const middle = Math.floor((low + high) / 2000) * 1000;
        if (offsetAt(middle) === before) low = middle;
        else high = middle;
      }
      fromMs.push(high);
      found.push(offsetAt(high));
    }
    this.fromMs = Float64Array.from(fromMs);
    this.offsetsMs = Int32Array.from(found);
  }

  /** Which of the offsets holds at an instant. Allocates nothing. */
  indexAt(instantMs: number): number {
    let low = 0;
    let high = this.fromMs.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.fromMs[middle]! <= instantMs) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** A function from instants (whole seconds) to offsets, by the runtime's time zone database. */
function offsets(zone: string): (instantMs: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (instantMs) => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instantMs)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - instantMs;
  };
}
