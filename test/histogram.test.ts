/** The histogram against a sorted array: its bound, its merges, and what it does at the edges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bucketHigh, HISTOGRAM_BUCKETS, Histogram } from '../engine/histogram.ts';

/** Every order of magnitude alike, so that all buckets are met. */
const value = fc
  .tuple(fc.nat(31), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([exponent, part]) => Math.floor(2 ** exponent * (1 + part)));
const values = fc.array(value, { minLength: 1, maxLength: 300 });

function of(numbers: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const number of numbers) histogram.add(number);
  return histogram;
}

test('a percentile is never below the true value, and at most 3.2 % above it', () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (numbers, fraction) => {
      const sorted = numbers.map((n) => Math.min(n, 0xffff_ffff)).sort((a, b) => a - b);
      const rank = Math.max(1, Math.ceil(sorted.length * fraction));
      const exact = sorted[rank - 1]!;
      const told = of(numbers).percentile(fraction);
      assert(told >= exact, `${told} is below ${exact}`);
      assert(told <= exact * 1.032, `${told} is too far above ${exact}`);
    }),
    { numRuns: 500 },
  );
});

test('values below 32 are exact', () => {
  for (let number = 0; number < 32; number++)
    assert.equal(of([number, 40]).percentile(0.5), number);
});

test('buckets follow on one another up to 2^32 - 1', () => {
  let low = 0;
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    const high = bucketHigh(bucket);
    assert.deepEqual(of([low]).data().counts, [bucket, 1]);
    assert.deepEqual(of([high]).data().counts, [bucket, 1]);
    low = high + 1;
  }
  assert.equal(low, 2 ** 32);
});

test('parts that are merged are the whole', () => {
  fc.assert(
    fc.property(values, values, (one, two) => {
      const merged = of(one);
      merged.merge(of(two).data());
      const whole = of([...one, ...two]);
      assert.deepEqual(merged.data(), whole.data());
      assert.equal(merged.total, one.length + two.length);
      assert.deepEqual(merged.percentiles(), whole.percentiles());
    }),
  );
});

test('empty is zero; what is outside is held at the edge', () => {
  assert.deepEqual(new Histogram().percentiles(), { p50: 0, p99: 0, p999: 0, max: 0 });
  assert.deepEqual(of([-5, 0.9]).data(), { max: 0, counts: [0, 2] });
  assert.equal(of([1e15]).percentiles().max, 0xffff_ffff);
});

test('a bucket that does not exist is not merged', () => {
  const data = { max: 1, counts: [HISTOGRAM_BUCKETS, 1] };
  assert.throws(() => new Histogram().merge(data), { code: 'ERR_ASSERTION' });
});
