/**
 * What the operator keeps of bank cards that pay as they go: taps, days, charges, and what was said
 * to and by the acquirer. Rows are JSON; amounts in minor units of one currency, instants in
 * milliseconds since 1970 UTC, days are service days since 1970, a card is its keyed hash, 16 bytes
 * in lower-case hexadecimal. `docs/open-loop.md` says what each state means.
 */
import { createHash } from 'node:crypto';
import type { AccountTap } from '../fare/account/account.ts';
import type { Settled } from '../fare/account/adjustments.ts';

/** A posted tap, as the account engine takes it; its id is gate id, hyphen, gate sequence. */
export interface CardTap extends AccountTap {
  readonly card: string;
}

/** A question to the issuer whether a card would pay, of amount 0. */
export interface Verification {
  readonly state: 'due' | 'presented' | 'approved' | 'declined';
  readonly attempts: number;
  /** null: not since it was approved, or asked for anew. As long as it is set, gates stop it. */
  readonly firstDeclinedDay: number | null;
}

export interface CardRow {
  readonly card: string;
  /** The first of its taps to be taken; of those that stand, if any do. */
  readonly firstTap: string;
  readonly firstTapMs: number;
  /** Taps that are priced: those from `fromDay` on. */
  readonly taps: number;
  /** Days before are final and out of the reckoning; null: none are. */
  readonly fromDay: number | null;
  /** The instant its days were priced as of. */
  readonly pricedAtMs: number;
  /** What its days cost beyond what charges ask for: days that are open, late taps. */
  readonly openMinor: number;
  readonly verification: Verification;
  /** Its highest exposure so far. */
  readonly peakMinor: number;
}

/** A journey of a day with its price and why; null: it has none, and is not charged. */
export interface DayJourney {
  readonly atMs: number;
  readonly taps: readonly string[];
  readonly amountMinor: number | null;
  readonly why: readonly string[];
}

/** What the account engine makes of one service day of a card. */
export interface PricedDay {
  readonly day: number;
  readonly priceMinor: number;
  /** Ids of the taps of the day's journeys; no tap is of two days. */
  readonly taps: readonly string[];
  readonly journeys: readonly DayJourney[];
  /** Its last ride still waits for an exit: priced as if none came. */
  readonly isRiding: boolean;
}

export interface DayRow extends PricedDay {
  readonly card: string;
  readonly state: 'open' | 'closed';
  /** Sum of the day's charges. */
  readonly chargedMinor: number;
  /** How many these are. */
  readonly charges: number;
  /** The journeys that they are for. */
  readonly settled: readonly Settled[];
}

export type ChargeState =
  /** To go into the next file. */
  | 'due'
  /** In a file; the acquirer has not answered. */
  | 'presented'
  /** Settled without ever being declined. */
  | 'paid'
  /** A debt. */
  | 'declined'
  /** A debt that was paid after all. */
  | 'recovered'
  /** A debt the operator has given up; it may still be recovered. */
  | 'writtenOff';

/** Why a charge is what it is: a journey, or what late taps changed of some. */
export interface ChargeReason {
  readonly taps: readonly string[];
  readonly amountMinor: number;
  readonly why: readonly string[];
}

export interface Charge {
  readonly id: string;
  readonly card: string;
  readonly day: number;
  /** 0: the day's charge; from 1 its adjustments. */
  readonly number: number;
  /** Below 0: the card gets it back. */
  readonly amountMinor: number;
  /** What of it is settled, of the same sign. */
  readonly settledMinor: number;
  readonly state: ChargeState;
  /** How often it was presented. */
  readonly attempts: number;
  readonly firstDeclinedDay: number | null;
  readonly reasons: readonly ChargeReason[];
  readonly sinceMs: number;
}

export type PresentmentKind = 'charge' | 'supplement' | 'refund' | 'verify';
export type AcquirerResult = 'approved' | 'declined';

/** One entry of one file. */
export interface Presentment {
  readonly id: string;
  readonly kind: PresentmentKind;
  readonly card: string;
  /** Of the charge; null for a verification. */
  readonly day: number | null;
  readonly number: number | null;
  /** From 1. */
  readonly attempt: number;
  readonly run: number;
  readonly amountMinor: number;
  /** The tap whose cryptogram goes with it. */
  readonly tap: string;
  readonly result: AcquirerResult | null;
  /** Of the acquirer; '' where it gave none. */
  readonly code: string;
  readonly reference: string;
}

/** One file to the acquirer. */
export interface Run {
  /** From 1, without gaps. */
  readonly run: number;
  readonly path: string;
  readonly madeMs: number;
  /** `begun`: its entries are chosen for good, the file may or may not be there. */
  readonly state: 'begun' | 'written';
  readonly entries: readonly string[];
}

/** What a rider paid at a desk or online. */
export interface Payment {
  readonly reference: string;
  readonly card: string;
  readonly amountMinor: number;
  readonly atMs: number;
  readonly charges: readonly { readonly id: string; readonly amountMinor: number }[];
}

/** Why gates must stop a card. */
export type DenialReason = 'verificationDeclined' | 'debt' | 'overLimit';

export interface Denial {
  readonly reasons: readonly DenialReason[];
  readonly sinceMs: number;
}

/** A posted tap that no charge can be for; `finalDay`: one that is posted no more, and is charged. */
export type TapFaultCode =
  | 'unknownStation'
  | 'recordMissing'
  | 'tooLate'
  | 'tooManyTaps'
  | 'finalDay';

export interface TapFault {
  readonly code: TapFaultCode;
  readonly id: string;
  readonly card: string;
  readonly atMs: number;
}

const ID_DIGITS = 32;

/** The same charge has the same id whenever it is worked out. */
export function chargeId(card: string, day: number, number: number): string {
  return idOf(`charge ${card} ${day} ${number}`);
}

/** Each attempt is an entry of its own, so that an acquirer drops what it has had before. */
export function presentmentId(charge: string, attempt: number): string {
  return `${charge}-${attempt}`;
}

export function verificationId(card: string): string {
  return idOf(`verify ${card}`);
}

function idOf(text: string): string {
  const hash = createHash('sha256').update(`faregate open loop ${text}`).digest('hex');
  return hash.slice(0, ID_DIGITS);
}

export function outstandingMinor({ amountMinor, settledMinor }: Charge): number {
  return amountMinor - settledMinor;
}

/** Whether it was declined and the rider still owes of it. */
export function isDebt(charge: Charge): boolean {
  return charge.firstDeclinedDay !== null && outstandingMinor(charge) > 0;
}
