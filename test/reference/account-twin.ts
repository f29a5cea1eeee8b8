/**
 * What an account's journeys cost, written from the sentences of docs/fare-extensions.md: every
 * journey looks through all journeys before it, time is asked of the runtime's calendar, and
 * percents are whole numbers of any size. Slow and obvious.
 */
import type {
  Account,
  LegPrices,
  TakenJourney,
  TakenLeg,
} from '../../engine/fare/account/account.ts';
import type {
  Cap,
  CumulativeStep,
  FareTerms,
  Pass,
  Reduction,
} from '../../engine/fare/terms/terms.ts';

const DAY_MS = 86_400_000;

/** A journey that has its price, as later ones see it. */
interface Past {
  readonly legs: readonly TakenLeg[];
  readonly paid: readonly number[];
  readonly isTransfer: readonly boolean[];
  /** The pass that was used, by its place among those held. */
  readonly pass: number | null;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Local wall clock of a zone as if it were UTC. */
function wallMs(zone: string, atMs: number): number {
  let format = formats.get(zone);
  if (!format) {
    const two = '2-digit';
    format = new Intl.DateTimeFormat('sv-SE', {
      ...{ timeZone: zone, year: 'numeric', month: two, day: two, hour: two },
      ...{ minute: two, second: two, hourCycle: 'h23' },
    });
    formats.set(zone, format);
  }
  return Date.parse(`${format.format(atMs).replace(' ', 'T')}Z`) + (atMs % 1000);
}

/** Midnight that names the service day of an instant, as if it were UTC. */
function serviceDay({ settings }: FareTerms, atMs: number): number {
  const wall = wallMs(settings.timezone, atMs);
  const midnight = Date.parse(`${new Date(wall).toISOString().slice(0, 10)}T00:00:00Z`);
  return wall - midnight < settings.dayStartMs ? midnight - DAY_MS : midnight;
}

/** A text that is the same for all service days of a span. */
function spanOf(terms: FareTerms, span: 'day' | 'week' | 'month', atMs: number): string {
  let day = new Date(serviceDay(terms, atMs));
  if (span === 'month') return day.toISOString().slice(0, 7);
  const isFirst = () => (day.getUTCDay() + 6) % 7 === terms.settings.weekStart;
  while (span === 'week' && !isFirst()) day = new Date(day.getTime() - DAY_MS);
  return day.toISOString().slice(0, 10);
}

function isIn(terms: FareTerms, period: string, atMs: number): boolean {
  if (period === '') return true;
  const midnight = serviceDay(terms, atMs);
  const since = wallMs(terms.settings.timezone, atMs) - midnight;
  const plain = (new Date(midnight).getUTCDay() + 6) % 7;
  const weekday = terms.holidays.get(midnight / DAY_MS) ?? plain;
  return terms.periods.some(
    ({ id, weekdays, startMs, endMs }) =>
      id === period && weekdays[weekday] && startMs <= since && since < endMs,
  );
}

function fits(filter: string, value: string): boolean {
  return filter === '' || filter === value;
}

interface JourneyFilter {
  readonly network: string;
  readonly zoneSet: string;
  readonly period: string;
}

/** "All legs on the network, all stops in the zones, the first entry in the period." */
function covers(terms: FareTerms, rule: JourneyFilter, legs: readonly TakenLeg[]): boolean {
  const isInZones = (stop: string) =>
    rule.zoneSet === '' ||
    (terms.stopZones.get(stop) ?? []).some((zone) => terms.zoneSets.get(rule.zoneSet)!.has(zone));
  return (
    legs.every(({ network }) => fits(rule.network, network)) &&
    legs.every(({ from, to }) => isInZones(from) && isInZones(to)) &&
    isIn(terms, rule.period, legs[0]!.departureMs)
  );
}

function reduce(fare: number, { percent, offMinor, roundMinor }: Reduction): number {
  const left = BigInt(fare) * BigInt(100 - percent) - BigInt(offMinor) * 100n;
  if (left <= 0n) return 0;
  const unit = BigInt(roundMinor) * 100n;
  const below = left / unit;
  const isUp = 2n * (left - below * unit) >= unit;
  const rounded = Number((isUp ? below + 1n : below) * BigInt(roundMinor));
  return rounded > fare ? fare : rounded;
}

export class AccountTwin {
  readonly #termsAt: (atMs: number) => FareTerms;
  readonly #prices: LegPrices;
  readonly #account: Account;
  readonly #rider: string;
  readonly #media: string;
  readonly #past: Past[] = [];

  constructor(
    termsAt: (atMs: number) => FareTerms,
    prices: LegPrices,
    account: Account,
    defaultRider: string,
  ) {
    this.#termsAt = termsAt;
    this.#prices = prices;
    this.#account = account;
    this.#rider = account.rider ?? defaultRider;
    this.#media = account.media ?? '';
  }

  /** What the next journey costs; null where it has no price. */
  price({ legs, pricing, charges }: TakenJourney): number | null {
    let total = 0;
    for (const { charge, stop, network, atMs } of charges) {
      const amount =
        typeof charge === 'number'
          ? charge
          : this.#prices.extreme(charge, stop, network, atMs, this.#account);
      if (amount === null) return null;
      total += amount;
    }
    if (legs.length === 0) return total;
    const fares = this.#prices.legs(legs, pricing, this.#account);
    if ('error' in fares) return null;
    const terms = this.#termsAt(legs[0]!.departureMs);
    const pass = this.#passFor(terms, legs);
    if (pass !== null) {
      const none = legs.map(() => 0);
      this.#past.push({ legs, paid: none, isTransfer: legs.map(() => false), pass });
      return total;
    }
    const isTransfer: boolean[] = [];
    const paid = legs.map((leg, index) => {
      let fare = fares[index]!.amountMinor;
      const isLater = index > 0 && pricing !== 'sum';
      const transfer = isLater ? null : this.#transferFor(terms, legs, index, isTransfer);
      // The later legs of a journey that is priced as one leave the row of transfers as it is.
      isTransfer.push(isLater ? isTransfer[0]! : transfer !== null);
      if (transfer) fare = reduce(fare, transfer);
      const discount = terms.discounts.find(
        (row) =>
          this.#isFor(row, leg.network, row.rider, row.media) &&
          isIn(terms, row.period, leg.departureMs),
      );
      if (discount) fare = reduce(fare, discount);
      const step = this.#stepFor(terms, leg, legs[0]!.departureMs);
      return step ? reduce(fare, { ...step, offMinor: 0 }) : fare;
    });
    this.#cap(terms, legs, paid);
    this.#past.push({ legs, paid, isTransfer: shortRow(isTransfer, pricing), pass: null });
    return paid.reduce((sum, fare) => sum + fare, total);
  }

  #isFor(
    { network }: { readonly network: string },
    of: string,
    rider: string,
    media: string,
  ): boolean {
    return fits(network, of) && fits(rider, this.#rider) && fits(media, this.#media);
  }

  #transferFor(
    terms: FareTerms,
    legs: readonly TakenLeg[],
    index: number,
    isTransfer: readonly boolean[],
  ): FareTerms['transfers'][number] | null {
    const before = [...this.#past.flatMap((past) => past.legs), ...legs.slice(0, index)].at(-1);
    if (!before) return null;
    const leg = legs[index]!;
    const row = [...this.#past.flatMap((past) => past.isTransfer), ...isTransfer];
    const inRow = row.length - 1 - row.lastIndexOf(false);
    const found = terms.transfers.find((rule) => {
      const elapsed = [
        leg.arrivalMs - before.departureMs,
        leg.departureMs - before.departureMs,
        leg.departureMs - before.arrivalMs,
        leg.arrivalMs - before.arrivalMs,
      ][rule.limitType]!;
      return (
        fits(rule.fromNetwork, before.network) &&
        fits(rule.toNetwork, leg.network) &&
        fits(rule.rider, this.#rider) &&
        fits(rule.media, this.#media) &&
        elapsed <= rule.limitMs &&
        inRow < rule.count
      );
    });
    return found ?? null;
  }

  /** "One scheme applies to a leg: the first that matches." */
  #schemeFor(terms: FareTerms, leg: TakenLeg): CumulativeStep | null {
    const found = terms.cumulative.find((row) =>
      this.#isFor(row, leg.network, row.rider, row.media),
    );
    return found ?? null;
  }

  #stepFor(terms: FareTerms, leg: TakenLeg, startMs: number): CumulativeStep | null {
    const scheme = this.#schemeFor(terms, leg);
    if (!scheme) return null;
    const now = spanOf(terms, scheme.span, startMs);
    let sum = 0;
    for (const past of this.#past) {
      if (spanOf(terms, scheme.span, past.legs[0]!.departureMs) !== now) continue;
      for (const [index, each] of past.legs.entries()) {
        if (this.#schemeFor(terms, each)?.scheme === scheme.scheme) sum += past.paid[index]!;
      }
    }
    const reached = terms.cumulative.filter(
      (row) => row.scheme === scheme.scheme && row.fromMinor <= sum,
    );
    return reached.sort((a, b) => b.fromMinor - a.fromMinor)[0] ?? null;
  }

  /** Lowers what legs cost to what the tightest cap leaves. */
  #cap(terms: FareTerms, legs: readonly TakenLeg[], paid: number[]): void {
    for (const cap of terms.caps) {
      if (!fits(cap.rider, this.#rider) || !fits(cap.media, this.#media)) continue;
      if (!covers(terms, cap, legs)) continue;
      const counted = this.#countedBy(terms, cap, legs[0]!.departureMs);
      const sums = counted.map((past) => past.paid.reduce((sum, fare) => sum + fare, 0));
      const spent = sums.reduce((sum, fare) => sum + fare, 0);
      const rides = sums.filter((sum) => sum > 0).length;
      const left = cap.rides === null ? cap.amountMinor! - spent : rides < cap.rides ? null : 0;
      if (left === null) continue;
      for (let index = legs.length - 1; index >= 0; index--) {
        const total = paid.reduce((sum, fare) => sum + fare, 0);
        const over = Math.max(total - Math.max(left, 0), 0);
        paid[index] = Math.max(paid[index]! - over, 0);
      }
    }
  }

  /** Journeys of the span that a cap counts. */
  #countedBy(terms: FareTerms, cap: Cap, startMs: number): Past[] {
    const matching = this.#past.filter(
      (past) => past.pass === null && covers(terms, cap, past.legs),
    );
    const startOf = (past: Past) => past.legs[0]!.departureMs;
    switch (cap.span) {
      case 'rolling': {
        const first = serviceDay(terms, startMs) - (cap.days - 1) * DAY_MS;
        return matching.filter((past) => serviceDay(terms, startOf(past)) >= first);
      }
      case 'from_first': {
        let from = Number.NEGATIVE_INFINITY;
        for (const at of [...matching.map(startOf), startMs]) {
          if (at >= from + cap.days * DAY_MS) from = at;
        }
        return matching.filter((past) => startOf(past) >= from);
      }
      default: {
        const { span } = cap;
        const now = spanOf(terms, span, startMs);
        return matching.filter((past) => spanOf(terms, span, startOf(past)) === now);
      }
    }
  }

  /** The held pass that is used, by its place, or null. */
  #passFor(terms: FareTerms, legs: readonly TakenLeg[]): number | null {
    const startMs = legs[0]!.departureMs;
    const today = serviceDay(terms, startMs);
    const good = this.#account.passes.flatMap(({ pass: id, fromMs }, place) => {
      const pass = terms.passes.find((row) => row.id === id);
      if (!pass || !fits(pass.rider, this.#rider) || startMs < fromMs) return [];
      if (!covers(terms, pass, legs)) return [];
      const uses = this.#past.filter((past) => past.pass === place);
      if (pass.rides !== null && uses.length >= pass.rides) return [];
      const started = this.#startedOn(terms, pass, fromMs, uses);
      const end = pass.days === null ? Infinity : (started ?? today) + pass.days * DAY_MS;
      return today < end ? [{ place, isBundle: pass.rides !== null, started, end }] : [];
    });
    good.sort(
      (a, b) =>
        Number(a.isBundle) - Number(b.isBundle) ||
        Number(a.started === null) - Number(b.started === null) ||
        (a.end === b.end ? 0 : a.end - b.end) ||
        a.place - b.place,
    );
    return good[0]?.place ?? null;
  }

  #startedOn(terms: FareTerms, pass: Pass, fromMs: number, uses: readonly Past[]): number | null {
    const first = uses[0];
    // A pass has started on the day that the rules of its first use made of it.
    if (first) {
      const { departureMs } = first.legs[0]!;
      const then = this.#termsAt(departureMs);
      const thenPass = then.passes.find(({ id }) => id === pass.id)!;
      return serviceDay(then, thenPass.startsAtFirstRide ? departureMs : fromMs);
    }
    return pass.startsAtFirstRide ? null : serviceDay(terms, fromMs);
  }
}

/** Of a journey that is priced as one only the first leg is in the row of transfers. */
function shortRow(isTransfer: readonly boolean[], pricing: string): boolean[] {
  return pricing === 'sum' ? [...isTransfer] : isTransfer.slice(0, 1);
}
