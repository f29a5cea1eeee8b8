/**
 * Prices of an account's legs by a station matrix (docs/fares.md), with its rules for the same
 * station and the longest stay where no extension table replaces them.
 */
import type { Versions } from '../book.ts';
import type { CompiledFares, FareRules } from '../fares.ts';
import { formatInstant } from '../instant.ts';
import { type RefusedJourney, refused } from '../journey.ts';
import { formatMinor } from '../money.ts';
import { exitFareMinor, exitFareWhy, type Priced } from '../quote.ts';
import type { FareTerms, JourneyPricing } from '../terms/terms.ts';
import type { Account, LegFare, LegPrices, TakenLeg } from './account.ts';

/** Distances and what they cost, of a fare set made of a distance tariff. */
export interface DistancePrices {
  /** Metres between two stations by their ids. */
  distanceMetres(from: string, to: string): number;
  /** What a class of riders pays for so many metres, in minor units. */
  tariffMinor(rider: string, metres: number): number;
}

/** Versions by what an instant asks of them. */
type Book = Pick<Versions<CompiledFares>, 'at'>;

export class MatrixPrices implements LegPrices {
  readonly #book: Book;
  readonly #terms: FareTerms | null;
  readonly #distances: DistancePrices | null;

  /** @param terms the tables beside the matrix, or null; they replace rules of the matrix */
  constructor(book: Book, terms: FareTerms | null, distances: DistancePrices | null = null) {
    this.#book = book;
    this.#terms = terms;
    this.#distances = distances;
  }

  legs(
    legs: readonly TakenLeg[],
    pricing: JourneyPricing,
    account: Account,
  ): readonly LegFare[] | RefusedJourney {
    const departureMs = legs[0]!.departureMs;
    const fares = this.#book.at(departureMs);
    if (!fares) {
      const message = `no fare version is in force at ${formatInstant(departureMs)}`;
      return refused(null, 'FARES_NO_VERSION', message);
    }
    const rider = account.rider === null ? 0 : fares.riders.indexOf(account.rider);
    if (rider < 0) {
      const message = `no rider class ${JSON.stringify(account.rider)}; there are ${fares.riders.join(', ')}`;
      return refused(null, 'FARES_UNKNOWN_RIDER', message);
    }
    for (const stop of legs.flatMap(({ from, to }) => [from, to])) {
      if (fares.stationById(stop) >= 0) continue;
      return refused(null, 'FARES_UNKNOWN_STATION', `no station ${JSON.stringify(stop)}`);
    }
    // A journey of one ride costs its fare, however several would be priced together.
    if (pricing === 'sum' || legs.length === 1) {
      const kept = this.#kept(fares);
      return legs.map((leg) =>
        fareOf(fares, isTappedOnce(leg) ? withoutStays(kept) : kept, leg, rider),
      );
    }
    return pricing === 'through'
      ? throughFares(fares, legs, rider)
      : this.#distanceFares(fares, legs, rider);
  }

  /** A version with those of its rules that no table replaces. */
  #kept(fares: CompiledFares): Priced {
    const { rules } = fares;
    const hasStays = (this.#terms?.sameStation.length ?? 0) > 0;
    const hasLimits = (this.#terms?.timeLimits.length ?? 0) > 0;
    return withRules(fares, {
      ...rules,
      sameStationMinutes: hasStays ? 0 : rules.sameStationMinutes,
      maxMinutes: hasLimits ? 0 : rules.maxMinutes,
    });
  }

  #distanceFares(
    fares: CompiledFares,
    legs: readonly TakenLeg[],
    rider: number,
  ): readonly LegFare[] | RefusedJourney {
    const distances = this.#distances;
    if (!distances) {
      const message = 'rides are priced together by distance, and the fare set has no distances';
      return refused(null, 'FARES_NO_DISTANCE', message);
    }
    const id = (stop: string) => fares.stations[fares.stationById(stop)]!.id;
    const metres = legs.reduce(
      (sum, { from, to }) => sum + distances.distanceMetres(id(from), id(to)),
      0,
    );
    const name = fares.riders[rider]!;
    const amountMinor = distances.tariffMinor(name, metres);
    const amount = formatMinor(amountMinor, fares.decimals);
    const ride = legs.length === 1 ? 'a ride' : `${legs.length} rides`;
    return onFirst(legs, amountMinor, `${ride} of ${metres} m, ${name}: ${amount}`);
  }

  extreme(
    which: 'minimum' | 'maximum',
    stop: string,
    _network: string,
    atMs: number,
    account: Account,
  ): number | null {
    const fares = this.#book.at(atMs);
    const here = fares?.stationById(stop) ?? -1;
    const rider = account.rider === null ? 0 : (fares?.riders.indexOf(account.rider) ?? -1);
    if (!fares || here < 0 || rider < 0) return null;
    const take = which === 'minimum' ? Math.min : Math.max;
    let found: number | null = null;
    for (const there of fares.stations.keys()) {
      if (there === here) continue;
      const [out, back] = [
        fares.fareMinor(here, there, rider),
        fares.fareMinor(there, here, rider),
      ];
      found = found === null ? take(out, back) : take(found, out, back);
    }
    return found;
  }
}

function withRules(fares: Priced, rules: FareRules): Priced {
  const { stations, riders, decimals } = fares;
  const fareMinor = (from: number, to: number, rider: number) => fares.fareMinor(from, to, rider);
  return { rules, stations, riders, decimals, fareMinor };
}

function withoutStays(fares: Priced): Priced {
  return withRules(fares, { ...fares.rules, sameStationMinutes: 0 });
}

/** A ride that begins and ends with one tap is no stay at a station. */
function isTappedOnce({ from, to, departureMs, arrivalMs }: TakenLeg): boolean {
  return from === to && departureMs === arrivalMs;
}

function fareOf(fares: CompiledFares, kept: Priced, leg: TakenLeg, rider: number): LegFare {
  const { departureMs, arrivalMs } = leg;
  const from = fares.stationById(leg.from);
  const to = fares.stationById(leg.to);
  return {
    amountMinor: exitFareMinor(kept, from, to, rider, departureMs, arrivalMs),
    why: exitFareWhy(kept, from, to, rider, departureMs, arrivalMs),
  };
}

/** From the first entry to the last exit, by the matrix alone: its rules are for single rides. */
function throughFares(fares: CompiledFares, legs: readonly TakenLeg[], rider: number): LegFare[] {
  const whole = { ...legs[0]!, to: legs.at(-1)!.to, arrivalMs: legs[0]!.departureMs };
  const rules = { ...fares.rules, sameStationMinutes: 0, maxMinutes: 0 };
  const { amountMinor, why } = fareOf(fares, withRules(fares, rules), whole, rider);
  return onFirst(legs, amountMinor, `${legs.length} rides as one: ${why}`);
}

/** The first leg bears what all cost. */
function onFirst(legs: readonly TakenLeg[], amountMinor: number, why: string): LegFare[] {
  return legs.map((_, index) =>
    index === 0 ? { amountMinor, why } : { amountMinor: 0, why: 'priced with the first ride' },
  );
}
