/**
 * The issuer's side of a load's cryptography: whether a card's MAC1 holds, the MAC2 that orders it
 * to credit, whether its TAC proves that it did. Layouts are those of `purse-mac.ts`: 3DES [R], SM4
 * [U].
 */
import { equalBytes } from '../bytes.ts';
import type { Keyring, KeyUse } from './keyring.ts';
import { deriveCardKey, KEY_WORDS_MAX, MAC_WORDS_MAX, type PurseCipher } from './purse-cipher.ts';
import { type Load, loadMac1, loadMac2, loadSession, loadTac } from './purse-mac.ts';
import { loadWord, storeWord } from './words.ts';

/** Which keys a card's load uses. */
export interface LoadKeyRef {
  /** Index of the load key, and of the TAC key, which the card does not name. */
  readonly keyIndex: number;
  readonly tacKeyIndex: number;
  /** As INITIALIZE FOR LOAD says; the TAC key is taken to have the same. */
  readonly keyVersion: number;
  readonly algorithm: number;
  /** 16 bytes: the diversification factors, 8 bytes each, in order; zeros after the last. */
  readonly factors: Uint8Array;
  /** 1 or 2. */
  readonly factorLevels: number;
  /** 8 bytes, as the card's public file has them. */
  readonly issuer: Uint8Array;
}

/** A load as the card announced it. */
export interface AnnouncedLoad extends Load {
  readonly key: LoadKeyRef;
  /** 4 bytes from INITIALIZE. */
  readonly random: Uint8Array;
  /** Before the increment. */
  readonly onlineCounter: number;
}

export type LoadVerdict = 'valid' | 'invalid' | 'unknownKey';

export class LoadKeys {
  readonly #keyring: Keyring;
  readonly #factors = new Int32Array(4);
  readonly #cardKey = new Int32Array(4);
  readonly #schedule = new Int32Array(KEY_WORDS_MAX);
  readonly #macKey = new Int32Array(MAC_WORDS_MAX);

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  /** Whether the card itself sent balance, counter and random for this amount and terminal. */
  verifyMac1(load: AnnouncedLoad, mac1: Uint8Array): LoadVerdict {
    const cipher = this.#session(load);
    if (!cipher) return 'unknownKey';
    return verdict(bytesOf(loadMac1(cipher, this.#macKey, load)), mac1);
  }

  /** The order to the card, 4 bytes; null where the ring has no load key for it. */
  mac2(load: AnnouncedLoad): Uint8Array | null {
    const cipher = this.#session(load);
    return cipher && bytesOf(loadMac2(cipher, this.#macKey, load));
  }

  /** Whether the card has credited this load. */
  verifyTac(load: AnnouncedLoad, tac: Uint8Array): LoadVerdict {
    const cipher = this.#derive('tac', load.key.tacKeyIndex, load.key);
    if (!cipher) return 'unknownKey';
    cipher.expandTac(this.#cardKey, this.#macKey);
    return verdict(bytesOf(loadTac(cipher, this.#macKey, load, load.onlineCounter)), tac);
  }

  #session(load: AnnouncedLoad): PurseCipher | null {
    const cipher = this.#derive('load', load.key.keyIndex, load.key);
    if (!cipher) return null;
    cipher.expandKey(this.#cardKey, this.#schedule);
    loadSession(cipher, this.#schedule, load.random, load.onlineCounter, this.#macKey);
    return cipher;
  }

  /** Leaves the card's key in `#cardKey`. */
  #derive(use: KeyUse, index: number, key: LoadKeyRef): PurseCipher | null {
    const { keyVersion, algorithm, issuer } = key;
    const [left, right] = [loadWord(issuer, 0), loadWord(issuer, 4)];
    const master = this.#keyring.find(use, index, keyVersion, algorithm, left, right);
    if (!master) return null;
    for (let i = 0; i < 4; i++) this.#factors[i] = loadWord(key.factors, 4 * i);
    deriveCardKey(master.cipher, master.schedule, this.#factors, key.factorLevels, this.#cardKey);
    return master.cipher;
  }
}

function verdict(expected: Uint8Array, given: Uint8Array): LoadVerdict {
  return equalBytes(expected, given) ? 'valid' : 'invalid';
}

function bytesOf(word: number): Uint8Array {
  const bytes = new Uint8Array(4);
  storeWord(word, bytes, 0);
  return bytes;
}
