/**
 * The card's side of a session after an authentication: what EV1 and EV2 make of commands and
 * answers. It lives until an error, another selection or the loss of the field.
 */
import {
  bitPadded,
  cmac,
  decryptCbc,
  encryptCbc,
  everySecond,
  join,
  littleEndian,
  ZERO_BLOCK,
} from './crypto.ts';
import type { Mode } from './state.ts';

/** A command's header and data in clear. */
export interface Clear {
  readonly header: Uint8Array;
  readonly data: Uint8Array;
}

export interface CardSide {
  readonly kind: 'ev1' | 'ev2';
  /** Number of the key. */
  readonly keyNumber: number;
  /** What the command says, or null: its MAC or padding is wrong. */
  open(
    ins: number,
    body: Uint8Array,
    headerLength: number,
    mode: Mode,
    writes: boolean,
  ): Clear | null;
  /** The answer as it is sent. */
  seal(data: Uint8Array, mode: Mode): Uint8Array;
}

/** Bytes that protect the data of a command on the wire. */
export function wireLength(side: CardSide | null, dataLength: number, mode: Mode): number {
  if (side === null || mode === 'plain') return dataLength;
  if (mode === 'mac' || dataLength === 0) return dataLength + 8;
  return dataLength - (dataLength % 16) + 16 + 8;
}

/** EV1 after AES authentication: one chain of MACs. */
export class Ev1Side implements CardSide {
  readonly kind = 'ev1';
  readonly keyNumber: number;
  readonly #key: Uint8Array;
  #chain: Uint8Array = ZERO_BLOCK;

  constructor(keyNumber: number, key: Uint8Array) {
    this.keyNumber = keyNumber;
    this.#key = key;
  }

  open(
    ins: number,
    body: Uint8Array,
    headerLength: number,
    mode: Mode,
    writes: boolean,
  ): Clear | null {
    const hasMac = writes && mode !== 'plain';
    const end = body.length - (hasMac ? 8 : 0);
    if (end < headerLength) return null;
    const clear = body.subarray(0, end);
    this.#chain = cmac(this.#key, join(Uint8Array.of(ins), clear), this.#chain);
    if (hasMac && !same(this.#chain.subarray(0, 8), body.subarray(end))) return null;
    return { header: clear.subarray(0, headerLength), data: clear.subarray(headerLength) };
  }

  /** A key that was sent, 32 bytes: enciphered in the chain, without a MAC. */
  openKey(data: Uint8Array): Uint8Array {
    const plain = decryptCbc(this.#key, this.#chain, data);
    this.#chain = data.slice(-16);
    return plain;
  }

  seal(data: Uint8Array): Uint8Array {
    this.#chain = cmac(this.#key, join(data, Uint8Array.of(0)), this.#chain);
    return join(data, this.#chain.subarray(0, 8));
  }
}

export class Ev2Side implements CardSide {
  readonly kind = 'ev2';
  readonly keyNumber: number;
  /** Of the transaction; EV2NonFirst keeps it and the counter. */
  readonly ti: Uint8Array;
  readonly #enc: Uint8Array;
  readonly #mac: Uint8Array;
  counter: number;

  constructor(
    keyNumber: number,
    keys: { readonly enc: Uint8Array; readonly mac: Uint8Array },
    ti: Uint8Array,
    counter: number,
  ) {
    this.keyNumber = keyNumber;
    this.#enc = keys.enc;
    this.#mac = keys.mac;
    this.ti = ti;
    this.counter = counter;
  }

  open(ins: number, body: Uint8Array, headerLength: number, mode: Mode): Clear | null {
    const counter = this.counter++;
    if (mode === 'plain') {
      return { header: body.subarray(0, headerLength), data: body.subarray(headerLength) };
    }
    const end = body.length - 8;
    if (end < headerLength) return null;
    const signed = body.subarray(0, end);
    if (!same(this.#macOf(ins, counter, signed), body.subarray(end))) return null;
    const header = signed.subarray(0, headerLength);
    const data = signed.subarray(headerLength);
    if (mode === 'mac' || data.length === 0) return { header, data };
    if (data.length % 16 !== 0) return null;
    const plain = decryptCbc(this.#enc, this.#iv(0xa5, 0x5a, counter), data);
    const mark = plain.lastIndexOf(0x80);
    const isPadded = mark >= plain.length - 16 && plain.subarray(mark + 1).every((b) => b === 0);
    return isPadded ? { header, data: plain.subarray(0, mark) } : null;
  }

  seal(data: Uint8Array, mode: Mode): Uint8Array {
    if (mode === 'plain') return data;
    const isEncrypted = mode === 'full' && data.length > 0;
    const iv = this.#iv(0x5a, 0xa5, this.counter);
    const body = isEncrypted ? encryptCbc(this.#enc, iv, bitPadded(data)) : data;
    return join(body, this.#macOf(0x00, this.counter, body));
  }

  #macOf(first: number, counter: number, body: Uint8Array): Uint8Array {
    const prefix = join(Uint8Array.of(first), littleEndian(counter, 2), this.ti);
    return everySecond(cmac(this.#mac, join(prefix, body)));
  }

  #iv(a: number, b: number, counter: number): Uint8Array {
    const block = join(Uint8Array.of(a, b), this.ti, littleEndian(counter, 2), new Uint8Array(8));
    return encryptCbc(this.#enc, ZERO_BLOCK, block);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
