/**
 * Authentication with the key that a card leaves the factory with, which is no secret: DES, all
 * zeros. AuthenticateISO (1A) chains its CBC through all passes and enciphers what it sends;
 * Authenticate (0A), the first generation's, deciphers what it sends, each pass beginning with
 * zeros. Traces of both reproduce [R]. The session serves for one change of key.
 */
import { copyBytes, readU32, writeU32 } from '../../bytes.ts';
import { invariant } from '../../invariant.ts';
import { DES_SCHEDULE_WORDS, desBlock, expandDes, invertSchedule } from '../des.ts';

/** AuthenticateISO and Authenticate. */
export type FactoryScheme = 'iso' | 'legacy';

const BLOCK_BYTES = 8;
/** Bytes of RndA, RndB, the challenge and the proof. */
export const FACTORY_RANDOM_BYTES = 8;

/** One authentication, and the session that it opens, at a time. */
export class FactorySession {
  #scheme: FactoryScheme = 'iso';
  readonly #rndA = new Uint8Array(BLOCK_BYTES);
  readonly #rndB = new Uint8Array(BLOCK_BYTES);
  #encrypts: Int32Array = schedule(0, 0);
  #decrypts: Int32Array = invertSchedule(this.#encrypts);
  readonly #chain = new Uint8Array(BLOCK_BYTES);

  /**
   * Takes the card's challenge E(RndB), and gives what answers it, made of RndA ‖ RndB rotated.
   * @param challenge 8 bytes, as `rndA`, which is fresh.
   * @returns 16 bytes
   */
  answer(scheme: FactoryScheme, challenge: Uint8Array, rndA: Uint8Array): Uint8Array {
    invariant(challenge.length === BLOCK_BYTES && rndA.length === BLOCK_BYTES, '8 bytes each');
    this.#scheme = scheme;
    this.#encrypts = schedule(0, 0);
    this.#decrypts = invertSchedule(this.#encrypts);
    copyBytes(rndA, 0, this.#rndA, 0, BLOCK_BYTES);
    this.#chain.fill(0);
    copyBytes(this.#received(challenge), 0, this.#rndB, 0, BLOCK_BYTES);
    if (scheme === 'legacy') this.#chain.fill(0);
    const token = new Uint8Array(2 * BLOCK_BYTES);
    token.set(rndA);
    token.set(rotated(this.#rndB), BLOCK_BYTES);
    this.#send(token, 0, token.length);
    return token;
  }

  /** Whether the card proved the key; then the session is open. */
  proves(proof: Uint8Array): boolean {
    if (proof.length !== BLOCK_BYTES) return false;
    if (this.#scheme === 'legacy') this.#chain.fill(0);
    const plain = this.#received(proof);
    const wanted = rotated(this.#rndA);
    let difference = 0;
    for (let i = 0; i < BLOCK_BYTES; i++) difference |= plain[i]! ^ wanted[i]!;
    if (difference !== 0) return false;
    // RndA[0..3] ‖ RndB[0..3]: single DES, as both halves of the key are alike.
    this.#encrypts = schedule(readU32(this.#rndA, 0), readU32(this.#rndB, 0));
    this.#decrypts = invertSchedule(this.#encrypts);
    this.#chain.fill(0);
    return true;
  }

  /** Enciphers what the session sends, in place; `length` is a multiple of 8. */
  encipher(bytes: Uint8Array, at: number, length: number): void {
    this.#send(bytes, at, length);
  }

  #send(bytes: Uint8Array, at: number, length: number): void {
    const chain = this.#chain;
    const cipher = this.#scheme === 'iso' ? this.#encrypts : this.#decrypts;
    for (let from = at; from < at + length; from += BLOCK_BYTES) {
      for (let i = 0; i < BLOCK_BYTES; i++) chain[i]! ^= bytes[from + i]!;
      crypt(cipher, chain);
      copyBytes(chain, 0, bytes, from, BLOCK_BYTES);
    }
  }

  /** One block from the card. */
  #received(cipher: Uint8Array): Uint8Array {
    const plain = cipher.slice();
    crypt(this.#decrypts, plain);
    for (let i = 0; i < BLOCK_BYTES; i++) plain[i]! ^= this.#chain[i]!;
    copyBytes(cipher, 0, this.#chain, 0, BLOCK_BYTES);
    return plain;
  }
}

function schedule(high: number, low: number): Int32Array {
  const words = new Int32Array(DES_SCHEDULE_WORDS);
  expandDes(high, low, words);
  return words;
}

function crypt(cipher: Int32Array, bytes: Uint8Array): void {
  const block = Int32Array.of(readU32(bytes, 0), readU32(bytes, 4));
  desBlock(cipher, block);
  writeU32(bytes, 0, block[0]! >>> 0);
  writeU32(bytes, 4, block[1]! >>> 0);
}

function rotated(random: Uint8Array): Uint8Array {
  const out = new Uint8Array(random.length);
  out.set(random.subarray(1));
  out[random.length - 1] = random[0]!;
  return out;
}
