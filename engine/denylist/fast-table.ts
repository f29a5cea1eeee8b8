/**
 * The fast form: a sorted array with gaps, behind a filter.
 *
 *     filter   32-bit words, 12 bits a key; a key sets 3 bits of one word
 *     slots    pairs (high, low), a key at or behind its home place; low 0 marks a free place
 *
 * Home place and filter word follow from the high half by proportion, so that keys in ascending
 * order fill the table from front to back, as fast as memory takes it. A card that is not listed
 * ends at one word of the filter (15 MB for ten million) but for some 3 %; a search of the slots
 * ends at the first larger key or gap.
 */
import type { KeyCursor, KeyTable, KeyTableFiller } from './key-table.ts';

const FILTER_BITS_PER_KEY = 12;
/** Part of the slots that is taken. */
const LOAD = 0.7;
/** Slots behind the last home place. Keys of a MAC at this load wander some hundred at most. */
const SPARE = 1024;
const TWO_32 = 0x1_0000_0000;

function filterWords(entries: number): number {
  // An even number keeps the slots on 8 bytes.
  return 2 * Math.max(1, Math.ceil((entries * FILTER_BITS_PER_KEY) / 64));
}

function homes(entries: number): number {
  return Math.max(1, Math.ceil(entries / LOAD));
}

export function fastTableBytes(entries: number): number {
  return 4 * filterWords(entries) + 8 * (homes(entries) + SPARE);
}

function filterMask(low: number): number {
  return (1 << (low & 31)) | (1 << ((low >>> 5) & 31)) | (1 << ((low >>> 10) & 31));
}

export class FastTable implements KeyTable, KeyTableFiller {
  readonly #filter: Int32Array;
  readonly #filterScale: number;
  readonly #slots: Int32Array;
  readonly #slotScale: number;
  /** While filling: the next free place. */
  #next = 0;

  /** @param at multiple of 8; `fastTableBytes(entries)` from there are the table's. */
  constructor(buffer: SharedArrayBuffer, at: number, entries: number) {
    const words = filterWords(entries);
    this.#filter = new Int32Array(buffer, at, words);
    this.#filterScale = words / TWO_32;
    this.#slots = new Int32Array(buffer, at + 4 * words, 2 * (homes(entries) + SPARE));
    this.#slotScale = homes(entries) / TWO_32;
  }

  has(high: number, low: number): boolean {
    const place = high >>> 0;
    const mask = filterMask(low);
    if ((this.#filter[(place * this.#filterScale) | 0]! & mask) !== mask) return false;
    const slots = this.#slots;
    for (let i = 2 * ((place * this.#slotScale) | 0); ; i += 2) {
      const there = slots[i + 1]!;
      if (there === low && slots[i] === high) return true;
      if (there === 0 || slots[i]! >>> 0 > place) return false;
    }
  }

  insert(high: number, low: number): boolean {
    const place = high >>> 0;
    const home = (place * this.#slotScale) | 0;
    const slot = home > this.#next ? home : this.#next;
    // The last place stays free: it ends every search.
    if (2 * slot + 2 >= this.#slots.length) return false;
    this.#slots[2 * slot] = high;
    this.#slots[2 * slot + 1] = low;
    this.#next = slot + 1;
    this.#filter[(place * this.#filterScale) | 0]! |= filterMask(low);
    return true;
  }

  finish(): void {}

  cursor(): KeyCursor {
    const slots = this.#slots;
    let i = 0;
    return {
      fill(out) {
        let count = 0;
        for (; i < slots.length && 2 * count < out.length; i += 2) {
          if (slots[i + 1] === 0) continue;
          out[2 * count] = slots[i]!;
          out[2 * count + 1] = slots[i + 1]!;
          count += 1;
        }
        return count;
      },
    };
  }
}
