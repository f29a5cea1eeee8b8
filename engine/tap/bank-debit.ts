/**
 * Debits a bank card: the intent and its evidence event, which has the card's cryptogram already;
 * what is still to be read but the last record, while they are written; the journal's word that
 * both are durable; then the last record, with which the card takes the money. Where the fare is
 * charged later, the same without the card: it has been authenticated.
 */

import type { CommitAnswer } from '../card/dialogue.ts';
import { availableMinor, issuerOf } from '../card/qpboc/card-data.ts';
import { evidenceOf } from '../card/qpboc/evidence.ts';
import {
  type Authenticated,
  bankPayload,
  emptyBankPayload,
  NOT_AUTHENTICATED,
} from '../card/qpboc/evidence-payload.ts';
import { tag } from '../card/qpboc/tags.ts';
import {
  completePurchase,
  type EcashResult,
  type EcashTransaction,
  type PendingPurchase,
} from '../card/qpboc/transaction.ts';
import { type EvidenceEvent, EvidenceFamily } from '../debit/event.ts';
import type { Hold } from '../debit/hold.ts';
import { type Debit, ECASH_TRANSACTION, OPEN_LOOP_TRANSACTION } from '../debit/record.ts';
import { toldOf } from './bank-reasons.ts';
import type { TapDialogue } from './decision.ts';
import { evidenceEvent } from './evidence-event.ts';
import { faultOutcome } from './fault.ts';
import { evidencedIntent, NO_TAC } from './intent.ts';
import { abandoned, debited, type Told, unknown } from './outcome.ts';
import type { DebitOutcome, DebitRequest } from './request.ts';

const NOT_WRITTEN: Told = { reason: 'gateClosed', detail: 'the journal failed' };

/** What the gate makes of a card that it read to the end. */
export type Verdict =
  | { readonly authenticated: Authenticated }
  | { readonly refused: Told; readonly authenticated: Authenticated };

/** What to debit. */
export interface BankDebit {
  readonly request: DebitRequest;
  /** ISO 4217 number. */
  readonly currency: number;
  readonly transaction: EcashTransaction;
  /** Before the purchase; null: the card does not tell. */
  readonly balanceBeforeMinor: number | null;
  /** Of a purchase that holds money, or completes what was held. */
  readonly hold?: Hold | null;
  /** Of a card that has paid: whoever took it tells it again until it is recorded whole. */
  readonly isToldAgain?: boolean;
}

/**
 * A purchase that the card approved. Once its last record was asked for, only a whole and genuine
 * answer confirms the debit.
 * @param read brings the purchase before its last record, or says why not; null: the card has named
 *   no record to read, and has taken the money already
 * @param verify whether it is genuine and valid, once all of it is known
 */
export function* debitEcash(
  debit: BankDebit,
  read: (() => TapDialogue<PendingPurchase | Told>) | null,
  verify: (transaction: EcashTransaction) => Verdict,
): TapDialogue<DebitOutcome> {
  const { request, transaction, balanceBeforeMinor } = debit;
  const intent = intentOf(debit, ECASH_TRANSACTION);
  const approved = evidenceFor(debit, transaction, NOT_AUTHENTICATED);
  const undone = evidenceEvent(request, EvidenceFamily.bank, emptyBankPayload());
  yield { ask: 'intent', debit: intent };
  yield { ask: 'evidence', event: approved };
  const pending = read && (yield* read());
  if (pending && 'reason' in pending) {
    const { reason, detail } = pending;
    return { ...abandoned(intent, reason), detail, evidence: undone };
  }
  const answer = (yield { ask: 'commit', debit: intent }) as CommitAnswer;
  if (answer === 'failed') {
    const isUndone = pending !== null || debit.isToldAgain === true;
    const outcome = isUndone ? unwritten(intent) : unknown(intent, NOT_WRITTEN);
    return { ...outcome, evidence: isUndone ? undone : approved };
  }
  if (answer === 'late' && pending) return { ...abandoned(intent, 'deadline'), evidence: undone };

  const result: EcashResult = pending
    ? yield* completePurchase(pending)
    : { result: 'approved', transaction };
  // No answer to the last record says that nothing was taken, not even a refusal, which a link can
  // put in its place: the card's next tap tells.
  if (result.result !== 'approved') {
    const known = pending ? pending.transaction : transaction;
    const evidence = evidenceFor(debit, known, NOT_AUTHENTICATED);
    return { ...unknown(intent, toldOfUnknown(result)), evidence };
  }
  const verdict = verify(result.transaction);
  const evidence = evidenceFor(debit, result.transaction, verdict.authenticated);
  // A ride that was not given is not claimed, and this card must not pay for it again.
  const isGenuine = verdict.authenticated.method !== 'none';
  if ('refused' in verdict && (pending || !isGenuine)) {
    return { ...unknown(intent, verdict.refused), evidence };
  }
  const outcome: DebitOutcome = {
    ...debited(intent, NO_TAC, 0),
    balanceMinor: balanceBeforeMinor === null ? null : balanceBeforeMinor - request.amountMinor,
    evidence,
  };
  return 'refused' in verdict ? { ...outcome, ...verdict.refused } : outcome;
}

/** A tap whose fare is charged later; the card was authenticated. */
export function* recordOpenLoop(
  debit: BankDebit,
  authenticated: Authenticated,
): TapDialogue<DebitOutcome> {
  const { request, transaction, balanceBeforeMinor } = debit;
  const intent = intentOf(debit, OPEN_LOOP_TRANSACTION);
  const evidence = evidenceFor(debit, transaction, authenticated);
  yield { ask: 'intent', debit: intent };
  yield { ask: 'evidence', event: evidence };
  const answer = (yield { ask: 'commit', debit: intent }) as CommitAnswer;
  if (answer === 'go') {
    return { ...debited(intent, NO_TAC, 0), balanceMinor: balanceBeforeMinor, evidence };
  }
  const undone = evidenceEvent(request, EvidenceFamily.bank, emptyBankPayload());
  const outcome = answer === 'late' ? abandoned(intent, 'deadline') : unwritten(intent);
  return { ...outcome, evidence: undone };
}

function unwritten(intent: Debit): DebitOutcome {
  return { ...abandoned(intent, NOT_WRITTEN.reason), detail: NOT_WRITTEN.detail };
}

function toldOfUnknown(result: Exclude<EcashResult, { result: 'approved' }>): Told {
  if (result.result === 'fault') return faultOutcome(result.fault);
  if (result.result !== 'unknown') return { reason: 'cardFaulty', detail: result.result };
  const { fault, reason } = result;
  return fault ? faultOutcome(fault) : toldOf(reason!);
}

/** The evidence of a card, with what its cryptogram was computed over. */
function evidenceFor(
  { request, hold }: BankDebit,
  transaction: EcashTransaction,
  authenticated: Authenticated,
): EvidenceEvent {
  // A kernel need not tell what it said.
  const application = transaction.terminal.get(tag.extendedApplication)?.[0] ?? 0;
  const of = hold ? { application, hold } : { application };
  const proof = { evidence: evidenceOf(transaction), authenticated, ...of };
  return evidenceEvent(request, EvidenceFamily.bank, bankPayload(proof));
}

/** The balance before a purchase, as the card's answer tells it; null: it does not. */
export function balanceBefore(transaction: EcashTransaction, amountMinor: number): number | null {
  const available = availableMinor(transaction.elements);
  if (available === null) return null;
  const balanceMinor = available + (transaction.options.kind === 'TC' ? amountMinor : 0);
  return balanceMinor <= 0xffff_ffff ? balanceMinor : null;
}

function intentOf(
  { request, currency, transaction, balanceBeforeMinor }: BankDebit,
  transactionType: number,
): Debit {
  const { card, options, terminal } = transaction;
  return evidencedIntent(request, {
    issuer: issuerOf(card),
    keyIndex: options.iad[1]!,
    keyVersion: options.iad[2]!,
    algorithm: 0,
    transactionType,
    offlineCounter: options.atc,
    balanceBeforeMinor: balanceBeforeMinor ?? 0,
    currency,
    random: terminal.get(tag.unpredictableNumber)!,
  });
}
