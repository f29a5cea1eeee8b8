/**
 * Prices a ride at the gate by the rules that fit on a card (`rules.ts`) and the card's counters
 * (`counters.ts`). A ride's price is its fare, less its transfer, its discount and the cumulative
 * discount, and at most what the day's cap leaves; the same order as in the engine
 * (docs/fare-extensions.md). Nothing is allocated.
 */

import { reducedMinor } from '../account/reduction.ts';
import { monthOfDay } from '../terms/month.ts';
import {
  type CardCounters,
  DAY_SPENT_MAX,
  MONTH_SPENT_MAX,
  NO_NETWORK,
  TRANSFERS_MAX,
} from './counters.ts';
import { ANY_NETWORK, type CardRiderRules, type CardRules } from './rules.ts';

const DAY_MS = 86_400_000;

/**
 * Forgets the sums of another service day or month: before a ride begins, and once one has ended on
 * a later day than it began, for it is of the day it began.
 * @param lastLocalMs the card's last tap by the operator's clocks; NaN where there was none
 * @param nowLocalMs this tap by the same; a clock that lags behind the card's record resets nothing
 */
export function turnCounters(
  counters: CardCounters,
  rules: CardRules,
  lastLocalMs: number,
  nowLocalMs: number,
): void {
  if (nowLocalMs < lastLocalMs) return;
  const last = Math.floor((lastLocalMs - rules.dayStartMs) / DAY_MS);
  const now = Math.floor((nowLocalMs - rules.dayStartMs) / DAY_MS);
  // A card without a last tap compares as another day and month.
  if (last === now) return;
  counters.daySpentMinor = 0;
  if (!(monthOfDay(last) === monthOfDay(now))) counters.monthSpentMinor = 0;
}

/**
 * A ride begins: decides whether it is a transfer.
 * @param network index of this gate's, or NO_NETWORK
 * @param sinceExitMs since the last ride ended; NaN where none has
 */
export function beginRide(
  counters: CardCounters,
  { transfers }: CardRiderRules,
  network: number,
  sinceExitMs: number,
): void {
  counters.transferRow = 0;
  for (let row = 0; row < transfers.length; row++) {
    const { fromNetwork, toNetwork, limitMs, count } = transfers[row]!;
    if (!isFor(fromNetwork, counters.network) || !isFor(toNetwork, network)) continue;
    if (!(sinceExitMs <= limitMs) || counters.transfers >= count) continue;
    counters.transferRow = row + 1;
    break;
  }
  if (counters.transferRow === 0) counters.transfers = 0;
}

/**
 * A ride ends: what it costs, and the counters after it.
 * @param fareMinor as the fare set has it
 */
export function endRide(
  counters: CardCounters,
  rules: CardRiderRules,
  network: number,
  fareMinor: number,
): number {
  let minor = fareMinor;
  // A version of fares with fewer rows may have come between entry and exit.
  const transfer = rules.transfers[counters.transferRow - 1];
  if (transfer) {
    minor = reducedMinor(minor, transfer.percent, transfer.offMinor, transfer.roundMinor);
    counters.transfers += 1;
  }
  for (let i = 0; i < rules.discounts.length; i++) {
    const discount = rules.discounts[i]!;
    if (!isFor(discount.network, network)) continue;
    minor = reducedMinor(minor, discount.percent, discount.offMinor, discount.roundMinor);
    break;
  }
  const { month, dayCap } = rules;
  const isOfMonth = month !== null && isFor(month.network, network);
  if (isOfMonth) minor = stepped(minor, month.steps, counters.monthSpentMinor);
  const isCapped = dayCap !== null && isFor(dayCap.network, network);
  if (isCapped) {
    const left = dayCap.amountMinor - counters.daySpentMinor;
    if (minor > left) minor = left > 0 ? left : 0;
    counters.daySpentMinor = Math.min(counters.daySpentMinor + minor, DAY_SPENT_MAX);
  }
  if (isOfMonth) {
    counters.monthSpentMinor = Math.min(counters.monthSpentMinor + minor, MONTH_SPENT_MAX);
  }
  counters.transferRow = 0;
  counters.network = network;
  return minor;
}

/**
 * A stay ended that was no ride to the rules: the next ride is no transfer from it, nor from one
 * before it, whose end the card no longer tells.
 */
export function endStay(counters: CardCounters): void {
  counters.transferRow = 0;
  counters.transfers = TRANSFERS_MAX;
}

/** Index of a network for the counters. */
export function networkIndex(rules: CardRules, network: string): number {
  const index = rules.networks.indexOf(network);
  return index < 0 ? NO_NETWORK : index;
}

function isFor(rule: number, network: number): boolean {
  return rule === ANY_NETWORK || rule === network;
}

function stepped(
  minor: number,
  steps: readonly {
    readonly fromMinor: number;
    readonly percent: number;
    readonly roundMinor: number;
  }[],
  spentMinor: number,
): number {
  for (let i = steps.length - 1; i >= 0; i--) {
    const { fromMinor, percent, roundMinor } = steps[i]!;
    if (spentMinor >= fromMinor) return reducedMinor(minor, percent, 0, roundMinor);
  }
  return minor;
}
