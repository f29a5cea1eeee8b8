/**
 * A tap of a bank card that a certified kernel has driven: its outcome becomes the same decision
 * and the same records as our own dialogue's. The kernel has authenticated the card, looked at its
 * dates and, where it approved e-cash, taken the money: so the card is not asked anything, and what
 * speaks against it keeps the gate closed but does not undo the debit. It takes the money before
 * anybody can ask for an earlier debit: of two payments for one ride the operator claims one.
 */
import { cardNumberOf } from '../card/qpboc/card-data.ts';
import { bcdNumber } from '../card/qpboc/elements.ts';
import { type Authenticated, NOT_AUTHENTICATED } from '../card/qpboc/evidence-payload.ts';
import {
  isUnauthenticated,
  type KernelOutcome,
  type KernelVerdict,
  kernelTransaction,
} from '../card/qpboc/kernel.ts';
import type { EcashReason } from '../card/qpboc/reasons.ts';
import { tag } from '../card/qpboc/tags.ts';
import type { EcashTransaction } from '../card/qpboc/transaction.ts';
import { type Debit, DebitState } from '../debit/record.ts';
import { writeLocalDateTime } from '../time.ts';
import { balanceBefore, debitEcash, recordOpenLoop, type Verdict } from './bank-debit.ts';
import {
  type BankScene,
  bankRequest,
  dayOf,
  noteTap,
  passesBack,
  pendingEcash,
  quoteBank,
  stopped,
} from './bank-judge.ts';
import { toldOf } from './bank-reasons.ts';
import { settleBehind } from './bank-tap.ts';
import { type Decision, decisionOf, refuse, type TapDialogue } from './decision.ts';
import { opensFor, type TapScene, tapKinds } from './judge.ts';
import type { Told } from './outcome.ts';
import type { Reason } from './reasons.ts';
import { sceneOf, unasked } from './scene.ts';
import type { KernelQuote, PendingDebit, TapSetting } from './setting.ts';
import { settleAsTwice, settleByBalance } from './settle.ts';

const authenticated: Authenticated = { method: 'kernel', algorithm: 'none' };

/** What the kernel says it made of a card, as far as it can be read. */
export interface KernelTaken {
  readonly transaction: EcashTransaction;
  readonly isGenuine: boolean;
}

/** Verdicts that take nothing and say no more. */
const ends: Readonly<Partial<Record<KernelVerdict, Told>>> = {
  tryAgain: { reason: 'cardGone', detail: 'kernel' },
  declined: toldOf('declinedByCard'),
  otherInterface: toldOf('otherInterface'),
  ended: { reason: 'cardFaulty', detail: 'kernel: ended' },
  noApplication: { reason: 'cardUnsupported', detail: 'kernel' },
};

/**
 * What the kernel is to be told to take here: the fare, 0 where it is charged later, or why no bank
 * card may ride.
 */
export function kernelAmount(setting: TapSetting, instantMs: number): number | Reason {
  const at = bankSceneOf(setting, instantMs, 0);
  return typeof at === 'string' ? at : at.fareMinor;
}

/**
 * A bank card at a reader with a kernel; null: it is none, or the kernel takes none. What keeps
 * bank cards out refuses whichever card no other family has taken, as without a kernel.
 */
export function* kernelCard(
  { setting, instantMs, sequence, tapKind }: TapScene,
  { amountMinor }: KernelQuote,
): TapDialogue<Decision | null> {
  if (amountMinor === null) {
    const at = bankSceneOf(setting, instantMs, sequence);
    return typeof at === 'string' && at !== 'cardUnsupported' ? refuse(tapKind, at, '') : null;
  }
  const outcome = (yield { ask: 'kernel' }) as KernelOutcome | null;
  if (outcome === null) return refuse(tapKind, 'cardGone', 'kernel');
  if (outcome.verdict === 'noApplication') return null;
  return yield* kernelTap(setting, instantMs, sequence, outcome);
}

/** Whether the outcome says that a card has paid, and what; null: it has not, or cannot be read. */
export function paidBy(outcome: KernelOutcome): (KernelTaken & { amountMinor: number }) | null {
  if (outcome.verdict !== 'approved') return null;
  const taken = takenBy(outcome);
  if (typeof taken === 'string') return null;
  const amountMinor = amountOf(taken);
  return isApproved(outcome, taken.transaction) && amountMinor > 0
    ? { ...taken, amountMinor }
    : null;
}

function takenBy(outcome: KernelOutcome): KernelTaken | EcashReason {
  const transaction = kernelTransaction(outcome);
  if (typeof transaction === 'string') return transaction;
  return { transaction, isGenuine: !isUnauthenticated(outcome, transaction) };
}

function amountOf({ transaction }: KernelTaken): number {
  return bcdNumber(transaction.terminal.get(tag.amount)!)!;
}

/** The tap, or what keeps bank cards out before one comes. */
function bankSceneOf(setting: TapSetting, instantMs: number, sequence: number): BankScene | Reason {
  const scene = sceneOf(setting, instantMs, sequence);
  if (typeof scene === 'string') return scene;
  const { bank, zone, kernel } = setting;
  writeLocalDateTime(zone, instantMs, scene.dateTime, 0);
  const at = (bank && quoteBank(scene, bank, dayOf(scene.dateTime))) ?? 'cardUnsupported';
  if (typeof at === 'string') return at;
  // What the kernel was told is the fare, though another be in force by now.
  const fareMinor = kernel?.amountMinor ?? at.fareMinor;
  return { ...at, fareMinor };
}

/**
 * @param instantMs when the card was detected
 * @param sequence the gate sequence that the first intent of this tap takes
 */
export function* kernelTap(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
  outcome: KernelOutcome,
): TapDialogue<Decision> {
  const tapKind = tapKinds[setting.side];
  const at = bankSceneOf(setting, instantMs, sequence);
  if (typeof at === 'string') {
    return yield* recordUnasked(setting, instantMs, sequence, outcome, unasked(tapKind, at));
  }
  const end = ends[outcome.verdict];
  if (end) return refused(at, end);
  const taken = takenBy(outcome);
  if (typeof taken === 'string') return refused(at, toldOf(taken));
  const { transaction } = taken;
  const dated = { ...at, scene: datedBy(at.scene, transaction) };
  const amountMinor = amountOf(taken);
  // An approval by the issuer, or of another kernel, comes with an ARQC; e-cash with a TC.
  const isFree = at.plan.ecash && at.fareMinor === 0;
  if (isApproved(outcome, transaction) && (amountMinor > 0 || isFree)) {
    return yield* recordTaken(dated, taken, amountMinor, null);
  }
  if (!at.plan.openLoop || amountMinor > 0) return refused(at, toldOf('onlineByCard'));
  return yield* recordLater(dated, taken);
}

/** The modes or the setting changed while the kernel was at work; what it took is told. */
function* recordUnasked(
  { modes: _, ...setting }: TapSetting,
  instantMs: number,
  sequence: number,
  outcome: KernelOutcome,
  decision: Decision,
): TapDialogue<Decision> {
  const taken = paidBy(outcome);
  const at = taken && takenAt(setting, instantMs, sequence, taken);
  if (!at) return decision;
  const { reason, open } = decision;
  const closed = { reason, detail: 'kernel' };
  return { ...(yield* recordTaken(at, taken, taken.amountMinor, closed)), reason, open };
}

/** The tap of a card that has paid, whatever else is asked of it; null: it cannot be recorded. */
export function takenAt(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
  { transaction, amountMinor }: KernelTaken & { readonly amountMinor: number },
): BankScene | null {
  const { bank, zone } = setting;
  const scene = sceneOf(setting, instantMs, sequence);
  if (!bank || typeof scene === 'string') return null;
  writeLocalDateTime(zone, instantMs, scene.dateTime, 0);
  const plan = { ecash: true, openLoop: false };
  const day = dayOf(scene.dateTime);
  return { scene: datedBy(scene, transaction), bank, plan, fareMinor: amountMinor, day };
}

/** Offline and by the card: it has paid. */
function isApproved({ verdict }: KernelOutcome, { options }: EcashTransaction): boolean {
  return verdict === 'approved' && options.kind === 'TC';
}

/**
 * The kernel has taken the money, also where it was not to: that is told all the same. What is
 * recorded of the card already, under the same counter, is not recorded again.
 * @param closed why the gate opens for no card
 */
export function* recordTaken(
  at: BankScene,
  taken: KernelTaken,
  amountMinor: number,
  closed: Told | null,
): TapDialogue<Decision> {
  const { transaction, isGenuine } = taken;
  const { atc } = transaction.options;
  const number = cardNumberOf(transaction.card);
  const found = pendingEcash(at.scene, number);
  if (found?.debit.offlineCounter === atc) {
    return refused(at, closed ?? toldOf('dynamicSignatureAtc'));
  }
  const problem = closed ?? problemOf(at, number, taken) ?? shortOf(at, amountMinor);
  const by = isGenuine ? authenticated : NOT_AUTHENTICATED;
  const verdict: Verdict = { authenticated: by, ...(problem ? { refused: problem } : {}) };
  const request = bankRequest(at, number, amountMinor);
  const balanceBeforeMinor = balanceBefore(transaction, amountMinor);
  const currency = currencyOf(transaction);
  const debit = { request, currency, transaction, balanceBeforeMinor, isToldAgain: true };
  const outcome = yield* debitEcash(debit, null, () => verdict);
  const decision = { ...decisionOf(request, outcome), amountMinor };
  if (decision.open) noteTap(at, number, transaction);
  const isPaid = outcome.closed[0]?.state === DebitState.confirmed && !problem;
  const settlement = found && isPaid ? settle(at.scene, found, atc, balanceBeforeMinor) : null;
  return yield* settleBehind({ decision, isGenuine }, found, settlement, null);
}

/** What this payment makes of an earlier one, of which no ride came, or which nobody knows of. */
function settle(
  scene: TapScene,
  found: PendingDebit,
  atc: number,
  balanceBeforeMinor: number | null,
): Debit | null {
  const { debit } = found;
  // At a counter that the card has not passed it is another card's of its number.
  if (opensFor(scene, found)) {
    return atc > debit.offlineCounter ? settleAsTwice(scene, debit) : null;
  }
  return balanceBeforeMinor === null
    ? null
    : settleByBalance(scene, debit, atc, balanceBeforeMinor);
}

function* recordLater(at: BankScene, taken: KernelTaken): TapDialogue<Decision> {
  const { transaction } = taken;
  const number = cardNumberOf(transaction.card);
  const problem = problemOf(at, number, taken);
  if (problem) return refused(at, problem);
  const request = bankRequest(at, number, 0);
  const balanceBeforeMinor = balanceBefore(transaction, 0);
  const debit = { request, currency: currencyOf(transaction), transaction, balanceBeforeMinor };
  const decision = decisionOf(request, yield* recordOpenLoop(debit, authenticated));
  if (decision.open) noteTap(at, number, transaction);
  return decision;
}

function problemOf(
  at: BankScene,
  number: Uint8Array,
  { transaction, isGenuine }: KernelTaken,
): Told | null {
  const isBack = passesBack(at, number);
  const problem = stopped(at, number, transaction) ?? foreignTo(at, transaction);
  if (problem) return problem;
  if (!isGenuine) return toldOf('authenticationUnsupported');
  return isBack ? { reason: 'passBack', detail: '' } : null;
}

/** A kernel that was told another amount than the fare. */
function shortOf({ fareMinor }: BankScene, amountMinor: number): Told | null {
  if (amountMinor === fareMinor) return null;
  const detail = `kernel: ${amountMinor} for a fare of ${fareMinor}`;
  return { reason: 'cardFaulty', detail };
}

/** A kernel that is set up for other money than the gate. */
function foreignTo({ bank }: BankScene, transaction: EcashTransaction): Told | null {
  const own = bank.forms.terminal.currency;
  const currency = currencyOf(transaction);
  if (currency === own) return null;
  return { reason: 'cardFaulty', detail: `kernel: currency ${currency}, not ${own}` };
}

function currencyOf({ terminal }: EcashTransaction): number {
  return bcdNumber(terminal.get(tag.currency)!)!;
}

/** The record says date and time as the cryptogram was computed over them: 9A and 9F21. */
function datedBy(scene: TapScene, { terminal }: EcashTransaction): TapScene {
  const dateTime = Uint8Array.from(scene.dateTime);
  dateTime.set(terminal.get(tag.date)!, 1);
  dateTime.set(terminal.get(tag.time)!, 4);
  return { ...scene, dateTime };
}

function refused({ scene }: BankScene, { reason, detail }: Told): Decision {
  return refuse(scene.tapKind, reason, detail);
}
