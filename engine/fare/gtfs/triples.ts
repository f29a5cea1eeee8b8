/**
 * Rules by three small numbers (network, area, area; or two leg groups): an open-addressed table in
 * typed arrays, made once, looked up without allocating. It grows with the rules, not with the
 * pairs of areas there could be.
 */

/** Stands for an empty entry of a rule. */
export const EMPTY = -1;

export class Triples {
  /** Numbers given to `at`, those of one key next to each other, in the order they came. */
  readonly items: Int32Array;
  readonly #keys: Int32Array;
  /** First item of each slot's key, and one after its last; equal where the slot is free. */
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #shift: number;
  readonly #mask: number;

  /** The item at index `i` has the key `keys[3 i]`, `keys[3 i + 1]`, `keys[3 i + 2]`. */
  constructor(keys: Int32Array) {
    const count = keys.length / 3;
    // At most half full, so that a probe ends soon and always.
    const bits = Math.max(2, Math.ceil(Math.log2(Math.max(count, 1))) + 1);
    this.#shift = 32 - bits;
    this.#mask = 2 ** bits - 1;
    this.#keys = new Int32Array(3 * 2 ** bits);
    this.#starts = new Int32Array(2 ** bits);
    this.#ends = new Int32Array(2 ** bits);
    this.items = new Int32Array(count);
    const slots = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const [a, b, c] = [keys[3 * i]!, keys[3 * i + 1]!, keys[3 * i + 2]!];
      let slot = this.#slotOf(a, b, c);
      while (this.#ends[slot]! > 0 && !this.#isAt(slot, a, b, c)) slot = (slot + 1) & this.#mask;
      this.#keys.set([a, b, c], 3 * slot);
      this.#ends[slot]!++;
      slots[i] = slot;
    }
    let at = 0;
    for (let slot = 0; slot <= this.#mask; slot++) {
      this.#starts[slot] = at;
      at += this.#ends[slot]!;
      this.#ends[slot] = this.#starts[slot]!;
    }
    for (let i = 0; i < count; i++) this.items[this.#ends[slots[i]!]!++] = i;
  }

  #slotOf(a: number, b: number, c: number): number {
    const mixed = Math.imul(a, 0x9e37_79b1) ^ Math.imul(b, 0x85eb_ca6b) ^ Math.imul(c, 0xc2b2_ae35);
    return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b_3c6d) >>> this.#shift;
  }

  #isAt(slot: number, a: number, b: number, c: number): boolean {
    const keys = this.#keys;
    return keys[3 * slot] === a && keys[3 * slot + 1] === b && keys[3 * slot + 2] === c;
  }

  /** The slot of a key, for `start` and `end`, or -1 where nothing has it. Allocates nothing. */
  find(a: number, b: number, c: number): number {
    let slot = this.#slotOf(a, b, c);
    while (this.#ends[slot]! > this.#starts[slot]!) {
      if (this.#isAt(slot, a, b, c)) return slot;
      slot = (slot + 1) & this.#mask;
    }
    return -1;
  }

  /** Index in `items` of the first of a slot. */
  start(slot: number): number {
    return this.#starts[slot]!;
  }

  /** One after the last. */
  end(slot: number): number {
    return this.#ends[slot]!;
  }

  get bytes(): number {
    return 4 * (this.items.length + this.#keys.length + 2 * this.#starts.length);
  }
}

/** Values of all lists, and where each begins; list `i` of `count` ends where `i + 1` begins. */
export interface FrozenLists {
  readonly count: number;
  readonly starts: Int32Array;
  readonly values: Int32Array;
}

/** Lists of small numbers, of which equal ones are kept once. */
export class Lists {
  readonly #byText = new Map<string, number>();
  readonly #starts: number[] = [0];
  readonly #values: number[] = [];

  /** The number of a list. */
  intern(values: readonly number[] | Int32Array): number {
    const text = values.join();
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const index = this.#byText.size;
    this.#byText.set(text, index);
    this.#values.push(...values);
    this.#starts.push(this.#values.length);
    return index;
  }

  freeze(): FrozenLists {
    const [starts, values] = [Int32Array.from(this.#starts), Int32Array.from(this.#values)];
    return { count: this.#byText.size, starts, values };
  }
}
