/**
 * What the journeys of an account cost, each in turn (docs/fare-extensions.md): a held pass, or
 * else the fares of its legs and what transfers, discounts, cumulative discounts and caps take off
 * them; and the charges for missing taps and stays, which nothing lowers.
 */
import { JOURNEY_LEGS_MAX } from '../../limits.ts';
import { formatInstant } from '../instant.ts';
import { type RefusedJourney, refused } from '../journey.ts';
import { formatMinor } from '../money.ts';
import type { Account, FixedCharge, LegFare, LegPrices, TakenJourney } from './account.ts';
import { type AccountItem, chargeWords, itemsOf, passItems } from './explain.ts';
import { HeldPasses } from './held-passes.ts';
import { RidePricer } from './ride-pricer.ts';
import type { RideRules } from './rules.ts';

/** A charge of a priced journey. */
export interface AccountCharge {
  readonly kind: FixedCharge['kind'];
  readonly stop: string;
  readonly atMs: number;
  readonly amountMinor: number;
  readonly why: string;
}

/** A journey with its price: the amounts of its items and charges add up to its own. */
export interface PricedRides {
  /** Of its first tap. */
  readonly atMs: number;
  /** Ids of its taps, in order. */
  readonly taps: readonly string[];
  readonly amountMinor: number;
  /** One for each leg. */
  readonly items: readonly AccountItem[];
  readonly charges: readonly AccountCharge[];
  readonly why: readonly string[];
}

/** A journey that has no price. It counts to nothing. */
export interface RefusedRides {
  readonly atMs: number;
  readonly taps: readonly string[];
  readonly error: RefusedJourney['error'];
}

export type AccountJourney = PricedRides | RefusedRides;

/** The rules in force at an instant, or null before the first version. */
export interface RulesBook {
  at(instantMs: number): RideRules | null;
}

/** When a journey begins to the rules: its first departure, or the first tap of mere charges. */
function startMsOf({ legs, atMs }: TakenJourney): number {
  return legs[0]?.departureMs ?? atMs;
}

/**
 * Prices an account's journeys from its first one on, in the order in which they began.
 * @param book rules of each fare version; that in force at the start of a journey prices it, and
 * sums and passes go on from version to version
 * @param journeys with the ids of stops, networks and routes that the fares have
 */
export function priceAccount(
  book: RulesBook,
  prices: LegPrices,
  account: Account,
  journeys: readonly TakenJourney[],
): AccountJourney[] {
  const inOrder = [...journeys].sort((a, b) => startMsOf(a) - startMsOf(b));
  const pricer = new AccountPricer(prices, account);
  for (const journey of inOrder) {
    const rules = book.at(startMsOf(journey));
    if (rules) pricer.open(rules);
  }
  return inOrder.map((journey) => pricer.price(book.at(startMsOf(journey)), journey));
}

/** What an account has paid by the rules of one version. */
interface Version {
  readonly pricer: RidePricer;
  readonly sums: Float64Array;
}

class AccountPricer {
  readonly #prices: LegPrices;
  readonly #account: Account;
  readonly #passes: HeldPasses;
  /** One for each version that prices a journey of the account. */
  readonly #versions = new Map<RideRules, Version>();

  constructor(prices: LegPrices, account: Account) {
    this.#prices = prices;
    this.#account = account;
    this.#passes = new HeldPasses(account.passes);
  }

  /** Begins the sums of a version, before the first journey. */
  open(rules: RideRules): void {
    if (this.#versions.has(rules)) return;
    const { rider, media } = this.#account;
    const pricer = new RidePricer(rules, rider, media);
    this.#versions.set(rules, { pricer, sums: pricer.newSums() });
  }

  price(rules: RideRules | null, journey: TakenJourney): AccountJourney {
    const { atMs, taps } = journey;
    const priced = rules ? this.#price(rules, journey) : noVersion(startMsOf(journey));
    return 'error' in priced ? { atMs, taps, error: priced.error } : priced;
  }

  #price(rules: RideRules, journey: TakenJourney): PricedRides | RefusedJourney {
    const { atMs, taps, legs, pricing } = journey;
    if (legs.length > JOURNEY_LEGS_MAX) {
      const message = `${legs.length} legs, over the bound of ${JOURNEY_LEGS_MAX}`;
      return refused(null, 'JOURNEY_INVALID', message);
    }
    const charges = this.#charges(journey);
    if ('error' in charges) return charges;
    const found = legs.length === 0 ? [] : this.#prices.legs(legs, pricing, this.#account);
    if ('error' in found) return found;
    const fares = withoutDebts(found);
    const chargedMinor = charges.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    const chargesWhy = charges.map((charge) => chargeWords(rules, charge));
    if (legs.length === 0) {
      const why = [...journey.why, ...chargesWhy];
      return { atMs, taps, amountMinor: chargedMinor, items: [], charges, why };
    }
    const { pricer, sums } = this.#versions.get(rules)!;
    for (const each of this.#versions.values()) addLegs(each.pricer, journey, fares);
    const used = this.#passes.use(pricer);
    const whys: string[] = [...journey.why, ...new Set(fares.map(({ why }) => why))];
    let ridesMinor = 0;
    let items: AccountItem[];
    if (used) {
      for (const each of this.#versions.values()) each.pricer.cover(each.sums);
      items = passItems(journey, fares, used, whys);
    } else {
      ridesMinor = pricer.chargeMinor(sums);
      for (const each of this.#versions.values()) {
        if (each.pricer !== pricer) each.pricer.follow(pricer, each.sums);
      }
      items = itemsOf(pricer, journey, whys);
    }
    const why = [...whys, ...chargesWhy];
    return { atMs, taps, amountMinor: ridesMinor + chargedMinor, items, charges, why };
  }

  #charges({ charges }: TakenJourney): AccountCharge[] | RefusedJourney {
    const found: AccountCharge[] = [];
    for (const { kind, stop, network, atMs, charge, why } of charges) {
      const amountMinor =
        typeof charge === 'number'
          ? charge
          : this.#prices.extreme(charge, stop, network, atMs, this.#account);
      if (amountMinor === null) {
        const message = `no ${charge} fare from or to ${JSON.stringify(stop)}`;
        return refused(null, 'FARES_UNKNOWN_STATION', message);
      }
      found.push({ kind, stop, atMs, amountMinor, why });
    }
    return found;
  }
}

/**
 * Fares of which none is below 0. GTFS has products of negative amounts, which lower what came
 * before them; here they lower the legs before, the nearest first, and else those after.
 */
function withoutDebts(fares: readonly LegFare[]): readonly LegFare[] {
  if (fares.every(({ amountMinor }) => amountMinor >= 0)) return fares;
  const amounts = fares.map(({ amountMinor }) => amountMinor);
  let debtMinor = 0;
  const settle = (leg: number): void => {
    const left = amounts[leg]! - debtMinor;
    amounts[leg] = Math.max(left, 0);
    debtMinor = Math.max(-left, 0);
  };
  for (let leg = amounts.length - 1; leg >= 0; leg--) settle(leg);
  for (let leg = 0; leg < amounts.length; leg++) settle(leg);
  return fares.map(({ why }, leg) => ({ why, amountMinor: amounts[leg]! }));
}

function noVersion(atMs: number): RefusedJourney {
  return refused(null, 'FARES_NO_VERSION', `no fare version is in force at ${formatInstant(atMs)}`);
}

function addLegs(
  { rules, legs }: RidePricer,
  journey: TakenJourney,
  fares: readonly { readonly amountMinor: number }[],
): void {
  legs.clear(journey.pricing !== 'sum');
  for (const [index, leg] of journey.legs.entries()) {
    legs.add(
      rules.networkOf(leg.network),
      rules.stopOf(leg.from),
      rules.stopOf(leg.to),
      leg.departureMs,
      leg.arrivalMs,
      fares[index]!.amountMinor,
    );
  }
}

/** The sum of an account's journeys, as decimal text and in minor units. */
export function totalOf(
  journeys: readonly AccountJourney[],
  decimals: number,
): { readonly total: string; readonly totalMinor: number } {
  let totalMinor = 0;
  for (const journey of journeys) if ('amountMinor' in journey) totalMinor += journey.amountMinor;
  return { total: formatMinor(totalMinor, decimals), totalMinor };
}
