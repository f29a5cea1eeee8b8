/**
 * An account's history and what it is made into: taps become legs, legs journeys (`journeys.ts`),
 * and journeys are priced (`price.ts`). An account is a bank card, or any card whose fares are
 * worked out in the back office.
 */
import type { RefusedJourney } from '../journey.ts';
import type { JourneyPricing } from '../terms/terms.ts';

/** One tap at a gate or a validator. */
export interface AccountTap {
  /** Names the tap: gate and sequence. A tap that arrives twice counts once. */
  readonly id: string;
  readonly atMs: number;
  /** `single`: a ride that is tapped once, like one on a bus; it begins and ends there. */
  readonly kind: 'entry' | 'exit' | 'single';
  readonly stop: string;
  /** '' for none. */
  readonly network: string;
  readonly route: string;
}

/** A pass of `faregate_passes.txt` that an account holds. */
export interface HeldPass {
  readonly pass: string;
  /** Of the purchase; a pass that starts at a first ride starts at the first from then on. */
  readonly fromMs: number;
}

/** Whose taps they are. */
export interface Account {
  /** null: the fares' default. */
  readonly rider: string | null;
  readonly media: string | null;
  readonly passes: readonly HeldPass[];
}

/** When a switch of `faregate_interchanges.txt` was on. */
export interface SwitchPeriod {
  readonly id: string;
  readonly fromMs: number;
  /** Infinity while it is on. */
  readonly toMs: number;
}

/** From one station to another, interchanges within it included. */
export interface TakenLeg {
  readonly from: string;
  readonly to: string;
  readonly network: string;
  readonly route: string;
  readonly departureMs: number;
  readonly arrivalMs: number;
  /** Which of its ends was never tapped and is the account's usual one. */
  readonly completed: 'entry' | 'exit' | null;
}

/** Cost of a missing tap, a stay too long, a station left at once. Neither capped nor counted. */
export interface FixedCharge {
  readonly kind: 'missingEntry' | 'missingExit' | 'sameStation' | 'overstay';
  readonly stop: string;
  readonly network: string;
  readonly atMs: number;
  /** An amount in minor units, or what it is worked out from. */
  readonly charge: number | 'minimum' | 'maximum';
  /** Why, with file and line of the rule. */
  readonly why: string;
}

/** Legs that are priced together. */
export interface TakenJourney {
  /** May be none, where there are charges alone. */
  readonly legs: readonly TakenLeg[];
  readonly pricing: JourneyPricing;
  readonly charges: readonly FixedCharge[];
  /** Of its first tap. */
  readonly atMs: number;
  /** Ids of its taps, in order. */
  readonly taps: readonly string[];
  readonly why: readonly string[];
}

/** Fares of one leg as the fare set has it, with the reason. */
export interface LegFare {
  readonly amountMinor: number;
  readonly why: string;
}

/** What a journey's legs cost before `FareTerms` take anything off. */
export interface LegPrices {
  /**
   * One fare for each leg. Of `through` and `distance` the first leg bears it all. A fare set with
   * transfers of its own (GTFS) has taken them into account.
   */
  legs(
    legs: readonly TakenLeg[],
    pricing: JourneyPricing,
    account: Account,
  ): readonly LegFare[] | RefusedJourney;
  /**
   * Lowest or highest fare from or to a stop on a network, from an instant on.
   * @returns minor units, or null for a stop that the fares do not have
   */
  extreme(
    which: 'minimum' | 'maximum',
    stop: string,
    network: string,
    atMs: number,
    account: Account,
  ): number | null;
}
