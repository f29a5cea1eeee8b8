/**
 * A debit on its way to the ledger: what ingest hands over once a record is opened and its TAC
 * checked. Plain values: the ledger knows a card by a keyed hash only and an issuer by its number.
 */
import type { DebitId, DebitKind, DebitState, Evidence, TapKind } from '../debit/record.ts';

/** Verdict of the TAC check; `none` where the record carries no TAC. */
export type TacVerdict = 'valid' | 'invalid' | 'unknownKey' | 'none';

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
