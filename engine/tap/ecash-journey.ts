/**
 * A ride of a bank card with the extended application (docs/ecash.md), in and out like a purse's.
 * The card's record says where the rider is before any money is asked for: SELECT, READ CAPP DATA,
 * the rules, GET PROCESSING OPTIONS with the fare (nothing at an entry), UPDATE CAPP DATA CACHE,
 * the records, of which the last commits money and record together. Nine exchanges.
 *
 * Where entries hold the fare (`ecash-hold.ts`), the same exchanges hold it and complete it.
 *
 * The card's number comes with GET PROCESSING OPTIONS. Until then a tap is judged as if no debit of
 * the card were open; where one is, the tap is judged anew by what the card tells of it. It is
 * settled once the card has proved itself.
 */
import type { JourneyForm } from '../card/journey-form.ts';
import type { SelectedApplication } from '../card/qpboc/application.ts';
import { cardNumberOf } from '../card/qpboc/card-data.ts';
import { NOT_AUTHENTICATED } from '../card/qpboc/evidence-payload.ts';
import { proveTransaction } from '../card/qpboc/extended/card-asks.ts';
import { type OpenedCard, openExtended, updateExtended } from '../card/qpboc/extended/segmented.ts';
import type { Authentication } from '../card/qpboc/oda/authenticate.ts';
import type { EcashService } from '../card/qpboc/terminal.ts';
import {
  type Approval,
  askOptions,
  beginAgain,
  type EcashRefusal,
  type EcashTransaction,
  type PendingPurchase,
  refusal,
} from '../card/qpboc/transaction.ts';
import { type Debit, DebitState } from '../debit/record.ts';
import { debitEcash, type Verdict } from './bank-debit.ts';
import {
  type BankScene,
  datesProblem,
  dayOf,
  failureOf,
  noteTap,
  pendingEcash,
  stopped,
  verdictOf,
} from './bank-judge.ts';
import { toldOf } from './bank-reasons.ts';
import {
  asPaid,
  earlyOf,
  type Paid,
  type Proven,
  prove,
  purchaseOf,
  refused,
  settleBehind,
  toldOfEnd,
  unproven,
} from './bank-tap.ts';
import { type Decision, decisionOf, type TapDialogue } from './decision.ts';
import {
  askFor,
  askNothing,
  endsSameRide,
  type JourneyAsk,
  type JourneyPurchase,
  ownMinor,
  toldMinor,
} from './ecash-hold.ts';
import { faultOutcome } from './fault.ts';
import { journeyOf, wroteJourney } from './journey.ts';
import { judge, opensFor, price, recovered, type SeenCard, type TapScene } from './judge.ts';
import type { Told } from './outcome.ts';
import type { Reason } from './reasons.ts';
import type { DebitRequest } from './request.ts';
import type { BankSetting, ExtendedSetting, PendingDebit } from './setting.ts';
import { settleByJourney } from './settle.ts';

/** Of a card that has not told its number yet. */
const NO_NUMBER = new Uint8Array(10);
/** DF60. */
const PLAIN = 0;
const SEGMENTED = 1;

interface JourneyScene extends BankScene {
  readonly extended: ExtendedSetting;
  readonly form: JourneyForm;
}

/** Nothing was asked of the card but, perhaps, what it has. */
export interface NoJourney {
  /** Selected now; null: none. */
  readonly selected: SelectedApplication | null;
}

/** The card has decided: it approved, or wants its issuer asked, or declined. */
type Decided = Approval | Extract<EcashRefusal, { readonly transaction: EcashTransaction }>;

/**
 * The decision; null: the card has none of the accepted applications; or how far it came with a
 * card that is not asked here for its record, or has none.
 */
export function* ecashJourney(
  scene: TapScene,
  bank: BankSetting,
): TapDialogue<Decision | NoJourney | null> {
  const { extended } = bank;
  const { side } = scene.setting;
  if (!extended || !bank.ecash || side === 'single') return { selected: null };
  const plan = { ecash: true, openLoop: false };
  const day = dayOf(scene.dateTime);
  const at = { scene, bank, plan, fareMinor: 0, day, extended, form: extended.forms[side] };
  const opened = yield* open(at);
  if (opened.result === 'plain') return { selected: opened.application };
  if (opened.result !== 'opened') {
    const isMissing = opened.result === 'refused' && opened.reason === 'applicationMissing';
    return isMissing ? null : refused(at, toldOfEnd(opened));
  }
  const request = quote(at, seenCard(at, opened, NO_NUMBER), null);
  // A card that is refused tells its number all the same: it may have paid for this tap already.
  const paying = typeof request === 'string' ? null : askFor(scene, bank, opened, request);
  const asked = paying ?? askNothing(extended, opened);
  const decided = yield* decide(at, opened, asked);
  if (!('transaction' in decided)) return refused(at, toldOfEnd(decided));
  const { transaction } = decided;
  const number = cardNumberOf(transaction.card);
  const problem = stopped(at, number, transaction);
  if (problem && !hasTaken(decided)) return refused(at, problem);
  const found = pendingEcash(scene, number);
  if (found && !hasTaken(decided)) {
    return yield* judgeAnew(at, opened, decided, asked, number, found);
  }
  if (typeof request === 'string') return refused(at, { reason: request, detail: '' });
  const paid = yield* pay(at, opened, decided, ofCard(paying!, number), problem);
  return paid.decision;
}

function open({ bank, extended }: JourneyScene) {
  return openExtended(bank.accepted, extended.profile, SEGMENTED, extended.random());
}

/** GET PROCESSING OPTIONS with the journey's service. */
function* decide(
  at: JourneyScene,
  { application }: OpenedCard,
  { service, amountMinor }: JourneyAsk,
): TapDialogue<Approval | EcashRefusal> {
  const means = { forms: at.bank.forms, readsOnline: false };
  const decided = yield* askOptions(application, means, purchase(at, amountMinor, service));
  return decided === 'next' ? refusal('applicationMissing') : decided;
}

function ofCard(asked: JourneyPurchase, cardNumber: Uint8Array): JourneyPurchase {
  return { ...asked, request: { ...asked.request, cardNumber } };
}

function purchase(at: JourneyScene, amountMinor: number, service: EcashService) {
  return { ...purchaseOf(at, amountMinor), service };
}

/** Whether the card has taken the money with its decision: it named no record to read. */
function hasTaken(decided: Decided): boolean {
  return 'records' in decided && decided.records.length === 0;
}

function quote(
  { scene, form }: JourneyScene,
  card: SeenCard,
  settlement: Debit | null,
): DebitRequest | Reason {
  const judged = judge(scene, card);
  return typeof judged === 'string' ? judged : price(scene, card, judged, settlement, form);
}

function seenCard(
  { bank, extended }: JourneyScene,
  { record }: OpenedCard,
  number: Uint8Array,
): SeenCard {
  return {
    number,
    layout: extended.profile.layout,
    record,
    // Asked once the number is known; dates come with the card's records.
    denylisted: false,
    expiredOn: null,
    riderClass: null,
    maxAmountMinor: bank.maxAmountMinor,
  };
}

/**
 * An earlier debit of this card is open. Where this tap is what it paid for, the card proves it and
 * the gate opens; else the tap is judged anew by what the card tells of it, and behind the tap it
 * is settled so, if the card is genuine.
 */
function* judgeAnew(
  at: JourneyScene,
  opened: OpenedCard,
  decided: Decided,
  asked: JourneyAsk,
  number: Uint8Array,
  found: PendingDebit,
): TapDialogue<Decision> {
  const { scene, bank, extended } = at;
  const { transaction } = decided;
  const counter = transaction.options.atc;
  const pendingOnCard = wroteJourney(extended.profile.layout, opened.record, found.debit);
  const balanceMinor = ownMinor(transaction, asked);
  // A single ride is on no record; its money is gone all the same.
  const isAsked = pendingOnCard || balanceMinor !== found.debit.balanceBeforeMinor;
  let isProven = false;
  if (isAsked) {
    const proof = yield* proveTransaction(found.debit.offlineCounter);
    if (proof !== 'unproven' && 'fault' in proof) {
      if (proof.fault === 'gone') return refused(at, faultOutcome(proof));
    } else isProven = proof !== 'unproven';
  }
  const isUndone = endsSameRide(transaction, asked, found.debit);
  const signs = { pendingOnCard, isProven, isUndone, balanceMinor, counter };
  const settlement = settleByJourney(scene, found.debit, signs);
  const isAwaited = pendingOnCard && opensFor(scene, found);
  if (isAwaited && settlement?.state === DebitState.confirmed) {
    return yield* recover(at, number, transaction, found, settlement);
  }
  // Charging anew could charge twice, opening could let a forged card through.
  if (isAwaited) return refused(at, { reason: 'mac2Invalid', detail: 'GET TRANS PROVE' });
  const quoted = quote(at, seenCard(at, opened, number), settlement);
  if (typeof quoted === 'string') return refused(at, { reason: quoted, detail: '' });
  // The settlement comes behind.
  const anew = askFor(scene, bank, opened, { ...quoted, sequence: scene.sequence });
  const isSame = anew.service === asked.service && anew.amountMinor === asked.amountMinor;
  // Where no command has come between, the card still waits for its record.
  const paid =
    isSame && !isAsked
      ? yield* pay(at, opened, decided, anew, null)
      : yield* again(at, transaction, anew);
  return yield* settleBehind(paid, found, settlement, () => proveByNothing(at, at, transaction));
}

/** Authenticates the card by a purchase of nothing. @param on with the day it is judged by */
function* proveByNothing(
  at: JourneyScene,
  on: BankScene,
  transaction: EcashTransaction,
): TapDialogue<Proven | Told> {
  const means = { forms: at.bank.forms, readsOnline: false };
  return yield* prove(on, yield* beginAgain(transaction, means, purchase(at, 0, PLAIN)));
}

/**
 * The card has paid for this tap already. It is authenticated by a purchase of nothing: whoever saw
 * a card pay and leave could make up what it says.
 */
function* recover(
  at: JourneyScene,
  number: Uint8Array,
  transaction: EcashTransaction,
  found: PendingDebit,
  settlement: Debit,
): TapDialogue<Decision> {
  const proven = yield* proveByNothing(at, asPaid(at, found), transaction);
  if ('reason' in proven) return refused(at, proven);
  yield { ask: 'intent', debit: settlement };
  noteTap(at, number, proven.transaction);
  return recovered(at.scene.tapKind, found.debit, settlement);
}

/** The card's part from its beginning, with another amount or after other commands. */
function* again(
  at: JourneyScene,
  { card }: EcashTransaction,
  asked: JourneyPurchase,
): TapDialogue<Paid> {
  const opened = yield* open(at);
  if (opened.result === 'plain') {
    return unproven(refused(at, { reason: 'cardFaulty', detail: opened.lacks }));
  }
  if (opened.result !== 'opened') return unproven(refused(at, toldOfEnd(opened)));
  const decided = yield* decide(at, opened, asked);
  if (!('transaction' in decided)) return unproven(refused(at, toldOfEnd(decided)));
  const { pan, panSequence } = decided.transaction.card;
  const isSame = pan === card.pan && panSequence === card.panSequence;
  const problem = isSame
    ? stopped(at, asked.request.cardNumber, decided.transaction)
    : toldOf('panContradicts');
  if (problem && !hasTaken(decided)) return unproven(refused(at, problem));
  return yield* pay(at, opened, decided, asked, problem);
}

/**
 * @param asked with the card's number in its request
 * @param problem of a card that has taken the money already
 */
function* pay(
  at: JourneyScene,
  opened: OpenedCard,
  decided: Decided,
  asked: JourneyPurchase,
  problem: Told | null,
): TapDialogue<Paid> {
  const { bank, scene, extended } = at;
  const { request, hold } = asked;
  const { amountMinor, minimumBalanceMinor } = request;
  const { transaction } = decided;
  const balanceMinor = ownMinor(transaction, asked);
  const isTooLow = balanceMinor !== null && balanceMinor < amountMinor + minimumBalanceMinor;
  const { currency } = bank.forms.terminal;
  const balanceBeforeMinor = toldMinor(balanceMinor, asked);
  const debit = { request, currency, transaction, balanceBeforeMinor, hold };
  if (hasTaken(decided)) {
    // The money is gone, and the record could not follow it.
    const told = problem ?? toldOf('fileLocatorMalformed');
    const verify = (): Verdict => ({ refused: told, authenticated: NOT_AUTHENTICATED });
    return unproven(decisionOf(request, yield* debitEcash(debit, null, verify)));
  }
  const approval = 'records' in decided ? decided : null;
  if (isTooLow || approval === null) {
    const told: Told = 'result' in decided ? toldOfEnd(decided) : toldOf('declinedByCard');
    const { detail } = told;
    const refusal = refused(at, isTooLow ? { reason: 'balanceTooLow', detail } : told);
    return unproven({ ...refusal, balanceMinor });
  }
  const paid: Approval = approval;
  const last = journeyOf(extended.profile.layout, opened.record, scene.fares, scene.setting.zone);
  const riding = { ...at, last };
  let early: Authentication | null = null;
  let isGenuine = false;
  function* read(): TapDialogue<PendingPurchase | Told> {
    const begun = yield* updateExtended(opened, extended.profile, paid, request.journey!);
    if (begun.result !== 'pending') return toldOfEnd(begun);
    early = earlyOf(at, begun);
    isGenuine = early !== null && failureOf(early) === null;
    const cause = datesProblem(riding, begun.transaction) ?? (early && failureOf(early));
    return cause ? toldOf(cause) : begun;
  }
  const verify = (whole: EcashTransaction): Verdict => {
    const verdict = verdictOf(riding, whole, early);
    isGenuine = verdict.authenticated.method !== 'none';
    return verdict;
  };
  const outcome = yield* debitEcash(debit, read, verify);
  const decision = decisionOf(request, outcome);
  if (decision.open) noteTap(at, request.cardNumber, transaction);
  const isTaken = outcome.closed[0]?.state === DebitState.confirmed;
  return { decision: isTaken ? { ...decision, amountMinor } : decision, isGenuine };
}
