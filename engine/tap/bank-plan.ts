/** How a bank card pays at a gate, by what the gate does: one rule for each side. */
import type { BankSetting, Side } from './setting.ts';

/** At least one of the two; both: e-cash where the card approves it, else open loop. */
export interface BankPlan {
  /** The fare is taken from the card's e-cash, whole, at this tap. */
  readonly ecash: boolean;
  /** The tap is recorded, and the engine charges the fare. */
  readonly openLoop: boolean;
}

type Rule = (bank: BankSetting) => BankPlan | null;

/** A fare that is known at the tap may be taken from the card. */
const single: Rule = ({ ecash, openLoop }) => (ecash || openLoop ? { ecash, openLoop } : null);

/** The fare of a ride is known at its end, and the card does not tell where it began. */
const openLoopOnly: Rule = ({ openLoop }) => (openLoop ? { ecash: false, openLoop } : null);

const rules: Readonly<Record<Side, Rule>> = {
  entry: openLoopOnly,
  exit: openLoopOnly,
  single,
};

/** The plan, or null: bank cards are not taken at this side, and not asked for. */
export function bankPlan(side: Side, bank: BankSetting): BankPlan | null {
  return rules[side](bank);
}
