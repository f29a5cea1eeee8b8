/**
 * The taps of one card as service days with a price: the account engine over all of them, so that
 * caps of a week or a month see what came before. A journey is of the day its first tap is of.
 */
import { OPEN_LOOP_RIDE_OVER_MS } from '../durations.ts';
import type { Account, AccountTap } from '../fare/account/account.ts';
import { type AccountFares, accountHistory } from '../fare/account/history.ts';
import type { AccountJourney } from '../fare/account/price.ts';
import type { DayJourney, PricedDay } from './model.ts';

/** What prices taps. */
export interface Pricing {
  readonly fares: AccountFares;
  /** Whose fares bank cards pay. */
  readonly account: Account;
  /** The service day of an instant. */
  readonly dayOf: (instantMs: number) => number;
}

/**
 * A ride without an exit so far is priced as if none came: what the rider owes at most, unless the
 * exit costs more.
 * @param taps up to ACCOUNT_TAPS_MAX of one card, in any order
 * @param nowMs until when taps could have been made
 * @returns days by number; days on which no journey began are not among them
 */
export function priceDays(
  { fares, account, dayOf }: Pricing,
  taps: readonly AccountTap[],
  nowMs: number,
): Map<number, PricedDay> {
  const asked = accountHistory(fares, account, taps, [], nowMs);
  const riding = new Set(asked.open?.taps);
  const overMs = Math.max(nowMs, asked.open?.atMs ?? 0) + OPEN_LOOP_RIDE_OVER_MS;
  const { journeys, open } = asked.open
    ? accountHistory(fares, account, taps, [], overMs)
    : { journeys: asked.journeys, open: null };
  const days = new Map<number, PricedDay>();
  const add = (journey: DayJourney) => {
    const day = dayOf(journey.atMs);
    const known = days.get(day);
    days.set(day, {
      day,
      priceMinor: (known?.priceMinor ?? 0) + (journey.amountMinor ?? 0),
      taps: [...(known?.taps ?? []), ...journey.taps],
      journeys: [...(known?.journeys ?? []), journey],
      isRiding: (known?.isRiding ?? false) || journey.taps.some((tap) => riding.has(tap)),
    });
  };
  for (const journey of journeys) add(dayJourney(journey));
  if (open) add({ atMs: open.atMs, taps: open.taps, amountMinor: null, why: ['not over yet'] });
  return days;
}

function dayJourney(journey: AccountJourney): DayJourney {
  const { atMs, taps } = journey;
  if ('error' in journey) {
    const { code, message } = journey.error;
    return { atMs, taps, amountMinor: null, why: [`${code}: ${message}`] };
  }
  return { atMs, taps, amountMinor: journey.amountMinor, why: journey.why };
}
