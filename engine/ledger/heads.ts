/**
 * The cards' heads: of each purse the highest counter that a posted debit holds, the balance that
 * debit left, and where the purse's latest row in a block is. Kept in memory and worked out anew
 * from blocks at each start; whatever is not an ordinary next debit is decided by the general rules
 * from the tables, so that a head is all that most debits need.
 *
 * An open-addressing table in 1,024 segments by the first 10 bits of the card's keyed hash, so that
 * growing never moves more than a thousandth. A slot is 7 words, 28 bytes:
 *
 *   0-2  the first 12 bytes of the card's hash
 *   3    block of the purse's latest row; 0 for none
 *   4    what the debit at the highest counter left, minor units; 0 where it left less than nothing
 *   5    index of that row in its block, highest counter (16 bits each)
 *   6    currency (16 bits), flags
 *
 * Slots fill a segment in order of the hash, as far as there is room; at 53 to 75 % full a purse
 * takes 37 to 53 bytes. Two cards that share 96 bits would be taken for one; a keyed hash makes
 * that chance, not choice: 1 to 10^15 among 10 million cards.
 */
import assert from 'node:assert/strict';
import { readU16, readU32, writeU16, writeU32 } from '../bytes.ts';
import { type Block, IMAGE_BYTES } from './block.ts';
import { CARD_BYTES } from './rows.ts';

export const SEGMENTS = 1024;
const SEGMENT_SHIFT = 22;
const WITHIN = 1 << SEGMENT_SHIFT;
const WORDS = 7;
export const SLOT_BYTES: number = WORDS * 4;
/** Bytes of a card's hash that a slot keeps. */
export const TAG_BYTES = 12;
const SLOTS_MIN = 8;
const FULL = 0.75;
const GROWTH = 1.4;
const TOUCHED_AT_ONCE = 512;

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

const USED = 1;
const PURSE_SHIFT = 1;
const PURSE = 6;
/** A debit holds the counter; without it the head only says that debits are pending. */
const LINKED = 8;
const PENDING = 16;
/** Of no meaning here: for who walks all chains. */
const MARKED = 32;

interface Segment {
  slots: Int32Array;
  count: number;
}

/** What a head says, as a value. */
export interface Head {
  readonly purse: number;
  readonly block: number;
  readonly index: number;
  readonly linked: boolean;
  readonly pending: boolean;
  readonly offlineCounter: number;
  readonly leftMinor: number;
  readonly currency: number;
}

/**
 * One cursor serves all: `seek` puts it on a purse, the getters read and `set...` write there. It
 * is good until the next `seek`.
 */
export class Heads {
  /** Number of the last block taken over. */
  through = 0;
  readonly #segments: Segment[] = Array.from({ length: SEGMENTS }, () => ({
    slots: new Int32Array(0),
    count: 0,
  }));
  #slots: Int32Array = new Int32Array(0);
  #at = 0;
  /** Segment and place of cards that `touch` is about to read. */
  readonly #homes = new Int32Array(2 * TOUCHED_AT_ONCE);
  /** What `touch` read, kept lest reading be optimised away. */
  touched = 0;

  get size(): number {
    return this.#segments.reduce((sum, { count }) => sum + count, 0);
  }

  /** Of all slots, used or not. */
  get bytes(): number {
    return this.#segments.reduce((sum, { slots }) => sum + slots.byteLength, 0);
  }

  /**
   * Reads the places of a batch's cards, each 16 bytes: in one go the processor waits for many of
   * them at a time, one by one for each. The shorter the loop that reads, the more it waits for at
   * once; so places are worked out before.
   */
  touch(cards: Uint8Array, count: number): void {
    const homes = this.#homes;
    for (let from = 0; from < count; from += TOUCHED_AT_ONCE) {
      const some = Math.min(TOUCHED_AT_ONCE, count - from);
      for (let i = 0; i < some; i++) {
        const first = word(cards, (from + i) * CARD_BYTES);
        const segment = first >>> SEGMENT_SHIFT;
        homes[2 * i] = segment;
        homes[2 * i + 1] = home(first, this.#segments[segment]!.slots.length / WORDS);
      }
      this.#read(some);
    }
  }

  #read(count: number): void {
    const homes = this.#homes;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const { slots } = this.#segments[homes[2 * i]!]!;
      const slot = homes[2 * i + 1]!;
      // Both its ends: a slot often lies in two lines of the processor's cache.
      if (slot < slots.length) sum ^= slots[slot]! ^ slots[slot + WORDS - 1]!;
    }
    this.touched = sum;
  }

  /** Puts the cursor on the purse's head. @param at of the card's hash in `cards`. */
  seek(cards: Uint8Array, at: number, purse: number): boolean {
    const first = word(cards, at);
    const second = word(cards, at + 4);
    const third = word(cards, at + 8);
    const { slots } = this.#segments[first >>> SEGMENT_SHIFT]!;
    const kind = USED | (purse << PURSE_SHIFT);
    this.#slots = slots;
    if (slots.length === 0) return false;
    for (let slot = home(first, slots.length / WORDS); ; slot += WORDS) {
      if (slot === slots.length) slot = 0;
      const flags = slots[slot + 6]!;
      if ((flags & USED) === 0) return false;
      const same =
        slots[slot] === first &&
        (flags & (USED | PURSE)) === kind &&
        slots[slot + 1] === second &&
        slots[slot + 2] === third;
      if (!same) continue;
      this.#at = slot;
      return true;
    }
  }

  /** `seek`, and an empty head where there is none. */
  seekOrAdd(cards: Uint8Array, at: number, purse: number): void {
    if (!this.seek(cards, at, purse)) this.add(cards, at, purse);
  }

  /** An empty head for a purse that has none. */
  add(cards: Uint8Array, at: number, purse: number): void {
    const first = word(cards, at);
    const segment = this.#segments[first >>> SEGMENT_SHIFT]!;
    if (segment.count + 1 > (segment.slots.length / WORDS) * FULL) grow(segment, segment.count + 1);
    const { slots } = segment;
    const slot = freeSlot(slots, first);
    slots[slot] = first;
    slots[slot + 1] = word(cards, at + 4);
    slots[slot + 2] = word(cards, at + 8);
    slots[slot + 6] = USED | (purse << PURSE_SHIFT);
    segment.count++;
    this.#slots = slots;
    this.#at = slot;
  }

  get block(): number {
    return this.#slots[this.#at + 3]! >>> 0;
  }

  get index(): number {
    return this.#slots[this.#at + 5]! >>> 16;
  }

  get offlineCounter(): number {
    return this.#slots[this.#at + 5]! & 0xffff;
  }

  get leftMinor(): number {
    return this.#slots[this.#at + 4]! >>> 0;
  }

  get currency(): number {
    return this.#slots[this.#at + 6]! >>> 16;
  }

  get linked(): boolean {
    return (this.#slots[this.#at + 6]! & LINKED) !== 0;
  }

  get pending(): boolean {
    return (this.#slots[this.#at + 6]! & PENDING) !== 0;
  }

  get marked(): boolean {
    return (this.#slots[this.#at + 6]! & MARKED) !== 0;
  }

  mark(): void {
    this.#slots[this.#at + 6]! |= MARKED;
  }

  setPending(pending: boolean): void {
    const flags = this.#slots[this.#at + 6]!;
    this.#slots[this.#at + 6] = pending ? flags | PENDING : flags & ~PENDING;
  }

  /** The debit that now holds the highest counter. @param leftMinor its balance less its amount. */
  setLink(offlineCounter: number, leftMinor: number, currency: number): void {
    const at = this.#at;
    this.#slots[at + 4] = leftMinor > 0 ? leftMinor : 0;
    this.#slots[at + 5] = (this.#slots[at + 5]! & ~0xffff) | offlineCounter;
    this.#slots[at + 6] = (this.#slots[at + 6]! & 0xffff) | (currency << 16) | LINKED;
  }

  setLocation(block: number, index: number): void {
    const at = this.#at;
    this.#slots[at + 3] = block;
    this.#slots[at + 5] = (this.#slots[at + 5]! & 0xffff) | (index << 16);
  }

  value(): Head {
    const { block, index, linked, pending, offlineCounter, leftMinor, currency } = this;
    const purse = (this.#slots[this.#at + 6]! & PURSE) >> PURSE_SHIFT;
    return { purse, block, index, linked, pending, offlineCounter, leftMinor, currency };
  }

  /**
   * Takes over a block's rows and the images after them.
   * @param takes whether the block is news to a segment.
   */
  apply(block: Block, takes: (segment: number) => boolean): void {
    for (let i = 0; i < block.rows; i++) {
      const card = block.card(i);
      if (takes(segmentOf(card))) this.applyRow(block, i, card);
    }
    for (let i = 0; i < block.images; i++) {
      const at = block.imageAt(i);
      if (takes(segmentOf(block.bytes, at))) this.#applyImage(block.bytes, at);
    }
  }

  applyRow(block: Block, index: number, card: Uint8Array): void {
    this.seekOrAdd(card, 0, block.purse(index));
    const counter = block.offlineCounter(index);
    if (!this.linked || counter > this.offlineCounter) {
      const left = block.balanceBeforeMinor(index) - block.amountMinor(index);
      this.setLink(counter, left, block.currency(index));
    }
    this.setLocation(block.number, index);
  }

  /**
   * The head under the cursor for a block: card 16 ‖ purse ‖ flags ‖ counter 2 ‖ left 4 ‖ currency
   * 2 ‖ index 2 ‖ block 4.
   */
  image(card: Uint8Array): Uint8Array {
    const head = this.value();
    const out = new Uint8Array(IMAGE_BYTES);
    out.set(card);
    out[16] = head.purse;
    out[17] = (head.linked ? LINKED : 0) | (head.pending ? PENDING : 0);
    writeU16(out, 18, head.offlineCounter);
    writeU32(out, 20, head.leftMinor);
    writeU16(out, 24, head.currency);
    writeU16(out, 26, head.index);
    writeU32(out, 28, head.block);
    return out;
  }

  #applyImage(bytes: Uint8Array, at: number): void {
    this.seekOrAdd(bytes, at, bytes[at + 16]!);
    if (bytes[at + 17]! & LINKED) {
      this.setLink(readU16(bytes, at + 18), readU32(bytes, at + 20), readU16(bytes, at + 24));
    }
    this.setPending((bytes[at + 17]! & PENDING) !== 0);
    this.setLocation(readU32(bytes, at + 28), readU16(bytes, at + 26));
  }

  /**
   * The used slots of a segment, SLOT_BYTES each, big-endian words.
   * @param room bytes left in front of them, a multiple of four, for the caller to fill.
   */
  segmentBytes(number: number, room: number): Uint8Array {
    const { slots, count } = this.#segments[number]!;
    const out = Buffer.allocUnsafeSlow(room + count * SLOT_BYTES);
    const words = new Int32Array(out.buffer, room, count * WORDS);
    let to = 0;
    for (let slot = 0; slot < slots.length; slot += WORDS) {
      if ((slots[slot + 6]! & USED) === 0) continue;
      for (let i = 0; i < WORDS; i++) words[to++] = slots[slot + i]!;
    }
    assert.equal(to, words.length);
    if (LITTLE_ENDIAN) out.subarray(room).swap32();
    return out;
  }

  /** Fills an empty segment with what `segmentBytes` gave. */
  setSegment(number: number, bytes: Uint8Array): void {
    const segment = this.#segments[number]!;
    assert.equal(segment.count, 0, 'a segment is filled once');
    const count = bytes.length / SLOT_BYTES;
    if (count === 0) return;
    const words = new Int32Array(count * WORDS);
    const copy = Buffer.from(words.buffer);
    copy.set(bytes);
    if (LITTLE_ENDIAN) copy.swap32();
    grow(segment, count);
    insert(segment.slots, words);
    segment.count = count;
  }

  /** Tags and heads of a segment, in order of tag and purse. */
  entries(number: number): { tag: Uint8Array; head: Head }[] {
    const { slots } = this.#segments[number]!;
    const found: { tag: Uint8Array; head: Head }[] = [];
    for (let slot = 0; slot < slots.length; slot += WORDS) {
      if ((slots[slot + 6]! & USED) === 0) continue;
      const tag = new Uint8Array(TAG_BYTES);
      for (let i = 0; i < 3; i++) writeU32(tag, 4 * i, slots[slot + i]!);
      this.#slots = slots;
      this.#at = slot;
      found.push({ tag, head: this.value() });
    }
    return found.sort((a, b) => Buffer.compare(a.tag, b.tag) || a.head.purse - b.head.purse);
  }
}

/** The lowest hash of a segment. */
export function firstOfSegment(segment: number): Uint8Array {
  const card = new Uint8Array(CARD_BYTES);
  writeU32(card, 0, segment << SEGMENT_SHIFT);
  return card;
}

/** The segment of the card whose hash is at `cards[at]`. */
export function segmentOf(cards: Uint8Array, at = 0): number {
  return word(cards, at) >>> SEGMENT_SHIFT;
}

function word(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) | 0;
}

/** Word index of the slot where a search begins: by the hash's bits below the segment's. */
function home(first: number, slots: number): number {
  return Math.floor(((first & (WITHIN - 1)) * slots) / WITHIN) * WORDS;
}

function freeSlot(slots: Int32Array, first: number): number {
  let slot = home(first, slots.length / WORDS);
  while ((slots[slot + 6]! & USED) !== 0) {
    slot += WORDS;
    if (slot === slots.length) slot = 0;
  }
  return slot;
}

/** Makes room for `count` slots and some more. */
function grow(segment: Segment, count: number): void {
  const size = Math.max(SLOTS_MIN, Math.ceil((count / FULL) * GROWTH));
  const former = segment.slots;
  segment.slots = new Int32Array(size * WORDS);
  insert(segment.slots, former);
}

/** Copies the used slots of `from`, which are all different, into `slots`. */
function insert(slots: Int32Array, from: Int32Array): void {
  for (let i = 0; i < from.length; i += WORDS) {
    if ((from[i + 6]! & USED) === 0) continue;
    const slot = freeSlot(slots, from[i]!);
    for (let k = 0; k < WORDS; k++) slots[slot + k] = from[i + k]!;
  }
}
