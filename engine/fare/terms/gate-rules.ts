/**
 * What of an operator's terms a gate can go by (docs/fare-extensions.md, "What gates take"): rows
 * that say the same to everybody, everywhere and at any time, and mean what a rule of a fare set
 * means. All else is for accounts, and a gate's rules stay those of the import's options.
 */
import type { FareRules } from '../fares.ts';
import type { FareTerms, MissingTap } from './terms.ts';

/** Rules that the terms decide, with the table that does. */
export interface GateRules {
  readonly entryBalanceMinor: number | null;
  readonly missingTapMinor: number | null;
  readonly negativeBalanceMinor: number | null;
}

/** Which tables rules are from. */
export const gateRuleTables: Readonly<Record<keyof GateRules & keyof FareRules, string>> = {
  entryBalanceMinor: 'faregate_settings.txt',
  missingTapMinor: 'faregate_missing_taps.txt',
  negativeBalanceMinor: 'faregate_settings.txt',
};

/** null where the terms do not decide a rule. */
export function gateRules({ settings, missingTaps }: FareTerms): GateRules {
  return {
    entryBalanceMinor: settings.entryBalanceMinor,
    missingTapMinor: missingTapMinor(missingTaps),
    negativeBalanceMinor: settings.negativeBalanceMinor || null,
  };
}

/** One row for a missing entry and one for a missing exit, both unconditional, of one amount. */
function missingTapMinor(rows: readonly MissingTap[]): number | null {
  const [first, second] = rows;
  if (rows.length !== 2 || first!.missing === second!.missing) return null;
  const [one, other] = rows.map(fixedMinor);
  return one === other ? one! : null;
}

function fixedMinor({ stop, rider, media, network, charge, amountMinor }: MissingTap) {
  if ([stop, rider, media, network].some((filter) => filter !== '')) return null;
  if (charge === 'none') return 0;
  return charge === 'amount' ? amountMinor : null;
}
