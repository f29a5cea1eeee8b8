/**
 * Cards' purchase keys, derived from one keyring and kept with their schedules expanded, bounded.
 *
 * Is it worth it? To derive a card's key takes some 1.2 us (two diversifications, two expansions),
 * to find it here 0.2 us (`npm run bench -- card-keys`). A rider notices neither: a key is made
 * ready while the card answers READ RECORD, which takes milliseconds. What is saved is not quite a
 * quarter of the host's work for a tap (`npm run bench -- tap`), which counts only where a process
 * serves hundreds of gates. So this stays small and simple, and nothing depends on what is in it.
 *
 * Only purchase keys are kept here. TAC keys are the issuer's and the engine's; a gate that held
 * them could forge debits.
 *
 * A card has one of the eight places of a set chosen by a hash; a new card takes the place that was
 * filled first. Each card takes 288 bytes in typed arrays (tag 4, identity 28, schedule 256), and
 * each set one more: 16,384 cards are 4,720,640 bytes.
 */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { CardKeyRef } from '../../engine/card/dialogue.ts';
import type { Keyring, MasterSchedule } from '../../engine/crypto/keyring.ts';
import {
  cipherOf,
  deriveCardKey,
  KEY_WORDS_MAX,
  type PurseCipher,
} from '../../engine/crypto/purse-cipher.ts';
import { loadWord } from '../../engine/crypto/words.ts';
import { CARD_KEYS_SLICE, CARD_KEYS_STATION_MAX } from '../../engine/limits.ts';

/**
 * Words that say which key of which card: the diversification factors 4, then levels 1 ‖ algorithm
 * 1 ‖ key index 1 ‖ key version 1, then the issuer 2. Nothing secret, but it holds the card's
 * number.
 */
export const IDENTITY_WORDS = 7;

/** Places in a set. */
const WAYS = 8;

/** Writes the identity of a card's key. */
export function identify(key: CardKeyRef, identity: Int32Array): void {
  const { factors, factorLevels, algorithm, keyIndex, keyVersion, issuer } = key;
  if (factorLevels !== 1 && factorLevels !== 2) {
    assert.fail(`${factorLevels} diversification factors`);
  }
  identity[0] = loadWord(factors, 0);
  identity[1] = loadWord(factors, 4);
  identity[2] = factorLevels === 2 ? loadWord(factors, 8) : 0;
  identity[3] = factorLevels === 2 ? loadWord(factors, 12) : 0;
  identity[4] = (factorLevels << 24) | (algorithm << 16) | (keyIndex << 8) | keyVersion;
  identity[5] = loadWord(issuer, 0);
  identity[6] = loadWord(issuer, 4);
}

export class CardKeys {
  /** Cards it holds at most. */
  readonly capacity: number;
  readonly #keyring: Keyring;
  /** Hash of the identity, odd; 0: the place is free. */
  readonly #tags: Int32Array;
  readonly #identities: Int32Array;
  readonly #schedules: Int32Array;
  /** The place of each set that is taken next. */
  readonly #turns: Uint8Array;
  readonly #cardKey = new Int32Array(4);
  #derived = 0;

  /** @param capacity cards, 8 times a power of two. */
  constructor(keyring: Keyring, capacity: number) {
    const sets = capacity / WAYS;
    assert(sets >= 1 && Number.isInteger(Math.log2(sets)) && capacity <= CARD_KEYS_STATION_MAX);
    this.capacity = capacity;
    this.#keyring = keyring;
    this.#tags = new Int32Array(capacity);
    this.#identities = new Int32Array(capacity * IDENTITY_WORDS);
    this.#schedules = new Int32Array(capacity * KEY_WORDS_MAX);
    this.#turns = new Uint8Array(sets);
  }

  /** What the arrays take. */
  get bytes(): number {
    const arrays = [this.#tags, this.#identities, this.#schedules, this.#turns];
    return arrays.reduce((sum, array) => sum + array.byteLength, 0);
  }

  /** Keys derived so far: finds that were not in here, and cards warmed. */
  get derived(): number {
    return this.#derived;
  }

  /**
   * Copies the schedule of a card's key, kept or derived now, to `schedule` (64 words): a copy
   * stays when the place here goes to another card.
   * @returns the key's cipher, or null where the keyring lacks its master.
   */
  find(identity: Int32Array, schedule: Int32Array): PurseCipher | null {
    const tag = tagOf(identity);
    const place = this.#placeOf(tag, identity);
    if (place < 0) return this.#derive(tag, identity, schedule);
    copyWords(this.#schedules, place * KEY_WORDS_MAX, schedule, 0, KEY_WORDS_MAX);
    return cipherOf((identity[4]! >>> 16) & 0xff);
  }

  /**
   * Derives the keys of `identities` ahead, `CARD_KEYS_SLICE` at a time with a pause in between, so
   * that a tap waits for one slice at most (some 50 us). Keys whose master is not on the ring are
   * passed over.
   */
  async warm(
    identities: Int32Array,
    pause: () => Promise<unknown> = () => setImmediate(),
  ): Promise<void> {
    const schedule = new Int32Array(KEY_WORDS_MAX);
    const cards = identities.length / IDENTITY_WORDS;
    for (let card = 0; card < cards; card++) {
      if (card % CARD_KEYS_SLICE === 0 && card > 0) await pause();
      const at = card * IDENTITY_WORDS;
      const identity = identities.subarray(at, at + IDENTITY_WORDS);
      const tag = tagOf(identity);
      if (this.#placeOf(tag, identity) < 0) this.#derive(tag, identity, schedule);
    }
  }

  /** The master of records of e-cash's extended application, triple DES; undefined: none. */
  recordMaster(index: number, version: number): MasterSchedule | undefined {
    return this.#keyring.findCommon('capp', index, version, 0);
  }

  /** Identities of the cards kept, in no order, for `warm` of another. */
  identities(): Int32Array {
    const kept = new Int32Array(this.#identities.length);
    let length = 0;
    for (let place = 0; place < this.capacity; place++) {
      if (this.#tags[place] === 0) continue;
      copyWords(this.#identities, place * IDENTITY_WORDS, kept, length, IDENTITY_WORDS);
      length += IDENTITY_WORDS;
    }
    return kept.slice(0, length);
  }

  /** Forgets every key and overwrites it. */
  clear(): void {
    this.#tags.fill(0);
    this.#identities.fill(0);
    this.#schedules.fill(0);
    this.#cardKey.fill(0);
  }

  #setOf(tag: number): number {
    return ((tag >>> 1) & (this.capacity / WAYS - 1)) * WAYS;
  }

  /** Where the card's key is, or -1. */
  #placeOf(tag: number, identity: Int32Array): number {
    const first = this.#setOf(tag);
    for (let place = first; place < first + WAYS; place++) {
      if (this.#tags[place] === tag && this.#isAt(place, identity)) return place;
    }
    return -1;
  }

  #isAt(place: number, identity: Int32Array): boolean {
    const at = place * IDENTITY_WORDS;
    for (let i = 0; i < IDENTITY_WORDS; i++) {
      if (this.#identities[at + i] !== identity[i]) return false;
    }
    return true;
  }

  #derive(tag: number, identity: Int32Array, schedule: Int32Array): PurseCipher | null {
    const name = identity[4]!;
    const master = this.#keyring.find(
      'purchase',
      (name >>> 8) & 0xff,
      name & 0xff,
      (name >>> 16) & 0xff,
      identity[5]!,
      identity[6]!,
    );
    if (!master) return null;
    const { cipher } = master;
    deriveCardKey(cipher, master.schedule, identity, name >>> 24, this.#cardKey);
    cipher.expandKey(this.#cardKey, schedule);
    this.#derived += 1;
    const first = this.#setOf(tag);
    const turn = this.#turns[first / WAYS]!;
    this.#turns[first / WAYS] = (turn + 1) % WAYS;
    const place = first + turn;
    this.#tags[place] = tag;
    copyWords(identity, 0, this.#identities, place * IDENTITY_WORDS, IDENTITY_WORDS);
    copyWords(schedule, 0, this.#schedules, place * KEY_WORDS_MAX, KEY_WORDS_MAX);
    return cipher;
  }
}

/** Card numbers count up, so every word is stirred. Odd, and so never 0. */
function tagOf(identity: Int32Array): number {
  let hash = 0;
  for (let i = 0; i < IDENTITY_WORDS; i++) {
    hash = Math.imul(hash ^ identity[i]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash | 1;
}

/** For this few words a loop is faster than `set` of a `subarray`, which allocates. */
function copyWords(
  from: Int32Array,
  fromAt: number,
  to: Int32Array,
  toAt: number,
  words: number,
): void {
  for (let i = 0; i < words; i++) to[toAt + i] = from[fromAt + i]!;
}
