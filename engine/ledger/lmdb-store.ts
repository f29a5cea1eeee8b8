/**
 * The ledger's store on lmdb. A transaction runs on the calling thread while lmdb's writer thread
 * holds the write lock, and is committed and synced on that thread, so the event loop does not wait
 * for the disk. `overlappingSync` is off: with it lmdb shows (and resolves) a commit before it is
 * on disk; without it the promise resolves after the sync of the commit.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { FaregateError } from '../errors.ts';
import { LEDGER_MAP_BYTES } from '../limits.ts';
import {
  type Entry,
  type LedgerStore,
  type Range,
  type StoreReader,
  type StoreWriter,
  type Table,
  tables,
} from './store.ts';

/** Without those that a store opened to be read does not have: an earlier version made it. */
type Databases<T extends string> = Partial<Record<T, Database<Uint8Array, Uint8Array>>>;
type ReadTransaction = ReturnType<RootDatabase['useReadTransaction']>;

export class LmdbStore<T extends string = Table> implements LedgerStore<T> {
  readonly #root: RootDatabase<Uint8Array, Uint8Array>;
  readonly #databases: Databases<T>;
  readonly #path: string;
  readonly #writer: StoreWriter<T>;
  #closed = false;

  private constructor(
    path: string,
    root: RootDatabase<Uint8Array, Uint8Array>,
    names: readonly T[],
  ) {
    this.#path = path;
    this.#root = root;
    this.#databases = Object.fromEntries(
      names.map((name) => [name, root.openDB({ name, keyEncoding: 'binary', encoding: 'binary' })]),
    ) as Databases<T>;
    this.#writer = {
      ...readerOf(this.#databases, undefined),
      put: (table, key, value) => void this.#databases[table]!.putSync(key, value),
      remove: (table, key) => void this.#databases[table]!.removeSync(key),
    };
  }

  /**
   * Opens or makes the store in the folder `path`; `readOnly` makes nothing, and works while
   * another process writes.
   * @throws FaregateError STORE_FAILED naming the path.
   */
  static open(path: string, options: { readOnly?: boolean } = {}): LmdbStore {
    return LmdbStore.openTables(path, tables, 'ledger', options);
  }

  /** The same for other tables; `what` they are, for messages. */
  static openTables<T extends string>(
    path: string,
    names: readonly T[],
    what: string,
    options: { readOnly?: boolean } = {},
  ): LmdbStore<T> {
    const readOnly = options.readOnly ?? false;
    if (readOnly && !existsSync(join(path, 'data.mdb'))) {
      throw new FaregateError('STORE_FAILED', `${path}: there is no ${what}`);
    }
    try {
      const root = open<Uint8Array, Uint8Array>({
        path,
        noSubdir: false,
        readOnly,
        mapSize: LEDGER_MAP_BYTES,
        maxDbs: names.length,
        overlappingSync: false,
        keyEncoding: 'binary',
        encoding: 'binary',
      });
      return new LmdbStore<T>(path, root, names);
    } catch (cause) {
      throw failed(path, cause);
    }
  }

  async transaction<R>(work: (writer: StoreWriter<T>) => R): Promise<R> {
    if (this.#closed) throw new FaregateError('STORE_FAILED', `${this.#path}: closed`);
    let thrown: { error: unknown } | undefined;
    try {
      // A child transaction, because only that is rolled back when `work` throws.
      return await this.#root.childTransaction(() => {
        try {
          return work(this.#writer);
        } catch (error) {
          thrown = { error };
          throw error;
        }
      });
    } catch (cause) {
      if (thrown && !isStoreError(thrown.error)) throw thrown.error;
      throw failed(this.#path, await reasonOf(cause));
    }
  }

  read<R>(work: (reader: StoreReader<T>) => R): R {
    if (this.#closed) throw new FaregateError('STORE_FAILED', `${this.#path}: closed`);
    this.#root.resetReadTxn();
    const transaction = this.#root.useReadTransaction();
    try {
      return work(readerOf(this.#databases, transaction));
    } finally {
      transaction.done();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#root.close();
  }
}

function readerOf<T extends string>(
  databases: Databases<T>,
  transaction: ReadTransaction | undefined,
): StoreReader<T> {
  const options = transaction ? { transaction } : {};
  return {
    get: (table, key) => databases[table]?.get(key, options),
    range: (table, range) => entries(databases[table], range, options),
  };
}

function* entries(
  database: Database<Uint8Array, Uint8Array> | undefined,
  { from, to, reverse, limit }: Range,
  options: { transaction?: ReadTransaction },
): Generator<Entry> {
  if (!database) return;
  const low = from ?? new Uint8Array(1);
  const bounds = reverse
    ? { ...(to && { start: to, exclusiveStart: true }), end: low, inclusiveEnd: true }
    : { start: low, ...(to && { end: to }) };
  const asked = { ...options, ...bounds, reverse: reverse ?? false, ...(limit && { limit }) };
  for (const { key, value } of database.getRange(asked)) yield { key, value };
}

/** What lmdb throws carries a number for a code (MDB_MAP_FULL is -30792, ENOSPC is 28). */
function isStoreError(error: unknown): boolean {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'number';
}

/** lmdb rejects with a promise of the reason, which must be heard or it ends the process. */
async function reasonOf(cause: unknown): Promise<unknown> {
  const reason = (cause as { commitError?: Promise<never> }).commitError;
  return reason ? reason.catch((error: unknown) => error) : cause;
}

function failed(path: string, cause: unknown): FaregateError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FaregateError('STORE_FAILED', `${path}: ${reason}`, { cause });
}
