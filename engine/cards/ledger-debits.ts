/**
 * The ledger's posted debits as settlement asks for them. Their issuer and amount come from the
 * sealed evidence of their batches, so what is paid for is what the gate's own record says.
 */
import { toHex } from '../bytes.ts';
import { decodeDebit } from '../debit/codec.ts';
import { DEBIT_BYTES, type DebitId, DebitState } from '../debit/record.ts';
import { postedBatches } from '../ledger/posted.ts';
import { decodeDebitRow, idKey, Standing } from '../ledger/rows.ts';
import type { LedgerStore } from '../ledger/store.ts';
import { recordsOf } from '../operator/posted-taps.ts';

/** A debit that is final. */
export interface PostedDebit extends DebitId {
  /** 8 bytes in upper-case hexadecimal. */
  readonly issuer: string;
  readonly currency: number;
  readonly amountMinor: number;
}

/**
 * Every posted debit but those that are presumed, which a later record may still undo.
 * @throws FaregateError LEDGER_BROKEN where evidence is missing or does not open.
 */
export function* finalDebits(store: LedgerStore, storageKey: Uint8Array): Generator<PostedDebit> {
  for (const batch of postedBatches(withEmptyBatches(store))) {
    if (batch.debits.length === 0) continue;
    const records = recordsOf(batch, storageKey);
    for (const { gateSequence } of batch.debits) {
      const from = (gateSequence - batch.firstSequence) * DEBIT_BYTES;
      const debit = decodeDebit(records, from);
      if (debit.state !== DebitState.confirmed && !isFinal(store, debit)) continue;
      const { gateId, issuer, currency, amountMinor } = debit;
      yield { gateId, gateSequence, issuer: toHex(issuer), currency, amountMinor };
    }
  }
}

/**
 * A batch without an ordinary debit, as of one torn tap, has a block for what it said of cards and
 * no sealed records: read as empty ones. Where a debit would need them they do not open.
 */
function withEmptyBatches(store: LedgerStore): LedgerStore {
  const none = new Uint8Array(0);
  return {
    transaction: (work) => store.transaction(work),
    close: () => store.close(),
    read: (work) =>
      store.read((reader) =>
        work({
          range: (table, range) => reader.range(table, range),
          get: (table, key) => reader.get(table, key) ?? (table === 'sealed' ? none : undefined),
        }),
      ),
  };
}

/** Whether a debit that came without its outcome has one now, and not a presumption. */
function isFinal(store: LedgerStore, id: DebitId): boolean {
  const bytes = store.read((reader) => reader.get('debits', idKey(id)));
  return bytes !== undefined && decodeDebitRow(bytes).standing === Standing.posted;
}
