/** Packed records: the same back, whatever differs; what is no shorter stays as it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { at } from '../../engine/debit/codec.ts';
import { RecordPacker, unpackRecords } from '../../engine/debit/packed-records.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { BATCH_RECORDS_MAX } from '../../engine/limits.ts';

/** `count` records of layout version 2 that differ in `places` alone, of these kinds by turns. */
function recordsOf(
  count: number,
  places: readonly number[],
  seed: number,
  kinds: readonly number[] = [1],
): Uint8Array {
  const records = new Uint8Array(count * DEBIT_BYTES);
  let word = seed;
  for (let i = 0; i < count; i++) {
    const record = records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
    const kind = kinds[i % kinds.length]!;
    record.set(Uint8Array.from({ length: DEBIT_BYTES }, (_, byte) => 7 * byte + seed + kind));
    for (const place of places) {
      word = (Math.imul(word, 1_103_515_245) + 12_345) | 0;
      record[place] = word >>> 16;
    }
    record[at.version] = 2;
    record[at.kind] = kind;
  }
  return records;
}

test('records come back, whatever differs among them, batch after batch', () => {
  const packer = new RecordPacker();
  const batch = fc.record({
    count: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(BATCH_RECORDS_MAX)),
    places: fc.array(fc.integer({ min: 2, max: DEBIT_BYTES - 1 }), { maxLength: 160 }),
    seed: fc.nat(),
    kinds: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 12 }),
  });
  fc.assert(
    fc.property(batch, ({ count, places, seed, kinds }) => {
      const records = recordsOf(count, places, seed, kinds);
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

test('events among debits are packed apart, in whatever order they came', () => {
  const packer = new RecordPacker();
  const mixed = recordsOf(101, [20, 40], 5, [1, 3, 1, 1, 2]);
  const packed = packer.pack(mixed);
  const ofKind = (count: number): number => 10 + 78 * 2 + 2 * 2 * count;
  assert.equal(packed.length, 4 + 102 + ofKind(61) + ofKind(20) + ofKind(20));
  assert.deepEqual(unpackRecords(packed), mixed);
  // One event, which has no other to be like.
  const one = recordsOf(50, [20], 5);
  one.set(recordsOf(1, [], 9, [3]), 17 * DEBIT_BYTES);
  assert.equal(packer.pack(one).length, 4 + 50 + (10 + 79 * 2 + 2 * 49) + (10 + 160));
  assert.deepEqual(unpackRecords(packer.pack(one)), one);
});

test('one record, and records that are alike in nothing, stay as they are', () => {
  const packer = new RecordPacker();
  const one = recordsOf(1, [], 5);
  assert.equal(packer.pack(one), one);
  const everywhere = Array.from({ length: DEBIT_BYTES - 2 }, (_, i) => i + 2);
  const random = recordsOf(9, everywhere, 5);
  for (let i = 0; i < 9; i++) random[i * DEBIT_BYTES] = 1 + (i & 1);
  assert.equal(packer.pack(random), random);
  assert.deepEqual(unpackRecords(random), random, 'as batches were kept before');
  const kinds = recordsOf(9, [], 5, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(packer.pack(kinds), kinds, 'of more kinds than there are');
});

test('bytes that are no packed records are none', () => {
  const packed = new RecordPacker().pack(recordsOf(30, [20], 5, [1, 3])).slice();
  assert.notEqual(unpackRecords(packed), null);
  for (let length = 1; length < packed.length; length++) {
    assert.equal(unpackRecords(packed.subarray(0, length)), null, `${length} bytes`);
  }
  assert.equal(unpackRecords(Uint8Array.of(...packed, 0)), null);
  const many = packed.slice();
  many[2] = 0xff;
  assert.equal(unpackRecords(many), null, 'more than a batch has');
  const none = packed.slice();
  none[1] = 0;
  assert.equal(unpackRecords(none), null, 'of no kind');
  assert.equal(unpackRecords(new Uint8Array(DEBIT_BYTES + 1)), null);
  // Any head, any length: an answer, and no more memory than a batch has.
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const records = unpackRecords(Uint8Array.of(0x80, ...bytes));
      assert(records === null || records.length <= BATCH_RECORDS_MAX * DEBIT_BYTES);
    }),
  );
});
