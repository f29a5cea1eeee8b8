/**
 * A tap of a bank card (docs/ecash.md): directory, application, GET PROCESSING OPTIONS with the
 * fare, in which the card decides, and its records. Until the last of them nothing has happened:
 * there stand the denylist, an earlier debit that is not settled, pass-back, dates, and whatever of
 * the authentication is known by then. Seven exchanges of a plain e-cash card. An earlier debit is
 * settled by none but a card that has proved itself in this tap.
 */
import type { SelectedApplication } from '../card/qpboc/application.ts';
import { cardNumberOf } from '../card/qpboc/card-data.ts';
import type { Authenticated } from '../card/qpboc/evidence-payload.ts';
import type { Authentication } from '../card/qpboc/oda/authenticate.ts';
import { authenticateEarly } from '../card/qpboc/oda/early.ts';
import { tag } from '../card/qpboc/tags.ts';
import type { EcashPurchase } from '../card/qpboc/terminal.ts';
import {
  beginAgain,
  beginPurchase,
  beginSelected,
  completePurchase,
  type EcashResult,
  type EcashTransaction,
  type PendingPurchase,
  readBalance,
} from '../card/qpboc/transaction.ts';
import { type Debit, DebitState } from '../debit/record.ts';
import { BANK_DEBIT_RESERVE_MS, BANK_PROOF_MS } from '../durations.ts';
import { balanceBefore, debitEcash, recordOpenLoop, type Verdict } from './bank-debit.ts';
import {
  type BankScene,
  bankRequest,
  datesProblem,
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

/**
 * The decision, or null: the card has none of the accepted applications.
 * @param selected the application that is selected already; null: none
 */
export function* bankTap(
  scene: TapScene,
  bank: BankSetting,
  selected: SelectedApplication | null,
): TapDialogue<Decision | null> {
  const at = quoteBank(scene, bank, dayOf(scene.dateTime));
  if (at === null) return null;
  if (typeof at === 'string') return refuse(scene.tapKind, at, '');
  const means = { forms: bank.forms, readsOnline: !at.plan.ecash };
  const purchase = () => purchaseOf(at, at.fareMinor);
  const decided = selected ? yield* beginSelected(selected, means, purchase()) : 'next';
  const begun =
    decided === 'next' ? yield* beginPurchase(bank.accepted, means, purchase()) : decided;
  if (begun.result === 'refused' && begun.reason === 'applicationMissing') return null;
  if (!('transaction' in begun)) return refused(at, toldOfEnd(begun));
  const number = cardNumberOf(begun.transaction.card);
  const problem = stopped(at, number, begun.transaction);
  if (problem && !hasTaken(begun)) return refused(at, problem);
  return yield* payAndSettle(at, number, begun, problem);
}

/** @param problem of a card that has taken the money already */
function* payAndSettle(
  at: BankScene,
  number: Uint8Array,
  first: Decided,
  problem: Told | null,
): TapDialogue<Decision> {
  const { scene, fareMinor, plan } = at;
  const { atc } = first.transaction.options;
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
  // A card without records proves nothing of itself, and so settles nothing.
  const settlement =
    found && balanceMinor !== null && !hasTaken(first)
      ? settleByBalance(scene, found.debit, atc, balanceMinor)
      : null;
  const isPaid = settlement?.state === DebitState.confirmed && opensFor(scene, found!);
  if (isPaid) return yield* recover(at, number, first, found!, settlement);
  if (isAsked) {
    begun = yield* again(at, first.transaction, fareMinor);
    if (!('transaction' in begun)) return refused(at, toldOfEnd(begun));
  }
  const card: SeenBankCard = { number, begun: begun as Decided, balanceMinor };
  const paid = yield* pay(at, card, problem);
  return yield* settleBehind(paid, found, settlement, function* () {
    return yield* prove(at, yield* again(at, first.transaction, 0));
  });
}

/** How a tap ended, and whether the card proved in it that it is genuine. */
export interface Paid {
  readonly decision: Decision;
  readonly isGenuine: boolean;
}

/** The end of a tap in which the card did not get so far as to prove itself. */
export function unproven(decision: Decision): Paid {
  return { decision, isGenuine: false };
}

/**
 * Settles the earlier debit behind this tap's own records, if the card is genuine: one that is made
 * up could say of another's debit what it likes. Of one that has not shown itself, it stays open.
 * @param settlement with the tap's first sequence; null: nothing can be said, and a tap that has
 *   its own debit leaves the earlier one to the ledger
 * @param proving a purchase of nothing, for a card that was refused for want of money: it has
 *   proved nothing, and nobody may come again with it; null: the card cannot be asked. Its rider
 *   waits for the refusal as long: where the tap has no time for it, the earlier debit stays open
 */
export function* settleBehind(
  { decision, isGenuine }: Paid,
  found: PendingDebit | null,
  settlement: Debit | null,
  proving: (() => TapDialogue<Proven | Told>) | null,
): TapDialogue<Decision> {
  if (!found) return decision;
  const mayProve = !isGenuine && settlement !== null && decision.reason === 'balanceTooLow';
  const isProven = mayProve && proving ? yield* inTime(proving()) : isGenuine;
  if (!isProven) return decision;
  const { closed, evidence } = decision;
  if (!settlement) {
    // The card's balance has this tap's debit in it from now on, and could fit the earlier one by
    // chance: that is forgotten here, and the ledger decides.
    const isPast = closed.some(({ state }) => state === DebitState.confirmed);
    return isPast ? { ...decision, settled: found.debit } : decision;
  }
  const gateSequence = settlement.gateSequence + closed.length + (evidence ? 1 : 0);
  const behind = { ...settlement, gateSequence };
  yield { ask: 'intent', debit: behind };
  return { ...decision, closed: [...closed, behind], settled: found.debit };
}

/** Whether the card proves itself before the tap's deadline; given up where it would pass that. */
function* inTime(proving: TapDialogue<Proven | Told>): TapDialogue<boolean> {
  let neededMs = BANK_PROOF_MS;
  let step = proving.next(null);
  while (step.done !== true) {
    const ask = step.value;
    if (ask.ask === 'card') {
      const hasTime = (yield { ask: 'time', ms: neededMs }) as boolean;
      if (!hasTime) return false;
      neededMs = BANK_DEBIT_RESERVE_MS;
    }
    step = proving.next(yield ask);
  }
  return !('reason' in step.value);
}

/**
 * The card has paid for this tap already. It is authenticated by a purchase of nothing, unless that
 * is done: whoever saw a card pay and leave could make up what it says.
 */
function* recover(
  at: BankScene,
  number: Uint8Array,
  begun: Decided,
  found: PendingDebit,
  settlement: Debit,
): TapDialogue<Decision> {
  const early = begun.result === 'pending' ? earlyOf(at, begun) : null;
  const failed = early && failureOf(early);
  if (failed) return refused(at, toldOf(failed));
  let { transaction } = begun;
  if (!early) {
    const proven = yield* prove(asPaid(at, found), yield* again(at, transaction, 0));
    if ('reason' in proven) return refused(at, proven);
    ({ transaction } = proven);
  }
  yield { ask: 'intent', debit: settlement };
  noteTap(at, number, transaction);
  return recovered(at.scene.tapKind, found.debit, settlement);
}

function* pay(at: BankScene, card: SeenBankCard, problem: Told | null): TapDialogue<Paid> {
  const { plan } = at;
  const { begun, balanceMinor } = card;
  const isBack = passesBack(at, card.number);
  if (isBack && !hasTaken(begun)) return unproven(refused(at, PASS_BACK));
  if (!plan.ecash) return yield* payLater(at, card, begun);
  if (begun.transaction.options.kind === 'TC') {
    return yield* payNow(at, card, problem ?? (isBack ? PASS_BACK : null));
  }
  if (plan.openLoop) return yield* payLater(at, card, yield* again(at, begun.transaction, 0));
  const told = toldOfEnd(begun);
  const isTooLow = balanceMinor !== null && balanceMinor < at.fareMinor;
  const { detail } = told;
  const refusal = refused(at, isTooLow ? { reason: 'balanceTooLow', detail } : told);
  return unproven({ ...refusal, balanceMinor });
}

const PASS_BACK: Told = { reason: 'passBack', detail: '' };

/** E-cash. @param problem of a card that has taken the money already */
function* payNow(
  at: BankScene,
  { number, begun, balanceMinor }: SeenBankCard,
  problem: Told | null,
): TapDialogue<Paid> {
  const { bank, fareMinor } = at;
  const { transaction } = begun;
  const pending = begun.result === 'pending' ? begun : null;
  const early = pending && earlyOf(at, pending);
  let isGenuine = early !== null && failureOf(early) === null;
  if (pending) {
    const cause = datesProblem(at, transaction) ?? (early && failureOf(early));
    if (cause) return { decision: refused(at, toldOf(cause)), isGenuine };
  }
  const verify = (whole: EcashTransaction): Verdict => {
    const verdict = verdictOf(at, whole, early);
    isGenuine = verdict.authenticated.method !== 'none';
    return problem ? { ...verdict, refused: problem } : verdict;
  };
  const request = bankRequest(at, number, fareMinor);
  const { currency } = bank.forms.terminal;
  const debit = { request, currency, transaction, balanceBeforeMinor: balanceMinor };
  const outcome = yield* debitEcash(debit, pending && ready(pending), verify);
  const decision = decisionOf(request, outcome);
  if (decision.open) noteTap(at, number, transaction);
  const isTaken = outcome.closed[0]?.state === DebitState.confirmed;
  return { decision: isTaken ? { ...decision, amountMinor: fareMinor } : decision, isGenuine };
}

/** What comes before the last record was read. */
function ready(pending: PendingPurchase): () => TapDialogue<PendingPurchase> {
  // biome-ignore lint/correctness/useYield: there is nothing left to ask
  return function* () {
    return pending;
  };
}

/** Open loop: a purchase of nothing, which the card may approve or want its issuer asked about. */
function* payLater(
  at: BankScene,
  { number, balanceMinor }: SeenBankCard,
  begun: Begun,
): TapDialogue<Paid> {
  const proven = yield* prove(at, begun);
  if ('reason' in proven) return unproven(refused(at, proven));
  const { transaction, authenticated } = proven;
  const request = bankRequest(at, number, 0);
  const { currency } = at.bank.forms.terminal;
  const debit = { request, currency, transaction, balanceBeforeMinor: balanceMinor };
  const decision = decisionOf(request, yield* recordOpenLoop(debit, authenticated));
  if (decision.open) noteTap(at, number, transaction);
  return { decision, isGenuine: true };
}

/** Who paid in time is let through later too. */
export function asPaid<S extends BankScene>(at: S, { debit }: PendingDebit): S {
  return { ...at, day: dayOf(debit.dateTime) };
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
