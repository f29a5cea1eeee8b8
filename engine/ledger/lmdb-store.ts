/** The ledger's store on lmdb. */
import type { LedgerStore, StoreReader, StoreWriter } from './store.ts';

export class LmdbStore implements LedgerStore {
  /**
   * Opens or makes the store in the folder `path`.
   * @throws FaregateError STORE_FAILED naming the path.
   */
  static open(_path: string, _options: { readOnly?: boolean } = {}): LmdbStore {
    return new LmdbStore();
  }

  transaction<T>(_work: (writer: StoreWriter) => T): Promise<T> {
    throw new Error('not implemented');
  }

  read<T>(_work: (reader: StoreReader) => T): T {
    throw new Error('not implemented');
  }

  async close(): Promise<void> {}
}
