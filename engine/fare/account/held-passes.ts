/**
 * The passes of an account while its journeys are priced: which covers a journey, and what is left
 * of it (docs/fare-extensions.md, `faregate_passes.txt`).
 */
import type { Pass } from '../terms/terms.ts';
import type { HeldPass } from './account.ts';
import type { RidePricer } from './ride-pricer.ts';

/** One held pass; what has been used of it holds whatever the fare version. */
interface Holding {
  readonly id: string;
  readonly fromMs: number;
  /** Service day it started, since 1970; null for one that starts at a first ride yet to come. */
  startDay: number | null;
  ridesUsed: number;
}

/** A pass that covers a journey, and what it had after it. */
export interface UsedPass {
  readonly pass: Pass;
  /** Rides left of a bundle; null for a period pass. */
  readonly ridesLeft: number | null;
}

export class HeldPasses {
  readonly #holdings: readonly Holding[];

  constructor(passes: readonly HeldPass[]) {
    this.#holdings = passes.map(({ pass, fromMs }) => ({
      ...{ id: pass, fromMs, startDay: null, ridesUsed: 0 },
    }));
  }

  /** Uses the pass that covers the journey in hand of `pricer`; null where none does. */
  use(pricer: RidePricer): UsedPass | null {
    let best: { readonly holding: Holding; readonly pass: Pass; readonly startDay: number } | null =
      null;
    for (const holding of this.#holdings) {
      const row = pricer.rules.terms.passes.findIndex(({ id }) => id === holding.id);
      if (row < 0 || !covers(pricer, row)) continue;
      const pass = pricer.rules.terms.passes[row]!;
      const startDay = startOf(holding, pass, pricer);
      if (startDay === null) continue;
      const found = { holding, pass, startDay };
      if (!best || rank(found) < rank(best)) best = found;
    }
    if (!best) return null;
    const { holding, pass, startDay } = best;
    holding.startDay = startDay;
    holding.ridesUsed++;
    return { pass, ridesLeft: pass.rides === null ? null : pass.rides - holding.ridesUsed };
  }
}

function covers({ rules, rider, legs }: RidePricer, row: number): boolean {
  const { riders, networks, zoneSets, periods } = rules.passes;
  const isRider = riders[row] === 0 || riders[row] === rider;
  if (!isRider || !legs.areOn(networks[row]!)) return false;
  return legs.areIn(zoneSets[row]!) && legs.begin(periods[row]!);
}

/** The day a pass starts if it is used now; null where it is not good yet or any longer. */
function startOf(holding: Holding, pass: Pass, { rules, legs }: RidePricer): number | null {
  if (legs.departuresMs[0]! < holding.fromMs) return null;
  if (pass.rides !== null && holding.ridesUsed >= pass.rides) return null;
  const bought = pass.startsAtFirstRide ? legs.day : rules.calendar.dayOf(holding.fromMs);
  const startDay = holding.startDay ?? bought;
  return pass.days !== null && legs.day >= startDay + pass.days ? null : startDay;
}

/** Lower is used before higher: period passes, those that have started, those that end first. */
function rank(found: { holding: Holding; pass: Pass; startDay: number }): number {
  const { holding, pass, startDay } = found;
  const isWaiting = pass.startsAtFirstRide && holding.startDay === null;
  // Ends are days of some ten thousand; a pass without end comes after all others of its kind.
  const end = pass.days === null ? LATEST : startDay + pass.days;
  return (pass.rides === null ? 0 : 4 * LATEST) + (isWaiting ? 2 * LATEST : 0) + end;
}

const LATEST = 1e9;
