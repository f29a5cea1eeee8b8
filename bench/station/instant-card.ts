/**
 * A card that answers at once: the five commands of a CAPP tap, on the engine's own cryptography,
 * because node:crypto a call would cost more than all of the gate. For load only: that its answers
 * are right is what the virtual card of node:crypto says, byte for byte, before anything is timed.
 */
import { readU32, writeU16, writeU32 } from '../../engine/bytes.ts';
import { KEY_WORDS_MAX, MAC_WORDS_MAX, tripleDes } from '../../engine/crypto/purse-cipher.ts';
import {
  purchaseMac1,
  purchaseMac2,
  purchaseSession,
  purchaseTac,
} from '../../engine/crypto/purse-mac.ts';
import { loadKey, loadWord, storeWord } from '../../engine/crypto/words.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { type CardState, JOURNEY_BYTES } from '../../gate/reader/virtual/card-state.ts';

const CAPP_PURCHASE = 9;
const OK = 0x9000;

/** Scratch of the card that computes now: an answer is made in one go. */
const keyWords = new Int32Array(4);
const session = new Int32Array(MAC_WORDS_MAX);

export class InstantCard {
  /** Answer to SELECT, taken from the virtual card of the same state. */
  #fci: Uint8Array | null = null;
  readonly #issued: CardState;
  readonly #key = new Int32Array(KEY_WORDS_MAX);
  readonly #tacKey = new Int32Array(MAC_WORDS_MAX);
  readonly #journey: Uint8Array;
  readonly #cache = new Uint8Array(JOURNEY_BYTES);
  readonly #terms = {
    amountMinor: 0,
    transactionType: CAPP_PURCHASE,
    terminalId: new Uint8Array(6),
    dateTime: new Uint8Array(7),
  };
  readonly #random = new Uint8Array(4);
  #draws: number;
  #balanceMinor: number;
  #counter: number;
  #hasTransaction = false;
  /** For who sends the card around. */
  taps = 0;

  /** @param seed where the card's row of random numbers starts. */
  constructor(state: CardState, seed: number) {
    this.#issued = state;
    this.#draws = seed;
    this.#balanceMinor = state.balanceMinor;
    this.#counter = state.offlineCounter;
    this.#journey = state.journey.slice();
    loadKey(state.purchaseKey.key, 0, keyWords);
    tripleDes.expandKey(keyWords, this.#key);
    loadKey(state.tacKey.key, 0, keyWords);
    tripleDes.expandTac(keyWords, this.#tacKey);
  }

  /** The random number a card of this seed gives at its nth INITIALIZE, from 1. */
  static random(seed: number, draw: number): Uint8Array {
    const bytes = new Uint8Array(4);
    writeU32(bytes, 0, Math.imul(seed + draw, 0x9e3779b1) >>> 0);
    return bytes;
  }

  get spentMinor(): number {
    return this.#issued.balanceMinor - this.#balanceMinor;
  }

  get debits(): number {
    return this.#counter - this.#issued.offlineCounter;
  }

  transmit(apdu: Uint8Array): Uint8Array {
    switch (apdu[1]) {
      case 0xa4:
        this.#fci ??= new VirtualCard({
          state: this.#issued,
          randomBytes: (length) => new Uint8Array(length),
        }).transmit(apdu);
        return this.#fci;
      case 0xb2:
        return answer(this.#journey);
      case 0x50:
        return this.#initialize(apdu);
      case 0xdc:
        this.#cache.set(apdu.subarray(5, 5 + JOURNEY_BYTES));
        return status(this.#hasTransaction ? OK : 0x6985);
      case 0x54:
        return this.#debit(apdu);
      default:
        return status(0x6d00);
    }
  }

  /** 80 50 03 02 0B, key index, amount(4), terminal(6). */
  #initialize(apdu: Uint8Array): Uint8Array {
    const { random } = this;
    this.#terms.amountMinor = readU32(apdu, 6);
    this.#terms.terminalId.set(apdu.subarray(10, 16));
    if (this.#terms.amountMinor > this.#balanceMinor) return status(0x9401);
    this.#hasTransaction = true;
    const bytes = new Uint8Array(17);
    writeU32(bytes, 0, this.#balanceMinor);
    writeU16(bytes, 4, this.#counter);
    bytes[9] = this.#issued.purchaseKey.version;
    bytes.set(random, 11);
    writeU16(bytes, 15, OK);
    return bytes;
  }

  private get random(): Uint8Array {
    this.#draws += 1;
    writeU32(this.#random, 0, Math.imul(this.#draws, 0x9e3779b1) >>> 0);
    return this.#random;
  }

  /** 80 54 01 00 0F, terminal sequence(4), date and time(7), MAC1(4). */
  #debit(apdu: Uint8Array): Uint8Array {
    if (!this.#hasTransaction) return status(0x6985);
    this.#hasTransaction = false;
    const terms = this.#terms;
    const sequence = readU32(apdu, 5);
    terms.dateTime.set(apdu.subarray(9, 16));
    purchaseSession(tripleDes, this.#key, this.#random, this.#counter, sequence, session);
    const mac1 = purchaseMac1(tripleDes, session, terms, null);
    if (mac1 !== loadWord(apdu, 16)) return status(0x9302);
    const bytes = new Uint8Array(10);
    storeWord(purchaseTac(tripleDes, this.#tacKey, terms, sequence), bytes, 0);
    storeWord(purchaseMac2(tripleDes, session, terms.amountMinor), bytes, 4);
    writeU16(bytes, 8, OK);
    this.#balanceMinor -= terms.amountMinor;
    this.#counter += 1;
    this.#journey.set(this.#cache);
    return bytes;
  }
}

function answer(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 2);
  bytes.set(data);
  writeU16(bytes, data.length, OK);
  return bytes;
}

function status(sw: number): Uint8Array {
  return Uint8Array.of(sw >>> 8, sw);
}
