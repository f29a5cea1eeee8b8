/**
 * The extension tables as checked records (docs/fare-extensions.md), with the line each stands on.
 * Ids are those of the tables; '' matches anything. Times are milliseconds, amounts minor units.
 */

import type { Product } from '../product.ts';

/** Whom and what a rule is for. */
export interface Riding {
  readonly rider: string;
  readonly media: string;
  readonly network: string;
}

export interface Settings {
  readonly timezone: string;
  /** From local midnight to the beginning of a service day. */
  readonly dayStartMs: number;
  /** 0 Monday to 6 Sunday. */
  readonly weekStart: number;
  /** null: the fare set's own. */
  readonly entryBalanceMinor: number | null;
  readonly negativeBalanceMinor: number;
}

/** A row of a period; the period is all of its rows. */
export interface Period {
  readonly id: string;
  /** Monday first. */
  readonly weekdays: readonly boolean[];
  /** From the midnight that the service day is named after. */
  readonly startMs: number;
  readonly endMs: number;
  readonly line: number;
}

/** What is taken off a fare: a percent, then an amount; the rest rounded to whole `roundMinor`. */
export interface Reduction {
  readonly percent: number;
  readonly offMinor: number;
  readonly roundMinor: number;
}

export interface Discount extends Riding, Reduction {
  readonly period: string;
  readonly line: number;
}

export interface TransferDiscount extends Reduction {
  readonly fromNetwork: string;
  readonly toNetwork: string;
  readonly rider: string;
  readonly media: string;
  readonly limitMs: number;
  /** As GTFS' duration_limit_type. */
  readonly limitType: number;
  readonly count: number;
  readonly line: number;
}

export type CalendarSpan = 'day' | 'week' | 'month';

export interface CumulativeStep extends Riding {
  readonly scheme: string;
  readonly span: CalendarSpan;
  readonly fromMinor: number;
  readonly percent: number;
  readonly roundMinor: number;
  readonly line: number;
}

export interface Cap extends Riding {
  readonly id: string;
  readonly zoneSet: string;
  readonly period: string;
  readonly span: CalendarSpan | 'rolling' | 'from_first';
  /** Of `rolling` and `from_first`; else 0. */
  readonly days: number;
  /** One of the two is null. */
  readonly amountMinor: number | null;
  readonly rides: number | null;
  readonly line: number;
}

export interface Pass {
  readonly id: string;
  readonly rider: string;
  readonly network: string;
  readonly zoneSet: string;
  readonly period: string;
  /** null: without end. */
  readonly days: number | null;
  readonly startsAtFirstRide: boolean;
  /** null for any number. */
  readonly rides: number | null;
  readonly line: number;
}

export interface MissingTap extends Riding {
  readonly missing: 'entry' | 'exit';
  /** Of the tap that is there. */
  readonly stop: string;
  readonly charge: 'amount' | 'maximum' | 'usual' | 'none';
  readonly amountMinor: number | null;
  readonly line: number;
}

export interface SameStation extends Riding {
  readonly stop: string;
  /** null for any stay. */
  readonly untilMs: number | null;
  readonly charge: 'fare' | 'amount' | 'minimum' | 'maximum' | 'incomplete' | 'none';
  readonly amountMinor: number | null;
  /** Going in again within this after the exit takes the charge back; null: never. */
  readonly reentryMs: number | null;
  readonly line: number;
}

export interface TimeLimit {
  readonly network: string;
  /** Zones that a ride spans at most; null for any. */
  readonly zones: number | null;
  readonly period: string;
  readonly limitMs: number;
  readonly charge: 'incomplete' | 'surcharge' | 'maximum';
  /** Of a surcharge; null: the highest fare from the entry. */
  readonly amountMinor: number | null;
  readonly line: number;
}

export interface Interchange {
  readonly from: string;
  readonly to: string;
  readonly limitMs: number;
  readonly period: string;
  /** '': always on. */
  readonly switchId: string;
  readonly line: number;
}

/** How rides that make one journey are priced together. */
export type JourneyPricing = 'sum' | 'distance' | 'through';

export interface Continuation {
  readonly fromNetwork: string;
  readonly toNetwork: string;
  readonly rider: string;
  readonly transfers: number;
  readonly totalMs: number;
  readonly gapMs: number;
  readonly mayRepeat: boolean;
  readonly pricing: JourneyPricing;
  readonly line: number;
}

export interface FareTerms {
  readonly settings: Settings;
  /** The weekday, 0 Monday, that a day since 1970 is taken for. */
  readonly holidays: ReadonlyMap<number, number>;
  readonly periods: readonly Period[];
  readonly zoneNumbers: ReadonlyMap<string, number>;
  /** Zones of each stop that is in one. */
  readonly stopZones: ReadonlyMap<string, readonly string[]>;
  /** Zones of each set. */
  readonly zoneSets: ReadonlyMap<string, ReadonlySet<string>>;
  readonly discounts: readonly Discount[];
  readonly transfers: readonly TransferDiscount[];
  readonly cumulative: readonly CumulativeStep[];
  readonly caps: readonly Cap[];
  readonly passes: readonly Pass[];
  readonly missingTaps: readonly MissingTap[];
  readonly sameStation: readonly SameStation[];
  readonly timeLimits: readonly TimeLimit[];
  readonly interchanges: readonly Interchange[];
  readonly continuations: readonly Continuation[];
  readonly products: readonly Product[];
}
