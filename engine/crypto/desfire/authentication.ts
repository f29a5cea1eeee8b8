/**
 * Mutual authentication of DESFire cards with AES-128: EV1 (0xAA), whose CBC chain runs through all
 * three passes [R], and EV2First (0x71) and EV2NonFirst (0x77), where each pass begins with zeros
 * (NXP AN12196, 6.6 [R]). What is here sees keys and both randoms; the card dialogues do not.
 */
import { copyBytes } from '../../bytes.ts';
import { invariant } from '../../invariant.ts';
import { AES128_WORDS, type AesSchedule, invertAes128 } from '../aes.ts';
import { cbcDecrypt, cbcEncrypt } from '../aes-cbc.ts';
import { type CmacKey, cmacKey } from '../mac.ts';

/** The three commands that authenticate. */
export type AuthenticationKind = 'ev1' | 'ev2First' | 'ev2NonFirst';

/** A card's AES key made ready: for CMAC and encryption, and for decryption. */
export interface AesCardKey {
  readonly cmac: CmacKey;
  readonly inverse: AesSchedule;
}

/** @param key 16 bytes. */
export function aesCardKey(key: Uint8Array): AesCardKey {
  invariant(key.length === 16, 'an AES-128 key');
  const cmac = cmacKey(key);
  const inverse = new Uint32Array(AES128_WORDS);
  invertAes128(cmac.schedule, inverse);
  return { cmac, inverse };
}

/** Bytes of RndA, RndB and the card's first answer. */
export const RANDOM_BYTES = 16;
/** Bytes that answer the challenge: E(RndA ‖ RndB'). */
const TOKEN_BYTES = 32;

/** Bytes of the card's last answer. */
function proofBytes(kind: AuthenticationKind): number {
  return kind === 'ev2First' ? 32 : 16;
}

/** One authentication at a time; its buffers are used again by the next. */
export class Authentication {
  readonly rndA: Uint8Array = new Uint8Array(RANDOM_BYTES);
  readonly rndB: Uint8Array = new Uint8Array(RANDOM_BYTES);
  /** TI of the transaction, of an EV2First whose proof was right. */
  readonly ti: Uint8Array = new Uint8Array(4);
  readonly #chain = new Int32Array(4);
  readonly #token = new Uint8Array(TOKEN_BYTES);
  readonly #proof = new Uint8Array(32);
  #key: AesCardKey | null = null;
  #kind: AuthenticationKind = 'ev2First';

  /**
   * Takes the card's challenge E(RndB) and gives E(RndA ‖ RndB'), RndB' being RndB rotated left by
   * one byte.
   * @param rndA 16 fresh random bytes.
   * @returns 32 bytes, valid until the next call.
   */
  answer(
    kind: AuthenticationKind,
    key: AesCardKey,
    challenge: Uint8Array,
    rndA: Uint8Array,
  ): Uint8Array {
    invariant(challenge.length === RANDOM_BYTES && rndA.length === RANDOM_BYTES, '16 bytes each');
    this.#kind = kind;
    this.#key = key;
    copyBytes(rndA, 0, this.rndA, 0, RANDOM_BYTES);
    copyBytes(challenge, 0, this.rndB, 0, RANDOM_BYTES);
    this.#chain.fill(0);
    cbcDecrypt(key.inverse, this.#chain, this.rndB, 0, RANDOM_BYTES);
    const token = this.#token;
    copyBytes(rndA, 0, token, 0, RANDOM_BYTES);
    copyBytes(this.rndB, 1, token, 16, 15);
    token[31] = this.rndB[0]!;
    if (kind !== 'ev1') this.#chain.fill(0);
    cbcEncrypt(key.cmac.schedule, this.#chain, token, 0, TOKEN_BYTES);
    return token;
  }

  /**
   * Whether the card proved its key with E(RndA'), in EV2First E(TI ‖ RndA' ‖ PDcap2 ‖ PCDcap2). A
   * proof of another length is none. Ends the authentication either way.
   */
  proves(proof: Uint8Array): boolean {
    const key = this.#key;
    this.#key = null;
    invariant(key !== null, 'a proof without a challenge');
    const length = proofBytes(this.#kind);
    if (proof.length !== length) return false;
    const plain = this.#proof;
    copyBytes(proof, 0, plain, 0, length);
    if (this.#kind !== 'ev1') this.#chain.fill(0);
    cbcDecrypt(key.inverse, this.#chain, plain, 0, length);
    const at = this.#kind === 'ev2First' ? 4 : 0;
    let difference = plain[at + 15]! ^ this.rndA[0]!;
    for (let i = 0; i < 15; i++) difference |= plain[at + i]! ^ this.rndA[i + 1]!;
    if (difference !== 0) return false;
    if (at === 4) copyBytes(plain, 0, this.ti, 0, 4);
    return true;
  }
}
