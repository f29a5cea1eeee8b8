/**
 * Rides that together make a journey (docs/fare-extensions.md, `faregate_continuations.txt`), and
 * rides that a feed's own transfers may be for.
 */
import { JOURNEY_LEGS_MAX } from '../../limits.ts';
import type { Continuation, JourneyPricing } from '../terms/terms.ts';
import type { Account, TakenJourney, TakenLeg } from './account.ts';
import type { Ride, RideTables } from './rides.ts';

/** How a ride continues a journey. */
interface Link {
  readonly pricing: JourneyPricing;
  readonly why: string;
  /** By a transfer of the fares' own, which may make no difference. */
  readonly isTransfer: boolean;
}

/** A ride of a journey, and how it came into it; the first did by nothing. */
interface Part {
  readonly ride: Ride;
  readonly leg: TakenLeg;
  readonly link: Link | null;
  /** Its place among the account's rides. */
  readonly order: number;
}

/** A journey, in the order of its first ride. */
interface Ordered {
  readonly journey: TakenJourney;
  readonly order: number;
}

/** Puts the rides of an account, in order, together to journeys. */
export function joinRides(
  rides: readonly Ride[],
  tables: RideTables,
  account: Account,
): TakenJourney[] {
  const journeys: Ordered[] = [];
  let parts: Part[] = [];
  const finish = () => {
    for (const cut of cutJourney(parts, tables, account)) journeys.push(journeyOf(cut));
    parts = [];
  };
  for (const [order, ride] of rides.entries()) {
    const { leg } = ride;
    if (!leg) {
      if (ride.endsJourney) finish();
      const { charges, atMs, taps, why } = ride;
      journeys.push({ journey: { legs: [], pricing: 'sum', charges, atMs, taps, why }, order });
      continue;
    }
    const link = linkOf(parts, leg, tables, account);
    if (!link) finish();
    parts.push({ ride, leg, link, order });
  }
  finish();
  return journeys.sort((a, b) => a.order - b.order).map(({ journey }) => journey);
}

/**
 * Rides that stand together for transfers of the fares' own alone begin a new journey, from the
 * last one back, wherever that changes nothing in what they cost; or each does, where all together
 * have no price.
 */
function cutJourney(parts: readonly Part[], { frame }: RideTables, account: Account): Part[][] {
  if (parts.length === 0) return [];
  if (!parts.some(({ link }) => link?.isTransfer)) return [[...parts]];
  const legs = parts.map(({ leg }) => leg);
  const cuts: Part[][] = [];
  let end = parts.length;
  const whole = frame.costMinor(legs, account);
  let rest = whole;
  for (let at = end - 1; at > 0; at--) {
    if (!parts[at]!.link!.isTransfer) continue;
    const before = whole === null ? null : frame.costMinor(legs.slice(0, at), account);
    const after = before === null ? null : frame.costMinor(legs.slice(at, end), account);
    const isSame = before !== null && after !== null && before + after === rest;
    if (whole !== null && !isSame) continue;
    cuts.unshift(parts.slice(at, end));
    end = at;
    rest = before;
  }
  return [parts.slice(0, end), ...cuts];
}

function journeyOf(parts: readonly Part[]): Ordered {
  const [first, ...others] = parts;
  const journey: TakenJourney = {
    legs: parts.map(({ leg }) => leg),
    pricing: others[0]?.link?.pricing ?? 'sum',
    charges: parts.flatMap(({ ride }) => ride.charges),
    atMs: first!.ride.atMs,
    taps: parts.flatMap(({ ride }) => ride.taps),
    why: parts.flatMap(({ ride, link }, index) =>
      index === 0 || !link ? ride.why : [link.why, ...ride.why],
    ),
  };
  return { journey, order: first!.order };
}

/** How a ride continues a journey, or null. */
function linkOf(
  parts: readonly Part[],
  leg: TakenLeg,
  tables: RideTables,
  account: Account,
): Link | null {
  if (parts.length === 0 || parts.length === JOURNEY_LEGS_MAX) return null;
  const before = parts.at(-1)!.leg;
  const rider = account.rider ?? tables.frame.defaultRider;
  const isFor = ({ fromNetwork, toNetwork, rider: whom }: Continuation) =>
    (fromNetwork === '' || fromNetwork === before.network) &&
    (toNetwork === '' || toNetwork === leg.network) &&
    (whom === '' || whom === rider);
  const row = tables.terms.continuations.find(isFor);
  const pricing = parts[1]?.link?.pricing ?? null;
  if (!row) return pricing === null || pricing === 'sum' ? transferOf(before, leg, tables) : null;
  const first = parts[0]!.leg;
  const isUsed = leg.route !== '' && parts.some((part) => part.leg.route === leg.route);
  const isKept =
    parts.length <= row.transfers &&
    leg.departureMs - first.departureMs <= row.totalMs &&
    leg.departureMs - before.arrivalMs <= row.gapMs &&
    (row.mayRepeat || !isUsed) &&
    (pricing ?? row.pricing) === row.pricing &&
    !(row.pricing === 'through' && isBack(first, leg, tables));
  if (!isKept) return null;
  const place = `faregate_continuations.txt, line ${row.line}`;
  const why = `from ${leg.from} on the journey goes on: ${place}`;
  return { pricing: row.pricing, why, isTransfer: false };
}

/** Whether a ride ends where a journey began, between which there is no fare. */
function isBack(first: TakenLeg, last: TakenLeg, { frame }: RideTables): boolean {
  return frame.stationOf(first.from) === frame.stationOf(last.to);
}

/** A ride near enough to the one before for a transfer of the fares' own. */
function transferOf(before: TakenLeg, leg: TakenLeg, { frame, calendar }: RideTables): Link | null {
  if (frame.transferMs === null) return null;
  const isNear =
    frame.transferMs === Number.POSITIVE_INFINITY
      ? calendar.dayOf(before.departureMs) === calendar.dayOf(leg.departureMs)
      : leg.departureMs - before.arrivalMs <= frame.transferMs;
  const why = `from ${leg.from} on by transfers of the fares`;
  return isNear ? { pricing: 'sum', why, isTransfer: true } : null;
}
