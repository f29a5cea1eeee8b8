/**
 * Secure messaging of DESFire EV1 after AES authentication (0xAA): one CMAC chain through all
 * commands and answers of a session, each begun with the MAC before, also where none is sent [R].
 * Commands CMAC(INS ‖ header ‖ data), answers CMAC(data ‖ status 00), sent as their first 8 bytes.
 * EV1's encrypted mode is not here: no example of it with values or records was found to check by.
 * A key is enciphered in the same chain [R].
 */
import { copyBytes, equalRange } from '../../bytes.ts';
import { DESFIRE_ANSWER_BYTES_MAX } from '../../card-limits.ts';
import { invariant } from '../../invariant.ts';
import { cbcEncrypt } from '../aes-cbc.ts';
import { cmacChain, cmacKey, rekeyCmac, storeLittle } from '../mac.ts';
import type { Authentication } from './authentication.ts';
import {
  type CommMode,
  lengthRefusal,
  MAC_BYTES,
  type Refusal,
  type SecureSession,
  SeenMacs,
} from './session.ts';

/** RndA[0..3] ‖ RndB[0..3] ‖ RndA[12..15] ‖ RndB[12..15], 16 bytes. */
export function ev1SessionKey(rndA: Uint8Array, rndB: Uint8Array): Uint8Array {
  const key = new Uint8Array(16);
  copyBytes(rndA, 0, key, 0, 4);
  copyBytes(rndB, 0, key, 4, 4);
  copyBytes(rndA, 12, key, 8, 4);
  copyBytes(rndB, 12, key, 12, 4);
  return key;
}

export class Ev1Session implements SecureSession {
  #isOpen = false;
  readonly #key = cmacKey(new Uint8Array(16));
  readonly #chain = new Int32Array(4);
  readonly #message = new Uint8Array(DESFIRE_ANSWER_BYTES_MAX + 1);
  readonly #mac = new Uint8Array(MAC_BYTES);
  readonly #seen = new SeenMacs();

  /** Begins a session after a proof that was right. */
  open(authentication: Authentication): void {
    rekeyCmac(this.#key, ev1SessionKey(authentication.rndA, authentication.rndB));
    this.#isOpen = true;
    this.#chain.fill(0);
    this.#seen.clear();
  }

  protect(
    ins: number,
    bytes: Uint8Array,
    at: number,
    headerLength: number,
    dataLength: number,
    mode: CommMode,
  ): number {
    invariant(mode !== 'full', 'EV1 sessions do not encrypt');
    const length = headerLength + dataLength;
    this.#message[0] = ins;
    copyBytes(bytes, at, this.#message, 1, length);
    this.#advance(length + 1);
    if (mode === 'plain') return length;
    copyBytes(this.#mac, 0, bytes, at + length, MAC_BYTES);
    return length + MAC_BYTES;
  }

  /** As the interface says; in EV1 every answer of a session carries a MAC, in any mode. */
  unprotect(response: Uint8Array, mode: CommMode, expected: number): Uint8Array | Refusal {
    invariant(mode !== 'full', 'EV1 sessions do not encrypt');
    const length = response.length - 2 - MAC_BYTES;
    if (length < 0) return 'truncated';
    const refusal = expected < 0 ? null : lengthRefusal(length, expected);
    if (refusal !== null) return refusal;
    if (length > DESFIRE_ANSWER_BYTES_MAX) return 'overlong';
    copyBytes(response, 0, this.#message, 0, length);
    this.#message[length] = 0;
    this.#advance(length + 1);
    if (!equalRange(this.#mac, 0, response, length, MAC_BYTES)) {
      return this.#seen.has(response, length) ? 'replayed' : 'macInvalid';
    }
    this.#seen.add(response, length);
    const data = new Uint8Array(length);
    copyBytes(response, 0, data, 0, length);
    return data;
  }

  /**
   * Enciphers a key that is sent, in place, and goes on with the chain; `length` is a multiple of
   * 16. No MAC covers it: its checksum is within.
   */
  encipher(bytes: Uint8Array, at: number, length: number): void {
    invariant(this.#isOpen, 'no session is open');
    cbcEncrypt(this.#key.schedule, this.#chain, bytes, at, length);
  }

  #advance(length: number): void {
    invariant(this.#isOpen, 'no session is open');
    cmacChain(this.#key, this.#chain, this.#message, 0, length);
    storeLittle(this.#chain[0]!, this.#mac, 0);
    storeLittle(this.#chain[1]!, this.#mac, 4);
  }
}
