/**
 * A tap of a bank card that a certified kernel has driven: its outcome becomes the same decision
 * and the same records as our own dialogue's. The kernel has authenticated the card, looked at its
 * dates and, where it approved e-cash, taken the money: so the card is not asked anything, and what
 * speaks against it keeps the gate closed but does not undo the debit.
 */
import { cardNumberOf } from '../card/qpboc/card-data.ts';
import { bcdNumber } from '../card/qpboc/elements.ts';
import { type Authenticated, NOT_AUTHENTICATED } from '../card/qpboc/evidence-payload.ts';
import { isUnauthenticated, type KernelOutcome, kernelTransaction } from '../card/qpboc/kernel.ts';
import { tag } from '../card/qpboc/tags.ts';
import type { EcashTransaction } from '../card/qpboc/transaction.ts';
import { writeLocalDateTime } from '../time.ts';
import { balanceBefore, debitEcash, recordOpenLoop, type Verdict } from './bank-debit.ts';
import {
  type BankScene,
  bankRequest,
  dayOf,
  noteTap,
  passesBack,
  quoteBank,
  stopped,
} from './bank-judge.ts';
import { toldOf } from './bank-reasons.ts';
import { type Decision, decisionOf, refuse, type TapDialogue, type TapRun } from './decision.ts';
import { type TapScene, tapKinds } from './judge.ts';
import type { Told } from './outcome.ts';
import type { Reason } from './reasons.ts';
import { sceneOf, unasked } from './scene.ts';
import type { TapSetting } from './setting.ts';

const authenticated: Authenticated = { method: 'kernel', algorithm: 'none' };

/**
 * What the kernel is to be told to take here: the fare, 0 where it is charged later, or why no bank
 * card may ride.
 */
export function kernelAmount(setting: TapSetting, instantMs: number): number | Reason {
  const at = bankSceneOf(setting, instantMs, 0);
  return typeof at === 'string' ? at : at.fareMinor;
}

/**
 * @param instantMs when the card was detected
 * @param sequence the gate sequence that the first intent of this tap takes
 */
export function kernelTap(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
  outcome: KernelOutcome,
): TapRun {
  return judgeOutcome(setting, instantMs, sequence, outcome);
}

/** The tap, or what keeps bank cards out before one comes. */
function bankSceneOf(setting: TapSetting, instantMs: number, sequence: number): BankScene | Reason {
  const scene = sceneOf(setting, instantMs, sequence);
  if (typeof scene === 'string') return scene;
  const { bank, zone } = setting;
  writeLocalDateTime(zone, instantMs, scene.dateTime, 0);
  return (bank && quoteBank(scene, bank, dayOf(scene.dateTime))) ?? 'cardUnsupported';
}

function* judgeOutcome(
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
  if (outcome.verdict === 'tryAgain') return refuse(tapKind, 'cardGone', 'kernel');
  if (outcome.verdict === 'declined') return refused(at, toldOf('declinedByCard'));
  const transaction = kernelTransaction(outcome);
  if (typeof transaction === 'string') return refused(at, toldOf(transaction));
  const dated = { ...at, scene: datedBy(at.scene, transaction) };
  const amountMinor = bcdNumber(transaction.terminal.get(tag.amount)!)!;
  // An approval by the issuer, or of another kernel, comes with an ARQC; e-cash with a TC.
  const isFree = at.plan.ecash && at.fareMinor === 0;
  if (isApproved(outcome, transaction) && (amountMinor > 0 || isFree)) {
    return yield* recordTaken(dated, transaction, amountMinor, null);
  }
  if (!at.plan.openLoop || amountMinor > 0) return refused(at, toldOf('onlineByCard'));
  return yield* recordLater(dated, transaction);
}

/** The modes or the setting changed while the kernel was at work; what it took is told. */
function* recordUnasked(
  { modes: _, ...setting }: TapSetting,
  instantMs: number,
  sequence: number,
  outcome: KernelOutcome,
  decision: Decision,
): TapDialogue<Decision> {
  const { bank, zone } = setting;
  const scene = sceneOf(setting, instantMs, sequence);
  const transaction = kernelTransaction(outcome);
  if (!bank || typeof scene === 'string' || typeof transaction === 'string') return decision;
  const amountMinor = bcdNumber(transaction.terminal.get(tag.amount)!)!;
  if (!isApproved(outcome, transaction) || amountMinor === 0) return decision;
  writeLocalDateTime(zone, instantMs, scene.dateTime, 0);
  const plan = { ecash: true, openLoop: false };
  const day = dayOf(scene.dateTime);
  const at = { scene: datedBy(scene, transaction), bank, plan, fareMinor: amountMinor, day };
  const { reason, open } = decision;
  const closed = { reason, detail: 'kernel' };
  return { ...(yield* recordTaken(at, transaction, amountMinor, closed)), reason, open };
}

/** Offline and by the card: it has paid. */
function isApproved({ verdict }: KernelOutcome, { options }: EcashTransaction): boolean {
  return verdict === 'approved' && options.kind === 'TC';
}

/**
 * The kernel has taken the money, also where it was not to: that is told all the same.
 * @param closed why the gate opens for no card
 */
function* recordTaken(
  at: BankScene,
  transaction: EcashTransaction,
  amountMinor: number,
  closed: Told | null,
): TapDialogue<Decision> {
  const number = cardNumberOf(transaction.card);
  const problem = closed ?? problemOf(at, number, transaction) ?? shortOf(at, amountMinor);
  const by = isUnauthenticated(transaction) ? NOT_AUTHENTICATED : authenticated;
  const verdict: Verdict = { authenticated: by, ...(problem ? { refused: problem } : {}) };
  const request = bankRequest(at, number, amountMinor);
  const balanceBeforeMinor = balanceBefore(transaction, amountMinor);
  const debit = { request, currency: currencyOf(transaction), transaction, balanceBeforeMinor };
  const outcome = yield* debitEcash(debit, null, () => verdict);
  const decision = decisionOf(request, outcome);
  if (decision.open) noteTap(at, number, transaction);
  return { ...decision, amountMinor };
}

function* recordLater(at: BankScene, transaction: EcashTransaction): TapDialogue<Decision> {
  const number = cardNumberOf(transaction.card);
  const problem = problemOf(at, number, transaction);
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
  cardNumber: Uint8Array,
  transaction: EcashTransaction,
): Told | null {
  const isBack = passesBack(at, cardNumber);
  const problem = stopped(at, cardNumber, transaction) ?? foreignTo(at, transaction);
  if (problem) return problem;
  if (isUnauthenticated(transaction)) return toldOf('authenticationUnsupported');
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
