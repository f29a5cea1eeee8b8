/**
 * The rules of a bank card's tap: what it pays, what speaks against it, whether it is genuine. No
 * dialogue here, so that a kernel's outcome is judged by the same.
 */
import { readDate } from '../card/purse/selected.ts';
import { dateNumber } from '../card/qpboc/elements.ts';
import { authenticatedBy } from '../card/qpboc/evidence-payload.ts';
import { type Authentication, authenticate } from '../card/qpboc/oda/authenticate.ts';
import { validityProblem } from '../card/qpboc/outcome.ts';
import type { EcashReason } from '../card/qpboc/reasons.ts';
import { tag } from '../card/qpboc/tags.ts';
import type { EcashTransaction } from '../card/qpboc/transaction.ts';
import { ECASH_TRANSACTION, TapKind } from '../debit/record.ts';
import type { Verdict } from './bank-debit.ts';
import { type BankPlan, bankPlan } from './bank-plan.ts';
import { toldOf } from './bank-reasons.ts';
import { modeOf, NO_STATION, planTap, ridesThough, type TapScene } from './judge.ts';
import { Mode } from './modes.ts';
import type { Told } from './outcome.ts';
import { isPassBack, type LastJourney } from './plan.ts';
import type { Reason } from './reasons.ts';
import type { DebitRequest } from './request.ts';
import type { BankSetting, PendingDebit } from './setting.ts';

/** A bank card has no journey record. */
const NO_JOURNEY = { where: 'none', station: -1, instantMs: Number.NaN } as const;

/** A tap of a bank card at this gate. */
export interface BankScene {
  readonly scene: TapScene;
  readonly bank: BankSetting;
  readonly plan: BankPlan;
  /** What e-cash pays here; 0 where there is only open loop. */
  readonly fareMinor: number;
  /** YYYYMMDD. */
  readonly day: number;
  /** As its record tells it; absent: the card keeps none. */
  readonly last?: LastJourney;
}

/** The day of a tap, YYYYMMDD. @param dateTime YYYYMMDDhhmmss, 7 BCD bytes */
export function dayOf(dateTime: Uint8Array): number {
  return readDate(dateTime, 0);
}

/**
 * What a bank card pays here and how, known before it comes; why it may not ride; null: bank cards
 * are not asked for at this side. A fare over what e-cash may take is charged later, if at all.
 * @param day YYYYMMDD
 */
export function quoteBank(scene: TapScene, bank: BankSetting, day: number) {
  const { setting, fares } = scene;
  const plan = bankPlan(setting.side, bank);
  if (plan === null) return null;
  const later: BankScene = { scene, bank, plan: { ...plan, ecash: false }, fareMinor: 0, day };
  if (!plan.ecash) {
    const isKnown = fares.stationByCode(setting.place.station, 0) >= 0;
    return isKnown ? later : ('stationUnknown' satisfies Reason);
  }
  const priced = planTap(setting, fares, NO_JOURNEY, 0, scene.instantMs);
  if (priced.reason !== null) return priced.reason;
  const fareMinor = priced.amountMinor;
  if (fareMinor <= bank.maxAmountMinor) return { scene, bank, plan, fareMinor, day };
  return plan.openLoop ? later : ('amountOverLimit' satisfies Reason);
}

/**
 * What speaks against a card whatever it has paid: it is stopped, or its answer is an old one.
 * @param cardNumber 10 bytes, of `cardNumberOf`, here as everywhere below
 */
export function stopped(
  { scene, bank }: BankScene,
  cardNumber: Uint8Array,
  { options }: EcashTransaction,
): Told | null {
  if (scene.setting.denylist.has(cardNumber, 0)) return { reason: 'denylisted', detail: '' };
  const recent = bank.recent.find(cardNumber);
  const isReplayed = recent !== null && options.atc <= recent.counter;
  return isReplayed ? toldOf('dynamicSignatureAtc') : null;
}

/** Used at this station, to the same end, a moment ago, as the station remembers. */
export function passesBack({ scene, bank }: BankScene, cardNumber: Uint8Array): boolean {
  const { setting, fares, instantMs, tapKind } = scene;
  const recent = bank.recent.find(cardNumber);
  if (recent === null || (modeOf(setting) & Mode.orderFree) !== 0) return false;
  if (recent.where !== whereAfter(tapKind)) return false;
  const here = fares.stationByCode(setting.place.station, 0);
  const station = fares.stationByCode(recent.station, 0);
  return isPassBack(fares, { ...recent, station }, here, instantMs);
}

/** Remembers a card that the gate opens for. */
export function noteTap(
  { scene, bank }: BankScene,
  cardNumber: Uint8Array,
  { options }: EcashTransaction,
): void {
  bank.recent.note(cardNumber, {
    where: whereAfter(scene.tapKind),
    station: scene.setting.place.station,
    instantMs: scene.instantMs,
    counter: options.atc,
  });
}

function whereAfter(tapKind: TapKind): 'inside' | 'outside' {
  return tapKind === TapKind.entry ? 'inside' : 'outside';
}

/** The card's unconfirmed e-cash debit; taps that are charged later leave nothing on the card. */
export function pendingEcash({ setting }: TapScene, cardNumber: Uint8Array): PendingDebit | null {
  const found = setting.findUnconfirmed(cardNumber);
  return found?.debit.transactionType === ECASH_TRANSACTION ? found : null;
}

/**
 * Whether a card of which everything was read is valid and genuine.
 * @param early what is known of its authentication already
 */
export function verdictOf(
  at: BankScene,
  transaction: EcashTransaction,
  early: Authentication | null,
): Verdict {
  const { bank, day } = at;
  const { issuers, policy } = bank;
  const found = early ?? authenticate(transaction, issuers, policy, day);
  const authenticated = authenticatedBy(found);
  const cause: EcashReason | null =
    datesProblem(at, transaction) ?? undated(transaction) ?? failureOf(found);
  return cause === null ? { authenticated } : { refused: toldOf(cause), authenticated };
}

/** What its dates say against a card. One that has run out may be excused, as a purse is. */
export function datesProblem(
  { scene, day, last = NO_JOURNEY }: BankScene,
  transaction: EcashTransaction,
): EcashReason | null {
  const problem = validityProblem(transaction, day);
  if (problem !== 'expired') return problem;
  const lastDay = dateNumber(transaction.elements.get(tag.expiry)!);
  return lastDay !== null && ridesThough(scene, lastDay, last) ? null : problem;
}

export function failureOf(authentication: Authentication): EcashReason | null {
  return 'failed' in authentication ? authentication.failed : null;
}

function undated({ elements }: EcashTransaction): EcashReason | null {
  return elements.has(tag.expiry) ? null : 'expired';
}

export function bankRequest(
  { scene }: BankScene,
  cardNumber: Uint8Array,
  amountMinor: number,
): DebitRequest {
  const { setting, fares } = scene;
  return {
    gateId: setting.gateId,
    tapKind: scene.tapKind,
    sequence: scene.sequence,
    instantMs: scene.instantMs,
    dateTime: scene.dateTime,
    terminalId: setting.terminalId,
    amountMinor,
    minimumBalanceMinor: 0,
    fromStation: NO_STATION,
    toStation: setting.place.station,
    entryInstantMs: 0,
    fareVersion: fares.version,
    rider: 0,
    journey: null,
    cardNumber,
    pending: null,
    inForce: scene.inForce,
    pendingOnCard: false,
  };
}
