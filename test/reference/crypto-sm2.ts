/**
 * SM2 and RSA as slow and obvious as they can be: affine points and textbook powers on BigInt, the
 * hash by node:crypto.
 */
import { createHash } from 'node:crypto';

const P = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn;
export const N = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
const A = P - 3n;
const B = 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n;
export const G: Affine = {
  x: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  y: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
};

export interface Affine {
  readonly x: bigint;
  readonly y: bigint;
}

const mod = (value: bigint, m: bigint = P) => ((value % m) + m) % m;

function power(base: bigint, exponent: bigint, m: bigint): bigint {
  let result = 1n;
  let square = mod(base, m);
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % m;
    square = (square * square) % m;
  }
  return result;
}

/** 1 / a modulo m, by the extended Euclidean algorithm. */
function inverse(a: bigint, m: bigint): bigint {
  let [r0, r1, t0, t1] = [m, mod(a, m), 0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  return mod(t0, m);
}

/** Null is the point at infinity. */
function plus(a: Affine | null, b: Affine | null): Affine | null {
  if (!a) return b;
  if (!b) return a;
  if (a.x === b.x && mod(a.y + b.y) === 0n) return null;
  const [rise, run] = a.x === b.x ? [3n * a.x * a.x + A, 2n * a.y] : [b.y - a.y, b.x - a.x];
  const slope = mod(rise * inverse(run, P));
  const x = mod(slope * slope - a.x - b.x);
  return { x, y: mod(slope * (a.x - x) - a.y) };
}

export function multiple(scalar: bigint, point: Affine): Affine | null {
  let result: Affine | null = null;
  let double: Affine | null = point;
  for (let left = scalar; left > 0n; left >>= 1n) {
    if (left & 1n) result = plus(result, double);
    double = plus(double, double);
  }
  return result;
}

export function bytes32(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}

export function publicKeyOf(d: bigint): Uint8Array {
  const point = multiple(d, G)!;
  return Buffer.concat([bytes32(point.x), bytes32(point.y)]);
}

function digestOf(publicKey: Uint8Array, message: Uint8Array): bigint {
  const curve = [A, B, G.x, G.y].map(bytes32);
  const user = Buffer.from('1234567812345678', 'latin1');
  const z = createHash('sm3')
    .update(Buffer.concat([Uint8Array.of(0, 128), user, ...curve, publicKey]))
    .digest();
  return BigInt(`0x${createHash('sm3').update(z).update(message).digest('hex')}`);
}

export function sign(d: bigint, message: Uint8Array, k: bigint): Uint8Array {
  const r = mod(digestOf(publicKeyOf(d), message) + multiple(k, G)!.x, N);
  const s = mod(inverse(1n + d, N) * (k - r * d), N);
  return Buffer.concat([bytes32(r), bytes32(s)]);
}

export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const [x, y] = [0, 32].map((at) => numberAt(publicKey, at)) as [bigint, bigint];
  const [r, s] = [0, 32].map((at) => numberAt(signature, at)) as [bigint, bigint];
  if (r < 1n || r >= N || s < 1n || s >= N || mod(r + s, N) === 0n) return false;
  const point = plus(multiple(s, G), multiple(mod(r + s, N), { x, y }));
  return point !== null && mod(digestOf(publicKey, message) + point.x, N) === r;
}

function numberAt(bytes: Uint8Array, at: number): bigint {
  return BigInt(`0x${Buffer.from(bytes.subarray(at, at + 32)).toString('hex')}`);
}

/** signature^e mod n, as long as the modulus. */
export function recover(modulus: Uint8Array, exponent: bigint, signature: Uint8Array): Uint8Array {
  const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  const value = power(number(signature), exponent, number(modulus));
  return Buffer.from(value.toString(16).padStart(2 * modulus.length, '0'), 'hex');
}
