/**
 * The part of `ledger check` that asks what readers rest on who read posted debits on from where
 * they were: every record is kept, and the log has every change.
 */
import { readU48 } from '../bytes.ts';
import type { DebitId } from '../debit/record.ts';
import { readTotal } from './books.ts';
import { decodeChange, isPosted } from './changes.ts';
import { type Findings, nameOf } from './findings.ts';
import { hasChangeLog } from './layout.ts';
import { blockBehind } from './posted.ts';
import { type DebitRow, ID_BYTES, idKey, Standing } from './rows.ts';
import type { StoreReader } from './store.ts';

/** A posted debit with a row of its own has its record there, or in the batch that it came in. */
export function checkRecordKept(
  reader: StoreReader,
  id: DebitId,
  row: DebitRow,
  findings: Findings,
): void {
  if (!isPosted(row) || row.sealed.length > 0) return;
  if (blockBehind(reader, id) !== undefined) return;
  findings.add(`${nameOf(id)}: posted, and its record is kept nowhere`);
}

/** @param ownPosted debits with rows of their own that are posted, presumed ones not among them. */
export function checkChanges(reader: StoreReader, ownPosted: number, findings: Findings): void {
  if (!hasChangeLog(reader)) return;
  let [number, posted] = [0, 0];
  for (const { key, value } of reader.range('changes', {})) {
    number++;
    findings.equal('number of a change', readU48(key, 0), number);
    if (value.length !== ID_BYTES + 1) {
      findings.add(`change ${number}: is cut short`);
      continue;
    }
    const { standing, ...id } = decodeChange(value);
    if (standing === Standing.posted) posted++;
    if (!reader.get('debits', idKey(id))) {
      findings.add(`change ${number}: ${nameOf(id)} is not held by itself`);
    }
  }
  findings.equal('count of changes', readTotal(reader, 'changes'), number);
  // A debit becomes posted once, and stays so.
  const logged = ownPosted - readTotal(reader, 'unlogged');
  findings.equal('debits posted by the log of changes', posted, logged);
}
