/**
 * The ledger's store in memory, for tests: ordered tables, and a disk that lags behind. What is
 * committed becomes durable a turn of the event loop later; `crash` loses what is not.
 */
import { FaregateError } from '../errors.ts';
import type { Entry, LedgerStore, Range, StoreReader, StoreWriter, Table } from './store.ts';
import { tables } from './store.ts';

/** Keys as latin1 text, whose order is the order of the bytes. */
function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

class SortedTable {
  readonly #keys: string[];
  readonly #values: Map<string, Uint8Array>;

  constructor(copied?: SortedTable) {
    this.#keys = copied ? [...copied.#keys] : [];
    this.#values = new Map(copied ? copied.#values : []);
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Uint8Array | undefined): void {
    const at = this.#lowerBound(key);
    const held = this.#keys[at] === key;
    if (value === undefined) {
      if (held) this.#keys.splice(at, 1);
      this.#values.delete(key);
      return;
    }
    if (!held) this.#keys.splice(at, 0, key);
    this.#values.set(key, value);
  }

  *range({ from, to, reverse, limit }: Range): Generator<Entry> {
    const start = from ? this.#lowerBound(textOf(from)) : 0;
    const end = to ? this.#lowerBound(textOf(to)) : this.#keys.length;
    const count = Math.min(Math.max(end - start, 0), limit ?? Number.POSITIVE_INFINITY);
    for (let i = 0; i < count; i++) {
      const key = this.#keys[reverse ? end - 1 - i : start + i]!;
      const value = this.#values.get(key)!;
      yield { key: new Uint8Array(Buffer.from(key, 'latin1')), value: value.slice() };
    }
  }

  #lowerBound(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

type Tables<T extends string> = Record<T, SortedTable>;

function copyTables<T extends string>(names: readonly T[], from?: Tables<T>): Tables<T> {
  return Object.fromEntries(
    names.map((table) => [table, new SortedTable(from?.[table])]),
  ) as Tables<T>;
}

function readerOf<T extends string>(data: Tables<T>): StoreReader<T> {
  return {
    get: (table, key) => data[table].get(textOf(key))?.slice(),
    range: (table, range) => data[table].range(range),
  };
}

function turn(): Promise<unknown> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Change<T> {
  readonly table: T;
  readonly key: string;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

export class MemoryStore<T extends string = Table> implements LedgerStore<T> {
  readonly #names: readonly T[];
  #durable: Tables<T>;
  #committed: Tables<T>;
  /** Told apart from transactions of before a crash. */
  #life = 0;
  #closed = false;
  readonly #sync: () => Promise<unknown>;
  #underWay: Promise<unknown> = Promise.resolve();

  /**
   * @param sync how long a commit takes to become durable: a turn of the event loop.
   * @param names the tables: the ledger's.
   */
  constructor(sync: () => Promise<unknown> = turn, names?: readonly T[]) {
    this.#sync = sync;
    this.#names = names ?? (tables as readonly string[] as readonly T[]);
    this.#durable = copyTables(this.#names);
    this.#committed = copyTables(this.#names);
  }

  transaction<R>(work: (writer: StoreWriter<T>) => R): Promise<R> {
    const outcome = this.#transact(work);
    this.#underWay = outcome.catch(() => undefined);
    return outcome;
  }

  async #transact<R>(work: (writer: StoreWriter<T>) => R): Promise<R> {
    if (this.#closed) throw new FaregateError('STORE_FAILED', 'the store is closed');
    const life = this.#life;
    const changes: Change<T>[] = [];
    const set = (table: T, key: Uint8Array, after: Uint8Array | undefined) => {
      const text = textOf(key);
      changes.push({ table, key: text, before: this.#committed[table].get(text), after });
      this.#committed[table].set(text, after);
    };
    let result: R;
    try {
      result = work({
        ...readerOf(this.#committed),
        put: (table, key, value) => set(table, key, new Uint8Array(value)),
        remove: (table, key) => set(table, key, undefined),
      });
    } catch (error) {
      for (const { table, key, before } of changes.reverse()) {
        this.#committed[table].set(key, before);
      }
      throw error;
    }
    await this.#sync();
    if (life !== this.#life) throw new FaregateError('STORE_FAILED', 'the store crashed');
    for (const { table, key, after } of changes) this.#durable[table].set(key, after);
    return result;
  }

  read<R>(work: (reader: StoreReader<T>) => R): R {
    return work(readerOf(this.#durable));
  }

  /** Loses what is not durable: transactions under way fail. */
  crash(): void {
    this.#life++;
    this.#committed = copyTables(this.#names, this.#durable);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay;
  }
}
