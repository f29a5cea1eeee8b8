/**
 * Out of one station and into another within minutes is one ride (docs/fare-extensions.md,
 * `faregate_interchanges.txt`).
 */
import type { FareCalendar } from '../terms/calendar.ts';
import type { FareTerms, Interchange } from '../terms/terms.ts';
import type { AccountTap, SwitchPeriod } from './account.ts';
import type { FareFrame } from './frame.ts';
import type { TapPair } from './taps.ts';

/** A ride as tapped: a pair, or several over interchanges. */
export interface Stay extends TapPair {
  readonly taps: readonly AccountTap[];
  /** Interchanges in words. */
  readonly why: readonly string[];
}

export type SwitchTable = ReadonlyMap<string, readonly SwitchPeriod[]>;

export function switchTable(periods: readonly SwitchPeriod[]): SwitchTable {
  const table = new Map<string, SwitchPeriod[]>();
  for (const period of periods) {
    const known = table.get(period.id);
    if (known) known.push(period);
    else table.set(period.id, [period]);
  }
  return table;
}

export class InterchangeTable {
  readonly #rows: ReadonlyMap<string, readonly Interchange[]>;
  readonly #calendar: FareCalendar;
  readonly #frame: FareFrame;

  constructor(terms: FareTerms, calendar: FareCalendar, frame: FareFrame) {
    const rows = new Map<string, Interchange[]>();
    for (const row of terms.interchanges) {
      const key = keyOf(row.from, row.to);
      const known = rows.get(key);
      if (known) known.push(row);
      else rows.set(key, [row]);
    }
    this.#rows = rows;
    this.#calendar = calendar;
    this.#frame = frame;
  }

  /** The first row by which a ride goes on from an exit to the next entry, or null. */
  find(exit: AccountTap, entry: AccountTap, switches: SwitchTable): Interchange | null {
    if (this.#rows.size === 0) return null;
    let first: Interchange | null = null;
    for (const from of new Set([exit.stop, this.#frame.stationOf(exit.stop)])) {
      for (const to of new Set([entry.stop, this.#frame.stationOf(entry.stop)])) {
        const row = this.#among(keyOf(from, to), exit.atMs, entry.atMs, switches);
        if (row && (!first || row.line < first.line)) first = row;
      }
    }
    const any = this.#among(keyOf('', ''), exit.atMs, entry.atMs, switches);
    return any && (!first || any.line < first.line) ? any : first;
  }

  #among(key: string, exitMs: number, entryMs: number, switches: SwitchTable): Interchange | null {
    const holds = ({ limitMs, period, switchId }: Interchange) =>
      entryMs - exitMs <= limitMs &&
      this.#calendar.isIn(this.#calendar.periodOf(period), exitMs) &&
      (switchId === '' || isOn(switches.get(switchId) ?? [], exitMs, entryMs));
    return this.#rows.get(key)?.find(holds) ?? null;
  }

  /** Puts pairs together that interchanges connect. */
  join(pairs: readonly TapPair[], switches: SwitchTable): Stay[] {
    const stays: Stay[] = [];
    /** What is in hand, with lists that grow. */
    let stay: { entry: AccountTap | null; exit: AccountTap | null } | null = null;
    let taps: AccountTap[] = [];
    let why: string[] = [];
    for (const pair of pairs) {
      const row = stay ? this.#between(stay, pair, switches) : null;
      if (stay && row) {
        why.push(whyOf(stay.exit!, pair.entry!, row));
        taps.push(...tapsOf(pair));
        stay.exit = pair.exit;
        continue;
      }
      if (stay) stays.push({ ...stay, taps, why });
      stay = { ...pair };
      taps = tapsOf(pair);
      why = [];
    }
    if (stay) stays.push({ ...stay, taps, why });
    return stays;
  }

  #between(before: TapPair, after: TapPair, switches: SwitchTable): Interchange | null {
    if (!before.entry || before.exit?.kind !== 'exit' || after.entry?.kind !== 'entry') return null;
    return this.find(before.exit, after.entry, switches);
  }
}

function isOn(periods: readonly SwitchPeriod[], startMs: number, endMs: number): boolean {
  return periods.some(({ fromMs, toMs }) => fromMs <= endMs && startMs < toMs);
}

function tapsOf({ entry, exit }: TapPair): AccountTap[] {
  return [entry, exit === entry ? null : exit].filter((tap) => tap !== null);
}

function whyOf(exit: AccountTap, entry: AccountTap, row: Interchange): string {
  const on = row.switchId === '' ? '' : `, switch ${row.switchId} on`;
  const place = `faregate_interchanges.txt, line ${row.line}`;
  return `out at ${exit.stop} and in at ${entry.stop} is one ride: ${place}${on}`;
}

function keyOf(from: string, to: string): string {
  return `${from}\u0000${to}`;
}
