/**
 * Posted debits with what their records are sealed in, read off the store: no card's head is needed
 * for them.
 */

import { readU48 } from '../bytes.ts';
import { type DebitId, DebitKind } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { LEDGER_PAGE_ROWS } from '../limits.ts';
import { Block } from './block.ts';
import { readTotal } from './books.ts';
import { changedDebits, isPosted, type OwnDebit } from './changes.ts';
import { wholeBlock } from './held.ts';
import { hasChangeLog, requireLayout } from './layout.ts';
import { type DebitRow, decodeDebitRow, idKey, newBytes, readId, u48 } from './rows.ts';
import type { LedgerStore, StoreReader } from './store.ts';

export interface PostedDebit {
  readonly gateSequence: number;
  readonly card: Uint8Array;
  readonly transactionType: number;
  readonly instantMs: number;
  readonly amountMinor: number;
  /** Only the card's bank can verify it. */
  readonly passedThrough: boolean;
}

/** Posted debits, and what their records are sealed in. */
export interface PostedBatch {
  readonly gateId: string;
  readonly firstSequence: number;
  /** `sealed` is one debit's own evidence, and not that of a batch. */
  readonly isOne: boolean;
  readonly sealed: Uint8Array;
  readonly debits: readonly PostedDebit[];
}

/** How far a reader of posted debits came. */
export interface PostedMark {
  /** Number of the last block read. */
  readonly block: number;
  /** Number of the last change read (`changes.ts`). */
  readonly change: number;
}

/**
 * Where the ledger is now: pass it as `through` of one walk and, once what was read is dealt with
 * durably, as `after` of the next. null where an earlier version laid it out, which kept no log to
 * go on by.
 * @throws FaregateError STORE_FAILED for a store that another version laid out.
 */
export function postedMark(store: LedgerStore): PostedMark | null {
  return store.read((reader) => {
    requireLayout(reader);
    if (!hasChangeLog(reader)) return null;
    return { block: readTotal(reader, 'blocks'), change: readTotal(reader, 'changes') };
  });
}

/**
 * Every posted debit whose record is held, batch by batch as they came, then those with evidence of
 * their own. Each batch is read from one durable state.
 * @param after a mark: only debits posted since, and those that changed since and are posted. One
 *   may be told again that was told before.
 * @param through the mark at which to end; null: all there are.
 * @throws FaregateError STORE_FAILED for a store that another version laid out, LEDGER_BROKEN
 */
export function* postedBatches(
  store: LedgerStore,
  after: PostedMark | null = null,
  through: PostedMark | null = null,
): Generator<PostedBatch> {
  const last = through?.block ?? lastBlock(store);
  requireBefore(after, last);
  for (let number = (after?.block ?? 0) + 1; number <= last; number++) {
    const batch = store.read((reader) => postedInBatch(reader, number));
    if (batch.debits.length > 0) yield batch;
  }
  for (const own of after ? ownDebitsSince(store, after, through) : ownDebits(store)) {
    if (isPosted(own.row) && own.row.sealed.length > 0) yield batchOfOne(own);
  }
}

function requireBefore(after: PostedMark | null, last: number): void {
  if (!after || after.block <= last) return;
  const message = `block ${after.block} was read before, and the ledger ends at ${last}`;
  throw new FaregateError('LEDGER_BROKEN', `${message}: read it all again`);
}

/** Debits with rows of their own that changed after a mark, up to another or to now. */
export function ownDebitsSince(
  store: LedgerStore,
  after: PostedMark,
  through: PostedMark | null,
): Generator<OwnDebit> {
  const last = through?.change ?? store.read((reader) => readTotal(reader, 'changes'));
  return changedDebits(store, after.change, last);
}

/**
 * Debits with rows of their own that are not posted: those that changed after a mark, which were
 * posted before it or may have been, or all.
 */
export function* unpostedDebits(
  store: LedgerStore,
  after: PostedMark | null,
  through: PostedMark | null,
): Generator<OwnDebit> {
  for (const own of after ? ownDebitsSince(store, after, through) : ownDebits(store)) {
    if (!isPosted(own.row)) yield own;
  }
}

function batchOfOne({ gateId, gateSequence, row }: OwnDebit): PostedBatch {
  const debits = [postedOf(gateSequence, row)];
  return { gateId, firstSequence: gateSequence, isOne: true, sealed: row.sealed, debits };
}

/**
 * One debit as `postedBatches` has it; null where it is not posted, or its record is kept nowhere.
 * @throws FaregateError LEDGER_BROKEN
 */
export function postedDebit(store: LedgerStore, id: DebitId): PostedBatch | null {
  return findDebit(store, id, isPosted);
}

/** The same of a debit that was posted once, and may be so no more: its record stays. */
export function keptDebit(store: LedgerStore, id: DebitId): PostedBatch | null {
  return findDebit(store, id, () => true);
}

function findDebit(
  store: LedgerStore,
  id: DebitId,
  fits: (row: DebitRow) => boolean,
): PostedBatch | null {
  return store.read((reader) => {
    const value = reader.get('debits', idKey(id));
    const row = value && decodeDebitRow(value);
    if (row && !fits(row)) return null;
    if (row && row.sealed.length > 0) return batchOfOne({ ...id, row });
    const number = blockBehind(reader, id);
    if (number === undefined) return null;
    const batch = postedInBatch(reader, number);
    const debits = batch.debits.filter(({ gateSequence }) => gateSequence === id.gateSequence);
    return debits.length > 0 ? { ...batch, debits } : null;
  });
}

/**
 * Posted debits whose record is kept nowhere: earlier versions dropped the batches that had no
 * ordinary debit in them.
 */
export function* postedWithoutRecord(store: LedgerStore): Generator<OwnDebit> {
  for (const own of ownDebits(store)) {
    if (!isPosted(own.row) || own.row.sealed.length > 0) continue;
    if (store.read((reader) => blockBehind(reader, own)) === undefined) yield own;
  }
}

/** Number of the last block. @throws FaregateError STORE_FAILED for a store of another layout. */
export function lastBlock(store: LedgerStore): number {
  return store.read((reader) => {
    requireLayout(reader);
    return readTotal(reader, 'blocks');
  });
}

/**
 * Those of the batch behind a block: its own rows, and debits that came with them, have a row
 * elsewhere and no other evidence; `sealed` is empty where there are none.
 * @throws FaregateError LEDGER_BROKEN where block or batch is missing or damaged.
 */
export function postedInBatch(reader: StoreReader, number: number): PostedBatch {
  const bytes = reader.get('blocks', u48(number));
  if (!bytes) throw new FaregateError('LEDGER_BROKEN', `block ${number} is missing`);
  const block = new Block(number, bytes);
  const { gateId, firstSequence, records } = block;
  // A block of head images alone has no batch kept behind it.
  const sealed = block.rows > 0 ? reader.get('sealed', u48(number)) : newBytes(0);
  if (!sealed) throw new FaregateError('LEDGER_BROKEN', `batch of block ${number} is missing`);
  const debits: PostedDebit[] = [];
  for (let i = 0; i < records && block.rows > 0; i++) {
    const gateSequence = firstSequence + i;
    const index = block.indexOf(gateSequence);
    if (index >= 0) {
      debits.push(postedOf(gateSequence, block.debit(index)));
      continue;
    }
    const id = { gateId, gateSequence };
    const value = reader.get('debits', idKey(id));
    const row = value && decodeDebitRow(value);
    if (!row || !isPosted(row) || row.sealed.length > 0) continue;
    // A batch may repeat what an earlier one brought.
    if (blockBehind(reader, id) === number) debits.push(postedOf(gateSequence, row));
  }
  return { gateId, firstSequence, isOne: false, sealed, debits };
}

/**
 * Number of the block whose batch brought a debit; undefined where no batch is kept that did. It is
 * the block that begins last before the debit, or the one after it: a row goes into a block only
 * where all sequences before it are held.
 */
export function blockBehind(reader: StoreReader, id: DebitId): number | undefined {
  const { gateId, gateSequence } = id;
  const behind = idKey({ gateId, gateSequence: gateSequence + 1 });
  const before = { from: idKey({ gateId, gateSequence: 0 }), to: behind, reverse: true, limit: 1 };
  const since = { from: behind, to: idKey({ gateId, gateSequence: 2 ** 48 - 1 }), limit: 1 };
  for (const range of [before, since]) {
    for (const { value } of [...reader.range('blockIndex', range)]) {
      const number = readU48(value, 0);
      const bytes = reader.get('blocks', u48(number));
      const block = bytes && wholeBlock(number, bytes, undefined);
      if (!block) continue;
      const { firstSequence, records } = block;
      if (gateSequence >= firstSequence && gateSequence < firstSequence + records) return number;
    }
  }
  return undefined;
}

/** Debits with rows of their own, in order of their ids, page by page. */
export function* ownDebits(store: LedgerStore): Generator<OwnDebit> {
  let from: Uint8Array | undefined;
  for (;;) {
    const range = { ...(from ? { from } : {}), limit: LEDGER_PAGE_ROWS };
    const page = store.read((reader) =>
      [...reader.range('debits', range)].map(({ key, value }) => ({
        // A store's bytes are its own once the walk goes on.
        key: new Uint8Array(key),
        row: decodeDebitRow(new Uint8Array(value)),
      })),
    );
    for (const { key, row } of page) {
      if (row.kind === DebitKind.debit) yield { ...readId(key, 0), row };
    }
    const last = page.at(-1);
    if (!last || page.length < LEDGER_PAGE_ROWS) return;
    from = Buffer.concat([last.key, newBytes(1)]);
  }
}

function postedOf(gateSequence: number, row: DebitRow): PostedDebit {
  const { transactionType, instantMs, amountMinor, tac } = row;
  const passedThrough = tac === 'passedThrough';
  return {
    gateSequence,
    card: new Uint8Array(row.card),
    transactionType,
    instantMs,
    amountMinor,
    passedThrough,
  };
}
