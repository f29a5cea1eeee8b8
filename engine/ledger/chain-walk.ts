/**
 * Goes down a purse's chain of rows in blocks, from the highest counter on. Each row names the one
 * before it, so that finding a late debit's place takes a step for each debit that overtook it; and
 * since its neighbours are asked for next, the walk remembers where it came to.
 */
import { equalRange } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import type { BlockRows } from './block.ts';
import type { Heads } from './heads.ts';
import { CARD_BYTES } from './rows.ts';

/** Where a row of a block is. */
export interface Place {
  readonly rows: BlockRows;
  readonly index: number;
}

export class ChainWalk {
  readonly #heads: Heads;
  readonly #rowsOf: (block: number) => BlockRows;
  /** The lowest row met with a counter above the one asked for last; block 0: none. */
  readonly #card = new Uint8Array(CARD_BYTES);
  #purse = 0;
  #block = 0;
  #index = 0;
  #counter = 0;

  /** @param rowsOf rows of a block by its number; what they say never changes. */
  constructor(heads: Heads, rowsOf: (block: number) => BlockRows) {
    this.#heads = heads;
    this.#rowsOf = rowsOf;
  }

  /**
   * The purse's row with this counter.
   * @throws FaregateError LEDGER_BROKEN where a row does not lead to an earlier one of its purse.
   */
  find(card: Uint8Array, purse: number, counter: number): Place | null {
    if (!this.#begin(card, purse, counter)) return null;
    let block = this.#block;
    let index = this.#index;
    while (block !== 0) {
      const rows = this.#rowsOf(block);
      checkStep(rows, index, card, purse);
      const here = rows.offlineCounter(index);
      if (here <= counter) return here === counter ? { rows, index } : null;
      this.#block = block;
      this.#index = index;
      this.#counter = here;
      if (rows.previousCounter(index) < counter) return null;
      block = rows.previousBlock(index);
      index = rows.previousIndex(index);
    }
    return null;
  }

  /** A purse's rows, down from the highest counter to `lowest`. @throws as `find`. */
  *down(card: Uint8Array, purse: number, lowest: number): Generator<Place> {
    if (!this.#heads.seek(card, 0, purse)) return;
    let { block, index } = this.#heads;
    while (block !== 0) {
      const rows = this.#rowsOf(block);
      checkStep(rows, index, card, purse);
      if (rows.offlineCounter(index) < lowest) return;
      yield { rows, index };
      if (rows.previousCounter(index) < lowest) return;
      block = rows.previousBlock(index);
      index = rows.previousIndex(index);
    }
  }

  /** Starts at the row remembered where it is one of this purse's above `counter`. */
  #begin(card: Uint8Array, purse: number, counter: number): boolean {
    const isNear =
      this.#block !== 0 &&
      this.#counter >= counter &&
      this.#purse === purse &&
      equalRange(this.#card, 0, card, 0, CARD_BYTES);
    if (isNear) return true;
    if (!this.#heads.seek(card, 0, purse)) return false;
    this.#card.set(card);
    this.#purse = purse;
    this.#block = this.#heads.block;
    this.#index = this.#heads.index;
    return true;
  }
}

/** A row of the purse, whose row before it came before it. */
function checkStep(rows: BlockRows, index: number, card: Uint8Array, purse: number): void {
  const previousBlock = rows.previousBlock(index);
  const falls =
    previousBlock < rows.number ||
    (previousBlock === rows.number && rows.previousIndex(index) < index);
  if (falls && rows.isOf(index, card, purse)) return;
  const where = `block ${rows.number}, row ${index}`;
  throw new FaregateError('LEDGER_BROKEN', `${where}: a chain is broken`);
}
