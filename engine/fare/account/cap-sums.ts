/**
 * What an account has paid towards each cap (docs/fare-extensions.md, `faregate_caps.txt`): sums in
 * typed arrays, one place for each cap that is for the account's rider and medium. Journeys come in
 * order of their first departures.
 */
import type { RideLegs } from './legs.ts';
import { type CapRows, SPANS } from './rules.ts';

const DAY_MS = 86_400_000;
const ROLLING = SPANS.indexOf('rolling');
const FROM_FIRST = SPANS.indexOf('from_first');

export class CapSums {
  readonly #caps: CapRows;
  /** Rows of the caps at hand. */
  readonly #rows: Int32Array;
  /** Which span each sum is of: a day, week or month, the first instant, the last day. */
  readonly #at: Float64Array;
  readonly #spentMinor: Float64Array;
  readonly #rides: Int32Array;
  /** Sums of single days for rolling caps, at `#ringStarts[cap] + day % days`. */
  readonly #ringStarts: Int32Array;
  readonly #ringMinor: Float64Array;
  readonly #ringRides: Int32Array;
  /** Places of the caps that the journey in hand counts to. */
  readonly #matched: Int32Array;
  #matchedCount = 0;
  /** Row of the cap that lowered the journey in hand, or -1. */
  tightest = -1;

  /** @param rows of the caps that are for the account */
  constructor(caps: CapRows, rows: Int32Array) {
    this.#caps = caps;
    this.#rows = rows;
    this.#at = new Float64Array(rows.length).fill(Number.NEGATIVE_INFINITY);
    this.#spentMinor = new Float64Array(rows.length);
    this.#rides = new Int32Array(rows.length);
    this.#matched = new Int32Array(rows.length);
    this.#ringStarts = new Int32Array(rows.length);
    let length = 0;
    for (const [place, row] of rows.entries()) {
      this.#ringStarts[place] = length;
      if (caps.spans[row] === ROLLING) length += caps.days[row]!;
    }
    this.#ringMinor = new Float64Array(length);
    this.#ringRides = new Int32Array(length);
  }

  /** Finds the caps that a journey counts to, and moves their spans on to it. */
  match(legs: RideLegs): void {
    const { networks, zoneSets, periods, spans } = this.#caps;
    this.#matchedCount = 0;
    for (let place = 0; place < this.#rows.length; place++) {
      const row = this.#rows[place]!;
      if (!legs.begin(periods[row]!) || !legs.areOn(networks[row]!)) continue;
      if (!legs.areIn(zoneSets[row]!)) continue;
      const span = spans[row]!;
      if (span === ROLLING) this.#roll(place, row, legs.day);
      else if (span === FROM_FIRST) this.#beginAnew(place, row, legs.departuresMs[0]!);
      else if (this.#at[place] !== legs.spans[span]) this.#reset(place, legs.spans[span]!);
      this.#matched[this.#matchedCount++] = place;
    }
  }

  #reset(place: number, at: number): void {
    this.#at[place] = at;
    this.#spentMinor[place] = 0;
    this.#rides[place] = 0;
  }

  #beginAnew(place: number, row: number, startMs: number): void {
    const endMs = this.#at[place]! + this.#caps.days[row]! * DAY_MS;
    if (startMs >= endMs) this.#reset(place, startMs);
  }

  /** Lets the days fall out of a rolling span that are over. */
  #roll(place: number, row: number, day: number): void {
    const days = this.#caps.days[row]!;
    const start = this.#ringStarts[place]!;
    const last = this.#at[place]!;
    if (day - last >= days) {
      this.#reset(place, day);
      this.#ringMinor.fill(0, start, start + days);
      this.#ringRides.fill(0, start, start + days);
      return;
    }
    for (let passed = last + 1; passed <= day; passed++) {
      const slot = start + slotOf(passed, days);
      this.#spentMinor[place]! -= this.#ringMinor[slot]!;
      this.#rides[place]! -= this.#ringRides[slot]!;
      this.#ringMinor[slot] = 0;
      this.#ringRides[slot] = 0;
    }
    this.#at[place] = day;
  }

  /** What the tightest of the caps matched leaves of an amount. */
  leftOf(amountMinor: number): number {
    const { amountsMinor, rides } = this.#caps;
    this.tightest = -1;
    let left = amountMinor;
    for (let i = 0; i < this.#matchedCount; i++) {
      const place = this.#matched[i]!;
      const row = this.#rows[place]!;
      const isOver = this.#rides[place]! >= rides[row]!;
      const most = isOver ? 0 : Math.max(amountsMinor[row]! - this.#spentMinor[place]!, 0);
      if (most >= left) continue;
      left = most;
      this.tightest = row;
    }
    return left;
  }

  /** Counts what was paid for the journey matched. */
  count(paidMinor: number, day: number): void {
    const { spans, days } = this.#caps;
    if (paidMinor === 0) return;
    for (let i = 0; i < this.#matchedCount; i++) {
      const place = this.#matched[i]!;
      const row = this.#rows[place]!;
      this.#spentMinor[place]! += paidMinor;
      this.#rides[place]!++;
      if (spans[row] !== ROLLING) continue;
      const slot = this.#ringStarts[place]! + slotOf(day, days[row]!);
      this.#ringMinor[slot]! += paidMinor;
      this.#ringRides[slot]!++;
    }
  }
}

/** `day % days`, for days before 1970 too. */
function slotOf(day: number, days: number): number {
  const slot = day % days;
  return slot < 0 ? slot + days : slot;
}
