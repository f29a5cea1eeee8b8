/**
 * The debit record: what one tap that reached the card leaves behind, with everything the issuer
 * needs to pay for it (PBOC purchase: the TAC's inputs) and the operator to explain it. Its
 * identity is (gate, sequence), made before the card is debited and never remade; its natural key
 * is (card, purse, offline counter). 160 bytes, big-endian, laid out in `codec.ts`.
 */

export const DEBIT_BYTES = 160;
export const DEBIT_LAYOUT_VERSION = 2;
/** Records of gates that were not replaced yet: without the fields of `InForce`, read as zeros. */
export const DEBIT_LAYOUT_VERSION_BEFORE = 1;
/** A gate id: 1 to 12 of these characters, NUL-padded in the record. */
export const GATE_ID_PATTERN = /^[A-Za-z0-9._-]{1,12}$/;

/** What the record is. */
export const DebitKind = {
  /** A debit, of amount 0 where an entry only writes the journey record. */
  debit: 1,
  /** The later word on an earlier unconfirmed debit, named by `refersTo`. */
  settlement: 2,
} as const;
export type DebitKind = (typeof DebitKind)[keyof typeof DebitKind];

/** What is known of the card's side. */
export const DebitState = {
  /** Intent: the outcome is not known yet. Never uploaded in this state. */
  intended: 0,
  /** The card committed: TAC present. */
  confirmed: 1,
  /** DEBIT was sent and no answer came: the card may or may not have committed. */
  unconfirmed: 2,
  /** The card did not commit: DEBIT was not sent, was refused, or the proof says so. */
  void: 3,
} as const;
export type DebitState = (typeof DebitState)[keyof typeof DebitState];

/** How the state is known. */
export const Evidence = {
  none: 0,
  /** The answer to DEBIT, MAC2 verified. */
  debitAnswer: 1,
  /** GET TRANSACTION PROVE on a later tap. */
  proof: 2,
  /** The card's counter or journey record on a later tap. */
  cardState: 3,
  /** DEBIT was never sent. */
  notSent: 4,
  /** The card refused DEBIT. */
  refused: 5,
} as const;
export type Evidence = (typeof Evidence)[keyof typeof Evidence];

export const TapKind = { entry: 1, exit: 2, purchase: 3 } as const;
export type TapKind = (typeof TapKind)[keyof typeof TapKind];

/**
 * Transaction type of an AES closed-loop debit: a number of our own, since the card knows none. Its
 * proof is in the evidence event right behind it (`event.ts`).
 */
export const DESFIRE_TRANSACTION = 0xd1;
/**
 * A bank card's: of e-cash, approved offline by the card; of a tap whose fare the engine charges
 * later, of amount 0. Numbers of our own too, with the proof in the event right behind. Their
 * offline counter is the card's ATC, as the card gave it with this very transaction: it moves with
 * every transaction that the card begins, here or elsewhere, whatever becomes of it.
 */
export const ECASH_TRANSACTION = 0xec;
export const OPEN_LOOP_TRANSACTION = 0xe0;

/** ED and EP purchases: a sale, of a product or of an amount that was given. No ride is one. */
const PLAIN_TRANSACTIONS: readonly number[] = [0x05, 0x06];

/** Whether the debit is of a sale and no ride (docs/wire.md). */
export function isPlainPurchase({
  tapKind,
  transactionType,
}: Pick<Debit, 'tapKind' | 'transactionType'>): boolean {
  return tapKind === TapKind.purchase && PLAIN_TRANSACTIONS.includes(transactionType);
}

/** The identity of a debit. */
export interface DebitId {
  readonly gateId: string;
  /** From 1, without gaps; 48 bits. */
  readonly gateSequence: number;
}

/** What was in force at the gate as the record was made. */
export interface InForce {
  /** Bits of `engine/tap/modes.ts`; 0 is normal. */
  readonly mode: number;
  /** Of the denylist, its low 32 bits; 0: none. */
  readonly denylistVersion: number;
  /** One byte of `engine/clock-quality.ts`; 0 is unknown. */
  readonly clockQuality: number;
  /** 24 bits; 0: none. */
  readonly parametersVersion: number;
}

export const NOTHING_IN_FORCE: InForce = {
  mode: 0,
  denylistVersion: 0,
  clockQuality: 0,
  parametersVersion: 0,
};

export interface Debit extends DebitId, InForce {
  readonly kind: DebitKind;
  readonly state: DebitState;
  readonly evidence: Evidence;
  readonly tapKind: TapKind;
  /** When the tap happened, by the gate's clock. */
  readonly instantMs: number;
  /** The same as the card was told: YYYYMMDDhhmmss in the operator's zone, 7 BCD bytes. */
  readonly dateTime: Uint8Array;
  /** 6 bytes. */
  readonly terminalId: Uint8Array;
  /** 32 bits. */
  readonly terminalSequence: number;
  /** 8 bytes. */
  readonly issuer: Uint8Array;
  /** 10 bytes, as the card has it. */
  readonly cardNumber: Uint8Array;
  /** First and second diversification factor, 16 bytes; the second is zeros for one level. */
  readonly factors: Uint8Array;
  /** 1 or 2. */
  readonly factorLevels: number;
  readonly keyIndex: number;
  readonly keyVersion: number;
  readonly algorithm: number;
  /** 05 ED, 06 EP, 09 CAPP, D1 AES closed loop, EC e-cash, E0 open loop. */
  readonly transactionType: number;
  /** As the card gave it, before the increment. */
  readonly offlineCounter: number;
  readonly balanceBeforeMinor: number;
  readonly amountMinor: number;
  /** ISO 4217 number: 156 CNY, 344 HKD. */
  readonly currency: number;
  /** The card's random of INITIALIZE, 4 bytes. */
  readonly random: Uint8Array;
  /** 4 bytes; zeros unless confirmed. */
  readonly tac: Uint8Array;
  /** 4-byte station codes of the card's record; zeros where none. */
  readonly fromStation: Uint8Array;
  readonly toStation: Uint8Array;
  /** Instant of entry for an exit; 0 where none. */
  readonly entryInstantMs: number;
  /** Version of the fare set that quoted. */
  readonly fareVersion: number;
  /** Index of the rider class in the fare set. */
  readonly rider: number;
  /** Whole tap, detection to decision, capped at 65535. */
  readonly tapMs: number;
  /** The host's share of it. */
  readonly hostUs: number;
  /** The debit a settlement speaks of. */
  readonly refersTo: DebitId | null;
}
