/**
 * The key holder in process: one for each gate over a keyring they share. The card's purchase key
 * is derived while the card answers another command and kept for a few cards (two in the field, a
 * repeated tap), so that between INITIALIZE and DEBIT only the session is left to compute.
 */
import assert from 'node:assert/strict';
import type { CardKeyRef, Mac1Answer, Mac1Ask } from '../../engine/card/dialogue.ts';
import type { Keyring } from '../../engine/crypto/keyring.ts';
import {
  deriveCardKey,
  KEY_WORDS_MAX,
  MAC_WORDS_MAX,
  type PurseCipher,
  tripleDes,
} from '../../engine/crypto/purse-cipher.ts';
import { purchaseMac1, purchaseMac2, purchaseSession } from '../../engine/crypto/purse-mac.ts';
import { loadKey, loadWord, storeWord } from '../../engine/crypto/words.ts';
import { CARD_KEYS_PER_GATE_MAX } from '../../engine/limits.ts';
import type { KeyHolder } from './key-holder.ts';

/** A card's expanded key and what it was derived by. */
interface CardKey {
  /** False until first filled. */
  known: boolean;
  index: number;
  version: number;
  algorithm: number;
  levels: number;
  readonly factors: Int32Array;
  cipher: PurseCipher;
  readonly schedule: Int32Array;
}

const REFUSED: Mac1Answer = { refused: 'unknownKey' };

export class KeyringHolder implements KeyHolder {
  readonly #keyring: Keyring;
  readonly #cards: readonly CardKey[] = Array.from({ length: CARD_KEYS_PER_GATE_MAX }, emptyCard);
  /** Derived last: nearly always the one that is asked for. */
  #latest: CardKey = this.#cards[0]!;
  /** The entry to be overwritten next. */
  #oldest = 0;
  readonly #cardKey = new Int32Array(4);
  readonly #session = new Int32Array(MAC_WORDS_MAX);
  /** Cipher of the session, or null: none is open. */
  #cipher: PurseCipher | null = null;
  #amountMinor = 0;
  readonly #mac1 = new Uint8Array(4);

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  prepare(key: CardKeyRef): void {
    this.#cardOf(key);
  }

  /**
   * As the port says, at once; `mac1` of the answer is one buffer, overwritten by the next call.
   */
  mac1(ask: Mac1Ask): Mac1Answer {
    const card = this.#cardOf(ask.key);
    this.#cipher = card ? card.cipher : null;
    if (!card) return REFUSED;
    const { cipher } = card;
    purchaseSession(
      cipher,
      card.schedule,
      ask.random,
      ask.offlineCounter,
      ask.terminalSequence,
      this.#session,
    );
    this.#amountMinor = ask.amountMinor;
    storeWord(purchaseMac1(cipher, this.#session, ask, ask.cityCode), this.#mac1, 0);
    return { mac1: this.#mac1, terminalSequence: ask.terminalSequence };
  }

  mac2(mac2: Uint8Array): boolean {
    if (!this.#cipher) assert.fail('mac2 without a purchase whose MAC1 was answered');
    const expected = purchaseMac2(this.#cipher, this.#session, this.#amountMinor);
    return mac2.length === 4 && loadWord(mac2, 0) === expected;
  }

  /** The card's key, derived now unless it is at hand; null where the keyring lacks its master. */
  #cardOf(key: CardKeyRef): CardKey | null {
    if (isFor(this.#latest, key)) return this.#latest;
    for (const card of this.#cards) if (isFor(card, key)) return card;
    const levels = key.factorLevels;
    if (levels !== 1 && levels !== 2) assert.fail(`${levels} diversification factors`);
    const { keyIndex, keyVersion, algorithm } = key;
    const master = this.#keyring.find('purchase', keyIndex, keyVersion, algorithm);
    if (!master) return null;
    const card = this.#cards[this.#oldest]!;
    this.#latest = card;
    this.#oldest = (this.#oldest + 1) % CARD_KEYS_PER_GATE_MAX;
    loadKey(key.factors, 0, card.factors);
    deriveCardKey(master.cipher, master.schedule, card.factors, levels, this.#cardKey);
    master.cipher.expandKey(this.#cardKey, card.schedule);
    card.cipher = master.cipher;
    card.index = keyIndex;
    card.version = keyVersion;
    card.algorithm = algorithm;
    card.levels = levels;
    card.known = true;
    return card;
  }
}

function emptyCard(): CardKey {
  return {
    known: false,
    index: 0,
    version: 0,
    algorithm: 0,
    levels: 0,
    factors: new Int32Array(4),
    cipher: tripleDes,
    schedule: new Int32Array(KEY_WORDS_MAX),
  };
}

function isFor(card: CardKey, key: CardKeyRef): boolean {
  if (!card.known || card.index !== key.keyIndex || card.version !== key.keyVersion) return false;
  if (card.algorithm !== key.algorithm || card.levels !== key.factorLevels) return false;
  for (let i = 0; i < 4; i++) if (card.factors[i] !== loadWord(key.factors, 4 * i)) return false;
  return true;
}
