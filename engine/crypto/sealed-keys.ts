/**
 * The sealed key file: scrypt (RFC 7914) makes a key of the passphrase, XChaCha20-Poly1305 seals
 * the content under it, and everything before the content is authenticated with it.
 *
 * | bytes | what                                             |
 * |-------|--------------------------------------------------|
 * | 16    | `faregate-keys 1\n`                              |
 * | 3     | scrypt's log2 N, r, p                            |
 * | 16    | salt                                             |
 * | 24    | nonce                                            |
 * | rest  | ciphertext and the tag of 16 bytes               |
 */
import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { equalRange } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import {
  KEY_FILE_BYTES_MAX,
  KEY_FILE_SCRYPT_LOG2N_MAX,
  KEY_FILE_SCRYPT_LOG2N_MIN,
} from '../limits.ts';

const MAGIC = new TextEncoder().encode('faregate-keys 1\n');
const COST_AT = MAGIC.length;
const SALT_AT = COST_AT + 3;
const NONCE_AT = SALT_AT + 16;
const CONTENT_AT = NONCE_AT + 24;
const TAG_BYTES = 16;

/** 32 MiB and some 0.1 s for each guess. */
const SCRYPT_LOG2N = 15;
const SCRYPT_R = 8;
const SCRYPT_P = 1;

/** Random bytes a seal takes, fresh for each. */
export interface SealRandom {
  /** 16 bytes. */
  readonly salt: Uint8Array;
  /** 24 bytes. */
  readonly nonce: Uint8Array;
}

/**
 * Seals `content`. @param log2N scrypt's cost, within the limits; less than the default in tests.
 */
export function sealKeys(
  content: Uint8Array,
  passphrase: string,
  random: SealRandom,
  log2N: number = SCRYPT_LOG2N,
): Uint8Array {
  assert(random.salt.length === 16 && random.nonce.length === 24);
  assert(log2N >= KEY_FILE_SCRYPT_LOG2N_MIN && log2N <= KEY_FILE_SCRYPT_LOG2N_MAX);
  const head = new Uint8Array(CONTENT_AT);
  head.set(MAGIC);
  head.set([log2N, SCRYPT_R, SCRYPT_P], COST_AT);
  head.set(random.salt, SALT_AT);
  head.set(random.nonce, NONCE_AT);
  const sealed = cipherOf(head, passphrase).encrypt(content);
  const file = new Uint8Array(CONTENT_AT + sealed.length);
  file.set(head);
  file.set(sealed, CONTENT_AT);
  assert(file.length <= KEY_FILE_BYTES_MAX);
  return file;
}

/** Whether it begins as a sealed key file does. */
export function isSealed(file: Uint8Array): boolean {
  return file.length >= MAGIC.length && equalRange(file, 0, MAGIC, 0, MAGIC.length);
}

/**
 * What is no sealed key file is told before a passphrase is asked for.
 * @throws FaregateError KEYS_REFUSED naming `what`, and what it is instead where that shows.
 */
export function requireSealed(file: Uint8Array, what: string): void {
  if (isSealed(file)) return;
  // A byte-order mark or blanks may go before the brace.
  const isJson = /^\s*\{/.test(new TextDecoder().decode(file.subarray(0, 64)));
  const why = isJson
    ? 'this is JSON, perhaps keys in clear; `faregate-engine keys import` seals them'
    : 'not a sealed key file; `faregate-engine keys import` makes one';
  throw new FaregateError('KEYS_REFUSED', `${what}: ${why}`);
}

/**
 * Opens what `sealKeys` made. The cost in the header is bounded before it is paid.
 * @param what the file's name, for messages
 * @throws FaregateError KEYS_REFUSED: not a sealed key file, wrong passphrase, or any byte changed.
 */
export function openSealedKeys(file: Uint8Array, passphrase: string, what: string): Uint8Array {
  const refuse = (why: string) => new FaregateError('KEYS_REFUSED', `${what}: ${why}`);
  if (file.length > KEY_FILE_BYTES_MAX) throw refuse(`larger than ${KEY_FILE_BYTES_MAX} bytes`);
  requireSealed(file, what);
  if (file.length < CONTENT_AT + TAG_BYTES) throw refuse('cut short');
  const log2N = file[COST_AT]!;
  const known = file[COST_AT + 1] === SCRYPT_R && file[COST_AT + 2] === SCRYPT_P;
  if (!known || log2N < KEY_FILE_SCRYPT_LOG2N_MIN || log2N > KEY_FILE_SCRYPT_LOG2N_MAX) {
    throw refuse('asks for a cost of scrypt that is out of bounds');
  }
  const cipher = cipherOf(file.subarray(0, CONTENT_AT), passphrase);
  try {
    return cipher.decrypt(file.subarray(CONTENT_AT));
  } catch {
    throw refuse('the passphrase is wrong or the file was changed');
  }
}

function cipherOf(head: Uint8Array, passphrase: string) {
  const N = 2 ** head[COST_AT]!;
  const r = head[COST_AT + 1]!;
  const p = head[COST_AT + 2]!;
  const salt = head.subarray(SALT_AT, NONCE_AT);
  // One text, one key: however the keyboard composed an accent.
  const text = passphrase.normalize('NFKC');
  const key = new Uint8Array(scryptSync(text, salt, 32, { N, r, p, maxmem: 256 * N * r }));
  return xchacha20poly1305(key, head.slice(NONCE_AT, CONTENT_AT), head);
}
