/**
 * Points of the SM2 curve y^2 = x^3 - 3x + b (GB/T 32918.5) and u G + v P by combs (Lim and Lee,
 * CRYPTO '94): the scalar's bits in rows, one for each tooth; a table of the sums of the rows'
 * multiples of the point takes one addition a column. A key met again and again has eight teeth, a
 * card's own four, for a table of a card's key is made, used once and dropped.
 *
 * Points are Jacobian in registers of `field.ts`, table points affine. Doubling is that of a = -3,
 * addition the mixed one; where the two points are equal or opposite it says so and is right.
 */
import {
  add,
  copy,
  f,
  invert,
  isZero,
  LIMBS,
  multiply,
  ONE,
  P,
  register,
  scale,
  settle,
  setValue,
  subtract,
} from './field.ts';

export const N = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
const B = 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n;
const GX = 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n;
const GY = 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n;

const SCALAR_BITS = 256;
const SCALAR_BYTES = 32;
/** x and y of a table's point. */
const POINT = 2 * LIMBS;

/** The sums of a point's row multiples: point j - 1 for the teeth that are set in j. */
export interface Comb {
  readonly teeth: number;
  readonly columns: number;
  readonly points: Float64Array;
}

/** Teeth of a comb whose point is used again, and of one that is used once. */
export const TEETH_KNOWN = 8;
export const TEETH_ONCE = 4;

const X = register();
const Y = register();
const Z = register();
const X2 = register();
const Y2 = register();
const T1 = register();
const T2 = register();
const T3 = register();
const T4 = register();
const T5 = register();
const CONSTANT = register();
/** Whether the point in X, Y, Z is the one at infinity; they mean nothing then. */
let infinite = true;

/** X, Y, Z doubled. */
function double(): void {
  if (infinite) return;
  multiply(T1, Z, Z);
  multiply(T2, Y, Y);
  multiply(T3, X, T2);
  // T4 = 3 (X - Z^2)(X + Z^2), T3 = 4 X Y^2
  subtract(T4, X, T1);
  add(T5, X, T1);
  multiply(T4, T4, T5);
  scale(T4, T4, 3);
  scale(T3, T3, 4);
  multiply(Z, Y, Z);
  scale(Z, Z, 2);
  // X = T4^2 - 2 T3
  multiply(X, T4, T4);
  subtract(X, X, T3, 2);
  settle(X);
  // Y = T4 (T3 - X) - 8 Y^4
  subtract(T3, T3, X);
  multiply(T4, T4, T3);
  multiply(T2, T2, T2);
  subtract(Y, T4, T2, 8);
  settle(Y);
}

/** X, Y, Z plus the affine point at `points[at]`. */
function addPoint(points: Float64Array, at: number): void {
  for (let i = 0; i < LIMBS; i++) {
    f[X2 + i] = points[at + i]!;
    f[Y2 + i] = points[at + LIMBS + i]!;
  }
  if (infinite) {
    copy(X, X2);
    copy(Y, Y2);
    copy(Z, ONE);
    infinite = false;
    return;
  }
  // T2 = H = X2 Z^2 - X, T3 = r = Y2 Z^3 - Y
  multiply(T1, Z, Z);
  multiply(T2, X2, T1);
  subtract(T2, T2, X);
  multiply(T1, T1, Z);
  multiply(T3, Y2, T1);
  subtract(T3, T3, Y);
  if (isZero(T2)) {
    if (isZero(T3)) double();
    else infinite = true;
    return;
  }
  multiply(Z, Z, T2);
  // T1 = H^2, T2 = H^3, T4 = X H^2
  multiply(T1, T2, T2);
  multiply(T2, T1, T2);
  multiply(T4, X, T1);
  // X = r^2 - H^3 - 2 X H^2
  multiply(X, T3, T3);
  subtract(X, X, T2);
  subtract(X, X, T4, 2);
  settle(X);
  // Y = r (X H^2 - X) - Y H^3
  subtract(T4, T4, X);
  multiply(T4, T3, T4);
  multiply(T2, Y, T2);
  subtract(Y, T4, T2);
}

/** Writes X, Y, Z as they are at `to[at]`, three registers. */
function store(to: Float64Array, at: number): void {
  for (let i = 0; i < LIMBS; i++) {
    to[at + i] = f[X + i]!;
    to[at + LIMBS + i] = f[Y + i]!;
    to[at + POINT + i] = f[Z + i]!;
  }
}

/**
 * The affine points of `count` Jacobian ones, with one inversion for all (Montgomery's trick): the
 * products of the first Zs are kept, and walking back each gives the inverse of its own.
 */
function affine(jacobian: Float64Array, count: number): Float64Array {
  const points = new Float64Array(count * POINT);
  const products = new Float64Array(count * LIMBS);
  copy(T1, ONE);
  for (let j = 0; j < count; j++) {
    for (let i = 0; i < LIMBS; i++) {
      products[j * LIMBS + i] = f[T1 + i]!;
      f[Z + i] = jacobian[j * 3 * LIMBS + POINT + i]!;
    }
    multiply(T1, T1, Z);
  }
  invert(T2, T1);
  for (let j = count - 1; j >= 0; j--) {
    for (let i = 0; i < LIMBS; i++) {
      f[X + i] = jacobian[j * 3 * LIMBS + i]!;
      f[Y + i] = jacobian[j * 3 * LIMBS + LIMBS + i]!;
      f[Z + i] = jacobian[j * 3 * LIMBS + POINT + i]!;
      f[T3 + i] = products[j * LIMBS + i]!;
    }
    // T3 = 1 / Z, and T2 = 1 / (product of the Zs before)
    multiply(T3, T2, T3);
    multiply(T2, T2, Z);
    multiply(T4, T3, T3);
    multiply(X, X, T4);
    multiply(T4, T4, T3);
    multiply(Y, Y, T4);
    for (let i = 0; i < LIMBS; i++) {
      points[j * POINT + i] = f[X + i]!;
      points[j * POINT + LIMBS + i] = f[Y + i]!;
    }
  }
  return points;
}

/** The comb of the point (x, y) of the curve. */
function combOf(x: bigint, y: bigint, teeth: number): Comb {
  const columns = SCALAR_BITS / teeth;
  const rows = new Float64Array(teeth * 3 * LIMBS);
  setValue(X, x);
  setValue(Y, y);
  copy(Z, ONE);
  infinite = false;
  for (let tooth = 0; tooth < teeth; tooth++) {
    for (let i = 0; tooth > 0 && i < columns; i++) double();
    store(rows, tooth * 3 * LIMBS);
  }
  const bases = affine(rows, teeth);
  const sums = new Float64Array((2 ** teeth - 1) * 3 * LIMBS);
  for (let j = 1; j < 2 ** teeth; j++) {
    const tooth = 31 - Math.clz32(j);
    const rest = j - 2 ** tooth;
    infinite = rest === 0;
    for (let i = 0; rest > 0 && i < LIMBS; i++) {
      f[X + i] = sums[(rest - 1) * 3 * LIMBS + i]!;
      f[Y + i] = sums[(rest - 1) * 3 * LIMBS + LIMBS + i]!;
      f[Z + i] = sums[(rest - 1) * 3 * LIMBS + POINT + i]!;
    }
    addPoint(bases, tooth * POINT);
    store(sums, (j - 1) * 3 * LIMBS);
  }
  return { teeth, columns, points: affine(sums, 2 ** teeth - 1) };
}

/** The comb of a point from outside, or null where it is not on the curve. */
export function combOfPoint(x: bigint, y: bigint, teeth: number): Comb | null {
  return isOnCurve(x, y) ? combOf(x, y, teeth) : null;
}

function isOnCurve(x: bigint, y: bigint): boolean {
  if (x >= P || y >= P) return false;
  setValue(X2, x);
  setValue(Y2, y);
  setValue(CONSTANT, B);
  // x (x^2 - 3) + b - y^2
  multiply(T1, X2, X2);
  subtract(T1, T1, ONE, 3);
  multiply(T1, T1, X2);
  add(T1, T1, CONSTANT);
  multiply(T2, Y2, Y2);
  subtract(T1, T1, T2);
  return isZero(T1);
}

let generator: Comb | null = null;

/** Makes the generator's comb, some milliseconds once, so that no tap has to. */
function generatorComb(): Comb {
  generator ??= combOf(GX, GY, TEETH_KNOWN);
  return generator;
}

/**
 * Whether x of u G + v P, modulo n, is `expected`; scalars of 32 bytes, 0 to n - 1. Without a
 * division: an x that is a class of n is compared with X / Z^2 over the common denominator.
 */
export function hasX(u: Uint8Array, v: Uint8Array, key: Comb, expected: bigint): boolean {
  const base = generatorComb();
  infinite = true;
  for (let column = Math.max(base.columns, key.columns) - 1; column >= 0; column--) {
    double();
    if (column < base.columns) addColumn(base, u, column);
    if (column < key.columns) addColumn(key, v, column);
  }
  if (infinite) return false;
  multiply(T1, Z, Z);
  for (let x = expected; x < P; x += N) {
    setValue(CONSTANT, x);
    multiply(T2, CONSTANT, T1);
    subtract(T2, T2, X);
    if (isZero(T2)) return true;
  }
  return false;
}

function addColumn(comb: Comb, scalar: Uint8Array, column: number): void {
  let index = 0;
  for (let tooth = 0; tooth < comb.teeth; tooth++) {
    const bit = column + tooth * comb.columns;
    index |= ((scalar[SCALAR_BYTES - 1 - (bit >> 3)]! >> (bit & 7)) & 1) << tooth;
  }
  if (index > 0) addPoint(comb.points, (index - 1) * POINT);
}
