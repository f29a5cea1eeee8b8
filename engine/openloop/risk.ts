/**
 * What a card may cost the operator, and whether gates must stop it (docs/open-loop.md, "Risk").
 * Pure: the same rows give the same verdict, so that the list can be checked.
 */
import type { DebtPolicy } from './charges.ts';
import {
  type CardRow,
  type Charge,
  type DenialReason,
  isDebt,
  outstandingMinor,
  type Verification,
} from './model.ts';

/** What is unpaid of a card: all its days so far, less what is on its way back to it. */
export function exposureMinor(card: CardRow, live: readonly Charge[]): number {
  const unpaid = live
    .filter(({ state }) => state !== 'writtenOff')
    .reduce((sum, charge) => sum + outstandingMinor(charge), card.openMinor);
  return Math.max(unpaid, 0);
}

/** None: gates let the card through. */
export function denialReasons(
  card: CardRow,
  live: readonly Charge[],
  riskLimitMinor: number,
): DenialReason[] {
  const reasons: DenialReason[] = [];
  if (card.verification.firstDeclinedDay !== null) reasons.push('verificationDeclined');
  if (live.some(isDebt)) reasons.push('debt');
  if (exposureMinor(card, live) > riskLimitMinor) reasons.push('overLimit');
  return reasons;
}

/** The day on which a verification goes into a file; null where it does not. */
export function verifyDay(
  { state, attempts, firstDeclinedDay }: Verification,
  { retryDays }: DebtPolicy,
): number | null {
  if (state === 'due') return 0;
  if (state !== 'declined') return null;
  const wait = retryDays[attempts - 1];
  return wait === undefined ? null : firstDeclinedDay! + wait;
}
