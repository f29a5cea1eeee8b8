/**
 * Posted debits with what their records are sealed in, read off the store: no card's head is needed
 * for them.
 */

import { DebitKind } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { Block } from './block.ts';
import { readTotal } from './books.ts';
import { requireLayout } from './ledger.ts';
import { type DebitRow, decodeDebitRow, idKey, readId, Standing, u48 } from './rows.ts';
import type { LedgerStore, StoreReader } from './store.ts';

/** Posted debits, and what their records are sealed in. */
export interface PostedBatch {
  readonly gateId: string;
  readonly firstSequence: number;
  /** `sealed` is one debit's own evidence, and not that of a batch. */
  readonly isOne: boolean;
  readonly sealed: Uint8Array;
  readonly debits: readonly { readonly gateSequence: number; readonly card: Uint8Array }[];
}

/**
 * Every posted debit whose record is held, batch by batch as they came, then those with evidence of
 * their own. Each batch is read from one durable state.
 * @throws FaregateError STORE_FAILED for a store that another version laid out, LEDGER_BROKEN
 */
export function* postedBatches(store: LedgerStore): Generator<PostedBatch> {
  store.read(requireLayout);
  const last = store.read((reader) => readTotal(reader, 'blocks'));
  for (let number = 1; number <= last; number++) {
    yield store.read((reader) => postedInBatch(reader, number));
  }
  yield* store.read(postedAlone);
}

/**
 * Those of the batch behind a block: its own rows, and debits that came with them and have a row
 * elsewhere.
 * @throws FaregateError LEDGER_BROKEN where block or batch is missing or damaged.
 */
function postedInBatch(reader: StoreReader, number: number): PostedBatch {
  const bytes = reader.get('blocks', u48(number));
  const sealed = reader.get('sealed', u48(number));
  if (!bytes || !sealed) throw new FaregateError('LEDGER_BROKEN', `block ${number} is missing`);
  const block = new Block(number, bytes);
  const { gateId, firstSequence, records } = block;
  const debits: { gateSequence: number; card: Uint8Array }[] = [];
  for (let i = 0; i < records; i++) {
    const gateSequence = firstSequence + i;
    const index = block.indexOf(gateSequence);
    if (index >= 0) {
      debits.push({ gateSequence, card: block.card(index) });
      continue;
    }
    const value = reader.get('debits', idKey({ gateId, gateSequence }));
    const row = value && decodeDebitRow(value);
    if (row && isPosted(row) && row.sealed.length === 0) {
      debits.push({ gateSequence, card: new Uint8Array(row.card) });
    }
  }
  return { gateId, firstSequence, isOne: false, sealed, debits };
}

/** Posted debits with evidence of their own: they came unconfirmed, and were settled. */
function postedAlone(reader: StoreReader): PostedBatch[] {
  const found: PostedBatch[] = [];
  for (const { key, value } of reader.range('debits', {})) {
    const row = decodeDebitRow(value);
    if (!isPosted(row) || row.sealed.length === 0) continue;
    const { gateId, gateSequence } = readId(key, 0);
    // A store's bytes are its own once the walk goes on.
    const debits = [{ gateSequence, card: new Uint8Array(row.card) }];
    const sealed = new Uint8Array(row.sealed);
    found.push({ gateId, firstSequence: gateSequence, isOne: true, sealed, debits });
  }
  return found;
}

function isPosted({ kind, standing }: DebitRow): boolean {
  if (kind !== DebitKind.debit) return false;
  return standing === Standing.posted || standing === Standing.presumedPosted;
}
