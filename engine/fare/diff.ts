/**
 * What changes between two fare sets: every pair of stations and every rider class that both have,
 * stations and classes that only one has, and the rules.
 */
import type { FareRules, FareSet } from './fares.ts';

/** A fare that differs. Stations and riders by their ids, amounts in minor units. */
export interface FareChange {
  readonly rider: string;
  readonly from: string;
  readonly to: string;
  readonly beforeMinor: number;
  readonly afterMinor: number;
}

/** One rider class over all pairs of stations that both sets have. */
export interface RiderDiff {
  readonly rider: string;
  readonly pairs: number;
  readonly dearer: number;
  readonly cheaper: number;
  /** Largest change either way, 0 where there is none. */
  readonly riseMinor: number;
  readonly fallMinor: number;
}

/** A list's ids that only one of the sets has. */
export interface OnlyIn {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export interface RuleChange {
  readonly rule: keyof FareRules;
  readonly before: number | null;
  readonly after: number | null;
}

/** Fares of one rider class side by side, `before[from * stations.length + to]`. */
export interface SharedFares {
  readonly rider: string;
  /** Stations that both sets have, in the order of the newer one; its names. */
  readonly stations: readonly { readonly id: string; readonly name: string }[];
  readonly before: Int32Array;
  readonly after: Int32Array;
}

export interface FareDiff {
  readonly riders: readonly RiderDiff[];
  readonly onlyStations: OnlyIn;
  readonly onlyRiders: OnlyIn;
  readonly rules: readonly RuleChange[];
  /** One of each rider class that both sets have. */
  readonly fares: readonly SharedFares[];
}

/** Compares two sets of one currency. */
export function diffFares(before: FareSet, after: FareSet): FareDiff {
  const ids = (set: FareSet) => set.stations.map(({ id }) => id);
  const fares = after.riders
    .filter((rider) => before.riders.includes(rider))
    .map((rider) => sharedFares(before, after, rider));
  const named = Object.keys({ ...before.rules, ...after.rules }) as (keyof FareRules)[];
  const rules = named
    .map((rule) => ({ rule, before: ruleOf(before, rule), after: ruleOf(after, rule) }))
    .filter((rule) => rule.before !== rule.after);
  return {
    riders: fares.map(riderDiff),
    onlyStations: onlyIn(ids(before), ids(after)),
    onlyRiders: onlyIn(before.riders, after.riders),
    rules,
    fares,
  };
}

function ruleOf({ rules }: FareSet, rule: keyof FareRules): number | null {
  return rule === 'negativeBalanceMinor' ? (rules[rule] ?? 0) : rules[rule];
}

/** Every fare that differs, rider by rider, in the order of stations. */
export function* changesOf(diff: FareDiff): Generator<FareChange> {
  for (const { rider, stations, before, after } of diff.fares) {
    for (const [i, beforeMinor] of before.entries()) {
      const afterMinor = after[i]!;
      if (beforeMinor === afterMinor) continue;
      const from = stations[Math.floor(i / stations.length)]!.id;
      yield { rider, from, to: stations[i % stations.length]!.id, beforeMinor, afterMinor };
    }
  }
}

function sharedFares(before: FareSet, after: FareSet, rider: string): SharedFares {
  const formerly = new Map(before.stations.map(({ id }, index) => [id, index]));
  const shared = after.stations.flatMap(({ id, name }, to) => {
    const from = formerly.get(id);
    return from === undefined ? [] : [{ id, name, before: from, after: to }];
  });
  const fares = {
    rider,
    stations: shared.map(({ id, name }) => ({ id, name })),
    before: new Int32Array(shared.length ** 2),
    after: new Int32Array(shared.length ** 2),
  };
  for (const when of ['before', 'after'] as const) {
    const set = when === 'before' ? before : after;
    const size = set.stations.length;
    const base = set.riders.indexOf(rider) * size;
    let cell = 0;
    for (const from of shared) {
      const row = (base + from[when]) * size;
      for (const to of shared) fares[when][cell++] = set.matrix[row + to[when]]!;
    }
  }
  return fares;
}

function riderDiff({ rider, before, after }: SharedFares): RiderDiff {
  let dearer = 0;
  let cheaper = 0;
  let riseMinor = 0;
  let fallMinor = 0;
  for (const [i, was] of before.entries()) {
    const change = after[i]! - was;
    if (change > 0) dearer += 1;
    if (change < 0) cheaper += 1;
    riseMinor = Math.max(riseMinor, change);
    fallMinor = Math.max(fallMinor, -change);
  }
  return { rider, pairs: before.length, dearer, cheaper, riseMinor, fallMinor };
}

function onlyIn(before: readonly string[], after: readonly string[]): OnlyIn {
  const [was, is] = [new Set(before), new Set(after)];
  return {
    before: before.filter((id) => !is.has(id)),
    after: after.filter((id) => !was.has(id)),
  };
}
