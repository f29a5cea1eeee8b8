/**
 * Posted taps of bank cards in open loop, as the ledger has them: records of transaction type E0,
 * from the sealed evidence of their batches. A card is named by its keyed hash alone.
 */
import { toHex } from '../bytes.ts';
import { decodeDebit } from '../debit/codec.ts';
import { DEBIT_BYTES, type DebitId, OPEN_LOOP_TRANSACTION, TapKind } from '../debit/record.ts';
import type { AccountTap } from '../fare/account/account.ts';
import type { FareSet } from '../fare/fares.ts';
import { isPosted, type OwnDebit } from '../ledger/changes.ts';
import {
  type PostedBatch,
  type PostedMark,
  postedBatches,
  postedDebit,
  postedWithoutRecord,
  unpostedDebits,
} from '../ledger/posted.ts';
import { decodeDebitRow, idKey } from '../ledger/rows.ts';
import type { LedgerStore } from '../ledger/store.ts';
import { LEDGER_PAGE_ROWS } from '../limits.ts';
import { recordsOf } from '../operator/posted-taps.ts';
import type { ReadTap, WithdrawnTap } from './charge-book.ts';

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

/** The debit of a tap id. */
export function debitOfTap(tapId: string): DebitId {
  const dash = tapId.lastIndexOf('-');
  return { gateId: tapId.slice(0, dash), gateSequence: Number(tapId.slice(dash + 1)) };
}

/** Reads taps out of the ledger. */
export class TapReader {
  readonly #store: LedgerStore;
  readonly #key: Uint8Array;
  readonly #networkOf: TapNames['networkOf'];
  /** By code, which is one station's in all versions. */
  readonly #stations: ReadonlyMap<string, string>;

  constructor(store: LedgerStore, storageKey: Uint8Array, { sets, networkOf }: TapNames) {
    this.#store = store;
    this.#key = storageKey;
    this.#networkOf = networkOf;
    this.#stations = new Map(
      sets.flatMap((set) => set.stations.map(({ code, id }) => [toHex(code), id])),
    );
  }

  /**
   * The taps of each batch, in the order in which batches came; batches without any are left out.
   * Last, where everything is read, those whose debits are posted and whose records are kept
   * nowhere: nobody can price them, and nobody must forget them.
   * @param after and through as `postedBatches` has them
   * @throws FaregateError LEDGER_BROKEN where evidence does not open.
   */
  *taps(after: PostedMark | null, through: PostedMark | null): Generator<ReadTap[]> {
    for (const batch of postedBatches(this.#store, after, through)) {
      const taps = this.#tapsIn(batch);
      if (taps.length > 0) yield taps;
    }
    if (after) return;
    const lacking = [...postedWithoutRecord(this.#store)].flatMap(lackingTap);
    if (lacking.length > 0) yield lacking;
  }

  /**
   * Taps that are not posted, as `taps` has those that are: one that was presumed and is voided
   * since is among them.
   */
  *withdrawn(after: PostedMark | null, through: PostedMark | null): Generator<WithdrawnTap[]> {
    let some: WithdrawnTap[] = [];
    for (const own of unpostedDebits(this.#store, after, through)) {
      if (own.row.transactionType !== OPEN_LOOP_TRANSACTION) continue;
      some.push({ card: toHex(own.row.card).toLowerCase(), id: tapIdOf(own) });
      if (some.length < LEDGER_PAGE_ROWS) continue;
      yield some;
      some = [];
    }
    if (some.length > 0) yield some;
  }

  /** What `taps` says of the taps of these ids, as far as they are posted. */
  *tapsOf(ids: Iterable<string>): Generator<ReadTap[]> {
    for (const tapId of ids) {
      const id = debitOfTap(tapId);
      const batch = postedDebit(this.#store, id);
      const value = this.#store.read((reader) => reader.get('debits', idKey(id)));
      if (batch) yield this.#tapsIn(batch);
      else if (value) yield lackingTap({ ...id, row: decodeDebitRow(value) });
    }
  }

  #tapsIn(batch: PostedBatch): ReadTap[] {
    const { gateId, firstSequence } = batch;
    const taps: ReadTap[] = [];
    const ours = batch.debits.filter((debit) => debit.transactionType === OPEN_LOOP_TRANSACTION);
    if (ours.length === 0) return taps;
    const records = recordsOf(batch, this.#key);
    for (const { gateSequence, card } of ours) {
      const from = (gateSequence - firstSequence) * DEBIT_BYTES;
      const { instantMs, tapKind, toStation } = decodeDebit(records, from);
      taps.push({
        card: toHex(card).toLowerCase(),
        id: tapIdOf({ gateId, gateSequence }),
        atMs: instantMs,
        kind: kindOf(tapKind),
        stop: this.#stations.get(toHex(toStation)) ?? null,
        network: this.#networkOf(gateId),
        route: '',
      });
    }
    return taps;
  }
}

function lackingTap(own: OwnDebit): ReadTap[] {
  const { row } = own;
  if (row.transactionType !== OPEN_LOOP_TRANSACTION || !isPosted(row)) return [];
  const tap = { card: toHex(row.card).toLowerCase(), id: tapIdOf(own), atMs: row.instantMs };
  const lacking = { stop: null, network: '', route: '', isRecordMissing: true };
  return [{ ...tap, kind: kindOf(row.tapKind), ...lacking }];
}

function kindOf(tapKind: TapKind): AccountTap['kind'] {
  if (tapKind === TapKind.entry) return 'entry';
  return tapKind === TapKind.exit ? 'exit' : 'single';
}
