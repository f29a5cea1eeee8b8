/**
 * Reads blocks by their number: from the store, through a bounded cache (a block never changes), or
 * from memory where a block is not on disk yet.
 */
import { FaregateError } from '../errors.ts';
import { LEDGER_BLOCK_CACHE_BYTES } from '../limits.ts';
import { Block } from './block.ts';
import { u48 } from './rows.ts';
import type { StoreReader } from './store.ts';

export class Blocks {
  /** In order of use, the longest unused first. */
  readonly #cache = new Map<number, Block>();
  #cachedBytes = 0;
  readonly #early = new Map<number, Uint8Array>();

  /** @throws FaregateError LEDGER_BROKEN where the block is missing or damaged. */
  get(reader: StoreReader, number: number): Block {
    const cached = this.#cache.get(number);
    if (cached) {
      this.#cache.delete(number);
      this.#cache.set(number, cached);
      return cached;
    }
    const bytes = reader.get('blocks', u48(number)) ?? this.#early.get(number);
    if (!bytes) throw new FaregateError('LEDGER_BROKEN', `block ${number} is missing`);
    const block = new Block(number, bytes);
    this.#keep(block);
    return block;
  }

  #keep(block: Block): void {
    this.#cache.set(block.number, block);
    this.#cachedBytes += block.bytes.length;
    for (const [number, oldest] of this.#cache) {
      if (this.#cachedBytes <= LEDGER_BLOCK_CACHE_BYTES) return;
      this.#cache.delete(number);
      this.#cachedBytes -= oldest.bytes.length;
    }
  }

  /** Heads may lead to this block from now on. */
  addEarly(number: number, bytes: Uint8Array): void {
    this.#early.set(number, bytes);
  }

  /** Blocks up to `number` are on disk. */
  durableThrough(number: number): void {
    for (const early of this.#early.keys()) if (early <= number) this.#early.delete(early);
  }
}
