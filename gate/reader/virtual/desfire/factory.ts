/**
 * The card's half of an authentication with the DES key of the factory: AuthenticateISO (1A), and
 * the first generation's Authenticate (0A), in which the card always enciphers. With node:crypto:
 * triple DES under three equal keys is DES.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { join, rotated } from './crypto.ts';

/** An authentication with a DES key whose challenge was sent. */
export interface FactoryBegun {
  readonly ins: number;
  readonly key: Uint8Array;
  readonly rndB: Uint8Array;
  readonly challenge: Uint8Array;
}

const ZEROS = new Uint8Array(8);
const LEGACY = 0x0a;

function encrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = createCipheriv('des-ede3-cbc', join(key, key, key), iv).setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

function decrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = createDecipheriv('des-ede3-cbc', join(key, key, key), iv).setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

/** What a reader of the first generation deciphered to send it: E(c) xor the block before. */
function fromDeciphered(key: Uint8Array, data: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  let before: Uint8Array = ZEROS;
  for (let at = 0; at < data.length; at += 8) {
    const block = data.slice(at, at + 8);
    const chain = before;
    blocks.push(encrypt(key, ZEROS, block).map((byte, i) => byte ^ chain[i]!));
    before = block;
  }
  return join(...blocks);
}

export function beginFactory(ins: number, key: Uint8Array, rndB: Uint8Array): FactoryBegun {
  return { ins, key, rndB, challenge: encrypt(key, ZEROS, rndB) };
}

/** The session and the proof, or null: the reader does not know the key. */
export function finishFactory(
  begun: FactoryBegun,
  token: Uint8Array,
): { readonly side: FactorySide; readonly proof: Uint8Array } | null {
  const { ins, key, rndB, challenge } = begun;
  if (token.length !== 16) return null;
  const isLegacy = ins === LEGACY;
  const plain = isLegacy ? fromDeciphered(key, token) : decrypt(key, challenge, token);
  if (Buffer.compare(plain.subarray(8), rotated(rndB)) !== 0) return null;
  const rndA = plain.slice(0, 8);
  const proof = encrypt(key, isLegacy ? ZEROS : token.subarray(8), rotated(rndA));
  const sessionKey = join(rndA.subarray(0, 4), rndB.subarray(0, 4));
  return { side: new FactorySide(sessionKey, isLegacy), proof };
}

/** A session in which the card's key can be changed, and nothing else is modelled. */
export class FactorySide {
  readonly isLegacy: boolean;
  readonly #key: Uint8Array;

  constructor(key: Uint8Array, isLegacy: boolean) {
    this.#key = key;
    this.isLegacy = isLegacy;
  }

  /** What came enciphered, 24 bytes. */
  open(data: Uint8Array): Uint8Array {
    return this.isLegacy ? fromDeciphered(this.#key, data) : decrypt(this.#key, ZEROS, data);
  }
}
