/**
 * Secure messaging of DESFire EV2, EV3, Light and NTAG 424 after EV2First or EV2NonFirst (NXP
 * AN12196 and AN12343, whose examples reproduce [R]). MACs cover INS ‖ CmdCtr ‖ TI ‖ header ‖ data
 * and 00 ‖ CmdCtr + 1 ‖ TI ‖ data; the odd bytes of the CMAC are sent. Encrypted data is CBC under
 * an IV made of TI and counter, padded with 80 and zeros always; no data stays no data.
 */
import { copyBytes, equalRange } from '../../bytes.ts';
import { APDU_COMMAND_BYTES_MAX, DESFIRE_ANSWER_BYTES_MAX } from '../../card-limits.ts';
import { invariant } from '../../invariant.ts';
import { AES128_WORDS, type AesSchedule, aesBlock, expandAes128, invertAes128 } from '../aes.ts';
import { cbcDecrypt, cbcEncrypt } from '../aes-cbc.ts';
import { type CmacKey, cmac16, cmacChain, cmacKey, rekeyCmac } from '../mac.ts';
import type { Authentication } from './authentication.ts';
import {
  type CommMode,
  lengthRefusal,
  MAC_BYTES,
  type Refusal,
  type SecureSession,
  SeenMacs,
} from './session.ts';

/** Label of the session key for encryption and of a command's IV; the other is its reverse. */
const LABEL_COMMAND = 0x5aa5;
const LABEL_ANSWER = 0xa55a;

/** INS or status, counter, TI. */
const PREFIX_BYTES = 7;
const COUNTER_MAX = 0xffff;

const vector = new Uint8Array(32);

/**
 * Session keys: CMAC under the card's key over A55A (encryption) or 5AA5 (MAC) ‖ 0001 0080 ‖
 * A[0..1] ‖ A[2..7] xor B[0..5] ‖ B[6..15] ‖ A[8..15] (AN12196, 6.6.1). 16 bytes each.
 */
export function ev2SessionKeys(
  cardKey: CmacKey,
  rndA: Uint8Array,
  rndB: Uint8Array,
): { readonly enc: Uint8Array; readonly mac: Uint8Array } {
  vector[0] = 0xa5;
  vector[1] = 0x5a;
  vector[2] = 0;
  vector[3] = 1;
  vector[4] = 0;
  vector[5] = 0x80;
  copyBytes(rndA, 0, vector, 6, 8);
  for (let i = 0; i < 6; i++) vector[8 + i]! ^= rndB[i]!;
  copyBytes(rndB, 6, vector, 14, 10);
  copyBytes(rndA, 8, vector, 24, 8);
  const enc = new Uint8Array(16);
  const mac = new Uint8Array(16);
  cmac16(cardKey, vector, 0, 32, enc);
  vector[0] = 0x5a;
  vector[1] = 0xa5;
  cmac16(cardKey, vector, 0, 32, mac);
  vector.fill(0);
  return { enc, mac };
}

export class Ev2Session implements SecureSession {
  #isOpen = false;
  readonly #mac = cmacKey(new Uint8Array(16));
  readonly #enc: AesSchedule = new Uint32Array(AES128_WORDS);
  readonly #encInverse: AesSchedule = new Uint32Array(AES128_WORDS);
  /** Which of the two are made for this session. */
  #encrypts = false;
  #decrypts = false;
  readonly #ti = new Uint8Array(4);
  #counter = 0;
  readonly #encKey = new Uint8Array(16);
  readonly #chain = new Int32Array(4);
  readonly #iv = new Int32Array(4);
  readonly #sent = new Uint8Array(MAC_BYTES);
  readonly #message = new Uint8Array(
    PREFIX_BYTES + Math.max(APDU_COMMAND_BYTES_MAX, DESFIRE_ANSWER_BYTES_MAX),
  );
  readonly #seen = new SeenMacs();

  /**
   * Begins a session after a proof that was right. After EV2First with a new TI and counter 0;
   * after EV2NonFirst, which is only in a session, both go on.
   */
  open(cardKey: CmacKey, authentication: Authentication, first: boolean): void {
    const { rndA, rndB, ti } = authentication;
    invariant(first || this.#isOpen, 'EV2NonFirst without a session');
    const { enc, mac } = ev2SessionKeys(cardKey, rndA, rndB);
    this.begin(enc, mac, first ? ti : this.#ti, first ? 0 : this.#counter);
    enc.fill(0);
    mac.fill(0);
  }

  /**
   * Begins a session under keys that are known, at a counter.
   * @param enc 16 bytes, as `mac`; `ti` 4 bytes.
   */
  begin(enc: Uint8Array, mac: Uint8Array, ti: Uint8Array, counter: number): void {
    // Where files only have MACs nothing is encrypted: schedules are made when asked for.
    copyBytes(enc, 0, this.#encKey, 0, 16);
    this.#encrypts = false;
    this.#decrypts = false;
    rekeyCmac(this.#mac, mac);
    this.#isOpen = true;
    copyBytes(ti, 0, this.#ti, 0, 4);
    this.#counter = counter;
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
    invariant(this.#counter < COUNTER_MAX, 'a session has fewer commands');
    let length = headerLength + dataLength;
    if (mode === 'full' && dataLength > 0) {
      const dataAt = at + headerLength;
      const padded = (dataLength & ~15) + 16;
      bytes[dataAt + dataLength] = 0x80;
      for (let i = dataLength + 1; i < padded; i++) bytes[dataAt + i] = 0;
      this.#makeIv(LABEL_COMMAND);
      cbcEncrypt(this.#encryption(), this.#iv, bytes, dataAt, padded);
      length = headerLength + padded;
    }
    if (mode !== 'plain') {
      this.#makeMac(ins, bytes, at, length);
      copyBytes(this.#sent, 0, bytes, at + length, MAC_BYTES);
      length += MAC_BYTES;
    }
    this.#counter += 1;
    return length;
  }

  unprotect(response: Uint8Array, mode: CommMode, expected: number): Uint8Array | Refusal {
    const encrypted = mode === 'full' && expected !== 0;
    const onWire = encrypted && expected >= 0 ? (expected & ~15) + 16 : expected;
    const length = response.length - 2 - (mode === 'plain' ? 0 : MAC_BYTES);
    if (length < 0) return 'truncated';
    const refusal = expected < 0 ? null : lengthRefusal(length, onWire);
    if (refusal !== null) return refusal;
    if (length > DESFIRE_ANSWER_BYTES_MAX) return 'overlong';
    if (mode !== 'plain') {
      this.#makeMac(0, response, 0, length);
      if (!equalRange(this.#sent, 0, response, length, MAC_BYTES)) {
        return this.#seen.has(response, length) ? 'replayed' : 'macInvalid';
      }
      this.#seen.add(response, length);
    }
    const data = new Uint8Array(length);
    copyBytes(response, 0, data, 0, length);
    return encrypted && length > 0 ? this.#decrypted(data, expected) : data;
  }

  #decrypted(data: Uint8Array, expected: number): Uint8Array | Refusal {
    if (data.length % 16 !== 0) return 'truncated';
    this.#makeIv(LABEL_ANSWER);
    cbcDecrypt(this.#decryption(), this.#iv, data, 0, data.length);
    let end = data.length - 1;
    while (end > data.length - 16 && data[end] === 0) end -= 1;
    if (data[end] !== 0x80 || (expected >= 0 && end !== expected)) return 'paddingInvalid';
    return data.slice(0, end);
  }

  /** The odd bytes of the CMAC over `first` ‖ counter ‖ TI ‖ the `length` bytes at `at`. */
  #makeMac(first: number, bytes: Uint8Array, at: number, length: number): void {
    invariant(this.#isOpen, 'no session is open');
    const message = this.#message;
    message[0] = first;
    message[1] = this.#counter;
    message[2] = this.#counter >>> 8;
    copyBytes(this.#ti, 0, message, 3, 4);
    copyBytes(bytes, at, message, PREFIX_BYTES, length);
    const chain = this.#chain;
    chain.fill(0);
    cmacChain(this.#mac, chain, message, 0, PREFIX_BYTES + length);
    for (let i = 0; i < 4; i++) {
      this.#sent[2 * i] = chain[i]! >>> 8;
      this.#sent[2 * i + 1] = chain[i]! >>> 24;
    }
  }

  /** E(label ‖ TI ‖ counter ‖ zeros) in little-endian words. */
  #makeIv(label: number): void {
    const ti = this.#ti;
    this.#iv[0] = label | (ti[0]! << 16) | (ti[1]! << 24);
    this.#iv[1] = ti[2]! | (ti[3]! << 8) | (this.#counter << 16);
    this.#iv[2] = 0;
    this.#iv[3] = 0;
    aesBlock(this.#encryption(), this.#iv);
  }

  #encryption(): AesSchedule {
    invariant(this.#isOpen, 'no session is open');
    if (!this.#encrypts) expandAes128(this.#encKey, this.#enc);
    this.#encrypts = true;
    return this.#enc;
  }

  #decryption(): AesSchedule {
    if (!this.#decrypts) invertAes128(this.#encryption(), this.#encInverse);
    this.#decrypts = true;
    return this.#encInverse;
  }
}
