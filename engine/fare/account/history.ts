/**
 * From an account's taps to what they cost, over all versions of its fares: the version in force
 * when a journey begins makes it of its taps and prices it.
 */
import type { Dated, Versions } from '../book.ts';
import type { Account, AccountTap, LegPrices, SwitchPeriod, TakenJourney } from './account.ts';
import type { FareFrame } from './frame.ts';
import type { JourneyRules, OpenRide } from './journeys.ts';
import { type AccountJourney, priceAccount } from './price.ts';
import type { RideRules } from './rules.ts';
import type { IgnoredTap } from './taps.ts';
import type { PastRide } from './usual.ts';

/** One version of an operator's fares, as accounts ask of it. */
export interface AccountVersion extends Dated {
  readonly frame: FareFrame;
  readonly journeys: JourneyRules;
  readonly rides: RideRules;
}

export interface AccountFares {
  readonly book: Versions<AccountVersion>;
  readonly prices: LegPrices;
  readonly currency: string;
  readonly decimals: number;
}

export interface AccountHistory {
  /** In the order in which they began. */
  readonly journeys: readonly AccountJourney[];
  readonly open: OpenRide | null;
  readonly ignored: readonly IgnoredTap[];
}

/**
 * @param taps up to ACCOUNT_TAPS_MAX of one account, in any order
 * @param nowMs until when taps could have been made
 */
export function accountHistory(
  { book, prices }: AccountFares,
  account: Account,
  taps: readonly AccountTap[],
  switches: readonly SwitchPeriod[],
  nowMs: number,
): AccountHistory {
  const taken: TakenJourney[] = [];
  const ignored: IgnoredTap[] = [];
  let open: OpenRide | null = null;
  let left = taps;
  let history: readonly PastRide[] = [];
  // Each version makes journeys of all taps that are left, and keeps those that begin before the
  // next version: so each tap is of one journey. Before the first version its rules make them.
  for (const [index, version] of book.versions.entries()) {
    const endMs = book.versions[index + 1]?.effectiveMs ?? Number.POSITIVE_INFINITY;
    if (left.length === 0 || endMs === version.effectiveMs) continue;
    const found = version.journeys.journeysOf(left, account, switches, nowMs, history);
    const kept = found.journeys.filter(({ atMs }) => atMs < endMs);
    taken.push(...kept);
    const isOpenHere = found.open !== null && found.open.atMs < endMs;
    if (isOpenHere) open = found.open;
    const used = new Set([...kept, ...(isOpenHere ? [found.open!] : [])].flatMap((of) => of.taps));
    if (left === taps) ignored.push(...found.ignored);
    // A tap that arrived twice is dropped with its first.
    left = left.filter(({ id }) => !used.has(id));
    history = [...history, ...kept.flatMap((journey) => pastRides(journey, version.frame))];
  }
  const rules = { at: (atMs: number) => book.at(atMs)?.rides ?? null };
  return { journeys: priceAccount(rules, prices, account, taken), open, ignored };
}

/** Rides tapped at both ends, at two stations. */
function pastRides({ legs }: TakenJourney, frame: FareFrame): PastRide[] {
  return legs.flatMap(({ from, to, completed }) => {
    const ride = { from: frame.stationOf(from), to: frame.stationOf(to) };
    return completed === null && ride.from !== ride.to ? [ride] : [];
  });
}
