/** Packed records: the same back, whatever differs; what is no shorter stays as it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RecordPacker, unpackRecords } from '../../engine/debit/packed-records.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { BATCH_RECORDS_MAX } from '../../engine/limits.ts';

/** `count` records that differ in `places` alone, each beginning with layout version 2. */
function recordsOf(count: number, places: readonly number[], seed: number): Uint8Array {
  const records = new Uint8Array(count * DEBIT_BYTES);
  let word = seed;
  for (let i = 0; i < count; i++) {
    const record = records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
    record.set(Uint8Array.from({ length: DEBIT_BYTES }, (_, at) => 7 * at + seed));
    for (const place of places) {
      word = (Math.imul(word, 1_103_515_245) + 12_345) | 0;
      record[place] = word >>> 16;
    }
    record[0] = 2;
  }
  return records;
}

test('records come back, whatever differs among them, batch after batch', () => {
  const packer = new RecordPacker();
  const batch = fc.record({
    count: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(BATCH_RECORDS_MAX)),
    places: fc.array(fc.integer({ min: 1, max: DEBIT_BYTES - 1 }), { maxLength: 160 }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(batch, ({ count, places, seed }) => {
      const records = recordsOf(count, places, seed);
      const packed = packer.pack(records);
      assert(packed.length <= records.length);
      assert.deepEqual(unpackRecords(packed), records);
    }),
  );
});

test('a pair of bytes that differs nowhere is kept once', () => {
  const packer = new RecordPacker();
  const records = recordsOf(100, [16, 21, 159], 5);
  assert.equal(packer.pack(records).length, 14 + 77 * 2 + 3 * 2 * 100);
  // The last record alone, in the last byte alone.
  const last = recordsOf(100, [], 5);
  last[100 * DEBIT_BYTES - 1]! ^= 1;
  const packed = packer.pack(last);
  assert.equal(packed.length, 14 + 79 * 2 + 2 * 100);
  assert.deepEqual(unpackRecords(packed), last);
});

test('one record, and records that are alike in nothing, stay as they are', () => {
  const packer = new RecordPacker();
  const one = recordsOf(1, [], 5);
  assert.equal(packer.pack(one), one);
  const everywhere = Array.from({ length: DEBIT_BYTES - 1 }, (_, i) => i + 1);
  const random = recordsOf(9, everywhere, 5);
  for (let i = 0; i < 9; i++) random[i * DEBIT_BYTES] = 1 + (i & 1);
  assert.equal(packer.pack(random), random);
  assert.deepEqual(unpackRecords(random), random, 'as batches were kept before');
});

test('bytes that are no packed records are none', () => {
  const packed = new RecordPacker().pack(recordsOf(3, [20], 5)).slice();
  assert.equal(unpackRecords(packed.subarray(0, packed.length - 1)), null);
  assert.equal(unpackRecords(Uint8Array.of(...packed, 0)), null);
  assert.equal(unpackRecords(Uint8Array.of(0x80)), null);
  const many = packed.slice();
  many[2] = 0xff;
  assert.equal(unpackRecords(many), null, 'more than a batch has');
  assert.equal(unpackRecords(new Uint8Array(DEBIT_BYTES + 1)), null);
  // Any head, any length: an answer, and no more memory than a batch has.
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const records = unpackRecords(Uint8Array.of(0x80, 0, 0, ...bytes));
      assert(records === null || records.length <= BATCH_RECORDS_MAX * DEBIT_BYTES);
    }),
  );
});
