/**
 * Links that are not met in order of counters (late rows of blocks, and what has a row of its own
 * in `chain`), as `ledger check` holds them while it goes through the blocks: packed, and once they
 * are sorted in order of card, purse and counter.
 */
import { readU16 } from '../bytes.ts';
import { CARD_BYTES, chainKey, type Link } from './rows.ts';

const KEY_BYTES = CARD_BYTES + 3;

/** Of a link, what its neighbours in the chain must meet. */
export type LateLink = Omit<Link, 'gateId' | 'gateSequence'>;

export class LateLinks {
  #keys = Buffer.alloc(64 * KEY_BYTES);
  #balancesBefore = new Uint32Array(64);
  #amounts = new Uint32Array(64);
  #currencies = new Uint16Array(64);
  /** Places of the links in order of their keys. */
  #order = new Uint32Array(0);
  /** The highest counter of a purse's late rows met, at its first link; nothing until one is. */
  #met = new Uint16Array(0);
  count = 0;

  add(key: Uint8Array, link: LateLink): void {
    if (this.count === this.#amounts.length) this.#grow();
    this.#keys.set(key, this.count * KEY_BYTES);
    this.#balancesBefore[this.count] = link.balanceBeforeMinor;
    this.#amounts[this.count] = link.amountMinor;
    this.#currencies[this.count] = link.currency;
    this.count++;
  }

  #grow(): void {
    const longer = Buffer.alloc(2 * this.#keys.length);
    longer.set(this.#keys);
    this.#keys = longer;
    const copy = (from: Uint32Array) => {
      const to = new Uint32Array(2 * from.length);
      to.set(from);
      return to;
    };
    this.#balancesBefore = copy(this.#balancesBefore);
    this.#amounts = copy(this.#amounts);
    const currencies = new Uint16Array(2 * this.#currencies.length);
    currencies.set(this.#currencies);
    this.#currencies = currencies;
  }

  /** Once all are added. */
  sort(): void {
    const keys = this.#keys;
    this.#order = Uint32Array.from({ length: this.count }, (_, place) => place).sort((a, b) => {
      const [from, other] = [a * KEY_BYTES, b * KEY_BYTES];
      return keys.compare(keys, other, other + KEY_BYTES, from, from + KEY_BYTES);
    });
  }

  /** Of the `i`-th in order. */
  key(i: number): Uint8Array {
    const from = this.#order[i]! * KEY_BYTES;
    return this.#keys.subarray(from, from + KEY_BYTES);
  }

  at(i: number): LateLink {
    const place = this.#order[i]!;
    return {
      offlineCounter: readU16(this.#keys, place * KEY_BYTES + CARD_BYTES + 1),
      balanceBeforeMinor: this.#balancesBefore[place]!,
      amountMinor: this.#amounts[place]!,
      currency: this.#currencies[place]!,
    };
  }

  /** A late row of the purse, which has links here, was met. */
  meet(card: Uint8Array, purse: number, counter: number): void {
    if (this.#met.length === 0) this.#met = new Uint16Array(this.count);
    const first = this.#placeOf(chainKey(card, purse, 0));
    if (counter > this.#met[first]!) this.#met[first] = counter;
  }

  /** The highest counter that `meet` was told of a purse, which has links here; 0 for none. */
  highestMet(card: Uint8Array, purse: number): number {
    return this.#met.length === 0 ? 0 : this.#met[this.#placeOf(chainKey(card, purse, 0))]!;
  }

  /** Links of a purse from a counter on. */
  *from(card: Uint8Array, purse: number, counter: number): Generator<LateLink> {
    const key = chainKey(card, purse, counter);
    const own = key.subarray(0, CARD_BYTES + 1);
    for (let i = this.#placeOf(key); i < this.count; i++) {
      if (Buffer.compare(this.key(i).subarray(0, CARD_BYTES + 1), own) !== 0) return;
      yield this.at(i);
    }
  }

  /** Place in order of the first link that is not below a key. */
  #placeOf(key: Uint8Array): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(this.key(middle), key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
