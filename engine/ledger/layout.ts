/** The version of keys and rows that a ledger's store is laid out by. */
import { FaregateError } from '../errors.ts';
import { type Books, readTotal } from './books.ts';
import type { StoreReader } from './store.ts';

/**
 * Since 5 sealed batches are packed (`packed-records.ts`), since 6 late debits are rows of blocks
 * too, so that a purse's rows do not fall in their counters; what is of before is read as it is.
 */
export const LAYOUT_VERSION = 6;
/** The first with the log of changes. */
const LAYOUT_LOGGED = 4;
/** Without the log of changes, and with rows whose record only a batch may have. */
const LAYOUT_UNLOGGED = 3;

/** @throws FaregateError STORE_FAILED for a store another version laid out. */
export function requireLayout(reader: StoreReader): void {
  const layout = readTotal(reader, 'layout');
  if (layout >= LAYOUT_UNLOGGED && layout <= LAYOUT_VERSION) return;
  throw new FaregateError(
    'STORE_FAILED',
    `the ledger's layout is version ${layout}, this program reads ` +
      `${LAYOUT_UNLOGGED} to ${LAYOUT_VERSION}`,
  );
}

/** Whether what becomes of rows is logged (`changes.ts`): from the first batch of layout 4 on. */
export function hasChangeLog(reader: StoreReader): boolean {
  return readTotal(reader, 'layout') >= LAYOUT_LOGGED;
}

/** At the first batch of this version: what is posted already, and in no log, is counted. */
export function raiseLayout(books: Books): void {
  const layout = books.total('layout');
  if (layout === LAYOUT_VERSION) return;
  books.count('layout', LAYOUT_VERSION - layout);
  if (layout >= LAYOUT_LOGGED) return;
  books.count('unlogged', books.total('standing.posted') - books.total('rows'));
}
