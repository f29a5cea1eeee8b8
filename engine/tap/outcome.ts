/** How a debit ends, whatever the card's family: the final records of its intents. */
import { type Debit, DebitState, Evidence } from '../debit/record.ts';
import type { Reason } from './reasons.ts';
import type { DebitOutcome } from './request.ts';

/** A reason and what is behind it. */
export interface Told {
  readonly reason: Reason;
  readonly detail: string;
}

/** Nothing was appended. */
export function nothing(reason: Reason, detail: string, balanceMinor: number | null): DebitOutcome {
  return {
    reason,
    detail,
    balanceMinor,
    closed: [],
    evidence: null,
    unconfirmed: null,
    settled: null,
  };
}

/** The card has proved the debit. @param tac of a purse; zeros where the proof is elsewhere. */
export function debited(intent: Debit, tac: Uint8Array, balanceMinor: number): DebitOutcome {
  const state = DebitState.confirmed;
  const confirmed: Debit = { ...intent, state, evidence: Evidence.debitAnswer, tac };
  return {
    reason: 'open',
    detail: '',
    balanceMinor,
    closed: [confirmed],
    evidence: null,
    unconfirmed: null,
    settled: null,
  };
}

/** The card said that it did not commit. */
export function refusedDebit(intent: Debit, told: Told): DebitOutcome {
  const refused = { ...intent, state: DebitState.void, evidence: Evidence.refused };
  return { ...nothing(told.reason, told.detail, intent.balanceBeforeMinor), closed: [refused] };
}

/** The command that commits was never sent. */
export function abandoned(intent: Debit, reason: Reason): DebitOutcome {
  const closed = [{ ...intent, state: DebitState.void, evidence: Evidence.notSent }];
  return { ...nothing(reason, '', intent.balanceBeforeMinor), closed };
}

/** It was sent, and no answer that proves anything came back. */
export function unknown(intent: Debit, told: Told): DebitOutcome {
  const unconfirmed: Debit = { ...intent, state: DebitState.unconfirmed };
  return { ...nothing(told.reason, told.detail, null), closed: [unconfirmed], unconfirmed };
}
