/**
 * A log-linear histogram of non-negative integers: exact below 32, then 32 steps to each doubling,
 * so a percentile is at most 3.2 % above the true value. Fixed size, adds without allocation,
 * merges.
 */
import assert from 'node:assert/strict';

const STEPS = 32;
const STEP_BITS = 5;
const DOUBLINGS = 27;
/** Buckets: values up to 2^32 - 1. */
export const HISTOGRAM_BUCKETS = STEPS * (DOUBLINGS + 1);

function bucketOf(value: number): number {
  if (value < STEPS) return value;
  const exponent = 31 - Math.clz32(value);
  return (exponent - STEP_BITS + 1) * STEPS + ((value >>> (exponent - STEP_BITS)) & (STEPS - 1));
}

/** Highest value that falls into a bucket. */
export function bucketHigh(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (STEPS + (bucket % STEPS) + 1) * 2 ** shift - 1;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** As it travels: only the buckets that are not empty. */
export interface HistogramData {
  readonly max: number;
  /** Bucket, count, bucket, count, ... */
  readonly counts: readonly number[];
}

export class Histogram {
  readonly #counts = new Float64Array(HISTOGRAM_BUCKETS);
  #total = 0;
  #max = 0;
  /** Every count is in a bucket from `#low` on and before `#end`, so that few are looked at. */
  #low = HISTOGRAM_BUCKETS;
  #end = 0;

  get total(): number {
    return this.#total;
  }

  /** Adds one value, rounded down and held within 0 to 2^32 - 1. */
  add(value: number): void {
    const held = Math.min(Math.max(Math.floor(value), 0), 0xffff_ffff);
    this.#count(bucketOf(held), 1);
    if (held > this.#max) this.#max = held;
  }

  merge(data: HistogramData): void {
    assert(data.counts.length % 2 === 0);
    for (let i = 0; i < data.counts.length; i += 2) {
      const bucket = data.counts[i]!;
      assert(bucket >= 0 && bucket < HISTOGRAM_BUCKETS);
      this.#count(bucket, data.counts[i + 1]!);
    }
    this.#max = Math.max(this.#max, data.max);
  }

  data(): HistogramData {
    const counts: number[] = [];
    for (let bucket = this.#low; bucket < this.#end; bucket++) {
      if (this.#counts[bucket]) counts.push(bucket, this.#counts[bucket]!);
    }
    return { max: this.#max, counts };
  }

  /** The smallest bucket bound that at least `fraction` of the values do not exceed. */
  percentile(fraction: number): number {
    let left = Math.max(1, Math.ceil(this.#total * fraction));
    for (let bucket = this.#low; bucket < this.#end; bucket++) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return Math.min(bucketHigh(bucket), this.#max);
    }
    return 0;
  }

  #count(bucket: number, more: number): void {
    this.#counts[bucket]! += more;
    this.#total += more;
    if (bucket < this.#low) this.#low = bucket;
    if (bucket >= this.#end) this.#end = bucket + 1;
  }

  percentiles(): Percentiles {
    return {
      p50: this.percentile(0.5),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.#max,
    };
  }
}
