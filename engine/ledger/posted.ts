/** Posted debits with what their records are sealed in, read off the store. */

import { DebitKind } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { Block } from './block.ts';
import type { PostedBatch } from './ledger.ts';
import { type DebitRow, decodeDebitRow, idKey, readId, Standing, u48 } from './rows.ts';
import type { StoreReader } from './store.ts';

/**
 * Those of the batch behind a block: its own rows, and debits that came with them and have a row
 * elsewhere.
 * @throws FaregateError LEDGER_BROKEN where block or batch is missing or damaged.
 */
export function postedInBatch(reader: StoreReader, number: number): PostedBatch {
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
export function postedAlone(reader: StoreReader): PostedBatch[] {
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
