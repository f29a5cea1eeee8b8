/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 over RFC 8439) for many short messages under one
 * key and one 16-byte nonce prefix. The prefix fixes the HChaCha20 subkey, which is derived once;
 * the last 8 nonce bytes number the messages. The result is bit for bit that of noble's
 * `xchacha20poly1305`. It comes from a WebAssembly module of our own (`chacha/`); where the host
 * cannot run that, from noble's functions at a third of its cost: key stream and Poly1305 key come
 * from one call, and the authenticated text is laid out once in a buffer that is kept.
 */
import assert from 'node:assert/strict';
import { poly1305 } from '@noble/ciphers/_poly1305.js';
import { chacha20, hchacha } from '@noble/ciphers/chacha.js';
import { equalRange, writeU32 } from '../bytes.ts';
import { type WebAssemblyHost, webAssembly } from './bitslice/wasm.ts';
import { Chacha } from './chacha/chacha.ts';

export const AEAD_KEY_BYTES = 32;
export const AEAD_PREFIX_BYTES = 16;
export const AEAD_TAG_BYTES = 16;

/** The first block of key stream holds the Poly1305 key (RFC 8439, 2.6). */
const BLOCK_BYTES = 64;

export interface Aead {
  /**
   * Writes ciphertext and tag, `plain.length + 16` bytes, at `out[at]`. The caller never uses one
   * pair of nonce words twice.
   */
  seal(
    nonceHigh: number,
    nonceLow: number,
    associated: Uint8Array,
    plain: Uint8Array,
    out: Uint8Array,
    at: number,
  ): void;
  /** The plaintext of ciphertext and tag, or null where anything differs from what was sealed. */
  open(
    nonceHigh: number,
    nonceLow: number,
    associated: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | null;
}

/**
 * @param key 32 bytes.
 * @param prefix First 16 nonce bytes; a fresh random one makes the words free to start anywhere.
 * @param bytesMax Longest plaintext.
 * @param host its WebAssembly; null to do without
 */
export function createAead(
  key: Uint8Array,
  prefix: Uint8Array,
  bytesMax: number,
  host: WebAssemblyHost | null = webAssembly,
): Aead {
  assert.equal(key.length, AEAD_KEY_BYTES);
  assert.equal(prefix.length, AEAD_PREFIX_BYTES);
  const subkey = deriveSubkey(key, prefix);
  const plainly = createPlain(subkey, bytesMax);
  const chacha = Chacha.of(host);
  return chacha === null ? plainly : createFast(chacha, subkey, bytesMax, plainly);
}

/** @param plainly for what is too long for the module's memory. */
function createFast(chacha: Chacha, subkey: Uint8Array, bytesMax: number, plainly: Aead): Aead {
  const key = new Int32Array(subkey.buffer);
  return {
    seal(nonceHigh, nonceLow, associated, plain, out, at) {
      assert(plain.length <= bytesMax);
      if (Chacha.takes(associated.length, plain.length)) {
        chacha.seal(key, nonceHigh, nonceLow, associated, plain, out, at);
      } else plainly.seal(nonceHigh, nonceLow, associated, plain, out, at);
    },
    open(nonceHigh, nonceLow, associated, sealed) {
      const length = sealed.length - AEAD_TAG_BYTES;
      if (length < 0 || length > bytesMax) return null;
      return Chacha.takes(associated.length, length)
        ? chacha.open(key, nonceHigh, nonceLow, associated, sealed)
        : plainly.open(nonceHigh, nonceLow, associated, sealed);
    },
  };
}

function createPlain(subkey: Uint8Array, bytesMax: number): Aead {
  const nonce = new Uint8Array(12);
  // Made with the first message: where the module serves, there is none.
  let stream = new Uint8Array(0);
  let text = new Uint8Array(0);

  function makeStream(): void {
    if (stream.length === 0) stream = new Uint8Array(BLOCK_BYTES + bytesMax);
  }

  /** XORs `length` bytes at `stream[64]`, leaving the Poly1305 key before them. */
  function applyStream(nonceHigh: number, nonceLow: number, length: number): void {
    writeU32(nonce, 4, nonceHigh);
    writeU32(nonce, 8, nonceLow);
    stream.fill(0, 0, BLOCK_BYTES);
    const used = stream.subarray(0, BLOCK_BYTES + length);
    chacha20(subkey, nonce, used, used);
  }

  /** RFC 8439, 2.8: AAD, padding, ciphertext, padding, both lengths as little-endian u64. */
  function tagOf(associated: Uint8Array, cipher: Uint8Array): Uint8Array {
    const cipherAt = pad16(associated.length);
    const lengthsAt = cipherAt + pad16(cipher.length);
    if (text.length < lengthsAt + 16) text = new Uint8Array(lengthsAt + 16);
    text.fill(0);
    text.set(associated);
    text.set(cipher, cipherAt);
    writeLowWord(text, lengthsAt, associated.length);
    writeLowWord(text, lengthsAt + 8, cipher.length);
    return poly1305(text.subarray(0, lengthsAt + 16), stream.subarray(0, 32));
  }

  return {
    seal(nonceHigh, nonceLow, associated, plain, out, at) {
      assert(plain.length <= bytesMax);
      makeStream();
      stream.set(plain, BLOCK_BYTES);
      applyStream(nonceHigh, nonceLow, plain.length);
      const cipher = stream.subarray(BLOCK_BYTES, BLOCK_BYTES + plain.length);
      out.set(cipher, at);
      out.set(tagOf(associated, cipher), at + plain.length);
    },
    open(nonceHigh, nonceLow, associated, sealed) {
      const length = sealed.length - AEAD_TAG_BYTES;
      if (length < 0 || length > bytesMax) return null;
      const cipher = sealed.subarray(0, length);
      makeStream();
      stream.set(cipher, BLOCK_BYTES);
      applyStream(nonceHigh, nonceLow, length);
      const tag = tagOf(associated, cipher);
      if (!equalRange(tag, 0, sealed, length, AEAD_TAG_BYTES)) return null;
      return stream.slice(BLOCK_BYTES, BLOCK_BYTES + length);
    },
  };
}

/** HChaCha20 (draft, 2.2) of the key and the first 16 nonce bytes. */
function deriveSubkey(key: Uint8Array, prefix: Uint8Array): Uint8Array {
  const sigma = words(new TextEncoder().encode('expand 32-byte k'));
  const out = new Uint32Array(8);
  hchacha(sigma, words(key), words(prefix), out);
  return new Uint8Array(out.buffer);
}

/** The bytes as 32-bit words in an aligned copy, as noble takes them. */
function words(bytes: Uint8Array): Uint32Array {
  // A Buffer's slice would be no copy.
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

function writeLowWord(out: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) out[at + i] = value >>> (8 * i);
}

function pad16(length: number): number {
  return (length + 15) & ~15;
}
