/**
 * What the issuer keeps of its cards and of the money on its way to them: card accounts, load
 * orders, refunds. Rows are JSON; amounts in minor units, instants in milliseconds since 1970 UTC,
 * bytes in upper-case hexadecimal. `docs/card-life.md` says what each state means.
 */

export type CardKind = 'named' | 'anonymous';

export type CardStanding =
  | 'issued'
  | 'blocked'
  /** Reported by its holder; named cards only. */
  | 'lost'
  /** Given back: it lies in the issuer's drawer, its value with it. */
  | 'returned'
  /** Its balance went to another card. Final. */
  | 'replaced';

/** Standings that put a card on the list of stopped cards. */
export const stoppedStandings: readonly CardStanding[] = ['blocked', 'lost', 'replaced'];

/** One reading of a card, from its `begin` to its INITIALIZE FOR LOAD. */
export interface Visit {
  /** From 1; the card's newest. */
  readonly number: number;
  readonly terminalId: string;
  /** What INITIALIZE has to name: the order's amount, or a random one of a look. */
  readonly amountMinor: number;
  /** Null for a look. */
  readonly orderId: string | null;
  /** The 16 bytes of INITIALIZE, once they were taken. */
  readonly presented: string | null;
}

export interface CardAccount {
  /** Keyed hash of the card number, 16 bytes: what the ledger knows the card by. */
  readonly card: string;
  /** The number's last four digits, for people. */
  readonly lastDigits: string;
  /** 8 bytes. */
  readonly issuer: string;
  readonly profile: string;
  /** ISO 4217 number. */
  readonly currency: number;
  readonly kind: CardKind;
  /** The operator's own reference of the person, not the person's name; null: anonymous. */
  readonly holder: string | null;
  readonly standing: CardStanding;
  readonly sinceMs: number;
  /** What it stood as when it was last reported lost; an account of earlier versions has none. */
  readonly beforeLost?: CardStanding;
  /** From 1; rises when an anonymous card goes to its next rider, whose history starts here. */
  readonly generation: number;
  /** Value that the generation began with. */
  readonly initialMinor: number;
  /** Credited in this generation. */
  readonly loadedMinor: number;
  /** The same over all generations: what it still holds and what was debited of it. */
  readonly everLoadedMinor: number;
  /** The online counter that its next INITIALIZE must show; null until it was read once. */
  readonly nextCounter: number | null;
  readonly seen: { readonly balanceMinor: number; readonly atMs: number } | null;
  readonly visit: Visit | null;
  /** Visits so far. */
  readonly visits: number;
  /** The order whose MAC2 was handed out and whose outcome is not known. At most one. */
  readonly openOrder: string | null;
  /** Instant of the newest MAC2: the next one's date and time differ, and so do their TACs. */
  readonly stampMs: number;
  /** Credited on this service day. */
  readonly day: { readonly day: number; readonly creditedMinor: number };
  readonly replacedBy: string | null;
}

/** Where an order's money came from; `transfer` is the balance of a replaced card. */
export type FundingSource = 'bank' | 'cash' | 'transfer';

export interface Funding {
  readonly source: FundingSource;
  /** The bank's reference, the till's receipt, the replaced card. */
  readonly reference: string;
}

/** One MAC2 that left the host. */
export interface Attempt {
  readonly visit: number;
  readonly terminalId: string;
  /** As INITIALIZE showed them. */
  readonly balanceMinor: number;
  readonly onlineCounter: number;
  readonly keyVersion: number;
  readonly algorithm: number;
  readonly random: string;
  readonly dateTime: string;
  readonly atMs: number;
}

export type OrderState =
  | 'ordered'
  /** Paid for; no MAC2 of it is alive. */
  | 'funded'
  /** A MAC2 left the host. */
  | 'authorised'
  /** The same, and the machine said, or time did, that no TAC came back. */
  | 'unknown'
  | 'credited'
  | 'refundDue'
  | 'refunded'
  /** Never paid for. A payment that comes all the same goes back. */
  | 'cancelled';

export interface LoadOrder {
  readonly orderId: string;
  readonly card: string;
  readonly generation: number;
  readonly issuer: string;
  readonly currency: number;
  readonly amountMinor: number;
  readonly state: OrderState;
  readonly orderedMs: number;
  readonly sinceMs: number;
  readonly funding: Funding | null;
  readonly attempts: readonly Attempt[];
  /** `ledger`: the balances of later debits. */
  readonly proof: 'tac' | 'counter' | 'ledger' | null;
  readonly tac: string | null;
}

export interface Refund {
  /** The order's id; of a second payment of one order, that and `+` and the reference. */
  readonly refundId: string;
  readonly orderId: string;
  readonly issuer: string;
  readonly currency: number;
  readonly amountMinor: number;
  readonly funding: Funding;
  readonly state: 'due' | 'paid' | 'withdrawn';
  readonly why: string;
  readonly sinceMs: number;
  /** Of the payment back. */
  readonly reference: string | null;
}

/** Why something was not done: values, never errors. */
export const refusals = {
  unknownCard: 'no such card was issued here',
  cardExists: 'the card was issued before, with other particulars',
  cardNotIssued: 'the card is blocked, lost, returned or replaced',
  wrongStanding: 'the card does not stand so that this can be done',
  notNamed: 'only a named card can be reported lost or replaced',
  notAnonymous: 'only an anonymous card can be given back and go to the next rider',
  unknownOrder: 'no such order',
  orderDiffers: 'there is an order of this id with other particulars',
  otherHolder: 'the order is of the rider who had the card before',
  loadLimit: 'the amount is above the limit of one load',
  dayLimit: 'the amount is above what may be loaded on one day',
  purseCeiling: 'the purse would hold more than it may',
  notFunded: 'the order is not paid for',
  alreadyCredited: 'the card was credited with this order',
  refunded: 'the order was refunded, or is about to be',
  outcomeUnknown: 'whether the card was credited is not known: present it to a load machine',
  openOrder: 'another order of the card has no outcome yet',
  staleVisit: 'the card was presented again since, or never for this',
  visitUsed: 'this visit has shown another answer of the card',
  wrongCard: 'the card presented is not the one of the visit',
  macInvalid: 'the card did not prove itself: its MAC1 does not verify',
  tacInvalid: 'the TAC does not verify; the order keeps its state',
  unknownKey: 'no load or TAC key of the index and version that the card names',
  counterBroken: "the card's online counter is not where its orders left it",
  notSettled: 'debits of the card may still arrive: wait for the settling period',
  notSeen: 'the balance was not read from the card just now: present it to a load machine',
  unknownRefund: 'no such refund is due',
  unknownSettlement: 'no such settlement',
  depositDiffers: 'the till money of this reference was brought to the bank with another amount',
  tillsHoldLess: 'the tills of the issuer do not hold so much',
  tooManyAttempts: 'the order was tried too often: refund it',
} as const;

export type RefusalCode = keyof typeof refusals;
export interface Refused {
  readonly refused: RefusalCode;
}

export function refuse(code: RefusalCode): Refused {
  return { refused: code };
}

/** Disagreements that people look at; each is kept once for each subject. */
export type CardExceptionCode =
  /** A TAC proves a credit that was judged not to be; the refund was still to be paid. */
  | 'lateTac'
  /** The same after the refund was paid. */
  | 'creditedAfterRefund'
  | 'fundedTwice'
  | 'tacInvalid'
  | 'counterBroken'
  /** A replaced card had spent more than it was loaded with. */
  | 'overspent';

export interface CardException {
  readonly code: CardExceptionCode;
  /** An order or a card. */
  readonly subject: string;
  readonly atMs: number;
}

/** A gate's share of a settlement. */
export interface SettledGate {
  readonly gateId: string;
  readonly debits: number;
  readonly amountMinor: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** What one issuer pays one operator for debits that no settlement had before. */
export interface Settlement {
  /** `RUN-ISSUER-CURRENCY-OPERATOR`. */
  readonly settlementId: string;
  /** From 1; all settlements of a run have it. */
  readonly run: number;
  /** 8 bytes. */
  readonly issuer: string;
  readonly currency: number;
  readonly operator: string;
  readonly debits: number;
  readonly amountMinor: number;
  /** In the order of their ids. */
  readonly gates: readonly SettledGate[];
  readonly settledMs: number;
  readonly state: 'due' | 'paid';
  /** Of the payment. */
  readonly reference: string | null;
}

/** Bounds of the issuer; they are checked when an order is placed and again before MAC2. */
export interface LoadLimits {
  readonly perLoadMinor: number;
  readonly perDayMinor: number;
  readonly ceilingMinor: Readonly<Record<CardKind, number>>;
}
