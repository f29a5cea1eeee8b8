/**
 * A debit on its way to the ledger: what ingest hands over once a record is opened and its TAC
 * checked. Plain values: the ledger knows a card by a keyed hash only and an issuer by its number.
 */
import type { DebitId, DebitKind, DebitState, Evidence, TapKind } from '../debit/record.ts';

/**
 * Verdict of the TAC check; `none` where the record carries no TAC, `noEvidence` where its proof
 * ought to be in the event behind it and is not; `passedThrough` where the gate took the card for
 * genuine and only its bank can verify the cryptogram.
 */
export type TacVerdict = (typeof tacCodes)[number];

export interface ReceivedDebit extends DebitId {
  readonly kind: DebitKind;
  readonly state: DebitState;
  readonly evidence: Evidence;
  readonly tapKind: TapKind;
  /** Keyed hash of the card number, 16 bytes. */
  readonly card: Uint8Array;
  /** 16 hexadecimal characters. */
  readonly issuer: string;
  readonly transactionType: number;
  /** 16 bits, as the card gave it before the debit. */
  readonly offlineCounter: number;
  readonly balanceBeforeMinor: number;
  readonly amountMinor: number;
  readonly currency: number;
  readonly instantMs: number;
  readonly tac: TacVerdict;
  /** Hash of the whole record, 16 bytes or more (16 are kept): tells a repeat from a conflict. */
  readonly digest: Uint8Array;
  /** The record sealed under the operator's storage key; kept with what may be disputed. */
  readonly sealed: Uint8Array;
  readonly refersTo: DebitId | null;
}

/** Verdicts as a batch's `tacs` column has them. */
export const tacCodes = [
  'none',
  'valid',
  'invalid',
  'unknownKey',
  'noEvidence',
  'passedThrough',
] as const;
export const TAC_VALID = 1;
export const TAC_PASSED_THROUGH = 5;

/**
 * One gate's batch as columns: what ingest hands over once every record is validated in place and
 * its TAC checked. Record `i` has sequence `firstSequence + i`, so that nearly all of a batch is
 * posted without an object for each record.
 */
export interface ReceivedBatch {
  readonly gateId: string;
  readonly firstSequence: number;
  readonly count: number;
  /** As uploaded: `count` records of 160 bytes, fields at `engine/debit/codec.ts`'s `at`. */
  readonly records: Uint8Array;
  /** Keyed hashes of the card numbers, `count` times 16 bytes. They are taken to be uniform. */
  readonly cards: Uint8Array;
  /** One code of `tacCodes` for each record. */
  readonly tacs: Uint8Array;
  /** Hashes of the whole records, `count` times 16 bytes: tell a repeat from a conflict. */
  readonly digests: Uint8Array;
  /** All records sealed under the operator's storage key as one blob. */
  readonly sealed: Uint8Array;
  /** The record for the general rules, with its own sealed evidence. */
  debitAt(index: number): ReceivedDebit;
}
