/**
 * What may become of a charge (docs/open-loop.md): pure steps from one row to the next, each with
 * what it books. Amounts below 0 go back to the card and take the same steps.
 */
import { invariant } from '../invariant.ts';
import type { Posting } from './books.ts';
import {
  type AcquirerResult,
  type Charge,
  type ChargeReason,
  chargeId,
  isDebt,
  outstandingMinor,
  type PresentmentKind,
} from './model.ts';

/** A step: the row after it, and the postings of it. */
export interface Step {
  readonly charge: Charge;
  readonly postings: readonly Posting[];
}

/** How long the operator goes after a debt. */
export interface DebtPolicy {
  /** Days from the first decline to each further attempt. */
  readonly retryDays: readonly number[];
  /** Days from the first decline to giving it up. */
  readonly debtDaysMax: number;
}

/** Of an amount of 0 there is nothing to ask for. */
export function newCharge(
  of: { readonly card: string; readonly day: number; readonly number: number },
  amountMinor: number,
  reasons: readonly ChargeReason[],
  atMs: number,
): Step {
  const { card, day, number } = of;
  const charge: Charge = {
    ...{ id: chargeId(card, day, number), card, day, number, amountMinor, reasons },
    ...{ settledMinor: 0, attempts: 0, firstDeclinedDay: null, sinceMs: atMs },
    state: amountMinor === 0 ? 'paid' : 'due',
  };
  return { charge, postings: [charged(amountMinor)] };
}

/** Whether its amount may change: the acquirer has not heard of it, and nothing is settled. */
export function isAmendable({ state, attempts, settledMinor }: Charge): boolean {
  return state === 'due' && attempts === 0 && settledMinor === 0;
}

export function amendCharge(
  charge: Charge,
  changeMinor: number,
  reasons: readonly ChargeReason[],
  atMs: number,
): Step {
  invariant(isAmendable(charge), 'a charge that nobody has seen');
  const { card, day, number, amountMinor } = charge;
  const next = newCharge({ card, day, number }, amountMinor + changeMinor, reasons, atMs);
  return { charge: next.charge, postings: [charged(changeMinor)] };
}

function charged(amountMinor: number): Posting {
  return { to: 'receivable', from: 'revenue', amountMinor, why: 'charged' };
}

/** The day on which it goes into a file; null where it does not. */
export function presentDay(charge: Charge, { retryDays }: DebtPolicy): number | null {
  if (charge.state === 'due') return charge.day;
  if (charge.state !== 'declined') return null;
  const wait = retryDays[charge.attempts - 1];
  return wait === undefined ? null : charge.firstDeclinedDay! + wait;
}

export function kindOf({ number, amountMinor }: Charge): PresentmentKind {
  if (amountMinor < 0) return 'refund';
  return number === 0 ? 'charge' : 'supplement';
}

/** All that is outstanding of it goes into a file. */
export function presentCharge(charge: Charge, atMs: number): Charge {
  invariant(charge.state === 'due' || charge.state === 'declined', 'nobody has it yet');
  return { ...charge, state: 'presented', attempts: charge.attempts + 1, sinceMs: atMs };
}

/** The acquirer's answer to what was presented. */
export function answerCharge(
  charge: Charge,
  result: AcquirerResult,
  day: number,
  atMs: number,
): Step {
  invariant(charge.state === 'presented', 'only what was presented is answered');
  if (result === 'approved') return settle(charge, outstandingMinor(charge), 'acquirer', atMs);
  const firstDeclinedDay = charge.firstDeclinedDay ?? day;
  const declined: Charge = { ...charge, state: 'declined', firstDeclinedDay, sinceMs: atMs };
  return { charge: declined, postings: [] };
}

/** The rider pays of a debt. */
export function payDebt(charge: Charge, amountMinor: number, atMs: number): Step {
  invariant(isPayable(charge) && amountMinor <= outstandingMinor(charge), 'a debt of so much');
  return settle(charge, amountMinor, 'desk', atMs);
}

/** A debt that no file has: a rider may pay it without paying it twice. */
export function isPayable(charge: Charge): boolean {
  return isDebt(charge) && (charge.state === 'declined' || charge.state === 'writtenOff');
}

/** A debt is taken out of a refund of the same card. */
export function offsetDebt(
  debt: Charge,
  refund: Charge,
  atMs: number,
): { readonly debt: Step; readonly refund: Step } {
  const amountMinor = Math.min(outstandingMinor(debt), -outstandingMinor(refund));
  invariant(isPayable(debt) && isSpendable(refund), 'a debt and a refund that nobody has');
  const paid = settle(debt, amountMinor, null, atMs);
  const used = settle(refund, -amountMinor, null, atMs);
  return { debt: paid, refund: used };
}

/** A refund that no file has. */
export function isSpendable(charge: Charge): boolean {
  return outstandingMinor(charge) < 0 && (charge.state === 'due' || charge.state === 'declined');
}

/** @param into account that the money came to; null: out of a refund, within the receivables */
function settle(
  charge: Charge,
  amountMinor: number,
  into: 'acquirer' | 'desk' | null,
  atMs: number,
): Step {
  const from = charge.state === 'writtenOff' ? 'loss' : 'receivable';
  const settledMinor = charge.settledMinor + amountMinor;
  const whole = charge.firstDeclinedDay === null ? 'paid' : 'recovered';
  const state = settledMinor === charge.amountMinor ? whole : charge.state;
  const to = into ?? 'receivable';
  const posting: Posting = { to, from, amountMinor, why: into ?? 'offset' };
  const postings = to === from ? [] : [posting];
  return { charge: { ...charge, settledMinor, state, sinceMs: atMs }, postings };
}

/** Whether a debt is given up on a day. What is owed to a rider never is. */
export function isHopeless(charge: Charge, day: number, { debtDaysMax }: DebtPolicy): boolean {
  if (charge.state !== 'declined' || !isDebt(charge)) return false;
  return day - charge.firstDeclinedDay! > debtDaysMax;
}

export function writeOff(charge: Charge, atMs: number): Step {
  invariant(charge.state === 'declined', 'a debt that no file has');
  const amountMinor = outstandingMinor(charge);
  return {
    charge: { ...charge, state: 'writtenOff', sinceMs: atMs },
    postings: [{ to: 'loss', from: 'receivable', amountMinor, why: 'written off' }],
  };
}

/** Whether anything may still happen to it. */
export function isLive(charge: Charge): boolean {
  return outstandingMinor(charge) !== 0;
}
