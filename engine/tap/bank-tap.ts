/**
 * A tap of a bank card (docs/ecash.md): directory, application, GET PROCESSING OPTIONS with the
 * fare, in which the card decides, and its records. Until the last of them nothing has happened:
 * there stand the denylist, an earlier debit that is not settled, pass-back, dates, and whatever of
 * the authentication is known by then. Seven exchanges of a plain e-cash card.
 */
import { cardNumberOf } from '../card/qpboc/card-data.ts';
import type { Authenticated } from '../card/qpboc/evidence-payload.ts';
import type { Authentication } from '../card/qpboc/oda/authenticate.ts';
import { authenticateEarly } from '../card/qpboc/oda/early.ts';
import { validityProblem } from '../card/qpboc/outcome.ts';
import { tag } from '../card/qpboc/tags.ts';
import type { EcashPurchase } from '../card/qpboc/terminal.ts';
import {
  beginAgain,
  beginPurchase,
  completePurchase,
  type EcashResult,
  type EcashTransaction,
  type PendingPurchase,
  readBalance,
} from '../card/qpboc/transaction.ts';
import { type Debit, DebitState } from '../debit/record.ts';
import { balanceBefore, debitEcash, recordOpenLoop, type Verdict } from './bank-debit.ts';
import {
  type BankScene,
  bankRequest,
  dayOf,
  failureOf,
  noteTap,
  passesBack,
  pendingEcash,
  quoteBank,
  stopped,
  verdictOf,
} from './bank-judge.ts';
import { toldOf } from './bank-reasons.ts';
import { type Decision, decisionOf, refuse, type TapDialogue } from './decision.ts';
import { faultOutcome } from './fault.ts';
import { opensFor, recovered, type TapScene } from './judge.ts';
import type { Told } from './outcome.ts';
import type { BankSetting, PendingDebit } from './setting.ts';
import { settleByBalance } from './settle.ts';

export type Begun = PendingPurchase | EcashResult;
/** The card has decided. */
type Decided = Extract<Begun, { readonly transaction: EcashTransaction }>;

/** A card as far as it is known before it pays. */
interface SeenBankCard {
  readonly number: Uint8Array;
  readonly begun: Decided;
  /** Before the purchase; null: the card does not tell. */
  readonly balanceMinor: number | null;
}

/** The decision, or null: the card has none of the accepted applications. */
export function* bankTap(scene: TapScene, bank: BankSetting): TapDialogue<Decision | null> {
  const at = quoteBank(scene, bank, dayOf(scene.dateTime));
  if (at === null) return null;
  if (typeof at === 'string') return refuse(scene.tapKind, at, '');
  const means = { forms: bank.forms, readsOnline: !at.plan.ecash };
  const begun = yield* beginPurchase(bank.accepted, means, purchaseOf(at, at.fareMinor));
  if (begun.result === 'refused' && begun.reason === 'applicationMissing') return null;
  if (!('transaction' in begun)) return refused(at, toldOfEnd(begun));
  const problem = stopped(at, begun.transaction);
  if (problem && !hasTaken(begun)) return refused(at, problem);
  return yield* settleAndPay(at, begun, problem);
}

/** @param problem of a card that has taken the money already */
function* settleAndPay(at: BankScene, first: Decided, problem: Told | null): TapDialogue<Decision> {
  const { scene, fareMinor, plan } = at;
  const number = cardNumberOf(first.transaction.card);
  const found = pendingEcash(scene, number);
  let begun: Begun = first;
  let balanceMinor = balanceBefore(first.transaction, fareMinor);
  const isWanted = found !== null || (plan.ecash && first.result === 'pending');
  const isAsked = balanceMinor === null && isWanted && !hasTaken(first);
  if (isAsked) {
    const read = yield* readBalance();
    if (read !== null && typeof read === 'object') return refused(at, faultOutcome(read));
    balanceMinor = read;
  }
  const settlement =
    found && balanceMinor !== null ? settleByBalance(scene, found.debit, balanceMinor) : null;
  const isPaid = settlement?.state === DebitState.confirmed && opensFor(scene, found!);
  if (isPaid && !hasTaken(first)) return yield* recover(at, first, found!, settlement);
  if (isAsked) {
    begun = yield* again(at, first.transaction, fareMinor);
    if (!('transaction' in begun)) return refused(at, toldOfEnd(begun));
  }
  if (settlement) yield { ask: 'intent', debit: settlement };
  const card: SeenBankCard = { number, begun: begun as Decided, balanceMinor };
  const decision = yield* pay(at, card, settlement, problem);
  if (!settlement) return decision;
  return { ...decision, closed: [settlement, ...decision.closed], settled: found!.debit };
}

/**
 * The card has paid for this tap already. It is authenticated by a purchase of nothing, unless that
 * is done: whoever saw a card pay and leave could make up what it says.
 */
function* recover(
  at: BankScene,
  begun: Decided,
  found: PendingDebit,
  settlement: Debit,
): TapDialogue<Decision> {
  const early = begun.result === 'pending' ? earlyOf(at, begun) : null;
  const failed = early && failureOf(early);
  if (failed) return refused(at, toldOf(failed));
  let { transaction } = begun;
  if (!early) {
    const proven = yield* prove(at, yield* again(at, transaction, 0));
    if ('reason' in proven) return refused(at, proven);
    ({ transaction } = proven);
  }
  yield { ask: 'intent', debit: settlement };
  noteTap(at, transaction);
  return recovered(at.scene.tapKind, found.debit, settlement);
}

function* pay(
  at: BankScene,
  card: SeenBankCard,
  settlement: Debit | null,
  problem: Told | null,
): TapDialogue<Decision> {
  const { plan } = at;
  const { begun, balanceMinor } = card;
  const isBack = passesBack(at, card.number);
  if (isBack && !hasTaken(begun)) return refused(at, PASS_BACK);
  if (!plan.ecash) return yield* payLater(at, card, begun, settlement);
  if (begun.transaction.options.kind === 'TC') {
    return yield* payNow(at, card, settlement, problem ?? (isBack ? PASS_BACK : null));
  }
  if (plan.openLoop) {
    return yield* payLater(at, card, yield* again(at, begun.transaction, 0), settlement);
  }
  const told = toldOfEnd(begun);
  const isTooLow = balanceMinor !== null && balanceMinor < at.fareMinor;
  const { detail } = told;
  return { ...refused(at, isTooLow ? { reason: 'balanceTooLow', detail } : told), balanceMinor };
}

const PASS_BACK: Told = { reason: 'passBack', detail: '' };

/** E-cash. @param problem of a card that has taken the money already */
function* payNow(
  at: BankScene,
  { number, begun, balanceMinor }: SeenBankCard,
  settlement: Debit | null,
  problem: Told | null,
): TapDialogue<Decision> {
  const { bank, fareMinor, day } = at;
  const { transaction } = begun;
  const pending = begun.result === 'pending' ? begun : null;
  const early = pending && earlyOf(at, pending);
  if (pending) {
    const cause = validityProblem(transaction, day) ?? (early && failureOf(early));
    if (cause) return refused(at, toldOf(cause));
  }
  const verify = (whole: EcashTransaction): Verdict => {
    const verdict = verdictOf(at, whole, early);
    return problem ? { ...verdict, refused: problem } : verdict;
  };
  const request = bankRequest(at, number, fareMinor, settlement !== null);
  const { currency } = bank.forms.terminal;
  const debit = { request, currency, transaction, balanceBeforeMinor: balanceMinor };
  const outcome = yield* debitEcash(debit, pending, verify);
  const decision = decisionOf(request, outcome);
  if (decision.open) noteTap(at, transaction);
  const isTaken = outcome.closed[0]?.state === DebitState.confirmed;
  return isTaken ? { ...decision, amountMinor: fareMinor } : decision;
}

/** Open loop: a purchase of nothing, which the card may approve or want its issuer asked about. */
function* payLater(
  at: BankScene,
  { number, balanceMinor }: SeenBankCard,
  begun: Begun,
  settlement: Debit | null,
): TapDialogue<Decision> {
  const proven = yield* prove(at, begun);
  if ('reason' in proven) return refused(at, proven);
  const { transaction, authenticated } = proven;
  const request = bankRequest(at, number, 0, settlement !== null);
  const { currency } = at.bank.forms.terminal;
  const debit = { request, currency, transaction, balanceBeforeMinor: balanceMinor };
  const decision = decisionOf(request, yield* recordOpenLoop(debit, authenticated));
  if (decision.open) noteTap(at, transaction);
  return decision;
}

export interface Proven {
  readonly transaction: EcashTransaction;
  readonly authenticated: Authenticated;
}

/** Reads a purchase of nothing to its end, and says whether the card is valid and genuine. */
export function* prove(at: BankScene, begun: Begun): TapDialogue<Proven | Told> {
  const result = begun.result === 'pending' ? yield* completePurchase(begun) : begun;
  if (result.result !== 'approved' && result.result !== 'online') return toldOfEnd(result);
  const { transaction } = result;
  // A card that wants its issuer asked may send no records at all.
  const isUnsigned = !transaction.elements.has(tag.dynamicSignature);
  if (result.result === 'online' && isUnsigned) return toldOf('onlineByCard');
  const verdict = verdictOf(at, transaction, null);
  if ('refused' in verdict) return verdict.refused;
  return { transaction, authenticated: verdict.authenticated };
}

export function earlyOf({ bank, day }: BankScene, begun: PendingPurchase): Authentication | null {
  return authenticateEarly(begun, bank.issuers, bank.policy, day);
}

function* again(at: BankScene, former: EcashTransaction, amountMinor: number): TapDialogue<Begun> {
  const readsOnline = !at.plan.ecash || amountMinor === 0;
  const means = { forms: at.bank.forms, readsOnline };
  return yield* beginAgain(former, means, purchaseOf(at, amountMinor));
}

export function purchaseOf({ scene, bank }: BankScene, amountMinor: number): EcashPurchase {
  const { dateTime } = scene;
  return {
    amountMinor,
    unpredictableNumber: bank.unpredictableNumber(),
    date: dateTime.subarray(1, 4),
    time: dateTime.subarray(4, 7),
  };
}

/** Whether the card has taken the money with its decision: it named no record to read. */
function hasTaken(begun: Decided): boolean {
  return begun.result === 'approved';
}

/** Why a purchase that did not come to its end did not. */
export function toldOfEnd(end: Begun): Told {
  switch (end.result) {
    case 'fault':
      return faultOutcome(end.fault);
    case 'refused':
      return toldOf(end.reason);
    case 'online':
      return toldOf('onlineByCard');
    case 'unknown':
      return end.fault ? faultOutcome(end.fault) : toldOf(end.reason!);
    default:
      return toldOf('declinedByCard');
  }
}

export function refused({ scene }: BankScene, { reason, detail }: Told): Decision {
  return refuse(scene.tapKind, reason, detail);
}
