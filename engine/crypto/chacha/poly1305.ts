/**
 * Poly1305 (RFC 8439, 2.5) as a function of a WebAssembly module: five limbs of 26 bits, whose
 * products fit 64.
 */
import { FunctionCode } from '../bitslice/wasm.ts';
import { POLY_KEY, VECTOR_BYTES } from './layout.ts';
import { step } from './stream.ts';

const LIMBS = 5;
const LIMB_BITS = 26;
const LIMB_MASK = 0x3ff_ffff;
/** Bits of `r` that are not cleared (RFC 8439, 2.5), limb by limb. */
const CLAMP = [0x3ff_ffff, 0x3ff_ff03, 0x3ff_c0ff, 0x3f0_3fff, 0x00f_ffff];

interface Limbs {
  readonly r: readonly number[];
  /** Five times `r`: what stands above 2^130 comes back so. */
  readonly s: readonly number[];
  readonly h: readonly number[];
  readonly products: readonly number[];
  readonly carry: number;
}

/** Leaves limb `index` of the 16 bytes at `offset` from the address in a local, or from 0. */
function pushLimb(code: FunctionCode, address: number | null, offset: number, index: number) {
  if (address === null) code.i32(0);
  else code.get(address);
  code.at('i64.load32_u', offset + (index < 4 ? 3 * index : 12));
  if (index > 0) {
    code.i64(2 * index);
    code.do('i64.shr_u');
  }
}

/**
 * `mac(at, end, tag)`: Poly1305 (RFC 8439, 2.5) of the whole blocks from `at` to `end`, under
 * POLY_KEY; 16 bytes at `tag`, which may be within them.
 */
export function mac(): FunctionCode {
  const code = new FunctionCode(['i32', 'i32', 'i32']);
  const limbs: Limbs = {
    r: code.locals('i64', LIMBS),
    s: code.locals('i64', LIMBS),
    h: code.locals('i64', LIMBS),
    products: code.locals('i64', LIMBS),
    carry: code.local('i64'),
  };
  for (let i = 0; i < LIMBS; i++) {
    pushLimb(code, null, POLY_KEY, i);
    code.i64(CLAMP[i]!);
    code.do('i64.and');
    code.set(limbs.r[i]!);
    code.get(limbs.r[i]!);
    code.i64(5);
    code.do('i64.mul');
    code.set(limbs.s[i]!);
  }
  code.repeat(() => {
    addBlock(code, limbs);
    multiply(code, limbs);
    step(code, 0, VECTOR_BYTES);
    code.get(0);
    code.get(1);
    code.do('i32.lt_u');
  });
  reduce(code, limbs);
  storeTag(code, limbs);
  return code;
}

/** `h += block + 2^128`. */
function addBlock(code: FunctionCode, { h }: Limbs): void {
  for (let i = 0; i < LIMBS; i++) {
    pushLimb(code, 0, 0, i);
    code.i64(i < 4 ? LIMB_MASK : 1 << 24);
    code.do(i < 4 ? 'i64.and' : 'i64.or');
    code.get(h[i]!);
    code.do('i64.add');
    code.set(h[i]!);
  }
}

/** `h *= r`, its limbs at most a little longer than 26 bits. */
function multiply(code: FunctionCode, limbs: Limbs): void {
  const { r, s, h, products } = limbs;
  for (let k = 0; k < LIMBS; k++) {
    for (let i = 0; i < LIMBS; i++) {
      code.get(h[i]!);
      code.get(i <= k ? r[k - i]! : s[LIMBS + k - i]!);
      code.do('i64.mul');
      if (i > 0) code.do('i64.add');
    }
    code.set(products[k]!);
  }
  carryOn(code, limbs, products, 0, LIMBS);
  for (let i = 2; i < LIMBS; i++) {
    code.get(products[i]!);
    code.set(h[i]!);
  }
  carryOn(code, limbs, [products[0]!, products[1]!], 0, 1);
  for (let i = 0; i < 2; i++) {
    code.get(products[i]!);
    code.set(h[i]!);
  }
}

/** Carries from each limb to the next; what the fifth carries goes to the first five times. */
function carryOn(
  code: FunctionCode,
  { carry }: Limbs,
  limbs: readonly number[],
  from: number,
  count: number,
): void {
  for (let i = from; i < from + count; i++) {
    const limb = limbs[i]!;
    const next = limbs[(i + 1) % LIMBS]!;
    code.get(limb);
    code.i64(LIMB_BITS);
    code.do('i64.shr_u');
    code.set(carry);
    code.get(limb);
    code.i64(LIMB_MASK);
    code.do('i64.and');
    code.set(limb);
    code.get(next);
    code.get(carry);
    if (i === LIMBS - 1) {
      code.i64(5);
      code.do('i64.mul');
    }
    code.do('i64.add');
    code.set(next);
  }
}

/** `h` modulo 2^130 - 5. */
function reduce(code: FunctionCode, limbs: Limbs): void {
  const { h, products: less, carry } = limbs;
  carryOn(code, limbs, h, 1, LIMBS - 1);
  carryOn(code, limbs, h, 0, 1);
  // h + 5 - 2^130: negative where h was reduced already.
  for (let i = 0; i < LIMBS; i++) {
    code.get(h[i]!);
    if (i === 0) code.i64(5);
    else code.get(carry);
    code.do('i64.add');
    code.set(less[i]!);
    code.get(less[i]!);
    code.i64(LIMB_BITS);
    code.do('i64.shr_u');
    code.set(carry);
    if (i < LIMBS - 1) {
      code.get(less[i]!);
      code.i64(LIMB_MASK);
      code.do('i64.and');
      code.set(less[i]!);
    }
  }
  code.get(less[LIMBS - 1]!);
  code.i64(-(1 << LIMB_BITS));
  code.do('i64.add');
  code.set(less[LIMBS - 1]!);
  code.get(less[LIMBS - 1]!);
  code.i64(63);
  code.do('i64.shr_s');
  code.set(carry);
  for (let i = 0; i < LIMBS; i++) {
    code.get(h[i]!);
    code.get(carry);
    code.do('i64.and');
    code.get(less[i]!);
    code.get(carry);
    code.i64(-1);
    code.do('i64.xor');
    code.do('i64.and');
    code.do('i64.or');
    code.set(h[i]!);
  }
}

/** The tag: `h` and `s` added modulo 2^128. */
function storeTag(code: FunctionCode, { h, products, carry }: Limbs): void {
  const [low, high] = products as [number, number];
  // Bits above the 64th fall off where a limb lies over it.
  for (const [half, parts] of [
    [low, [0, 26, 52]],
    [high, [-12, 14, 40]],
  ] as const) {
    for (const [i, bits] of parts.entries()) {
      code.get(h[half === low ? i : i + 2]!);
      code.i64(Math.abs(bits));
      code.do(bits < 0 ? 'i64.shr_u' : 'i64.shl');
      if (i > 0) code.do('i64.add');
    }
    code.set(half);
  }
  code.i32(0);
  code.at('i64.load', POLY_KEY + VECTOR_BYTES);
  code.set(carry);
  code.get(2);
  code.get(low);
  code.get(carry);
  code.do('i64.add');
  code.set(low);
  code.get(low);
  code.at('i64.store', 0);
  code.get(2);
  code.get(low);
  code.get(carry);
  code.do('i64.lt_u');
  code.do('i64.extend_i32_u');
  code.get(high);
  code.do('i64.add');
  code.i32(0);
  code.at('i64.load', POLY_KEY + VECTOR_BYTES + 8);
  code.do('i64.add');
  code.at('i64.store', 8);
}
