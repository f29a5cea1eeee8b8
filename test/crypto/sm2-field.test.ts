/** The field of SM2 against BigInt, with limbs as large as curve formulas let them grow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  add,
  f,
  invert,
  isZero,
  LIMBS,
  multiply,
  P,
  register,
  scale,
  settle,
  setValue,
  subtract,
} from '../../engine/crypto/sm2/field.ts';

const [A, B, C] = [register(), register(), register()];
const R = 2n ** 264n;

function numberIn(at: number): bigint {
  let value = 0n;
  for (let i = LIMBS - 1; i >= 0; i--) value = value * 2n ** 22n + BigInt(f[at + i]!);
  return value;
}

function mod(value: bigint): bigint {
  return ((value % P) + P) % P;
}

/** Limbs of up to four times their size, either sign, the highest as small as sums leave it. */
const loose = fc
  .tuple(
    fc.array(
      fc.oneof(
        fc.integer({ min: -(2 ** 24), max: 2 ** 24 }),
        fc.constantFrom(-(2 ** 24), 0, 2 ** 22 - 1, 2 ** 22, 2 ** 24),
      ),
      { minLength: LIMBS - 1, maxLength: LIMBS - 1 },
    ),
    fc.integer({ min: -(2 ** 17), max: 2 ** 17 }),
  )
  .map(([low, high]) => [...low, high]);

test('products of loose values are right, small and settled', () => {
  fc.assert(
    fc.property(loose, loose, (a, b) => {
      f.set(a, A);
      f.set(b, B);
      multiply(C, A, B);
      assert.equal(mod(numberIn(C) * R), mod(numberIn(A) * numberIn(B)));
      for (let i = 0; i < LIMBS - 1; i++) assert(f[C + i]! >= 0 && f[C + i]! < 2 ** 22);
      const value = numberIn(C);
      assert(value > -P && value < 2n * P);
    }),
    { numRuns: 500 },
  );
});

test('sums, differences and carries keep the value', () => {
  fc.assert(
    fc.property(loose, loose, fc.integer({ min: 0, max: 8 }), (a, b, times) => {
      f.set(a, A);
      f.set(b, B);
      const [x, y] = [numberIn(A), numberIn(B)];
      add(C, A, B);
      assert.equal(numberIn(C), x + y);
      subtract(C, A, B, times);
      assert.equal(numberIn(C), x - BigInt(times) * y);
      settle(C);
      assert.equal(numberIn(C), x - BigInt(times) * y);
      for (let i = 0; i < LIMBS - 1; i++) assert(Math.abs(f[C + i]!) <= 2 ** 22 + 2 ** 6);
      scale(C, A, times);
      assert.equal(numberIn(C), BigInt(times) * x);
    }),
  );
});

test('inverses, and zero in all its forms', () => {
  const value = fc.bigInt({ min: 1n, max: P - 1n });
  fc.assert(
    fc.property(value, fc.integer({ min: -20, max: 20 }), (x, j) => {
      setValue(A, x);
      invert(B, A);
      multiply(C, A, B);
      assert.equal(mod(numberIn(C)), R % P, '1 in Montgomery form');
      assert(!isZero(A));
      const multiple = BigInt(j) * P;
      const limbs = Array.from({ length: LIMBS - 1 }, (_, i) =>
        Number(BigInt.asUintN(22, multiple >> BigInt(22 * i))),
      );
      f.set([...limbs, Number(multiple >> 242n)], A);
      assert.equal(numberIn(A), multiple);
      assert(isZero(A));
      f[A]! += 1;
      assert(!isZero(A));
    }),
    { numRuns: 50 },
  );
});
