/**
 * Fare terms, journeys and prices for tests of accounts: terms are read from tables as an operator
 * writes them, beside a matrix of the stations A to F; base fares are given with the legs.
 */
import assert from 'node:assert/strict';
import type {
  Account,
  LegPrices,
  TakenJourney,
  TakenLeg,
} from '../../engine/fare/account/account.ts';
import { type AccountJourney, priceAccount } from '../../engine/fare/account/price.ts';
import { RideRules } from '../../engine/fare/account/rules.ts';
import { plainFrame, termsOf } from '../kit/account-kit.ts';

/** Classes of riders and stations of the matrix that tables stand beside. */
const MATRIX = { decimals: 2, stations: [...'ABCDEF'], riders: ['adult', 'student'] };

export function rulesOf(tables: Readonly<Record<string, string>>): RideRules {
  return new RideRules(termsOf(tables, MATRIX), plainFrame, 2);
}

/** A ride for a test: when it began, on what, and what its fare is. */
export interface Ride {
  readonly at: string;
  readonly fareMinor: number;
  readonly network?: string;
  readonly from?: string;
  readonly to?: string;
  /** From entry to exit; 20 without it. */
  readonly minutes?: number;
}

/** Journeys of one ride each, and prices that know what each ride's fare is. */
export function ridesOf(rides: readonly Ride[]): {
  readonly journeys: TakenJourney[];
  readonly prices: LegPrices;
} {
  const fares = new Map<TakenLeg, number>();
  const journeys = rides.map(({ at, fareMinor, minutes = 20, ...ride }, index): TakenJourney => {
    const departureMs = Date.parse(at);
    const leg: TakenLeg = {
      from: ride.from ?? 'A',
      to: ride.to ?? 'B',
      network: ride.network ?? '',
      route: '',
      departureMs,
      arrivalMs: departureMs + minutes * 60_000,
      completed: null,
    };
    fares.set(leg, fareMinor);
    return {
      legs: [leg],
      pricing: 'sum',
      charges: [],
      atMs: departureMs,
      taps: [`${index}`],
      why: [],
    };
  });
  const prices: LegPrices = {
    legs: (legs) => legs.map((leg) => ({ amountMinor: fares.get(leg)!, why: 'the fare' })),
    extreme: (which) => (which === 'minimum' ? 100 : 900),
  };
  return { journeys, prices };
}

export const nobody: Account = { rider: null, media: null, passes: [] };

/** What each journey costs, by tables. */
export function amountsOf(
  tables: Readonly<Record<string, string>>,
  rides: readonly Ride[],
  account: Account = nobody,
): number[] {
  const rules = rulesOf(tables);
  const { journeys, prices } = ridesOf(rides);
  return priceAccount({ at: () => rules }, prices, account, journeys).map(amountOf);
}

/** Of a journey that has a price, whose items and charges add up to it. */
export function amountOf(journey: AccountJourney): number {
  assert('amountMinor' in journey, JSON.stringify(journey));
  let sum = 0;
  for (const { fareMinor, off, amountMinor } of journey.items) {
    const taken = off.reduce((total, each) => total + each.amountMinor, 0);
    assert.equal(fareMinor - taken, amountMinor, 'a fare, less all that was taken off it');
    assert(amountMinor >= 0 && off.every((each) => each.amountMinor > 0));
    sum += amountMinor;
  }
  for (const { amountMinor } of journey.charges) sum += amountMinor;
  assert.equal(sum, journey.amountMinor, 'items and charges add up');
  return journey.amountMinor;
}
