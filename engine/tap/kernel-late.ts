/**
 * The outcome of a certified kernel that came too late: its tap was over, or the link or the gate
 * had gone in between. It opens nothing. Where the card has paid, that is recorded as unconfirmed,
 * so that its next tap finds it: at a gate with a dialogue of its own it opens for what was paid,
 * and where a kernel has taken the fare again by then, the operator claims one of the two.
 */
import { cardNumberOf } from '../card/qpboc/card-data.ts';
import type { KernelOutcome } from '../card/qpboc/kernel.ts';
import { DebitState, Evidence } from '../debit/record.ts';
import { pendingEcash } from './bank-judge.ts';
import { type Decision, refuse, type TapDialogue, type TapRun } from './decision.ts';
import { tapKinds } from './judge.ts';
import { paidBy, recordTaken, takenAt } from './kernel-tap.ts';
import type { Told } from './outcome.ts';
import type { TapSetting } from './setting.ts';

const LATE: Told = { reason: 'cardGone', detail: 'kernel: late' };

/**
 * Ends in `cardGone` where nothing is left to be recorded of it, else in `gateClosed`: it is to be
 * brought again.
 */
export function kernelLate(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
  outcome: KernelOutcome,
): TapRun {
  return recordLate(setting, instantMs, sequence, outcome);
}

function* recordLate(
  { modes: _, ...setting }: TapSetting,
  instantMs: number,
  sequence: number,
  outcome: KernelOutcome,
): TapDialogue<Decision> {
  const tapKind = tapKinds[setting.side];
  const over = refuse(tapKind, LATE.reason, LATE.detail);
  const taken = paidBy(outcome);
  if (!taken) return over;
  const at = takenAt(setting, instantMs, sequence, taken);
  if (!at) return refuse(tapKind, 'gateClosed', LATE.detail);
  const { card, options } = taken.transaction;
  const number = cardNumberOf(card);
  const recent = at.bank.recent.find(number);
  const pending = pendingEcash(at.scene, number);
  const known = [recent?.counter, pending?.debit.offlineCounter];
  if (known.includes(options.atc)) return over;
  const decision = yield* recordTaken(at, taken, taken.amountMinor, LATE);
  const [debit] = decision.closed;
  // What was not written whole is brought again.
  if (!debit || debit.state === DebitState.void) return decision;
  // A card that has paid for a ride here since then was given none for this; and one whose later
  // debit is open here rides on that, which stays the one that its next tap tells of.
  const later = [recent?.counter ?? 0, pending?.debit.offlineCounter ?? 0];
  if (Math.max(...later) > options.atc) {
    const voided = { ...debit, state: DebitState.void, evidence: Evidence.cardState };
    return { ...decision, closed: [voided], unconfirmed: null, settled: null };
  }
  const unconfirmed = { ...debit, state: DebitState.unconfirmed, evidence: Evidence.none };
  return { ...decision, closed: [unconfirmed], unconfirmed, settled: null };
}
