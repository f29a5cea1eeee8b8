/**
 * Posted taps of bank cards in open loop, as the ledger has them: records of transaction type E0,
 * from the sealed evidence of their batches. A card is named by its keyed hash alone.
 */
import { toHex } from '../bytes.ts';
import { openBatch } from '../debit/batch-evidence.ts';
import { at, decodeDebit } from '../debit/codec.ts';
import { openEvidence } from '../debit/evidence.ts';
import {
  DEBIT_BYTES,
  type DebitId,
  DebitKind,
  OPEN_LOOP_TRANSACTION,
  TapKind,
} from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import type { AccountTap } from '../fare/account/account.ts';
import type { FareSet } from '../fare/fares.ts';
import { type PostedBatch, postedBatches } from '../ledger/posted.ts';
import { decodeDebitRow, readId, Standing } from '../ledger/rows.ts';
import type { LedgerStore } from '../ledger/store.ts';
import type { ReadTap } from './charge-book.ts';

/** What records only name by number. */
export interface TapNames {
  /** The fare sets that gates had: they know stations by code. */
  readonly sets: readonly Pick<FareSet, 'stations'>[];
  /** Network of a gate, by its id; '' where it is on none. */
  readonly networkOf: (gateId: string) => string;
}

export function tapIdOf({ gateId, gateSequence }: DebitId): string {
  return `${gateId}-${gateSequence}`;
}

/**
 * The taps of each batch, in the order in which batches came; batches without any are left out.
 * Last those whose debits are posted and whose records no batch has: nobody can price them, and
 * nobody must forget them.
 * @throws FaregateError LEDGER_BROKEN where evidence does not open.
 */
export function* openLoopTaps(
  store: LedgerStore,
  storageKey: Uint8Array,
  { sets, networkOf }: TapNames,
): Generator<ReadTap[]> {
  // A code is one station's in all versions.
  const stations = new Map(
    sets.flatMap((set) => set.stations.map(({ code, id }) => [toHex(code), id])),
  );
  const apart = debitsApart(store);
  for (const batch of postedBatches(store)) {
    if (batch.debits.length === 0) continue;
    const { gateId, firstSequence } = batch;
    const records = recordsOf(batch, storageKey);
    const taps: ReadTap[] = [];
    for (const { gateSequence, card } of batch.debits) {
      const from = (gateSequence - firstSequence) * DEBIT_BYTES;
      if (records[from + at.transactionType] !== OPEN_LOOP_TRANSACTION) continue;
      apart.delete(tapIdOf({ gateId, gateSequence }));
      const { instantMs, tapKind, toStation } = decodeDebit(records, from);
      taps.push({
        card: toHex(card).toLowerCase(),
        id: tapIdOf({ gateId, gateSequence }),
        atMs: instantMs,
        kind: kindOf(tapKind),
        stop: stations.get(toHex(toStation)) ?? null,
        network: networkOf(gateId),
        route: '',
      });
    }
    if (taps.length > 0) yield taps;
  }
  if (apart.size > 0) yield [...apart.values()];
}

/** Posted open-loop debits with a row of their own, their records in batches, by tap id. */
function debitsApart(store: LedgerStore): Map<string, ReadTap> {
  return store.read((reader) => {
    const found = new Map<string, ReadTap>();
    for (const { key, value } of reader.range('debits', {})) {
      const row = decodeDebitRow(value);
      const isPosted = row.standing === Standing.posted && row.kind === DebitKind.debit;
      if (row.transactionType !== OPEN_LOOP_TRANSACTION || !isPosted) continue;
      if (row.sealed.length > 0) continue;
      const id = tapIdOf(readId(key, 0));
      const tap = { card: toHex(row.card).toLowerCase(), id, atMs: row.instantMs };
      const lacking = { stop: null, network: '', route: '', isRecordMissing: true };
      found.set(id, { ...tap, kind: kindOf(row.tapKind), ...lacking });
    }
    return found;
  });
}

/** @throws FaregateError LEDGER_BROKEN where they do not open. */
export function recordsOf(batch: PostedBatch, storageKey: Uint8Array): Uint8Array {
  const { gateId, firstSequence, sealed, isOne } = batch;
  const first = { gateId, gateSequence: firstSequence };
  const records = isOne
    ? openEvidence(storageKey, sealed, first)
    : openBatch(storageKey, sealed, first);
  if (records) return records;
  const message = `evidence of gate ${gateId} from sequence ${firstSequence} does not open`;
  throw new FaregateError('LEDGER_BROKEN', message);
}

function kindOf(tapKind: TapKind): AccountTap['kind'] {
  if (tapKind === TapKind.entry) return 'entry';
  return tapKind === TapKind.exit ? 'exit' : 'single';
}
