/**
 * Arithmetic modulo the prime of SM2, p = 2^256 - 2^224 - 2^96 + 2^64 - 1 (GB/T 32918.5), fast
 * enough for a tap: twelve limbs of 22 bits in doubles, in Montgomery form with R = 2^264.
 *
 * A product of limbs has 44 bits, so a column of twelve and all it is given stays exact below 2^53
 * while the limbs of one factor times those of the other stay below 2^49. `multiply` leaves limbs
 * below 2^22 + 2^7 and a value between -p and 2p; sums and differences of a few such are not
 * carried. Since p is -1 modulo 2^64, a step's Montgomery factor is the low limb itself.
 *
 * Values live in registers: stretches of one array, named by where they begin. No branch or index
 * depends on a secret, for there are none: signatures are only verified.
 */

export const LIMBS = 12;
const LIMB = 2 ** 22;
const PER_LIMB = 2 ** -22;

export const P = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn;
/** Multiples of p that a value may be when it is zero: far more than sums here reach. */
const MULTIPLES_MAX = 64;

/** The register file; `register` hands out its stretches. */
export const f: Float64Array = new Float64Array(LIMBS * 32);
let registers = 0;

/** A register, for as long as the program runs. */
export function register(): number {
  const at = registers;
  registers += LIMBS;
  if (registers > f.length) throw new RangeError('out of registers');
  return at;
}

/** 2^528 mod p, plain: times a plain value it is that value in Montgomery form. */
const R_SQUARED = register();
/** 1 in Montgomery form. */
export const ONE: number = register();
setPlain(R_SQUARED, 2n ** 528n % P);
setPlain(ONE, 2n ** 264n % P);

/** Sets a register to the limbs of `value`, 0 to p - 1, as they are. */
function setPlain(to: number, value: bigint): void {
  for (let i = 0; i < LIMBS; i++) f[to + i] = Number(BigInt.asUintN(22, value >> BigInt(22 * i)));
}

/** Sets a register to `value`, 0 to p - 1, in Montgomery form. */
export function setValue(to: number, value: bigint): void {
  setPlain(to, value);
  multiply(to, to, R_SQUARED);
}

export function copy(to: number, a: number): void {
  for (let i = 0; i < LIMBS; i++) f[to + i] = f[a + i]!;
}

/** to = a + b, not carried. */
export function add(to: number, a: number, b: number): void {
  for (let i = 0; i < LIMBS; i++) f[to + i] = f[a + i]! + f[b + i]!;
}

/** to = a - times * b, not carried; `times` is a small integer. */
export function subtract(to: number, a: number, b: number, times = 1): void {
  for (let i = 0; i < LIMBS; i++) f[to + i] = f[a + i]! - times * f[b + i]!;
}

/** to = times * a, not carried. */
export function scale(to: number, a: number, times: number): void {
  for (let i = 0; i < LIMBS; i++) f[to + i] = times * f[a + i]!;
}

/** Carries once from every limb to the next, which leaves small limbs small again. */
export function settle(at: number): void {
  for (let i = LIMBS - 2; i >= 0; i--) {
    const carry = Math.floor(f[at + i]! * PER_LIMB);
    f[at + i]! -= carry * LIMB;
    f[at + i + 1]! += carry;
  }
}

/** to = a * b / R mod p. `to` may be `a` or `b`. */
export function multiply(to: number, a: number, b: number): void {
  const b0 = f[b]!;
  const b1 = f[b + 1]!;
  const b2 = f[b + 2]!;
  const b3 = f[b + 3]!;
  const b4 = f[b + 4]!;
  const b5 = f[b + 5]!;
  const b6 = f[b + 6]!;
  const b7 = f[b + 7]!;
  const b8 = f[b + 8]!;
  const b9 = f[b + 9]!;
  const b10 = f[b + 10]!;
  const b11 = f[b + 11]!;
  let t0 = 0;
  let t1 = 0;
  let t2 = 0;
  let t3 = 0;
  let t4 = 0;
  let t5 = 0;
  let t6 = 0;
  let t7 = 0;
  let t8 = 0;
  let t9 = 0;
  let t10 = 0;
  for (let i = 0; i < LIMBS; i++) {
    const ai = f[a + i]!;
    // One column more, then its low limb m goes: t + m * p ends in zeros, and all move down one.
    const low = t0 + ai * b0;
    const carry = Math.floor(low * PER_LIMB);
    const m = low - carry * LIMB;
    t0 = t1 + ai * b1 + carry;
    // m * p without its last term: 2^64 is 2^20 in limb 2, 2^96 is 2^8 in limb 4,
    t1 = t2 + ai * b2 + m * 0x10_0000;
    t2 = t3 + ai * b3;
    t3 = t4 + ai * b4 - m * 0x100;
    t4 = t5 + ai * b5;
    t5 = t6 + ai * b6;
    t6 = t7 + ai * b7;
    t7 = t8 + ai * b8;
    t8 = t9 + ai * b9;
    // 2^224 is 2^4 in limb 10, and 2^256 is 2^14 in limb 11.
    t9 = t10 + ai * b10 - m * 0x10;
    t10 = ai * b11 + m * 0x4000;
  }
  // Carried from the lowest limb up: all but the highest are then 0 to 2^22 - 1.
  const c0 = Math.floor(t0 * PER_LIMB);
  f[to] = t0 - c0 * LIMB;
  const c1 = Math.floor((t1 + c0) * PER_LIMB);
  f[to + 1] = t1 + c0 - c1 * LIMB;
  const c2 = Math.floor((t2 + c1) * PER_LIMB);
  f[to + 2] = t2 + c1 - c2 * LIMB;
  const c3 = Math.floor((t3 + c2) * PER_LIMB);
  f[to + 3] = t3 + c2 - c3 * LIMB;
  const c4 = Math.floor((t4 + c3) * PER_LIMB);
  f[to + 4] = t4 + c3 - c4 * LIMB;
  const c5 = Math.floor((t5 + c4) * PER_LIMB);
  f[to + 5] = t5 + c4 - c5 * LIMB;
  const c6 = Math.floor((t6 + c5) * PER_LIMB);
  f[to + 6] = t6 + c5 - c6 * LIMB;
  const c7 = Math.floor((t7 + c6) * PER_LIMB);
  f[to + 7] = t7 + c6 - c7 * LIMB;
  const c8 = Math.floor((t8 + c7) * PER_LIMB);
  f[to + 8] = t8 + c7 - c8 * LIMB;
  const c9 = Math.floor((t9 + c8) * PER_LIMB);
  f[to + 9] = t9 + c8 - c9 * LIMB;
  const c10 = Math.floor((t10 + c9) * PER_LIMB);
  f[to + 10] = t10 + c9 - c10 * LIMB;
  f[to + 11] = c10;
}

/** to = a^(2^times). */
function squareTimes(to: number, a: number, times: number): void {
  multiply(to, a, a);
  for (let i = 1; i < times; i++) multiply(to, to, to);
}

const power = register();
const ones: readonly number[] = Array.from({ length: 6 }, register);

/**
 * to = 1 / a, by Fermat: a^(p - 2). In binary, p - 2 is 31 ones, a zero, 128 ones, 32 zeros, 62
 * ones, 01. `to` and `a` differ.
 */
export function invert(to: number, a: number): void {
  // ones[k] is a to the power of 2^k ones.
  copy(ones[0]!, a);
  for (let k = 1; k < 6; k++) {
    squareTimes(ones[k]!, ones[k - 1]!, 2 ** (k - 1));
    multiply(ones[k]!, ones[k]!, ones[k - 1]!);
  }
  onesOf(31);
  squareTimes(to, power, 1);
  for (let i = 0; i < 4; i++) {
    squareTimes(to, to, 32);
    multiply(to, to, ones[5]!);
  }
  squareTimes(to, to, 32 + 62);
  // 62 ones are 31 ones twice.
  squareTimes(ones[0]!, power, 31);
  multiply(power, power, ones[0]!);
  multiply(to, to, power);
  squareTimes(to, to, 2);
  multiply(to, to, a);
}

/** `power` = a to the power of `count` ones, 1 to 63, out of `ones`. */
function onesOf(count: number): void {
  let have = 0;
  for (let k = 5; k >= 0; k--) {
    if (((count >> k) & 1) === 0) continue;
    if (have === 0) copy(power, ones[k]!);
    else {
      squareTimes(power, power, 2 ** k);
      multiply(power, power, ones[k]!);
    }
    have += 2 ** k;
  }
}

/** Whether the register is a multiple of p. */
export function isZero(a: number): boolean {
  // A multiple j * p is -j in its low limb: nearly all others are seen by that.
  const low = f[a]! - Math.floor(f[a]! * PER_LIMB) * LIMB;
  if (low > MULTIPLES_MAX && low < LIMB - MULTIPLES_MAX) return false;
  let value = 0n;
  for (let i = LIMBS - 1; i >= 0; i--) value = value * BigInt(LIMB) + BigInt(f[a + i]!);
  return value % P === 0n;
}
