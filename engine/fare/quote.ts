/**
 * What a ride costs: the gate's question at exit (stations as indexes, nothing allocated) and the
 * back office's (a journey of legs, with the reasons). Both go through one rule.
 */
import type { CompiledFares, FareBook, FareRules, Station } from './fares.ts';
import { formatInstant } from './instant.ts';
import { type Journey, type Leg, type PricedAs, type RefusedJourney, refused } from './journey.ts';
import { formatMinor } from './money.ts';

const MINUTE_MS = 60_000;

/** Which rule sets the price of a ride: the matrix, or one of the fixed amounts of `FareRules`. */
export type FareRule = 'fare' | 'sameStation' | 'overstay';

/**
 * The rule for a ride that took `elapsedMs` from entry to exit. Limits are inclusive: leaving at
 * the 20th minute sharp is still within 20 minutes.
 */
export function fareRule(rules: FareRules, sameStation: boolean, elapsedMs: number): FareRule {
  if (sameStation && rules.sameStationMinutes > 0) {
    return elapsedMs <= rules.sameStationMinutes * MINUTE_MS ? 'sameStation' : 'overstay';
  }
  return rules.maxMinutes > 0 && elapsedMs > rules.maxMinutes * MINUTE_MS ? 'overstay' : 'fare';
}

/** What a price needs of a fare set. */
export type Priced = Pick<
  CompiledFares,
  'rules' | 'stations' | 'riders' | 'decimals' | 'fareMinor'
>;

/**
 * What leaving costs, in minor units; stations and rider are indexes of `fares`. Fares are those of
 * the version in force at entry where the gate holds it. Allocates nothing.
 */
export function exitFareMinor(
  fares: Priced,
  from: number,
  to: number,
  rider: number,
  entryMs: number,
  exitMs: number,
): number {
  switch (fareRule(fares.rules, from === to, exitMs - entryMs)) {
    case 'fare':
      return fares.fareMinor(from, to, rider);
    case 'sameStation':
      return fares.rules.sameStationMinor;
    case 'overstay':
      return fares.rules.overstayMinor;
  }
}

/** The reason for `exitFareMinor`'s answer, as a sentence for a rider or a clerk. */
export function exitFareWhy(
  fares: Priced,
  from: number,
  to: number,
  rider: number,
  entryMs: number,
  exitMs: number,
): string {
  const amount = formatMinor(
    exitFareMinor(fares, from, to, rider, entryMs, exitMs),
    fares.decimals,
  );
  const { sameStationMinutes, maxMinutes } = fares.rules;
  const here = label(fares.stations[from]!);
  switch (fareRule(fares.rules, from === to, exitMs - entryMs)) {
    case 'fare':
      return `${here} to ${label(fares.stations[to]!)}, ${fares.riders[rider]}: ${amount}`;
    case 'sameStation':
      return `in and out at ${here} within ${sameStationMinutes} minutes: ${amount}`;
    case 'overstay':
      return from === to && sameStationMinutes > 0
        ? `in and out at ${here} after more than ${sameStationMinutes} minutes: ${amount}`
        : `over ${maxMinutes} minutes in the paid area from ${here}: ${amount}`;
  }
}

function label({ id, name }: Station): string {
  return name === id ? id : `${name} (${id})`;
}

export interface QuoteItem {
  /** Which leg of the journey, from 0. */
  readonly leg: number;
  /** Ids of the stations. */
  readonly from: string;
  readonly to: string;
  readonly rider: string;
  readonly rule: FareRule;
  /** Decimal text with all the currency's decimals. */
  readonly amount: string;
  readonly amountMinor: number;
}

export type QuotedJourney = PricedAs<QuoteItem>;

/**
 * Quotes a journey: the sum of its legs, each from an entry to an exit. The version in force at the
 * first departure prices all of it. What cannot be priced is a value with a code of `errorCodes`.
 */
export function quoteJourney(book: FareBook, journey: Journey): QuotedJourney | RefusedJourney {
  const { id, legs } = journey;
  const departureMs = legs[0]!.departureMs;
  const fares = book.at(departureMs);
  if (!fares) {
    const message = `no fare version is in force at ${formatInstant(departureMs)}`;
    return refused(id, 'FARES_NO_VERSION', message);
  }
  const rider = journey.rider === null ? 0 : fares.riders.indexOf(journey.rider);
  if (rider < 0) {
    const message = `no rider class ${JSON.stringify(journey.rider)}; there are ${fares.riders.join(', ')}`;
    return refused(id, 'FARES_UNKNOWN_RIDER', message);
  }
  const why = [`fare version ${fares.version} in force since ${formatInstant(fares.effectiveMs)}`];
  const items: QuoteItem[] = [];
  let amountMinor = 0;
  for (const [index, leg] of legs.entries()) {
    const from = fares.stationById(leg.from);
    const to = fares.stationById(leg.to);
    if (from < 0 || to < 0) {
      const [field, text] = from < 0 ? ['from', leg.from] : ['to', leg.to];
      return refused(
        id,
        'FARES_UNKNOWN_STATION',
        `field legs[${index}].${field}: ${stationFault(fares, text)}`,
      );
    }
    const item = quoteLeg(fares, index, leg, from, to, rider);
    why.push(exitFareWhy(fares, from, to, rider, leg.departureMs, leg.arrivalMs));
    items.push(item);
    amountMinor += item.amountMinor;
  }
  if (journey.media !== null || legs.some((leg) => leg.network !== null)) {
    why.push('media and network make no difference in this fare set');
  }
  const amount = formatMinor(amountMinor, fares.decimals);
  return { id, amount, amountMinor, currency: fares.currency, items, why };
}

function quoteLeg(
  fares: CompiledFares,
  leg: number,
  { departureMs, arrivalMs }: Leg,
  from: number,
  to: number,
  rider: number,
): QuoteItem {
  const amountMinor = exitFareMinor(fares, from, to, rider, departureMs, arrivalMs);
  return {
    leg,
    from: fares.stations[from]!.id,
    to: fares.stations[to]!.id,
    rider: fares.riders[rider]!,
    rule: fareRule(fares.rules, from === to, arrivalMs - departureMs),
    amount: formatMinor(amountMinor, fares.decimals),
    amountMinor,
  };
}

function stationFault(fares: CompiledFares, text: string): string {
  const shared = fares.stations.filter((station) => station.name === text);
  return shared.length > 1
    ? `${JSON.stringify(text)} is the name of stations ${shared.map((s) => s.id).join(', ')}; use an id`
    : `no station ${JSON.stringify(text)}`;
}
