/**
 * A priced journey of an account in items and words: for each leg its fare and what each rule took
 * off it, with the file and line of the rule.
 */
import { formatMinor } from '../money.ts';
import type { FixedCharge, LegFare, TakenJourney } from './account.ts';
import type { UsedPass } from './held-passes.ts';
import type { RidePricer } from './ride-pricer.ts';
import type { RideRules } from './rules.ts';

export type OffRule = 'pass' | 'transfer' | 'discount' | 'cumulative' | 'cap';

/** What a rule took off a leg. */
export interface Off {
  readonly rule: OffRule;
  readonly file: string;
  readonly line: number;
  readonly amountMinor: number;
}

/** One leg: its fare, less all that was taken off, is its amount. */
export interface AccountItem {
  /** From 0. */
  readonly leg: number;
  readonly from: string;
  readonly to: string;
  /** As the fare set has it. */
  readonly fareMinor: number;
  readonly off: readonly Off[];
  readonly amountMinor: number;
}

const FILES: Readonly<Record<OffRule, string>> = {
  pass: 'faregate_passes.txt',
  transfer: 'faregate_transfers.txt',
  discount: 'faregate_discounts.txt',
  cumulative: 'faregate_cumulative.txt',
  cap: 'faregate_caps.txt',
};

/** A rule and its line; null where none applied. */
type Applied = { readonly line: number } | null;

/** Items of the journey that `chargeMinor` has just priced. @param why gets a line for each rule */
export function itemsOf(pricer: RidePricer, journey: TakenJourney, why: string[]): AccountItem[] {
  const { rules, legs } = pricer;
  const { terms, schemes } = rules;
  const cap = terms.caps[pricer.capRow] ?? null;
  let cappedMinor = 0;
  const items = journey.legs.map(({ from, to }, leg): AccountItem => {
    const off: Off[] = [];
    let minor = legs.faresMinor[leg]!;
    const fareMinor = minor;
    const take = (rule: OffRule, applied: Applied, leftMinor: number): void => {
      if (applied && leftMinor < minor) {
        const taken = { rule, file: FILES[rule], line: applied.line };
        off.push({ ...taken, amountMinor: minor - leftMinor });
        if (rule === 'cap') cappedMinor += minor - leftMinor;
        else why.push(offWords(rules, leg, off.at(-1)!));
      }
      minor = leftMinor;
    };
    const transfer = terms.transfers[pricer.transferRows[leg]!] ?? null;
    take('transfer', transfer, pricer.transferredMinor[leg]!);
    const discount = terms.discounts[pricer.discountRows[leg]!] ?? null;
    take('discount', discount, pricer.discountedMinor[leg]!);
    take('cumulative', schemes.steps[pricer.steps[leg]!] ?? null, pricer.cumulatedMinor[leg]!);
    take('cap', cap, pricer.paidMinor[leg]!);
    return { leg, from, to, fareMinor, off, amountMinor: minor };
  });
  if (cap && cappedMinor > 0) {
    const most =
      cap.amountMinor === null
        ? `${cap.rides} paid journeys`
        : formatMinor(cap.amountMinor, rules.decimals);
    const off = formatMinor(cappedMinor, rules.decimals);
    why.push(`cap ${cap.id} of ${most} (${FILES.cap}, line ${cap.line}): ${off} off the journey`);
  }
  return items;
}

/** Items of a journey that a pass covers. @param why gets the reason */
export function passItems(
  journey: TakenJourney,
  fares: readonly LegFare[],
  { pass, ridesLeft }: UsedPass,
  why: string[],
): AccountItem[] {
  const left = ridesLeft === null ? '' : `, ${ridesLeft} rides left`;
  why.push(`pass ${pass.id} covers it (${FILES.pass}, line ${pass.line}${left})`);
  return journey.legs.map(({ from, to }, leg) => {
    const fareMinor = fares[leg]!.amountMinor;
    const taken = { rule: 'pass', file: FILES.pass, line: pass.line } as const;
    const off = fareMinor > 0 ? [{ ...taken, amountMinor: fareMinor }] : [];
    return { leg, from, to, fareMinor, off, amountMinor: 0 };
  });
}

function offWords(rules: RideRules, leg: number, { rule, file, line, amountMinor }: Off): string {
  const name = {
    transfer: 'a transfer',
    discount: 'a discount',
    cumulative: 'what was paid before',
  };
  const words = name[rule as keyof typeof name];
  return `${words} (${file}, line ${line}): ${formatMinor(amountMinor, rules.decimals)} off leg ${leg}`;
}

/** A charge with its amount. */
export function chargeWords(
  rules: RideRules,
  { why, amountMinor }: Pick<FixedCharge, 'why'> & { readonly amountMinor: number },
): string {
  return `${why}: ${formatMinor(amountMinor, rules.decimals)}`;
}
