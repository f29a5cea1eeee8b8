/** SM2 verification as one would write it without a library: Jacobian points on BigInt. */
import { createHash } from 'node:crypto';

const P = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn;
const N = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
const B = 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n;
const G: Point = [
  0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
  1n,
];

/** x / z^2, y / z^3; z is 0 at infinity. */
type Point = readonly [bigint, bigint, bigint];
const INFINITY: Point = [1n, 1n, 0n];

function mod(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function double([x, y, z]: Point): Point {
  const [zz, yy] = [mod(z * z), mod(y * y)];
  const s = mod(4n * x * yy);
  const m = mod(3n * (x - zz) * (x + zz));
  const x3 = mod(m * m - 2n * s);
  return [x3, mod(m * (s - x3) - 8n * yy * yy), mod(2n * y * z)];
}

function add(a: Point, b: Point): Point {
  const [[x1, y1, z1], [x2, y2, z2]] = [a, b];
  if (z1 === 0n) return b;
  if (z2 === 0n) return a;
  const [zz1, zz2] = [mod(z1 * z1), mod(z2 * z2)];
  const [u1, u2] = [mod(x1 * zz2), mod(x2 * zz1)];
  const [s1, s2] = [mod(y1 * z2 * zz2), mod(y2 * z1 * zz1)];
  if (u1 === u2) return s1 === s2 ? double(a) : INFINITY;
  const [h, r] = [mod(u2 - u1), mod(s2 - s1)];
  const hh = mod(h * h);
  const hhh = mod(h * hh);
  const v = mod(u1 * hh);
  const x3 = mod(r * r - hhh - 2n * v);
  return [x3, mod(r * (v - x3) - s1 * hhh), mod(z1 * z2 * h)];
}

/** u a + v b, bit by bit for both at once. */
function sumOf(u: bigint, a: Point, v: bigint, b: Point): Point {
  const both = add(a, b);
  let result = INFINITY;
  for (let bit = 255n; bit >= 0n; bit--) {
    result = double(result);
    const [inU, inV] = [(u >> bit) & 1n, (v >> bit) & 1n];
    if (inU && inV) result = add(result, both);
    else if (inU) result = add(result, a);
    else if (inV) result = add(result, b);
  }
  return result;
}

function bytes32(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** x / z^2, by Fermat. */
function affineX([x, , z]: Point): bigint {
  let inverse = 1n;
  let square = mod(z * z);
  for (let left = P - 2n; left > 0n; left >>= 1n) {
    if (left & 1n) inverse = mod(inverse * square);
    square = mod(square * square);
  }
  return mod(x * inverse);
}

export function bigIntSm2(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const [r, s] = [number(signature.subarray(0, 32)), number(signature.subarray(32))];
  if (r === 0n || r >= N || s === 0n || s >= N) return false;
  const curve = [P - 3n, B, G[0], G[1]].map(bytes32);
  const user = Buffer.from('1234567812345678', 'latin1');
  const z = createHash('sm3')
    .update(Buffer.concat([Uint8Array.of(0, 128), user, ...curve, publicKey]))
    .digest();
  const e = number(createHash('sm3').update(z).update(message).digest());
  const key: Point = [number(publicKey.subarray(0, 32)), number(publicKey.subarray(32)), 1n];
  const point = sumOf(s, G, (r + s) % N, key);
  return point[2] !== 0n && (e + affineX(point)) % N === r;
}
