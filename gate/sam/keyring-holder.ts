/**
 * The key holder in process: one for each gate over the keys of its station. The card's purchase
 * key is made ready while the card answers another command, and copied, so that between INITIALIZE
 * and DEBIT only the session is left to compute, whatever other gates or a change of keys do.
 */
import assert from 'node:assert/strict';
import type { CardKeyRef, Mac1Answer, Mac1Ask } from '../../engine/card/dialogue.ts';
import type { RecordMacAnswer, RecordMacAsk } from '../../engine/card/qpboc/extended/asks.ts';
import {
  KEY_WORDS_MAX,
  MAC_WORDS_MAX,
  type PurseCipher,
} from '../../engine/crypto/purse-cipher.ts';
import { purchaseMac1, purchaseMac2, purchaseSession } from '../../engine/crypto/purse-mac.ts';
import { recordKeySchedule, recordMac } from '../../engine/crypto/record-mac.ts';
import { loadWord, storeWord } from '../../engine/crypto/words.ts';
import { type CardKeys, IDENTITY_WORDS, identify } from './card-keys.ts';
import type { KeyHolder } from './key-holder.ts';
import type { StationKeys } from './station-keys.ts';

const REFUSED: Mac1Answer = { refused: 'unknownKey' };

export class KeyringHolder implements KeyHolder {
  readonly #station: StationKeys;
  /** Where the tap that `prepare` began finds its keys; null between `mac1` and `prepare`. */
  #taken: CardKeys | null = null;
  /** Whose key `#schedule` is, by which cipher (null: none), and where it came from. */
  readonly #card = new Int32Array(IDENTITY_WORDS);
  #cardCipher: PurseCipher | null = null;
  #from: CardKeys | null = null;
  readonly #schedule = new Int32Array(KEY_WORDS_MAX);
  readonly #wanted = new Int32Array(IDENTITY_WORDS);
  readonly #session = new Int32Array(MAC_WORDS_MAX);
  /** Cipher of the session, or null: none is open. */
  #cipher: PurseCipher | null = null;
  #amountMinor = 0;
  readonly #mac1 = new Uint8Array(4);
  readonly #recordMac = new Uint8Array(4);

  constructor(station: StationKeys) {
    this.#station = station;
  }

  /** As the port says; the keys that are in force now serve this tap to its end. */
  prepare(key: CardKeyRef): void {
    this.#taken = this.#station.current;
    this.#cardOf(this.#taken, key);
  }

  /**
   * As the port says, at once; `mac1` of the answer is one buffer, overwritten by the next call.
   */
  mac1(ask: Mac1Ask): Mac1Answer {
    const cipher = this.#cardOf(this.#taken ?? this.#station.current, ask.key);
    this.#taken = null;
    this.#cipher = cipher;
    if (!cipher) return REFUSED;
    purchaseSession(
      cipher,
      this.#schedule,
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

  /**
   * At once, by the keys in force. The card's key is derived anew each time, which is nothing
   * beside the cryptogram that the card makes.
   */
  recordMac({ key, iv, bytes }: RecordMacAsk): RecordMacAnswer {
    const master = this.#station.current.recordMaster(key.index, key.version);
    if (!master) return 'unknownKey';
    const schedule = recordKeySchedule(master, key.factor);
    recordMac(schedule, iv, bytes, this.#recordMac);
    schedule.fill(0);
    return this.#recordMac;
  }

  /** Leaves the card's key in `#schedule`; null where the keyring lacks its master. */
  #cardOf(keys: CardKeys, key: CardKeyRef): PurseCipher | null {
    identify(key, this.#wanted);
    if (this.#cardCipher && this.#from === keys && this.#isWanted()) return this.#cardCipher;
    this.#cardCipher = keys.find(this.#wanted, this.#schedule);
    this.#from = keys;
    this.#card.set(this.#wanted);
    return this.#cardCipher;
  }

  #isWanted(): boolean {
    for (let i = 0; i < IDENTITY_WORDS; i++) if (this.#card[i] !== this.#wanted[i]) return false;
    return true;
  }
}
