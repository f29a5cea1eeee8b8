/**
 * What an account has paid towards each cap (docs/fare-extensions.md, `faregate_caps.txt`). The
 * sums are a stretch of the account's own (`RidePricer.newSums`): for each cap three numbers, and
 * for a rolling one two for each of its days. Journeys come in order of their first departures.
 */
import type { RideLegs } from './legs.ts';
import { type CapRows, SPANS } from './rules.ts';

const DAY_MS = 86_400_000;
const ROLLING = SPANS.indexOf('rolling');
const FROM_FIRST = SPANS.indexOf('from_first');

/** Places in the three numbers of a cap. */
const AT = 0;
const SPENT = 1;
const RIDES = 2;

export class CapSums {
  readonly #caps: CapRows;
  /** Rows of the caps at hand. */
  readonly #rows: Int32Array;
  /**
   * Where in the sums the numbers of each cap begin: which span they are of (a day, week or month,
   * the first instant, the last day), what was paid and how many journeys were.
   */
  readonly #starts: Int32Array;
  /** One after the last number. */
  readonly end: number;
  /** The caps that the journey in hand counts to, as places in `#rows`. */
  readonly #matched: Int32Array;
  #matchedCount = 0;
  /** Row of the cap that lowered the journey in hand, or -1. */
  tightest = -1;

  /**
   * @param rows of the caps that are for the account
   * @param start of their numbers in the sums
   */
  constructor(caps: CapRows, rows: Int32Array, start: number) {
    this.#caps = caps;
    this.#rows = rows;
    this.#matched = new Int32Array(rows.length);
    this.#starts = new Int32Array(rows.length);
    let end = start;
    for (const [place, row] of rows.entries()) {
      this.#starts[place] = end;
      end += 3 + (caps.spans[row] === ROLLING ? 2 * caps.days[row]! : 0);
    }
    this.end = end;
  }

  /** Makes the numbers those of an account that never rode. */
  clear(sums: Float64Array): void {
    for (const at of this.#starts) sums[at + AT] = Number.NEGATIVE_INFINITY;
  }

  /** Finds the caps that a journey counts to, and moves their spans on to it. */
  match(legs: RideLegs, sums: Float64Array): void {
    const { networks, zoneSets, periods, spans } = this.#caps;
    this.#matchedCount = 0;
    for (let place = 0; place < this.#rows.length; place++) {
      const row = this.#rows[place]!;
      if (!legs.begin(periods[row]!) || !legs.areOn(networks[row]!)) continue;
      if (!legs.areIn(zoneSets[row]!)) continue;
      const span = spans[row]!;
      const at = this.#starts[place]!;
      if (span === ROLLING) roll(sums, at, this.#caps.days[row]!, legs.day);
      else if (span === FROM_FIRST) {
        const startMs = legs.departuresMs[0]!;
        if (startMs >= sums[at]! + this.#caps.days[row]! * DAY_MS) reset(sums, at, startMs);
      } else if (sums[at] !== legs.spans[span]) reset(sums, at, legs.spans[span]!);
      this.#matched[this.#matchedCount++] = place;
    }
  }

  /** What the tightest of the caps matched leaves of an amount. */
  leftOf(amountMinor: number, sums: Float64Array): number {
    const { amountsMinor, rides } = this.#caps;
    this.tightest = -1;
    let left = amountMinor;
    for (let i = 0; i < this.#matchedCount; i++) {
      const place = this.#matched[i]!;
      const row = this.#rows[place]!;
      const at = this.#starts[place]!;
      const isOver = sums[at + RIDES]! >= rides[row]!;
      const most = isOver ? 0 : Math.max(amountsMinor[row]! - sums[at + SPENT]!, 0);
      if (most >= left) continue;
      left = most;
      this.tightest = row;
    }
    return left;
  }

  /** Counts what was paid for the journey matched. */
  count(paidMinor: number, day: number, sums: Float64Array): void {
    const { spans, days } = this.#caps;
    if (paidMinor === 0) return;
    for (let i = 0; i < this.#matchedCount; i++) {
      const place = this.#matched[i]!;
      const row = this.#rows[place]!;
      const at = this.#starts[place]!;
      sums[at + SPENT]! += paidMinor;
      sums[at + RIDES]!++;
      if (spans[row] !== ROLLING) continue;
      const slot = slotOf(at, day, days[row]!);
      sums[slot]! += paidMinor;
      sums[slot + 1]!++;
    }
  }
}

function reset(sums: Float64Array, at: number, span: number): void {
  sums[at + AT] = span;
  sums[at + SPENT] = 0;
  sums[at + RIDES] = 0;
}

/** Lets the days fall out of a rolling span that are over. */
function roll(sums: Float64Array, at: number, days: number, day: number): void {
  const last = sums[at + AT]!;
  if (day - last >= days) {
    reset(sums, at, day);
    sums.fill(0, at + 3, at + 3 + 2 * days);
    return;
  }
  for (let passed = last + 1; passed <= day; passed++) {
    const slot = slotOf(at, passed, days);
    sums[at + SPENT]! -= sums[slot]!;
    sums[at + RIDES]! -= sums[slot + 1]!;
    sums[slot] = 0;
    sums[slot + 1] = 0;
  }
  sums[at + AT] = day;
}

/** Where the two numbers of a day are, for days before 1970 too. */
function slotOf(at: number, day: number, days: number): number {
  const slot = day % days;
  return at + 3 + 2 * (slot < 0 ? slot + days : slot);
}
