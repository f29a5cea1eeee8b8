/**
 * The ledger's posted debits as settlement asks for them: those of purses, for bank cards are paid
 * for by clearing (`operator/clearing.ts`) and must not be paid for twice. Their issuer and amount
 * come from the sealed evidence of their batches, so what is paid for is what the gate's own record
 * says.
 */
import { toHex } from '../bytes.ts';
import { decodeDebit } from '../debit/codec.ts';
import { DEBIT_BYTES, type DebitId, DebitState } from '../debit/record.ts';
import {
  type PostedMark,
  postedBatches,
  postedMark,
  postedWithoutRecord,
} from '../ledger/posted.ts';
import { BANK_PURSE, decodeDebitRow, idKey, purseOf, Standing } from '../ledger/rows.ts';
import type { LedgerStore } from '../ledger/store.ts';
import { recordsOf } from '../operator/posted-taps.ts';

/** A debit that is final. */
export interface PostedDebit extends DebitId {
  /** 8 bytes in upper-case hexadecimal. */
  readonly issuer: string;
  readonly currency: number;
  readonly amountMinor: number;
}

/** Final debits, and where the next walk goes on. */
export interface DebitWalk {
  readonly debits: Iterable<PostedDebit>;
  /** null: the next walk must begin at the beginning. */
  readonly through: PostedMark | null;
}

/** Walks the final debits that came, or became final, after a mark; all of them for null. */
export type WalkDebits = (after: PostedMark | null) => DebitWalk;

/** The ledger's debits for settlement. */
export function walkDebits(store: LedgerStore, storageKey: Uint8Array): WalkDebits {
  return (after) => {
    const through = postedMark(store);
    return { debits: finalDebits(store, storageKey, after, through), through };
  };
}

/**
 * Every posted debit of a purse but those that are presumed, which a later record may still undo;
 * of a debit whose record an earlier version did not keep, what the ledger posted.
 * @param after and through as `postedBatches` has them.
 * @throws FaregateError LEDGER_BROKEN where evidence is missing or does not open.
 */
export function* finalDebits(
  store: LedgerStore,
  storageKey: Uint8Array,
  after: PostedMark | null = null,
  through: PostedMark | null = null,
): Generator<PostedDebit> {
  for (const batch of postedBatches(store, after, through)) {
    const ours = batch.debits.filter(isOfPurse);
    if (ours.length === 0) continue;
    const records = recordsOf(batch, storageKey);
    for (const { gateSequence } of ours) {
      const from = (gateSequence - batch.firstSequence) * DEBIT_BYTES;
      const debit = decodeDebit(records, from);
      if (debit.state !== DebitState.confirmed && !isFinal(store, debit)) continue;
      const { gateId, issuer, currency, amountMinor } = debit;
      yield { gateId, gateSequence, issuer: toHex(issuer), currency, amountMinor };
    }
  }
  if (after) return;
  for (const { gateId, gateSequence, row } of postedWithoutRecord(store)) {
    const { issuer, currency, amountMinor } = row;
    if (!isOfPurse(row)) continue;
    yield { gateId, gateSequence, issuer: toHex(issuer), currency, amountMinor };
  }
}

function isOfPurse({ transactionType }: { readonly transactionType: number }): boolean {
  return purseOf(transactionType) !== BANK_PURSE;
}

/** Whether a debit that came without its outcome has one now, and not a presumption. */
function isFinal(store: LedgerStore, id: DebitId): boolean {
  const bytes = store.read((reader) => reader.get('debits', idKey(id)));
  return bytes !== undefined && decodeDebitRow(bytes).standing === Standing.posted;
}
