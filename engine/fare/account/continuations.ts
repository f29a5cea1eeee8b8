/**
 * Rides that together make a journey (docs/fare-extensions.md, `faregate_continuations.txt`), and
 * rides that a feed's own transfers may be for.
 */
import { JOURNEY_LEGS_MAX } from '../../limits.ts';
import type { Continuation, JourneyPricing } from '../terms/terms.ts';
import type { Account, FixedCharge, TakenJourney, TakenLeg } from './account.ts';
import type { Ride, RideTables } from './rides.ts';

/** A journey that later rides may continue. */
interface Growing {
  readonly legs: TakenLeg[];
  /** null: any, as long as there is one ride. */
  pricing: JourneyPricing | null;
  readonly charges: FixedCharge[];
  readonly atMs: number;
  readonly taps: string[];
  readonly why: string[];
  readonly routes: Set<string>;
}

/** How a ride continues a journey. */
interface Link {
  readonly pricing: JourneyPricing;
  readonly why: string;
}

/** Puts the rides of an account, in order, together to journeys. */
export function joinRides(
  rides: readonly Ride[],
  tables: RideTables,
  account: Account,
): TakenJourney[] {
  const rider = account.rider ?? tables.frame.defaultRider;
  const journeys: Growing[] = [];
  let last: Growing | null = null;
  for (const ride of rides) {
    const link = last && ride.leg ? linkOf(last, ride.leg, tables, rider) : null;
    if (last && link) {
      extend(last, ride, link);
      continue;
    }
    const journey = begin(ride);
    journeys.push(journey);
    if (ride.leg) last = journey;
    else if (ride.endsJourney) last = null;
  }
  return journeys.map(({ legs, pricing, charges, atMs, taps, why }) => ({
    legs,
    pricing: pricing ?? 'sum',
    charges,
    atMs,
    taps,
    why,
  }));
}

function begin({ leg, charges, atMs, taps, why }: Ride): Growing {
  return {
    legs: leg ? [leg] : [],
    pricing: null,
    charges: [...charges],
    atMs,
    taps: [...taps],
    why: [...why],
    routes: new Set(leg && leg.route !== '' ? [leg.route] : []),
  };
}

function extend(journey: Growing, ride: Ride, { pricing, why }: Link): void {
  const leg = ride.leg!;
  journey.legs.push(leg);
  journey.pricing = pricing;
  journey.charges.push(...ride.charges);
  journey.taps.push(...ride.taps);
  journey.why.push(why, ...ride.why);
  if (leg.route !== '') journey.routes.add(leg.route);
}

/** How a ride continues a journey, or null. */
function linkOf(journey: Growing, leg: TakenLeg, tables: RideTables, rider: string): Link | null {
  const before = journey.legs.at(-1)!;
  if (journey.legs.length === JOURNEY_LEGS_MAX) return null;
  const isFor = ({ fromNetwork, toNetwork, rider: whom }: Continuation) =>
    (fromNetwork === '' || fromNetwork === before.network) &&
    (toNetwork === '' || toNetwork === leg.network) &&
    (whom === '' || whom === rider);
  const row = tables.terms.continuations.find(isFor);
  if (!row) return transferOf(journey, before, leg, tables);
  const isKept =
    journey.legs.length <= row.transfers &&
    leg.departureMs - journey.legs[0]!.departureMs <= row.totalMs &&
    leg.departureMs - before.arrivalMs <= row.gapMs &&
    (row.mayRepeat || !journey.routes.has(leg.route)) &&
    (journey.pricing ?? row.pricing) === row.pricing &&
    !(row.pricing === 'through' && isBack(journey.legs[0]!, leg, tables));
  if (!isKept) return null;
  const place = `faregate_continuations.txt, line ${row.line}`;
  return { pricing: row.pricing, why: `from ${leg.from} on the journey goes on: ${place}` };
}

/** Whether a ride ends where a journey began, so that there is no fare from its entry to its exit. */
function isBack(first: TakenLeg, last: TakenLeg, { frame }: RideTables): boolean {
  return frame.stationOf(first.from) === frame.stationOf(last.to);
}

/** A ride near enough to the one before for a transfer of the fares' own. */
function transferOf(
  { pricing }: Growing,
  before: TakenLeg,
  leg: TakenLeg,
  { frame, calendar }: RideTables,
): Link | null {
  if (frame.transferMs === null || (pricing ?? 'sum') !== 'sum') return null;
  const isNear =
    frame.transferMs === Number.POSITIVE_INFINITY
      ? calendar.dayOf(before.departureMs) === calendar.dayOf(leg.departureMs)
      : leg.departureMs - before.arrivalMs <= frame.transferMs;
  if (!isNear) return null;
  return { pricing: 'sum', why: `from ${leg.from} on a transfer of the fares may hold` };
}
