/**
 * Posted debits with what their records are sealed in, read off the store: no card's head is needed
 * for them.
 */

import { DebitKind } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { LEDGER_PAGE_ROWS } from '../limits.ts';
import { Block } from './block.ts';
import { readTotal } from './books.ts';
import { requireLayout } from './ledger.ts';
import { type DebitRow, decodeDebitRow, idKey, newBytes, readId, Standing, u48 } from './rows.ts';
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

/** A debit with a row of its own, posted or not. */
export interface OwnDebit {
  readonly gateId: string;
  readonly gateSequence: number;
  readonly row: DebitRow;
}

/**
 * Every posted debit whose record is held, batch by batch as they came, then those with evidence of
 * their own. Each batch is read from one durable state.
 * @throws FaregateError STORE_FAILED for a store that another version laid out, LEDGER_BROKEN
 */
export function* postedBatches(store: LedgerStore): Generator<PostedBatch> {
  const last = lastBlock(store);
  for (let number = 1; number <= last; number++) {
    const batch = store.read((reader) => postedInBatch(reader, number));
    if (batch.debits.length > 0) yield batch;
  }
  for (const { gateId, gateSequence, row } of ownDebits(store)) {
    if (!isPosted(row) || row.sealed.length === 0) continue;
    const debits = [postedOf(gateSequence, row)];
    yield { gateId, firstSequence: gateSequence, isOne: true, sealed: row.sealed, debits };
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
 * Those of the batch behind a block: its own rows, and debits that came with them and have a row
 * elsewhere; `sealed` is empty where there are none.
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
    const value = reader.get('debits', idKey({ gateId, gateSequence }));
    const row = value && decodeDebitRow(value);
    if (row && isPosted(row) && row.sealed.length === 0) debits.push(postedOf(gateSequence, row));
  }
  return { gateId, firstSequence, isOne: false, sealed, debits };
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

export function isPosted({ kind, standing }: Pick<DebitRow, 'kind' | 'standing'>): boolean {
  if (kind !== DebitKind.debit) return false;
  return standing === Standing.posted || standing === Standing.presumedPosted;
}
