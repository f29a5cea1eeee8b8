/**
 * What clearing marks in its own store: which run claimed a debit, and what each run is.
 */
import { readU48, writeU48 } from '../bytes.ts';
import type { LedgerStore, StoreReader } from '../ledger/store.ts';

/**
 *   claims  id of a debit -> run that claimed it ‖ run that withdrew the claim, or 0
 *   runs    run -> JSON of `RunRow`
 *   marks   `through` -> number of the last block of which nothing is left to claim;
 *           `change` -> number of the last change of the ledger (`changes.ts`) that was heard
 *   open    id of a debit with a row of its own, of which something may be left to say -> nothing
 */
export const clearingTables = ['claims', 'runs', 'marks', 'open'] as const;
export type ClearingTable = (typeof clearingTables)[number];
export type ClaimStore = LedgerStore<ClearingTable>;

/** Debits of which instants are claimed. */
export interface ClearingRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface RunRow extends ClearingRange {
  readonly number: number;
  /** Blocks up to here were claimed before. */
  readonly afterBlock: number;
  /**
   * Set once all that the run claims is marked: its file has these claims from then on, however
   * often it is written, for it may have been sent before the run closed.
   */
  readonly marked?: MarkedThrough;
  readonly closed: boolean;
}

export interface MarkedThrough {
  /** The last block of which nothing is left to claim. */
  readonly block: number;
  /** The last change heard; null where the ledger keeps no log yet. */
  readonly change: number | null;
}

export interface Claim {
  readonly run: number;
  /** 0: it stands. */
  readonly withdrawnIn: number;
}

export function encodeClaim({ run, withdrawnIn }: Claim): Uint8Array {
  const out = new Uint8Array(12);
  writeU48(out, 0, run);
  writeU48(out, 6, withdrawnIn);
  return out;
}

export function claimOf(reader: StoreReader<ClearingTable>, key: Uint8Array): Claim | null {
  const bytes = reader.get('claims', key);
  return bytes ? { run: readU48(bytes, 0), withdrawnIn: readU48(bytes, 6) } : null;
}
