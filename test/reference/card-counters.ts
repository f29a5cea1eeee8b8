/**
 * A slow twin of `engine/fare/card/meter.ts`: rides of one card as docs/card-counters.md and
 * docs/fare-extensions.md tell, with sums by the name of a day or month, and no bytes.
 */

export interface TwinRide {
  readonly network: string;
  /** By the operator's clocks. */
  readonly entryLocalMs: number;
  readonly exitLocalMs: number;
  readonly fareMinor: number;
}

export interface TwinReduction {
  readonly percent: number;
  readonly offMinor: number;
  readonly roundMinor: number;
}

export interface TwinRules {
  readonly dayStartMs: number;
  readonly transfers: readonly (TwinReduction & {
    readonly from: string;
    readonly to: string;
    readonly minutes: number;
    readonly count: number;
  })[];
  readonly discounts: readonly (TwinReduction & { readonly network: string })[];
  readonly month: {
    readonly network: string;
    readonly steps: readonly {
      readonly from: number;
      readonly percent: number;
      readonly round: number;
    }[];
  } | null;
  readonly dayCap: { readonly network: string; readonly amount: number } | null;
}

/** What each ride costs, in order. */
export function cardPrices(rules: TwinRules, rides: readonly TwinRide[]): number[] {
  const spent = new Map<string, number>();
  let before: TwinRide | null = null;
  let inRow = 0;
  return rides.map((ride) => {
    const day = new Date(ride.entryLocalMs - rules.dayStartMs).toISOString().slice(0, 10);
    const month = `month ${day.slice(0, 7)}`;
    let price = ride.fareMinor;
    const transfer = rules.transfers.find(
      ({ from, to, minutes, count }) =>
        before !== null &&
        is(from, before.network) &&
        is(to, ride.network) &&
        ride.entryLocalMs - before.exitLocalMs <= minutes * 60_000 &&
        inRow < count,
    );
    inRow = transfer ? inRow + 1 : 0;
    if (transfer) price = less(price, transfer);
    const discount = rules.discounts.find(({ network }) => is(network, ride.network));
    if (discount) price = less(price, discount);
    const isOfMonth = rules.month !== null && is(rules.month.network, ride.network);
    if (isOfMonth) {
      const reached = rules.month!.steps.filter(({ from }) => from <= (spent.get(month) ?? 0));
      const step = reached.sort((a, b) => b.from - a.from)[0];
      if (step) price = less(price, { percent: step.percent, offMinor: 0, roundMinor: step.round });
    }
    const isCapped = rules.dayCap !== null && is(rules.dayCap.network, ride.network);
    if (isCapped) {
      price = Math.min(price, Math.max(0, rules.dayCap!.amount - (spent.get(day) ?? 0)));
      spent.set(day, (spent.get(day) ?? 0) + price);
    }
    if (isOfMonth) spent.set(month, (spent.get(month) ?? 0) + price);
    before = ride;
    return price;
  });
}

function is(rule: string, network: string): boolean {
  return rule === '' || rule === network;
}

function less(price: number, { percent, offMinor, roundMinor }: TwinReduction): number {
  const exact = Math.max(0, price * (100 - percent) - offMinor * 100);
  const units = Number(BigInt(2 * exact + 100 * roundMinor) / BigInt(200 * roundMinor));
  return Math.min(units * roundMinor, price);
}
