/**
 * An account's taps in order, each once, and paired to stays in the paid area
 * (docs/fare-extensions.md, "Taps become rides").
 */
import { ACCOUNT_ENTRY_WAITS_MS } from '../../durations.ts';
import type { FareCalendar } from '../terms/calendar.ts';
import type { FareTerms } from '../terms/terms.ts';
import type { AccountTap } from './account.ts';

/** A tap that makes no difference, and why. */
export interface IgnoredTap {
  readonly id: string;
  readonly atMs: number;
  readonly why: string;
}

/** What is there of an entry and its exit: at least one. Of a single tap both are that tap. */
export interface TapPair {
  readonly entry: AccountTap | null;
  readonly exit: AccountTap | null;
}

/** Sorts taps by instant, then by id. Of several with one id the first so sorted counts. */
export function orderTaps(taps: readonly AccountTap[]): {
  readonly taps: readonly AccountTap[];
  readonly ignored: readonly IgnoredTap[];
} {
  const kept = new Map<string, AccountTap>();
  const ignored: IgnoredTap[] = [];
  for (const tap of [...taps].sort(compareTaps)) {
    const known = kept.get(tap.id);
    if (!known) {
      kept.set(tap.id, tap);
      continue;
    }
    const isSame = compareTaps(known, tap) === 0;
    const why = isSame ? 'it arrived before' : 'another tap of that id was earlier';
    ignored.push({ id: tap.id, atMs: tap.atMs, why });
  }
  return { taps: [...kept.values()], ignored };
}

/** The fields after the id matter only where gates break the promise that ids are unique. */
function compareTaps(a: AccountTap, b: AccountTap): number {
  return (
    a.atMs - b.atMs ||
    compareTexts(a.id, b.id) ||
    compareTexts(a.kind, b.kind) ||
    compareTexts(a.stop, b.stop) ||
    compareTexts(a.network, b.network) ||
    compareTexts(a.route, b.route)
  );
}

/** By code units, so that no machine's language changes the order. */
function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** How long entries wait for their exits. */
export class EntryWait {
  readonly #calendar: FareCalendar;
  readonly #leastMs: number;

  constructor(terms: FareTerms, calendar: FareCalendar) {
    this.#calendar = calendar;
    this.#leastMs = terms.timeLimits.reduce(
      (most, { limitMs }) => Math.max(most, limitMs),
      ACCOUNT_ENTRY_WAITS_MS,
    );
  }

  /** Whether an entry still waits at an instant. */
  covers(entryMs: number, atMs: number): boolean {
    if (atMs - entryMs <= this.#leastMs) return true;
    return this.#calendar.dayOf(atMs) <= this.#calendar.dayOf(entryMs);
  }
}

/** Pairs taps that are in order. */
export function pairTaps(taps: readonly AccountTap[], wait: EntryWait): TapPair[] {
  const pairs: TapPair[] = [];
  let entry: AccountTap | null = null;
  for (const tap of taps) {
    if (entry && tap.kind === 'exit' && wait.covers(entry.atMs, tap.atMs)) {
      pairs.push({ entry, exit: tap });
      entry = null;
      continue;
    }
    if (entry) pairs.push({ entry, exit: null });
    entry = tap.kind === 'entry' ? tap : null;
    if (tap.kind === 'exit') pairs.push({ entry: null, exit: tap });
    if (tap.kind === 'single') pairs.push({ entry: tap, exit: tap });
  }
  if (entry) pairs.push({ entry, exit: null });
  return pairs;
}
