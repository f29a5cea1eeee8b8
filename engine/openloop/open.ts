/** The open-loop books on the operator's disk: `openloop/` in the data folder. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FaregateError } from '../errors.ts';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import {
  eachRow,
  getRow,
  type OpenLoopReader,
  type OpenLoopStore,
  type OpenLoopWriter,
  openLoopTables,
  putRow,
} from './rows.ts';

const LAYOUT_VERSION = 1;
const FOLDER = 'openloop';

/** Whether an engine has such books. */
export function hasOpenLoop(dataDir: string): boolean {
  return existsSync(join(dataDir, FOLDER, 'data.mdb'));
}

/**
 * Opens the books, made at the first use; several processes may.
 * @param currency ISO 4217 number of what will be charged; null: nothing will be
 * @throws FaregateError STORE_FAILED for another layout, CONFIG_INVALID where cards of the books
 *   pay in another currency: amounts of both would be added up.
 */
export async function openOpenLoop(
  dataDir: string,
  currency: number | null = null,
): Promise<OpenLoopStore> {
  const path = join(dataDir, FOLDER);
  const store = LmdbStore.openTables(path, openLoopTables, 'open-loop book');
  try {
    await store.transaction((writer) => {
      const layout = getRow(writer, 'meta', 'layout');
      if (layout === undefined) putRow(writer, 'meta', 'layout', LAYOUT_VERSION);
      else if (layout !== LAYOUT_VERSION) {
        const versions = `version ${layout}, this program reads ${LAYOUT_VERSION}`;
        throw new FaregateError('STORE_FAILED', `${path}: the layout is ${versions}`);
      }
      if (currency !== null) keepCurrency(writer, path, currency);
    });
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Books are of one currency from their first card on; those of earlier versions say none. */
function keepCurrency(writer: OpenLoopWriter, path: string, currency: number): void {
  const held = getRow(writer, 'meta', 'currency');
  if (held === currency) return;
  const [card] = eachRow(writer, 'cards');
  if (held !== undefined && card !== undefined) {
    const differs = `field currency is ${currency}, the books in ${path} are in ${held}`;
    throw new FaregateError('CONFIG_INVALID', `openloop.json: ${differs}`);
  }
  putRow(writer, 'meta', 'currency', currency);
}

/** Keyed hashes, 16 bytes in hexadecimal, of the cards that gates must stop. */
export function* deniedCards(reader: OpenLoopReader): Generator<string> {
  for (const { key } of eachRow(reader, 'denied')) yield key;
}
