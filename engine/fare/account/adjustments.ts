/**
 * What late taps and taps out of order change of journeys that were settled. History is not
 * written anew: the differences are booked as adjustments, which add up to the difference of the
 * totals.
 */

/** A journey that has a price, now or when it was settled. */
export interface Settled {
  /** Ids of its taps. No tap is of two journeys. */
  readonly taps: readonly string[];
  readonly amountMinor: number;
}

/**
 * `added`: taps of no settled journey. `repriced`: the same journey, and other journeys have moved
 * its price. `regrouped`: its taps make other journeys now. `withdrawn`: no journey has its taps
 * any more.
 */
export type AdjustmentKind = 'added' | 'repriced' | 'regrouped' | 'withdrawn';

export interface Adjustment {
  readonly kind: AdjustmentKind;
  /** Of all journeys that it is about, each once. */
  readonly taps: readonly string[];
  readonly beforeMinor: number;
  readonly afterMinor: number;
  /** To be paid; less than 0 is paid back. */
  readonly amountMinor: number;
  readonly why: string;
}

/** Journeys that have taps in common, directly or through others. */
interface Group {
  readonly before: Settled[];
  readonly after: Settled[];
}

/**
 * What is to be paid or paid back so that an account has paid for `after`, having paid for
 * `before`. In the order of `after`, and what was withdrawn last; what is equal is left out.
 */
export function adjustmentsOf(before: readonly Settled[], after: readonly Settled[]): Adjustment[] {
  return groupsOf(before, after).flatMap((group) => {
    const beforeMinor = sum(group.before);
    const afterMinor = sum(group.after);
    const amountMinor = afterMinor - beforeMinor;
    if (amountMinor === 0) return [];
    const taps = [...new Set([...group.after, ...group.before].flatMap((each) => each.taps))];
    const kind = kindOf(group);
    return [{ kind, taps, beforeMinor, afterMinor, amountMinor, why: WORDS[kind] }];
  });
}

const WORDS: Readonly<Record<AdjustmentKind, string>> = {
  added: 'a journey that was not settled before',
  repriced: 'other journeys of the account have changed what this one costs',
  regrouped: 'its taps make other journeys now that all have arrived',
  withdrawn: 'no journey has its taps any more',
};

function kindOf({ before, after }: Group): AdjustmentKind {
  if (before.length === 0) return 'added';
  if (after.length === 0) return 'withdrawn';
  const key = (journeys: readonly Settled[]) =>
    journeys.map(({ taps }) => JSON.stringify(taps)).join();
  return key(before) === key(after) ? 'repriced' : 'regrouped';
}

function groupsOf(before: readonly Settled[], after: readonly Settled[]): Group[] {
  // A journey's group is found by its first tap; groups that a journey joins are merged.
  const parents = new Map<string, string>();
  const root = (tap: string): string => {
    let at = tap;
    for (let up = parents.get(at)!; up !== at; up = parents.get(at)!) {
      parents.set(at, parents.get(up)!);
      at = up;
    }
    return at;
  };
  for (const { taps } of [...after, ...before]) {
    for (const tap of taps) {
      if (!parents.has(tap)) parents.set(tap, tap);
      parents.set(root(tap), root(taps[0]!));
    }
  }
  const groups = new Map<string, Group>();
  const groupOf = ({ taps }: Settled): Group => {
    const key = root(taps[0]!);
    const known = groups.get(key);
    if (known) return known;
    const fresh = { before: [], after: [] };
    groups.set(key, fresh);
    return fresh;
  };
  for (const journey of after) groupOf(journey).after.push(journey);
  for (const journey of before) groupOf(journey).before.push(journey);
  return [...groups.values()];
}

function sum(journeys: readonly Settled[]): number {
  return journeys.reduce((total, { amountMinor }) => total + amountMinor, 0);
}
