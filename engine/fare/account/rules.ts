/**
 * The rules of one fare version that say what an account's rides cost, compiled to numbers: riders,
 * media, networks, stops, periods and sets of zones are small integers, and 0 in a rule matches
 * any. Made once for a version; `ride-pricer.ts` works on it.
 */
import { FareCalendar } from '../terms/calendar.ts';
import type { Cap, CumulativeStep, FareTerms, Reduction } from '../terms/terms.ts';
import { isInZones } from '../terms/zones.ts';
import type { FareFrame } from './frame.ts';

/** `Cap.span` as a number; the first three are also places in a list of calendar spans. */
export const SPANS: readonly Cap['span'][] = ['day', 'week', 'month', 'rolling', 'from_first'];

/** Numbers of ids from 1; 0 is an id that no rule names, and in a rule any. */
class Ids {
  readonly #numbers = new Map<string, number>();

  /** The number of an id in a rule. */
  add(id: string): number {
    if (id === '') return 0;
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    this.#numbers.set(id, this.#numbers.size + 1);
    return this.#numbers.size;
  }

  find(id: string): number {
    return this.#numbers.get(id) ?? 0;
  }
}

/** Rows of one table by column. */
export interface RuleRows {
  readonly count: number;
  readonly riders: Int32Array;
  readonly media: Int32Array;
  /** Of the leg; of a transfer of the later one. */
  readonly networks: Int32Array;
  /** For `FareCalendar.isIn`; -1 always. */
  readonly periods: Int32Array;
  /** For `isInSet`; 0 any stop. */
  readonly zoneSets: Int32Array;
}

export interface ReductionRows extends RuleRows {
  readonly percents: Int32Array;
  readonly offMinor: Float64Array;
  readonly roundMinor: Float64Array;
}

export interface TransferRows extends ReductionRows {
  readonly fromNetworks: Int32Array;
  readonly limitsMs: Float64Array;
  readonly limitTypes: Int32Array;
  readonly counts: Int32Array;
}

/** Schemes in the order of the file; the steps of scheme i are `starts[i]` to `starts[i + 1]`. */
export interface SchemeRows extends RuleRows {
  readonly spans: Int32Array;
  readonly starts: Int32Array;
  /** Rising within a scheme. */
  readonly fromMinor: Float64Array;
  readonly percents: Int32Array;
  readonly roundMinor: Float64Array;
  readonly steps: readonly CumulativeStep[];
}

export interface CapRows extends RuleRows {
  readonly spans: Int32Array;
  readonly days: Int32Array;
  /** Infinity where the cap counts rides, and the other way round. */
  readonly amountsMinor: Float64Array;
  readonly rides: Float64Array;
}

/** What decides whether a row matches; '' any. */
interface Filter {
  readonly rider: string;
  readonly media?: string;
  readonly network: string;
  readonly period?: string;
  readonly zoneSet?: string;
}

export class RideRules {
  readonly terms: FareTerms;
  readonly calendar: FareCalendar;
  /** Decimals of the currency, for amounts in words. */
  readonly decimals: number;
  readonly discounts: ReductionRows;
  readonly transfers: TransferRows;
  readonly schemes: SchemeRows;
  readonly caps: CapRows;
  readonly passes: RuleRows;
  readonly #frame: FareFrame;
  readonly #riders = new Ids();
  readonly #media = new Ids();
  readonly #networks = new Ids();
  readonly #zoneSets = new Ids();
  readonly #stops: ReadonlyMap<string, number>;
  /** One byte for each set of each stop, 1 where the stop is in the set. */
  readonly #members: Uint8Array;
  readonly #setCount: number;

  /**
   * @param frame the fares that the terms stand beside
   * @param decimals of the currency
   */
  constructor(terms: FareTerms, frame: FareFrame, decimals: number) {
    this.terms = terms;
    this.calendar = new FareCalendar(terms);
    this.decimals = decimals;
    this.#frame = frame;
    for (const set of terms.zoneSets.keys()) this.#zoneSets.add(set);
    this.discounts = { ...this.#rows(terms.discounts), ...reductions(terms.discounts) };
    this.transfers = this.#transferRows(terms);
    this.schemes = this.#schemeRows(terms);
    this.caps = {
      ...this.#rows(terms.caps),
      spans: Int32Array.from(terms.caps, ({ span }) => SPANS.indexOf(span)),
      days: Int32Array.from(terms.caps, ({ days }) => days),
      amountsMinor: Float64Array.from(terms.caps, (cap) => cap.amountMinor ?? Infinity),
      rides: Float64Array.from(terms.caps, (cap) => cap.rides ?? Infinity),
    };
    this.passes = this.#rows(terms.passes);
    const sets = [...terms.zoneSets.keys()];
    this.#setCount = sets.length;
    // Stop 0 stands for all that are in no zone.
    this.#stops = new Map([...terms.stopZones.keys()].map((stop, index) => [stop, index + 1]));
    this.#members = new Uint8Array((this.#stops.size + 1) * sets.length);
    for (const [stop, number] of this.#stops) {
      for (const [index, set] of sets.entries()) {
        if (isInZones(terms, set, stop)) this.#members[number * sets.length + index] = 1;
      }
    }
  }

  /** Number of a class of riders; null for the default. */
  riderOf(id: string | null): number {
    return this.#riders.find(id ?? this.#frame.defaultRider);
  }

  mediumOf(id: string | null): number {
    return this.#media.find(id ?? '');
  }

  networkOf(id: string): number {
    return this.#networks.find(id);
  }

  /** A stop has its own zones, or those of its station. */
  stopOf(id: string): number {
    return this.#stops.get(id) ?? this.#stops.get(this.#frame.stationOf(id)) ?? 0;
  }

  /** Whether a stop is in a set of zones; any is in set 0. Allocates nothing. */
  isInSet(set: number, stop: number): boolean {
    return set === 0 || this.#members[stop * this.#setCount + set - 1] === 1;
  }

  #rows(rows: readonly Filter[]): RuleRows {
    return {
      count: rows.length,
      riders: Int32Array.from(rows, ({ rider }) => this.#riders.add(rider)),
      media: Int32Array.from(rows, ({ media }) => this.#media.add(media ?? '')),
      networks: Int32Array.from(rows, ({ network }) => this.#networks.add(network)),
      periods: Int32Array.from(rows, ({ period }) => this.calendar.periodOf(period ?? '')),
      zoneSets: Int32Array.from(rows, ({ zoneSet }) => this.#zoneSets.find(zoneSet ?? '')),
    };
  }

  #transferRows({ transfers }: FareTerms): TransferRows {
    const rows = transfers.map((row) => ({ ...row, network: row.toNetwork }));
    return {
      ...this.#rows(rows),
      ...reductions(rows),
      fromNetworks: Int32Array.from(rows, ({ fromNetwork }) => this.#networks.add(fromNetwork)),
      limitsMs: Float64Array.from(rows, ({ limitMs }) => limitMs),
      limitTypes: Int32Array.from(rows, ({ limitType }) => limitType),
      counts: Int32Array.from(rows, ({ count }) => count),
    };
  }

  #schemeRows({ cumulative }: FareTerms): SchemeRows {
    const schemes = new Map<string, CumulativeStep[]>();
    for (const step of cumulative) {
      const known = schemes.get(step.scheme);
      if (known) known.push(step);
      else schemes.set(step.scheme, [step]);
    }
    const groups = [...schemes.values()];
    for (const steps of groups) steps.sort((a, b) => a.fromMinor - b.fromMinor);
    const steps = groups.flat();
    const starts = new Int32Array(groups.length + 1);
    for (const [index, group] of groups.entries())
      starts[index + 1] = starts[index]! + group.length;
    return {
      ...this.#rows(groups.map((group) => group[0]!)),
      spans: Int32Array.from(groups, (group) => SPANS.indexOf(group[0]!.span)),
      starts,
      fromMinor: Float64Array.from(steps, ({ fromMinor }) => fromMinor),
      percents: Int32Array.from(steps, ({ percent }) => percent),
      roundMinor: Float64Array.from(steps, ({ roundMinor }) => roundMinor),
      steps,
    };
  }
}

function reductions(
  rows: readonly Reduction[],
): Pick<ReductionRows, 'percents' | 'offMinor' | 'roundMinor'> {
  return {
    percents: Int32Array.from(rows, ({ percent }) => percent),
    offMinor: Float64Array.from(rows, ({ offMinor }) => offMinor),
    roundMinor: Float64Array.from(rows, ({ roundMinor }) => roundMinor),
  };
}

/** Rows that are for a rider and a medium, in the order of the file. */
export function rowsFor(rows: RuleRows, rider: number, medium: number): Int32Array {
  const found: number[] = [];
  for (let row = 0; row < rows.count; row++) {
    const isRider = rows.riders[row] === 0 || rows.riders[row] === rider;
    if (isRider && (rows.media[row] === 0 || rows.media[row] === medium)) found.push(row);
  }
  return Int32Array.from(found);
}
