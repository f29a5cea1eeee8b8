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
import type { TariffFares } from '../tariff.ts';
import type { FareTerms, JourneyPricing } from '../terms/terms.ts';
import type { Account, LegFare, LegPrices, TakenLeg } from './account.ts';

/** What stands beside the matrix of a version. */
export interface BesideMatrix {
  /** null: no tables, and the rules of the matrix hold. */
  readonly terms: FareTerms | null;
  /** Distances and what they cost; null where the matrix was not made of a tariff. */
  readonly tariff: Pick<TariffFares, 'distanceMetres' | 'tariffMinor'> | null;
}

const NOTHING_BESIDE: BesideMatrix = { terms: null, tariff: null };

/** Versions by what an instant asks of them. */
type Book = Pick<Versions<CompiledFares>, 'at'>;

export class MatrixPrices implements LegPrices {
  readonly #book: Book;
  readonly #beside: (fares: CompiledFares) => BesideMatrix;

  /** @param beside what stands beside the matrix of a version of `book`; nothing where left out */
  constructor(book: Book, beside: (fares: CompiledFares) => BesideMatrix = () => NOTHING_BESIDE) {
    this.#book = book;
    this.#beside = beside;
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
    const { terms } = this.#beside(fares);
    const hasStays = (terms?.sameStation.length ?? 0) > 0;
    const hasLimits = (terms?.timeLimits.length ?? 0) > 0;
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
    const { tariff } = this.#beside(fares);
    if (!tariff) {
      const message = 'rides are priced together by distance, and the fare set has no distances';
      return refused(null, 'FARES_NO_DISTANCE', message);
    }
    const metres = legs.reduce(
      (sum, { from, to }) =>
        sum + tariff.distanceMetres(fares.stationById(from), fares.stationById(to)),
      0,
    );
    const name = fares.riders[rider]!;
    const amountMinor = tariff.tariffMinor(rider, metres);
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
