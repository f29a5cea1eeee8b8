/**
 * Goes back over a purse's rows in blocks, from the latest on. They lie in order of arrival, which
 * is that of their counters but for what came late; each row names the row before it, and the
 * highest counter there was then, so that a walk ends where nothing earlier can matter. Finding a
 * late debit's place takes a step for each debit of the card that overtook it, and for what came
 * late itself since.
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
  /** Where the walk was last, since a counter's neighbours are asked for with it. */
  readonly #card = new Uint8Array(CARD_BYTES);
  #purse = 0;
  #counter = -2;
  /** The purse's latest row then; block 0: it has none. */
  #block = 0;
  #index = 0;
  #below: Place | null = null;
  #at: Place | null = null;
  #above: Place | null = null;

  /** @param rowsOf rows of a block by its number; what they say never changes. */
  constructor(heads: Heads, rowsOf: (block: number) => BlockRows) {
    this.#heads = heads;
    this.#rowsOf = rowsOf;
  }

  /** The block being filled is filled no more: its rows are elsewhere now. */
  forget(): void {
    this.#counter = -2;
    this.#below = null;
    this.#at = null;
    this.#above = null;
  }

  /**
   * The purse's row with this counter. Leaves the heads' cursor on the purse.
   * @throws FaregateError LEDGER_BROKEN where a row does not lead to an earlier one of its purse.
   */
  find(card: Uint8Array, purse: number, counter: number): Place | null {
    if (!this.#heads.seek(card, 0, purse)) return null;
    if (!this.#isNear(card, purse, counter)) this.#look(card, purse, counter);
    if (counter === this.#counter) return this.#at;
    return counter < this.#counter ? this.#below : this.#above;
  }

  /** A purse's rows from a counter on, the latest first. @throws as `find`. */
  *back(card: Uint8Array, purse: number, lowest: number): Generator<Place> {
    if (!this.#heads.seek(card, 0, purse)) return;
    let { block, index } = this.#heads;
    let rows: BlockRows | null = null;
    while (block !== 0) {
      if (rows?.number !== block) rows = this.#rowsOf(block);
      checkStep(rows, index, card, purse);
      if (rows.offlineCounter(index) >= lowest) yield { rows, index };
      if (rows.previousCounter(index) < lowest) return;
      block = rows.previousBlock(index);
      index = rows.previousIndex(index);
    }
  }

  #isNear(card: Uint8Array, purse: number, counter: number): boolean {
    return (
      Math.abs(counter - this.#counter) <= 1 &&
      this.#purse === purse &&
      this.#block === this.#heads.block &&
      this.#index === this.#heads.index &&
      equalRange(this.#card, 0, card, 0, CARD_BYTES)
    );
  }

  /** Finds the rows at a counter and beside it. */
  #look(card: Uint8Array, purse: number, counter: number): void {
    let { block, index } = this.#heads;
    this.#card.set(card);
    this.#purse = purse;
    this.#counter = counter;
    this.#block = block;
    this.#index = index;
    this.#below = null;
    this.#at = null;
    this.#above = null;
    let rows: BlockRows | null = null;
    while (block !== 0) {
      if (rows?.number !== block) rows = this.#rowsOf(block);
      checkStep(rows, index, card, purse);
      const here = rows.offlineCounter(index);
      if (here === counter) this.#at = { rows, index };
      else if (here === counter - 1) this.#below = { rows, index };
      else if (here === counter + 1) this.#above = { rows, index };
      if (rows.previousCounter(index) < counter - 1) return;
      block = rows.previousBlock(index);
      index = rows.previousIndex(index);
    }
  }
}

/** A row of the purse, and the row before it came before it. */
function checkStep(rows: BlockRows, index: number, card: Uint8Array, purse: number): void {
  const previousBlock = rows.previousBlock(index);
  const leadsBack =
    previousBlock < rows.number ||
    (previousBlock === rows.number && rows.previousIndex(index) < index);
  if (leadsBack && rows.isOf(index, card, purse)) return;
  const where = `block ${rows.number}, row ${index}`;
  throw new FaregateError('LEDGER_BROKEN', `${where}: a chain is broken`);
}
