/**
 * The ledger's store port: ordered tables of binary keys and values, atomic durable transactions,
 * and consistent reads. One process writes; any number may read. `engine/cards` keeps its own
 * tables behind the same port, hence the parameter `T`: the names of the tables.
 */

/** Every table; keys and rows are laid out in `rows.ts`. */
export const tables = [
  'debits',
  'postings',
  'chain',
  'pending',
  'waiting',
  'exceptions',
  'conflicts',
  'accounts',
  'gates',
  'totals',
  'blocks',
  'blockIndex',
  'sealed',
  'heads',
  'events',
  'seen',
  'changes',
] as const;
export type Table = (typeof tables)[number];

/** Keys from `from` (inclusive) to `to` (exclusive), in byte order. */
export interface Range {
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  /** Descending. */
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** What is returned is the caller's own copy. */
export interface StoreReader<T extends string = Table> {
  get(table: T, key: Uint8Array): Uint8Array | undefined;
  /** Lazy. Within a transaction the table must not be written before the iteration is over. */
  range(table: T, range: Range): Iterable<Entry>;
}

/** Sees its own writes. */
export interface StoreWriter<T extends string = Table> extends StoreReader<T> {
  put(table: T, key: Uint8Array, value: Uint8Array): void;
  remove(table: T, key: Uint8Array): void;
}

export interface LedgerStore<T extends string = Table> {
  /**
   * Runs `work`, which must be synchronous, as one transaction after all earlier ones. Resolves
   * once everything `work` read or wrote is on disk; what `work` throws is rethrown and nothing of
   * it is kept.
   * @throws FaregateError STORE_FAILED where the store failed; nothing may be acknowledged then.
   */
  transaction<R>(work: (writer: StoreWriter<T>) => R): Promise<R>;
  /** Runs `work`, which must be synchronous, on one durable state. */
  read<R>(work: (reader: StoreReader<T>) => R): R;
  /** Waits for the transactions under way. */
  close(): Promise<void>;
}
