/**
 * An account's taps as journeys (docs/fare-extensions.md, "Taps become rides" and "Rides that
 * belong together"). The same taps make the same journeys, whatever order they arrive in: all is
 * worked out from the sorted taps, in one pass over them for each rule.
 */
import assert from 'node:assert/strict';
import { ACCOUNT_TAPS_MAX } from '../../limits.ts';
import { FareCalendar } from '../terms/calendar.ts';
import type { FareTerms } from '../terms/terms.ts';
import type { Account, AccountTap, SwitchPeriod, TakenJourney } from './account.ts';
import { joinRides } from './continuations.ts';
import type { FareFrame } from './frame.ts';
import { InterchangeTable, switchTable } from './interchanges.ts';
import { type Ride, RideJudge, type RideTables } from './rides.ts';
import { EntryWait, type IgnoredTap, orderTaps, pairTaps } from './taps.ts';
import type { PastRide } from './usual.ts';

/** A ride that still waits for its exit. */
export interface OpenRide {
  /** Of its first entry. */
  readonly stop: string;
  readonly network: string;
  readonly route: string;
  readonly atMs: number;
  /** Ids of its taps, in order; over interchanges there are several. */
  readonly taps: readonly string[];
}

export interface AccountJourneys {
  /** In the order of their first taps. */
  readonly journeys: readonly TakenJourney[];
  readonly open: OpenRide | null;
  readonly ignored: readonly IgnoredTap[];
}

/** The rules of one fare version for taps, compiled once. */
export class JourneyRules {
  readonly #tables: RideTables;
  readonly #wait: EntryWait;
  readonly #interchanges: InterchangeTable;

  constructor(terms: FareTerms, frame: FareFrame) {
    const calendar = new FareCalendar(terms);
    this.#tables = { terms, calendar, frame };
    this.#wait = new EntryWait(terms, calendar);
    this.#interchanges = new InterchangeTable(terms, calendar, frame);
  }

  /**
   * @param arrived up to ACCOUNT_TAPS_MAX taps in any order, some perhaps twice
   * @param nowMs until when taps could have been made: decides whether a ride is still open
   * @param history rides before the first tap, in order; for `usual`
   */
  journeysOf(
    arrived: readonly AccountTap[],
    account: Account,
    switches: readonly SwitchPeriod[],
    nowMs: number,
    history: readonly PastRide[] = [],
  ): AccountJourneys {
    const { taps: ordered, ignored } = orderTaps(arrived);
    assert(ordered.length <= ACCOUNT_TAPS_MAX);
    const taps = ordered.map((tap) => this.#withNetwork(tap));
    const stays = this.#interchanges.join(pairTaps(taps, this.#wait), switchTable(switches));
    const judge = new RideJudge(this.#tables, account, history);
    const rides: Ride[] = [];
    let open: OpenRide | null = null;
    for (const [index, stay] of stays.entries()) {
      const { entry, exit } = stay;
      const next = stays[index + 1]?.taps[0] ?? null;
      const last = stay.taps.at(-1)!;
      if (entry && !exit && !next && this.#wait.covers(last.atMs, nowMs)) {
        const { stop, network, route, atMs } = entry;
        open = { stop, network, route, atMs, taps: stay.taps.map(({ id }) => id) };
      } else rides.push(...judge.judge(stay, next));
    }
    return { journeys: joinRides(rides, this.#tables, account), open, ignored };
  }

  /** A tap that names its route alone is on the network of that route. */
  #withNetwork(tap: AccountTap): AccountTap {
    if (tap.network !== '' || tap.route === '') return tap;
    return { ...tap, network: this.#tables.frame.networkOf(tap.route) };
  }
}
