/**
 * The denylist as a tap asks it: is this card stopped? Card numbers are held only as keyed hashes,
 * so that a stolen gate gives none away. All gates of a station share one `Denylist`; a newer list
 * takes the place of the one in force in one assignment.
 */
import assert from 'node:assert/strict';
import type { CmacKey } from '../crypto/mac.ts';
import { CARD_NUMBER_BYTES, hashCardNumber } from './card-hash.ts';
import type { DenylistForm } from './key-table.ts';
import { digestOf, sortKeys } from './sorted-keys.ts';
import { ListFiller, StopList } from './stop-list.ts';

const halves = new Int32Array(2);

export class Denylist {
  readonly #key: CmacKey;
  #list: StopList;

  /** @param key the key that the list's card numbers were hashed under. */
  constructor(key: CmacKey, list: StopList) {
    this.#key = key;
    this.#list = list;
  }

  /**
   * A list of single cards that sees no deltas.
   * @param cardNumbers 10 bytes each; repeats count once.
   */
  static build(
    key: CmacKey,
    cardNumbers: readonly Uint8Array[],
    form: DenylistForm = 'fast',
  ): Denylist {
    const hashes = new Int32Array(2 * cardNumbers.length);
    for (const [i, number] of cardNumbers.entries()) {
      assert(number.length === CARD_NUMBER_BYTES);
      hashCardNumber(key, number, 0, hashes, 2 * i);
    }
    const keys = sortKeys(hashes);
    const entries = keys.length / 2;
    const filler = new ListFiller({ form, tableKeys: entries, rangesRoom: 0, changesRoom: 0 });
    for (let i = 0; i < keys.length; i += 2) assert(filler.insert(keys[i]!, keys[i + 1]!));
    const name = { version: 0, entries, digest: digestOf(keys) };
    return new Denylist(key, filler.finish(name, new Uint8Array(0)));
  }

  /** The list in memory that another thread shared. */
  static attach(key: CmacKey, buffer: SharedArrayBuffer): Denylist {
    return new Denylist(key, StopList.attach(buffer));
  }

  /** Whether the card number, 10 bytes at `bytes[at]`, is stopped, by itself or by a range. */
  has(bytes: Uint8Array, at: number): boolean {
    const list = this.#list;
    if (list.never) return false;
    hashCardNumber(this.#key, bytes, at, halves, 0);
    return list.stops(bytes, at, halves[0]!, halves[1]!);
  }

  /** Single cards stopped. */
  get size(): number {
    return this.#list.name().entries;
  }

  /** Version of the list in force, its low 32 bits; 0 for one that never had a version. */
  get version(): number {
    return this.#list.versionLow;
  }

  get list(): StopList {
    return this.#list;
  }

  /** Puts another list in force: the next card is asked of it. */
  replace(list: StopList): void {
    this.#list = list;
  }
}
