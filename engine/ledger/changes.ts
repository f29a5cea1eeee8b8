/**
 * The log of changes: each time a debit with a row of its own becomes posted, presumed posted, or
 * is posted no more. Blocks are such a log of ordinary debits already. So a reader that remembers
 * how far it came reads on from there and misses nothing, however late a debit came or changed.
 *
 * Row, under numbers from 1 without gaps: id 18 ‖ standing reached 1.
 */

import type { DebitId } from '../debit/record.ts';
import { DebitKind } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { LEDGER_PAGE_ROWS } from '../limits.ts';
import {
  type DebitRow,
  decodeDebitRow,
  ID_BYTES,
  idKey,
  newBytes,
  readId,
  Standing,
  u48,
  writeId,
} from './rows.ts';
import type { LedgerStore, StoreReader } from './store.ts';

/** A debit with a row of its own, posted or not. */
export interface OwnDebit {
  readonly gateId: string;
  readonly gateSequence: number;
  readonly row: DebitRow;
}

export function isPosted({ kind, standing }: Pick<DebitRow, 'kind' | 'standing'>): boolean {
  if (kind !== DebitKind.debit) return false;
  return standing === Standing.posted || standing === Standing.presumedPosted;
}

export function encodeChange(id: DebitId, standing: Standing): Uint8Array {
  const out = newBytes(ID_BYTES + 1);
  writeId(id, out, 0);
  out[ID_BYTES] = standing;
  return out;
}

/** @param bytes as `encodeChange` wrote them. */
export function decodeChange(bytes: Uint8Array): DebitId & { readonly standing: Standing } {
  return { ...readId(bytes, 0), standing: bytes[ID_BYTES] as Standing };
}

/**
 * Debits that changed with numbers above `after`, up to `through`, in that order. One that has
 * changed again meanwhile is left to the later change, so that none is told in a standing that it
 * has no more; one that came back to a standing is told more than once.
 * @throws FaregateError LEDGER_BROKEN where a change or its debit is missing.
 */
export function* changedDebits(
  store: LedgerStore,
  after: number,
  through: number,
): Generator<OwnDebit> {
  for (let next = after + 1; next <= through; next += LEDGER_PAGE_ROWS) {
    const size = Math.min(LEDGER_PAGE_ROWS, through - next + 1);
    const page = store.read((reader) => readPage(reader, next, size));
    for (const own of page) if (own) yield own;
  }
}

function readPage(reader: StoreReader, first: number, size: number): (OwnDebit | null)[] {
  const range = { from: u48(first), to: u48(first + size) };
  const page = [...reader.range('changes', range)].map(({ value }) => {
    const { standing, ...id } = decodeChange(value);
    const bytes = reader.get('debits', idKey(id));
    if (!bytes) {
      const message = `${id.gateId}/${id.gateSequence} changed and is not held`;
      throw new FaregateError('LEDGER_BROKEN', message);
    }
    // A store's bytes are its own once the walk goes on.
    const row = decodeDebitRow(new Uint8Array(bytes));
    return row.standing === standing ? { ...id, row } : null;
  });
  if (page.length === size) return page;
  throw new FaregateError('LEDGER_BROKEN', `changes from ${first} on are missing`);
}
