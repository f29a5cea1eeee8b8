/**
 * The tables with the blocks folded in: a debit of a block is found under its id as if it had a row
 * in `debits`, and in its card's chain as if it had a link in `chain`. So the general rules know
 * nothing of blocks. What the rules write on the way keeps the heads.
 */
import assert from 'node:assert/strict';
import { equalRange, readU16, readU48 } from '../bytes.ts';
import type { DebitId } from '../debit/record.ts';
import { Block, type BlockBuilder, type BlockRows } from './block.ts';
import type { Blocks } from './blocks.ts';
import { ChainWalk, type Place } from './chain-walk.ts';
import { type Heads, TAG_BYTES } from './heads.ts';
import {
  BANK_PURSE,
  CARD_BYTES,
  chainKey,
  decodeLink,
  encodeDebitRow,
  encodeLink,
  idKey,
  type Link,
  readId,
} from './rows.ts';
import { breaksBalance } from './rules.ts';
import type { Entry, Range, StoreReader, StoreWriter, Table } from './store.ts';

const PURSES = [1, 2, BANK_PURSE];

export class View implements StoreReader {
  protected readonly base: StoreReader;
  protected readonly heads: Heads;
  readonly #blocks: Blocks;
  readonly #through: number;
  protected readonly walk: ChainWalk;
  /** The block met last: records of one batch lie in one. */
  #near: BlockRows | undefined;

  /** @param through number of the last block that `base` shows. Heads may be ahead of it. */
  constructor(base: StoreReader, heads: Heads, blocks: Blocks, through: number) {
    this.base = base;
    this.heads = heads;
    this.#blocks = blocks;
    this.#through = through;
    this.walk = new ChainWalk(heads, (block) => this.#rowsOf(block));
  }

  /** The block that is being filled. */
  protected get open(): BlockBuilder | null {
    return null;
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    if (table === 'debits') return this.base.get(table, key) ?? this.#debit(key);
    if (table === 'chain') return this.#link(key);
    return this.base.get(table, key);
  }

  range(table: Table, range: Range): Iterable<Entry> {
    return table === 'chain' ? this.#links(range) : this.base.range(table, range);
  }

  /** The row of a block that has this id. */
  protected placeOf(key: Uint8Array): Place | undefined {
    const { gateId, gateSequence } = readId(key, 0);
    for (const rows of [this.open, this.#near]) {
      const index = rows?.gateId === gateId ? rows.indexOf(gateSequence) : -1;
      if (index >= 0) return { rows: rows!, index };
    }
    const range = {
      from: idKey({ gateId, gateSequence: 0 }),
      to: idKey({ gateId, gateSequence: gateSequence + 1 }),
      reverse: true,
      limit: 1,
    };
    const [entry] = [...this.base.range('blockIndex', range)];
    if (!entry) return undefined;
    const rows = this.#blocks.get(this.base, readU48(entry.value, 0));
    this.#near = rows;
    const index = rows.indexOf(gateSequence);
    return index < 0 ? undefined : { rows, index };
  }

  /** The complete block that holds a debit. */
  blockOf(key: Uint8Array): Block | undefined {
    const rows = this.placeOf(key)?.rows;
    return rows instanceof Block ? rows : undefined;
  }

  /** Blocks that may hold debits of a gate with sequences from `first` to `last`, in order. */
  *blocksOf(gateId: string, first: number, last: number): Generator<BlockRows> {
    const before = {
      from: idKey({ gateId, gateSequence: 0 }),
      to: idKey({ gateId, gateSequence: first + 1 }),
      reverse: true,
      limit: 1,
    };
    const [entry] = [...this.base.range('blockIndex', before)];
    const from = entry?.key ?? idKey({ gateId, gateSequence: first });
    const to = idKey({ gateId, gateSequence: last + 1 });
    for (const { value } of [...this.base.range('blockIndex', { from, to })]) {
      yield this.#blocks.get(this.base, readU48(value, 0));
    }
    if (this.open?.gateId === gateId) yield this.open;
  }

  /** Cards of a segment of the heads, in order; heads may know some that `base` does not yet. */
  *cards(segment: number): Generator<Uint8Array> {
    let last: Uint8Array | undefined;
    for (const { tag, head } of this.heads.entries(segment)) {
      if (last && equalRange(last, 0, tag, 0, TAG_BYTES)) continue;
      const card = head.block > 0 ? this.#rowsOf(head.block).card(head.index) : this.#cardBy(tag);
      if (!card) continue;
      last = card;
      yield new Uint8Array(card);
    }
  }

  /** A card without a row in a block, by the beginning of its hash. */
  #cardBy(tag: Uint8Array): Uint8Array | undefined {
    const from = new Uint8Array(CARD_BYTES);
    from.set(tag);
    for (const table of ['chain', 'pending'] as const) {
      for (const { key } of this.base.range(table, { from, limit: 1 })) {
        if (equalRange(key, 0, tag, 0, TAG_BYTES)) return key.subarray(0, CARD_BYTES);
      }
    }
    return undefined;
  }

  #rowsOf(block: number): BlockRows {
    const { open } = this;
    return open?.number === block ? open : this.#blocks.get(this.base, block);
  }

  #debit(key: Uint8Array): Uint8Array | undefined {
    const place = this.placeOf(key);
    return place && encodeDebitRow(place.rows.debit(place.index));
  }

  #link(key: Uint8Array): Uint8Array | undefined {
    const purse = key[CARD_BYTES]!;
    const counter = readU16(key, CARD_BYTES + 1);
    const { heads } = this;
    if (!heads.seek(key, 0, purse) || !heads.linked || heads.offlineCounter < counter) {
      return undefined;
    }
    const link = this.#linkAt(key.subarray(0, CARD_BYTES), purse, counter);
    return link && encodeLink(link);
  }

  /** The links of one card between two keys; descending, the highest alone. */
  #links(range: Range): Entry[] {
    const { from, to, reverse, limit } = range;
    assert(from && to && equalRange(from, 0, to, 0, CARD_BYTES), 'a range of one card');
    assert(!reverse || limit === 1);
    const found = [...this.base.range('chain', range)];
    for (const purse of PURSES) {
      if (purse < from[CARD_BYTES]! || purse > to[CARD_BYTES]!) continue;
      const lowest = purse === from[CARD_BYTES] ? readU16(from, CARD_BYTES + 1) : 0;
      const places = this.#between(purse, lowest, to, reverse ?? false).sort(byOfflineCounter);
      for (const { rows, index } of reverse ? places.slice(-1) : places.slice(0, limit)) {
        const link = rows.link(index);
        const key = chainKey(from.subarray(0, CARD_BYTES), purse, link.offlineCounter);
        found.push({ key, value: encodeLink(link) });
      }
    }
    found.sort((a, b) => Buffer.compare(a.key, b.key));
    if (reverse) found.reverse();
    return found.slice(0, limit);
  }

  /** A purse's rows from a counter to a key, in no order. @param highest only that counts. */
  #between(purse: number, lowest: number, to: Uint8Array, highest: boolean): Place[] {
    const card = to.subarray(0, CARD_BYTES);
    const places: Place[] = [];
    let best = -1;
    for (const place of this.walk.back(card, purse, lowest)) {
      const { rows, index } = place;
      const counter = rows.offlineCounter(index);
      if (rows.number > this.#through) continue;
      if (Buffer.compare(chainKey(card, purse, counter), to) < 0) {
        places.push(place);
        best = Math.max(best, counter);
      }
      if (highest && rows.previousCounter(index) < best) break;
    }
    return places;
  }

  /**
   * Whether a debit below the highest counter of its purse finds its place free, and balances there
   * that meet its own. Leaves the heads' cursor on the purse.
   */
  hasRoomFor(card: Uint8Array, purse: number, link: Omit<Link, keyof DebitId>): boolean {
    const { offlineCounter } = link;
    if (this.#linkAt(card, purse, offlineCounter)) return false;
    if (purse === BANK_PURSE) return true;
    const below = this.#linkAt(card, purse, offlineCounter - 1);
    if (below && breaksBalance(below, link)) return false;
    const above = this.#linkAt(card, purse, offlineCounter + 1);
    return !above || !breaksBalance(link, above);
  }

  #linkAt(card: Uint8Array, purse: number, counter: number): Link | undefined {
    if (counter < 0 || counter > 0xffff) return undefined;
    const key = chainKey(card, purse, counter);
    const own = this.base.get('chain', key);
    if (own) return decodeLink(key, own);
    const place = this.walk.find(card, purse, counter);
    return place && place.rows.number <= this.#through ? place.rows.link(place.index) : undefined;
  }
}

function byOfflineCounter(a: Place, b: Place): number {
  return a.rows.offlineCounter(a.index) - b.rows.offlineCounter(b.index);
}

/** The view of a transaction. */
export class ViewWriter extends View implements StoreWriter {
  readonly #writer: StoreWriter;
  readonly #touched = new Map<string, Uint8Array>();
  #open: BlockBuilder | null = null;

  constructor(writer: StoreWriter, heads: Heads, blocks: Blocks) {
    super(writer, heads, blocks, Number.MAX_SAFE_INTEGER);
    this.#writer = writer;
  }

  protected override get open(): BlockBuilder | null {
    return this.#open;
  }

  /** From here to `images` is one batch. */
  begin(block: BlockBuilder): void {
    // It may be built where the last one was.
    this.walk.forget();
    this.#open = block;
  }

  put(table: Table, key: Uint8Array, value: Uint8Array): void {
    this.#writer.put(table, key, value);
    if (table === 'chain') this.#hearLink(decodeLink(key, value), key);
    if (table === 'pending') this.#hearPending(key, true);
  }

  remove(table: Table, key: Uint8Array): void {
    assert(table !== 'chain', 'a link stays');
    this.#writer.remove(table, key);
    if (table === 'pending') this.#hearPending(key, false);
  }

  /** Images of the heads that the general rules changed in this batch. */
  images(): Uint8Array[] {
    const images: Uint8Array[] = [];
    for (const purse of this.#touched.values()) {
      assert(this.heads.seek(purse, 0, purse[CARD_BYTES]!));
      images.push(this.heads.image(purse.subarray(0, CARD_BYTES)));
    }
    this.#touched.clear();
    this.#open = null;
    return images;
  }

  #hearLink(link: Link, key: Uint8Array): void {
    this.heads.seekOrAdd(key, 0, key[CARD_BYTES]!);
    if (this.heads.linked && this.heads.offlineCounter >= link.offlineCounter) return;
    const leftMinor = link.balanceBeforeMinor - link.amountMinor;
    this.heads.setLink(link.offlineCounter, leftMinor, link.currency);
    this.#touch(key);
  }

  #hearPending(key: Uint8Array, pending: boolean): void {
    this.heads.seekOrAdd(key, 0, key[CARD_BYTES]!);
    if (this.heads.pending === pending) return;
    this.heads.setPending(pending);
    this.#touch(key);
  }

  #touch(key: Uint8Array): void {
    const purse = key.slice(0, CARD_BYTES + 1);
    this.#touched.set(Buffer.from(purse).toString('latin1'), purse);
  }
}
