/**
 * What a virtual e-cash card computes, with node:crypto and BigInt only: the gate's own
 * cryptography is a second implementation of the same rules, and the two meet on the wire. RSA and
 * SM2 signatures, application cryptograms, certificates.
 */
import assert from 'node:assert/strict';
import {
  constants,
  createCipheriv,
  createECDH,
  createHash,
  createPrivateKey,
  type KeyObject,
  privateEncrypt,
} from 'node:crypto';

/** An RSA private key, made ready. */
export interface RsaSigner {
  readonly kind: 'rsa';
  readonly key: KeyObject;
  readonly modulus: Uint8Array;
  /** 03 or 010001. */
  readonly exponent: Uint8Array;
}

/** An SM2 private key with its public key, x ‖ y. */
export interface Sm2Signer {
  readonly kind: 'sm2';
  readonly d: bigint;
  readonly publicKey: Uint8Array;
}

export function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

export function bytesOf(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');
}

/** 1 / a modulo m, by the extended Euclidean algorithm. */
function inverse(a: bigint, m: bigint): bigint {
  let [r0, r1] = [m, ((a % m) + m) % m];
  let [t0, t1] = [0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  assert(r0 === 1n, 'no inverse');
  return ((t0 % m) + m) % m;
}

/** The key of two primes and an exponent. */
export function rsaSigner(p: Uint8Array, q: Uint8Array, exponent: Uint8Array): RsaSigner {
  const [bigP, bigQ, e] = [numberOf(p), numberOf(q), numberOf(exponent)];
  const d = inverse(e, (bigP - 1n) * (bigQ - 1n));
  const modulus = bytesOf(bigP * bigQ, p.length + q.length);
  const url = (value: bigint, length = p.length) => bytesOf(value, length).toString('base64url');
  const jwk = {
    kty: 'RSA',
    n: modulus.toString('base64url'),
    e: Buffer.from(exponent).toString('base64url'),
    d: url(d, modulus.length),
    p: url(bigP),
    q: url(bigQ),
    dp: url(d % (bigP - 1n)),
    dq: url(d % (bigQ - 1n)),
    qi: url(inverse(bigQ, bigP)),
  };
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  return { kind: 'rsa', key, modulus, exponent };
}

/**
 * Signs with recovery (EMV 4.3 Book 2, A2.1.2): 6A ‖ content, filled up with BB ‖ SHA-1 ‖ BC, where
 * the hash is over all before it and `more`.
 */
export function signRecoverable(
  signer: RsaSigner,
  content: Uint8Array,
  ...more: readonly Uint8Array[]
): Uint8Array {
  const { length } = signer.modulus;
  const block = Buffer.alloc(length, 0xbb);
  assert(content.length <= length - 22, 'content too long for the key');
  block[0] = 0x6a;
  block.set(content, 1);
  const hash = createHash('sha1').update(block.subarray(1, length - 21));
  for (const part of more) hash.update(part);
  block.set(hash.digest(), length - 21);
  block[length - 1] = 0xbc;
  return privateEncrypt({ key: signer.key, padding: constants.RSA_NO_PADDING }, block);
}

const P = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn;
const N = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
const A = P - 3n;
const B = 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n;
const G = [
  0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
] as const;

function mod(value: bigint, m: bigint): bigint {
  return ((value % m) + m) % m;
}

/** `scalar` times the base point, x ‖ y. */
function timesBase(scalar: bigint): Uint8Array {
  const curve = createECDH('SM2');
  curve.setPrivateKey(bytesOf(scalar, 32));
  // Behind the byte that says how the point is written.
  return new Uint8Array(curve.getPublicKey()).slice(1);
}

export function sm2Signer(d: Uint8Array): Sm2Signer {
  return { kind: 'sm2', d: numberOf(d), publicKey: timesBase(numberOf(d)) };
}

const USER_ID = Buffer.from('1234567812345678', 'latin1');

/** SM2 signature R ‖ S under the user id of payment cards; `randomBytes` gives its nonce. */
export function signSm2(
  signer: Sm2Signer,
  message: Uint8Array,
  randomBytes: (length: number) => Uint8Array,
): Uint8Array {
  const curve = [A, B, ...G].map((value) => bytesOf(value, 32));
  const z = createHash('sm3')
    .update(Buffer.concat([Uint8Array.of(0, 0x80), USER_ID, ...curve, signer.publicKey]))
    .digest();
  const e = numberOf(createHash('sm3').update(z).update(message).digest());
  for (;;) {
    const k = mod(numberOf(createHash('sm3').update(randomBytes(32)).digest()), N - 1n) + 1n;
    const r = mod(e + numberOf(timesBase(k).subarray(0, 32)), N);
    const s = mod(inverse(1n + signer.d, N) * (k - r * signer.d), N);
    if (r !== 0n && r + k !== N && s !== 0n) {
      return Buffer.concat([bytesOf(r, 32), bytesOf(s, 32)]);
    }
  }
}

/** Two-key 3DES in ECB mode over whole blocks. */
function tripleDes(key: Uint8Array, blocks: Uint8Array): Buffer {
  const cipher = createCipheriv('des-ede3', Buffer.concat([key, key.subarray(0, 8)]), null);
  cipher.setAutoPadding(false);
  return cipher.update(blocks);
}

function sm4(key: Uint8Array, blocks: Uint8Array): Buffer {
  const cipher = createCipheriv('sm4-ecb', key, null);
  cipher.setAutoPadding(false);
  return cipher.update(blocks);
}

/**
 * A key of a card, of its issuer's: option A of bank cards' keys. @param pan digits
 */
export function bankCardKey(master: Uint8Array, pan: string, panSequence: number): Uint8Array {
  const digits = `${pan}${String(panSequence).padStart(2, '0')}`.slice(-16).padStart(16, '0');
  const y = Buffer.from(digits, 'hex');
  return tripleDes(master, Buffer.concat([y, y.map((byte) => ~byte)]));
}

/** Retail MAC of 8 bytes (ISO 9797-1 algorithm 3, padding 2): DES, and 3DES on the last block. */
export function retailMac(
  key: Uint8Array,
  data: Uint8Array,
  iv: Uint8Array = new Uint8Array(8),
): Uint8Array {
  const padded = new Uint8Array((data.length >> 3) * 8 + 8);
  padded.set(data);
  padded[data.length] = 0x80;
  const left = Buffer.concat([key.subarray(0, 8), key.subarray(0, 8)]);
  let chain = Uint8Array.from(iv);
  for (let at = 0; at < padded.length; at += 8) {
    const block = chain.map((byte, i) => byte ^ padded[at + i]!);
    const isLast = at + 8 === padded.length;
    chain = new Uint8Array(tripleDes(isLast ? key : left, block));
  }
  return chain;
}

/** The cryptogram under the card's key, in a session of this counter. */
export function cardCryptogram(
  algorithm: '3des' | 'sm4',
  key: Uint8Array,
  atc: number,
  data: Uint8Array,
): Uint8Array {
  const input = Buffer.alloc(16);
  input.writeUInt16BE(atc, 6);
  input.writeUInt16BE(~atc & 0xffff, 14);
  if (algorithm === '3des') return retailMac(tripleDes(key, input), data);
  const session = sm4(key, input);
  let chain: Uint8Array = Buffer.alloc(16);
  const padded = Buffer.alloc((data.length >> 4) * 16 + 16);
  padded.set(data);
  padded[data.length] = 0x80;
  for (let at = 0; at < padded.length; at += 16) {
    chain = sm4(session, Buffer.from(chain.map((byte, i) => byte ^ padded[at + i]!)));
  }
  return chain.subarray(0, 8);
}
