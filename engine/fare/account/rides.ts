/**
 * What becomes of a ride as tapped: a leg with its fare, a charge, or both
 * (docs/fare-extensions.md, "Taps become rides"): same station, then the time limit, then taps that
 * are missing.
 */
import type { FareCalendar } from '../terms/calendar.ts';
import type { FareTerms, MissingTap, Riding, SameStation, TimeLimit } from '../terms/terms.ts';
import { zonesSpanned } from '../terms/zones.ts';
import type { Account, AccountTap, FixedCharge, TakenLeg } from './account.ts';
import type { FareFrame } from './frame.ts';
import type { Stay } from './interchanges.ts';
import { type PastRide, UsualStops } from './usual.ts';

/** A ride, or what is charged in its place. */
export interface Ride {
  readonly leg: TakenLeg | null;
  readonly charges: readonly FixedCharge[];
  readonly atMs: number;
  readonly taps: readonly string[];
  readonly why: readonly string[];
  /** Whether no later ride continues the journey before it. */
  readonly endsJourney: boolean;
}

/** The rules of one fare version. */
export interface RideTables {
  readonly terms: FareTerms;
  readonly calendar: FareCalendar;
  readonly frame: FareFrame;
}

/** Where a rule holds, and for whom. */
type Filter = Riding & { readonly stop: string };

/** Judges the rides of one account, in order. */
export class RideJudge {
  readonly #tables: RideTables;
  readonly #rider: string;
  readonly #media: string;
  readonly #usual = new UsualStops();

  /** @param history rides before the first tap, in order */
  constructor(tables: RideTables, account: Account, history: readonly PastRide[]) {
    this.#tables = tables;
    this.#rider = account.rider ?? tables.frame.defaultRider;
    this.#media = account.media ?? '';
    for (const { from, to } of history) this.#remember(from, to);
  }

  /** @param next the account's next tap after the ride, or null */
  judge(stay: Stay, next: AccountTap | null): Ride[] {
    const { entry, exit } = stay;
    const taps = stay.taps.map(({ id }) => id);
    if (!entry) return [this.#withoutEntry(exit!, [])];
    if (!exit) return [this.#withoutExit(entry, taps, stay.why)];
    if (entry === exit) return [rideOf(legOf(entry, exit, entry.network), taps, stay.why)];
    const network = entry.network || exit.network;
    const isSame = this.#station(entry.stop) === this.#station(exit.stop);
    const row = isSame ? this.#sameStation(entry, exit, network) : null;
    if (row && isTakenBack(row, exit, next, (stop) => this.#station(stop))) {
      const why = `in again at ${exit.stop}: nothing to pay, ${place('same_station', row)}`;
      return [{ ...chargeOf(entry.atMs, taps, [...stay.why, why], []), endsJourney: false }];
    }
    if (row && row.charge !== 'fare') return this.#atOneStation(stay, taps, row);
    const why = row ? [`in and out at ${entry.stop}: ${place('same_station', row)}`] : [];
    return this.#within(stay, taps, network, [...stay.why, ...why]);
  }

  #sameStation(entry: AccountTap, exit: AccountTap, network: string): SameStation | null {
    const stayMs = exit.atMs - entry.atMs;
    const { sameStation } = this.#tables.terms;
    const isFor = (row: SameStation) =>
      this.#isFor(row, entry.stop, network) && (row.untilMs === null || stayMs <= row.untilMs);
    return sameStation.find(isFor) ?? null;
  }

  #atOneStation(stay: Stay, taps: readonly string[], row: SameStation): Ride[] {
    const entry = stay.entry!;
    const minutes = row.untilMs === null ? '' : ` within ${row.untilMs / 60_000} minutes`;
    const why = `in and out at ${entry.stop}${minutes}: ${place('same_station', row)}`;
    if (row.charge === 'incomplete') return this.#incomplete(stay, taps, why);
    const charge = row.charge === 'amount' ? row.amountMinor! : row.charge;
    const reasons = [...stay.why, why];
    const charges: FixedCharge[] =
      charge === 'none' || charge === 'fare'
        ? []
        : [{ kind: 'sameStation', ...placeOf(entry, stay.exit), charge, why }];
    return [{ ...chargeOf(entry.atMs, taps, reasons, charges), endsJourney: false }];
  }

  /** A ride whose taps are all there: its leg, unless it took too long. */
  #within(stay: Stay, taps: readonly string[], network: string, why: readonly string[]): Ride[] {
    const entry = stay.entry!;
    const exit = stay.exit!;
    const row = this.#timeLimit(entry, exit, network);
    if (row && exit.atMs - entry.atMs > row.limitMs) {
      return this.#overstay(stay, taps, network, why, row);
    }
    this.#remember(entry.stop, exit.stop);
    return [rideOf(legOf(entry, exit, network), taps, why)];
  }

  #timeLimit(entry: AccountTap, exit: AccountTap, network: string): TimeLimit | null {
    const { terms, calendar } = this.#tables;
    if (terms.timeLimits.length === 0) return null;
    const span = zonesSpanned(terms, this.#zoneStop(entry.stop), this.#zoneStop(exit.stop));
    const isFor = (row: TimeLimit) =>
      (row.network === '' || row.network === network) &&
      (row.zones === null || (span !== null && span <= row.zones)) &&
      calendar.isIn(calendar.periodOf(row.period), entry.atMs);
    return terms.timeLimits.find(isFor) ?? null;
  }

  #overstay(
    stay: Stay,
    taps: readonly string[],
    network: string,
    why: readonly string[],
    row: TimeLimit,
  ): Ride[] {
    const entry = stay.entry!;
    const reason = `over ${row.limitMs / 60_000} minutes: ${place('time_limits', row)}`;
    if (row.charge === 'incomplete') return this.#incomplete(stay, taps, reason);
    const charge = row.charge === 'surcharge' ? (row.amountMinor ?? 'maximum') : 'maximum';
    const fixed = placeOf(entry, stay.exit);
    const charges: FixedCharge[] = [{ kind: 'overstay', ...fixed, charge, why: reason }];
    const reasons = [...why, reason];
    if (row.charge === 'maximum') return [chargeOf(entry.atMs, taps, reasons, charges)];
    this.#remember(entry.stop, stay.exit!.stop);
    return [{ ...rideOf(legOf(entry, stay.exit!, network), taps, reasons), charges }];
  }

  /** An entry without exit and an exit without entry. */
  #incomplete(stay: Stay, taps: readonly string[], reason: string): Ride[] {
    const exit = this.#withoutExit(stay.entry!, taps.slice(0, -1), [...stay.why, reason]);
    return [exit, this.#withoutEntry(stay.exit!, [reason])];
  }

  #withoutExit(tap: AccountTap, taps: readonly string[], before: readonly string[]): Ride {
    const usual = this.#usual.exitOf(this.#station(tap.stop));
    const row = this.#missingTap('exit', tap);
    if (row?.charge === 'usual' && usual !== null) {
      const why = `${missingText('exit', tap, row)}; it is usually at ${usual}`;
      const leg = legOf(tap, { ...tap, stop: usual }, tap.network);
      return rideOf({ ...leg, completed: 'exit' }, taps, [...before, why]);
    }
    return this.#missing('exit', tap, taps, before, row);
  }

  #withoutEntry(tap: AccountTap, before: readonly string[]): Ride {
    const usual = this.#usual.entryOf(this.#station(tap.stop));
    const row = this.#missingTap('entry', tap);
    if (row?.charge === 'usual' && usual !== null) {
      const why = `${missingText('entry', tap, row)}; it is usually at ${usual}`;
      const leg = legOf({ ...tap, stop: usual }, tap, tap.network);
      return rideOf({ ...leg, completed: 'entry' }, [tap.id], [...before, why]);
    }
    return this.#missing('entry', tap, [tap.id], before, row);
  }

  #missing(
    missing: 'entry' | 'exit',
    tap: AccountTap,
    taps: readonly string[],
    before: readonly string[],
    row: MissingTap | null,
  ): Ride {
    const why = [...before, missingText(missing, tap, row)];
    if (row?.charge === 'none') return chargeOf(tap.atMs, taps, why, []);
    const amount = row ? row.amountMinor : this.#tables.frame.missingTapMinor;
    const charge: FixedCharge = {
      kind: missing === 'entry' ? 'missingEntry' : 'missingExit',
      ...placeOf(tap, null),
      charge: amount ?? 'maximum',
      why: why.join('; '),
    };
    return chargeOf(tap.atMs, taps, why, [charge]);
  }

  #missingTap(missing: 'entry' | 'exit', tap: AccountTap): MissingTap | null {
    const isFor = (row: MissingTap) =>
      row.missing === missing && this.#isFor(row, tap.stop, tap.network);
    return this.#tables.terms.missingTaps.find(isFor) ?? null;
  }

  #isFor(row: Filter, stop: string, network: string): boolean {
    return (
      (row.stop === '' || row.stop === stop || row.stop === this.#station(stop)) &&
      (row.network === '' || row.network === network) &&
      (row.rider === '' || row.rider === this.#rider) &&
      (row.media === '' || row.media === this.#media)
    );
  }

  #station(stop: string): string {
    return this.#tables.frame.stationOf(stop);
  }

  /** A stop has its own zones, or those of its station. */
  #zoneStop(stop: string): string {
    return this.#tables.terms.stopZones.has(stop) ? stop : this.#station(stop);
  }

  #remember(from: string, to: string): void {
    const ride = { from: this.#station(from), to: this.#station(to) };
    if (ride.from !== ride.to) this.#usual.add(ride);
  }
}

function missingText(missing: 'entry' | 'exit', tap: AccountTap, row: MissingTap | null): string {
  const text =
    missing === 'exit' ? `in at ${tap.stop} and never out` : `out at ${tap.stop} and never in`;
  return row ? `${text}: ${place('missing_taps', row)}` : text;
}

/** Whether the rider went in again where a row takes its charge back. */
function isTakenBack(
  { reentryMs }: SameStation,
  exit: AccountTap,
  next: AccountTap | null,
  station: (stop: string) => string,
): boolean {
  if (reentryMs === null || next?.kind !== 'entry') return false;
  return station(next.stop) === station(exit.stop) && next.atMs - exit.atMs <= reentryMs;
}

function rideOf(leg: TakenLeg, taps: readonly string[], why: readonly string[]): Ride {
  return { leg, charges: [], atMs: leg.departureMs, taps, why, endsJourney: false };
}

/** No ride. */
function chargeOf(
  atMs: number,
  taps: readonly string[],
  why: readonly string[],
  charges: readonly FixedCharge[],
): Ride {
  return { leg: null, charges, atMs, taps, why, endsJourney: true };
}

/** Network and route are the entry's, or where it names none the exit's. */
function legOf(entry: AccountTap, exit: AccountTap, network: string): TakenLeg {
  return {
    from: entry.stop,
    to: exit.stop,
    network,
    route: entry.route || exit.route,
    departureMs: entry.atMs,
    arrivalMs: exit.atMs,
    completed: null,
  };
}

/** What a charge is worked out from. */
function placeOf(
  { stop, network, atMs }: AccountTap,
  exit: AccountTap | null,
): Pick<FixedCharge, 'stop' | 'network' | 'atMs'> {
  return { stop, network: network || (exit?.network ?? ''), atMs };
}

function place(table: string, { line }: { readonly line: number }): string {
  return `faregate_${table}.txt, line ${line}`;
}
