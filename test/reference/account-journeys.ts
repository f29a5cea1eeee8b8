/**
 * A slow twin of `engine/fare/account/journeys.ts`, written from the sentences of
 * docs/fare-extensions.md ("Days, periods, zones", "Taps become rides", "Rides that belong
 * together"), one after the other.
 */
import type {
  Account,
  AccountTap,
  SwitchPeriod,
  TakenLeg,
} from '../../engine/fare/account/account.ts';
import type { FareFrame } from '../../engine/fare/account/frame.ts';
import type { FareTerms } from '../../engine/fare/terms/terms.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface TwinJourney {
  readonly legs: TakenLeg[];
  pricing: string;
  /** `missingExit A m 1200 maximum`. */
  readonly charges: string[];
  readonly taps: string[];
  /** `faregate_same_station.txt, line 3`. */
  readonly rows: string[];
}

interface TwinRide {
  taps: AccountTap[];
  entry: AccountTap | null;
  exit: AccountTap | null;
  rows: string[];
}

interface Done {
  leg: TakenLeg | null;
  charges: string[];
  taps: string[];
  rows: string[];
  ends: boolean;
}

/** A ride in a journey, by a row or, as its first ride and those by transfers, by none. */
interface Joined {
  readonly ride: Done;
  readonly row: string | null;
}

export class Twin {
  readonly terms: FareTerms;
  readonly frame: FareFrame;
  readonly account: Account;
  readonly switches: readonly SwitchPeriod[];
  readonly past: { from: string; to: string }[] = [];
  readonly clock: Intl.DateTimeFormat;

  constructor(
    terms: FareTerms,
    frame: FareFrame,
    account: Account,
    switches: readonly SwitchPeriod[],
  ) {
    this.terms = terms;
    this.frame = frame;
    this.account = account;
    this.switches = switches;
    this.clock = new Intl.DateTimeFormat('sv-SE', {
      timeZone: terms.settings.timezone,
      dateStyle: 'short',
      timeStyle: 'medium',
    });
  }

  journeys(arrived: readonly AccountTap[], nowMs: number): [TwinJourney[], string[] | null] {
    const taps = inOrder(arrived).map((tap) =>
      tap.network === '' && tap.route !== ''
        ? { ...tap, network: this.frame.networkOf(tap.route) }
        : tap,
    );
    const rides = this.overInterchanges(this.pairs(taps));
    const last = rides.at(-1);
    let open: string[] | null = null;
    if (last?.entry && !last.exit && this.waits(last.taps.at(-1)!.atMs, nowMs)) {
      open = last.taps.map(({ id }) => id);
    }
    const done = rides.flatMap((ride) => {
      if (open && ride === last) return [];
      const at = taps.indexOf(ride.taps.at(-1)!);
      return this.judge(ride, taps[at + 1] ?? null);
    });
    return [this.together(done), open];
  }

  // Days, periods, zones

  /** Service day and the time of it. */
  dayAndTime(ms: number): [number, number] {
    const [date, time] = this.clock.format(Math.floor(ms / 1000) * 1000).split(' ');
    const local = Date.parse(`${date}T${time}Z`) + (((ms % 1000) + 1000) % 1000);
    const day = Math.floor((local - this.terms.settings.dayStartMs) / DAY);
    return [day, local - day * DAY];
  }

  inPeriod(id: string, ms: number): boolean {
    if (id === '') return true;
    const [day, time] = this.dayAndTime(ms);
    const weekday = this.terms.holidays.get(day) ?? (new Date(day * DAY).getUTCDay() + 6) % 7;
    return this.terms.periods.some(
      (row) => row.id === id && row.weekdays[weekday]! && row.startMs <= time && time < row.endMs,
    );
  }

  /** A stop on a boundary counts in the zone that is better for the rider. */
  span(from: string, to: string): number {
    const zones = (stop: string) => {
      const ids = this.terms.stopZones.get(stop) ?? this.terms.stopZones.get(this.station(stop));
      return (ids ?? []).map((id) => this.terms.zoneNumbers.get(id)!);
    };
    const spans = zones(from).flatMap((a) => zones(to).map((b) => Math.abs(a - b) + 1));
    return Math.min(Number.POSITIVE_INFINITY, ...spans);
  }

  station(stop: string): string {
    return this.frame.stationOf(stop);
  }

  isFor(
    row: { stop?: string; network?: string; rider?: string; media?: string },
    stop: string,
    network: string,
  ): boolean {
    const isAny = (field: string | undefined) => field === undefined || field === '';
    const rider = this.account.rider ?? this.frame.defaultRider;
    return (
      (isAny(row.stop) || row.stop === stop || row.stop === this.station(stop)) &&
      (isAny(row.network) || row.network === network) &&
      (isAny(row.rider) || row.rider === rider) &&
      (isAny(row.media) || row.media === this.account.media)
    );
  }

  // Taps become rides

  /** Whether an entry still waits for its exit. */
  waits(entryMs: number, atMs: number): boolean {
    const longest = Math.max(6 * HOUR, ...this.terms.timeLimits.map(({ limitMs }) => limitMs));
    const isToday = this.dayAndTime(atMs)[0] <= this.dayAndTime(entryMs)[0];
    return isToday || atMs <= entryMs + longest;
  }

  pairs(taps: readonly AccountTap[]): TwinRide[] {
    const partner = (index: number): AccountTap | null => {
      const [exit, entry] = [taps[index], taps[index - 1]];
      if (exit?.kind !== 'exit' || entry?.kind !== 'entry') return null;
      return this.waits(entry.atMs, exit.atMs) ? entry : null;
    };
    return taps.flatMap((tap, index): TwinRide[] => {
      if (tap.kind === 'single') return [{ taps: [tap], entry: tap, exit: tap, rows: [] }];
      if (tap.kind === 'exit') {
        const entry = partner(index);
        return [{ taps: entry ? [entry, tap] : [tap], entry, exit: tap, rows: [] }];
      }
      const hasExit = partner(index + 1) !== null;
      return hasExit ? [] : [{ taps: [tap], entry: tap, exit: null, rows: [] }];
    });
  }

  overInterchanges(pairs: readonly TwinRide[]): TwinRide[] {
    const rides = [...pairs];
    for (let i = 0; i + 1 < rides.length; ) {
      const [one, two] = [rides[i]!, rides[i + 1]!];
      const row = one.entry && one.exit && two.entry ? this.interchange(one.exit, two.entry) : null;
      if (row === null) {
        i++;
        continue;
      }
      const rows = [...one.rows, row];
      const taps = [...one.taps, ...two.taps];
      rides.splice(i, 2, { taps, entry: one.entry, exit: two.exit, rows });
    }
    return rides;
  }

  interchange(exit: AccountTap, entry: AccountTap): string | null {
    if (exit.kind !== 'exit' || entry.kind !== 'entry') return null;
    const row = this.terms.interchanges.find(({ from, to, limitMs, period, switchId }) => {
      const isAt = (stop: string, at: string) => stop === at || stop === this.station(at);
      const isPair = (from === '' && to === '') || (isAt(from, exit.stop) && isAt(to, entry.stop));
      const isOn = this.switches.some(
        ({ id, fromMs, toMs }) => id === switchId && !(toMs <= exit.atMs || fromMs > entry.atMs),
      );
      const isInTime = entry.atMs <= exit.atMs + limitMs && this.inPeriod(period, exit.atMs);
      return isPair && isInTime && (switchId === '' || isOn);
    });
    return row ? `faregate_interchanges.txt, line ${row.line}` : null;
  }

  judge(ride: TwinRide, next: AccountTap | null): Done[] {
    const { entry, exit } = ride;
    const taps = ride.taps.map(({ id }) => id);
    if (!entry) return [this.missing('entry', exit!, taps, ride.rows)];
    if (!exit) return [this.missing('exit', entry, taps, ride.rows)];
    const network = entry.network === '' ? exit.network : entry.network;
    const leg: TakenLeg = {
      from: entry.stop,
      to: exit.stop,
      network,
      route: entry.route === '' ? exit.route : entry.route,
      departureMs: entry.atMs,
      arrivalMs: exit.atMs,
      completed: null,
    };
    const done: Done = { leg, charges: [], taps, rows: [...ride.rows], ends: false };
    if (entry.kind === 'single') return [done];
    const stayMs = exit.atMs - entry.atMs;
    const isSame = this.station(entry.stop) === this.station(exit.stop);
    const stay = isSame
      ? this.terms.sameStation.find(
          (row) =>
            this.isFor(row, entry.stop, network) && stayMs <= (row.untilMs ?? Number.MAX_VALUE),
        )
      : undefined;
    if (stay) {
      done.rows.push(`faregate_same_station.txt, line ${stay.line}`);
      const isAgain = next?.kind === 'entry' && this.station(next.stop) === this.station(exit.stop);
      if (stay.reentryMs !== null && isAgain && next.atMs <= exit.atMs + stay.reentryMs) {
        return [{ ...done, leg: null }];
      }
      if (stay.charge === 'incomplete') return this.incomplete(ride, done.rows.at(-1)!);
      if (stay.charge === 'none') return [{ ...done, leg: null }];
      if (stay.charge !== 'fare') {
        const charge = stay.charge === 'amount' ? stay.amountMinor : stay.charge;
        const charges = [`sameStation ${entry.stop} ${network} ${entry.atMs} ${charge}`];
        return [{ ...done, leg: null, charges }];
      }
    }
    const limit = this.terms.timeLimits.find(
      (row) =>
        this.isFor({ network: row.network }, entry.stop, network) &&
        (row.zones === null || this.span(entry.stop, exit.stop) <= row.zones) &&
        this.inPeriod(row.period, entry.atMs),
    );
    const isLong = limit !== undefined && stayMs > limit.limitMs;
    const row = `faregate_time_limits.txt, line ${limit?.line}`;
    if (isLong && limit.charge === 'incomplete') return this.incomplete(ride, row);
    if (isLong) {
      const charge = limit.charge === 'maximum' ? 'maximum' : (limit.amountMinor ?? 'maximum');
      done.charges.push(`overstay ${entry.stop} ${network} ${entry.atMs} ${charge}`);
      done.rows.push(row);
    }
    if (isLong && limit.charge === 'maximum') return [{ ...done, leg: null, ends: true }];
    if (!isSame) this.past.push({ from: this.station(entry.stop), to: this.station(exit.stop) });
    return [done];
  }

  /** An entry without exit and an exit without entry. */
  incomplete(ride: TwinRide, row: string): Done[] {
    const taps = ride.taps.map(({ id }) => id);
    const exit = ride.exit!;
    const own = this.missing('exit', ride.entry!, taps.slice(0, -1), [...ride.rows, row]);
    return [own, this.missing('entry', exit, [exit.id], [row])];
  }

  missing(which: 'entry' | 'exit', tap: AccountTap, taps: string[], rows: string[]): Done {
    const done: Done = { leg: null, charges: [], taps, rows: [...rows], ends: true };
    const row = this.terms.missingTaps.find(
      (one) => one.missing === which && this.isFor(one, tap.stop, tap.network),
    );
    const name = which === 'entry' ? 'missingEntry' : 'missingExit';
    const charge = (what: string | number) =>
      `${name} ${tap.stop} ${tap.network} ${tap.atMs} ${what}`;
    if (!row) return { ...done, charges: [charge(this.frame.missingTapMinor ?? 'maximum')] };
    done.rows.push(`faregate_missing_taps.txt, line ${row.line}`);
    if (row.charge === 'none') return done;
    if (row.charge === 'amount') return { ...done, charges: [charge(row.amountMinor!)] };
    if (row.charge === 'maximum') return { ...done, charges: [charge('maximum')] };
    const usual = this.usual(which, tap);
    if (usual === null) return { ...done, charges: [charge(row.amountMinor ?? 'maximum')] };
    const { network, route, atMs } = tap;
    const ends = which === 'exit' ? { from: tap.stop, to: usual } : { from: usual, to: tap.stop };
    const both = { departureMs: atMs, arrivalMs: atMs };
    return { ...done, leg: { ...ends, network, route, ...both, completed: which }, ends: false };
  }

  /** Most often, the latest of several. */
  usual(which: 'entry' | 'exit', tap: AccountTap): string | null {
    const here = this.station(tap.stop);
    const partners = this.past.flatMap(({ from, to }) => {
      if (which === 'exit') return from === here ? [to] : [];
      return to === here ? [from] : [];
    });
    const times = (stop: string) => partners.filter((one) => one === stop).length;
    const most = Math.max(0, ...partners.map(times));
    return partners.filter((stop) => times(stop) === most).at(-1) ?? null;
  }

  // Rides that belong together

  together(rides: readonly Done[]): TwinJourney[] {
    /** Of each ride: the ride before it in its journey, and how it continues it. */
    const found: { journey: Joined[]; pricing: string }[] = [];
    let before: (typeof found)[0] | null = null;
    for (const ride of rides) {
      const { leg, ends } = ride;
      const legs = before ? before.journey.map((one) => one.ride.leg!) : [];
      const how = before && leg ? this.continues({ legs, pricing: before.pricing }, leg) : null;
      if (before && how) {
        before.journey.push({ ride, row: how[1] });
        before.pricing = how[0];
        continue;
      }
      const begun = { journey: [{ ride, row: null }], pricing: 'sum' };
      found.push(begun);
      if (leg) before = begun;
      if (ends) before = null;
    }
    return found
      .flatMap(({ journey, pricing }) => this.cut(journey).map((part) => ({ part, pricing })))
      .sort((a, b) => rides.indexOf(a.part[0]!.ride) - rides.indexOf(b.part[0]!.ride))
      .map(({ part, pricing }) => ({
        legs: part.flatMap(({ ride }) => (ride.leg ? [ride.leg] : [])),
        pricing,
        charges: part.flatMap(({ ride }) => ride.charges),
        taps: part.flatMap(({ ride }) => ride.taps),
        rows: part.flatMap(({ ride, row }, index) =>
          index > 0 && row ? [row, ...ride.rows] : ride.rows,
        ),
      }));
  }

  /** From the last ride back, a new journey begins wherever that changes nothing in the cost. */
  cut(rides: readonly Joined[]): Joined[][] {
    if (rides.length === 1) return [[...rides]];
    const legs = rides.map(({ ride }) => ride.leg!);
    const cost = (from: number, to?: number) =>
      this.frame.costMinor(legs.slice(from, to), this.account);
    const starts = rides.flatMap(({ row }, at) => (at > 0 && row === null ? [at] : []));
    const whole = cost(0);
    if (whole === null) {
      return [0, ...starts].map((from, index) => rides.slice(from, starts[index]));
    }
    for (const at of starts.toReversed()) {
      const [one, two] = [cost(0, at), cost(at)];
      if (one === null || two === null || one + two !== whole) continue;
      return [...this.cut(rides.slice(0, at)), rides.slice(at)];
    }
    return [[...rides]];
  }

  /** How a ride is priced with those before it, and by which row; null by transfers. */
  continues(
    { legs, pricing }: Pick<TwinJourney, 'legs' | 'pricing'>,
    leg: TakenLeg,
  ): [string, string | null] | null {
    const last = legs.at(-1)!;
    const first = legs[0]!;
    const isAlone = legs.length === 1;
    if (legs.length >= 64) return null;
    const row = this.terms.continuations.find(
      ({ fromNetwork, toNetwork, rider }) =>
        this.isFor({ network: fromNetwork }, '', last.network) &&
        this.isFor({ network: toNetwork, rider }, '', leg.network),
    );
    const gapMs = leg.departureMs - last.arrivalMs;
    if (!row) {
      const { transferMs } = this.frame;
      if (transferMs === null || !(isAlone || pricing === 'sum')) return null;
      const day = (ms: number) => this.dayAndTime(ms)[0];
      const isOneDay = day(last.departureMs) === day(leg.departureMs);
      const isNear = transferMs === Number.POSITIVE_INFINITY ? isOneDay : gapMs <= transferMs;
      return isNear ? ['sum', null] : null;
    }
    if (!isAlone && pricing !== row.pricing) return null;
    if (legs.length > row.transfers || gapMs > row.gapMs) return null;
    if (leg.departureMs - first.departureMs > row.totalMs) return null;
    const isUsed = leg.route !== '' && legs.some(({ route }) => route === leg.route);
    if (isUsed && !row.mayRepeat) return null;
    const isBack = this.station(leg.to) === this.station(first.from);
    if (row.pricing === 'through' && isBack) return null;
    return [row.pricing, `faregate_continuations.txt, line ${row.line}`];
  }
}

/** By instant, then id; each id once, the earliest. */
function inOrder(arrived: readonly AccountTap[]): AccountTap[] {
  const text = ({ id, kind, stop, network, route }: AccountTap) =>
    [id, kind, stop, network, route].join('\u0000');
  const isBefore = (a: AccountTap, b: AccountTap) =>
    a.atMs < b.atMs || (a.atMs === b.atMs && text(a) < text(b));
  const left = [...arrived];
  const taps: AccountTap[] = [];
  while (left.length > 0) {
    const first = left.reduce((least, tap) => (isBefore(tap, least) ? tap : least));
    left.splice(left.indexOf(first), 1);
    if (!taps.some(({ id }) => id === first.id)) taps.push(first);
  }
  return taps;
}
