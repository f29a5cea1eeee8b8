/** CMACs side by side: those of the published vectors, and of one at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { CmacColumns } from '../../engine/crypto/cmac-columns.ts';
import { cmac16, cmacKey } from '../../engine/crypto/mac.ts';

// RFC 4493, 4: examples 1 (no bytes), 2 (16 bytes) and 4 (64 bytes).
const rfcKey = fromHex('2B7E151628AED2A6ABF7158809CF4F3C');
const rfcMessage = fromHex(
  '6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51' +
    '30C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710',
);

test('RFC 4493 examples', () => {
  const columns = new CmacColumns(cmacKey(rfcKey));
  const out = new Uint8Array(16);
  columns.ofFields(rfcMessage, 64, 0, 0, 1, out);
  assert.equal(toHex(out), 'BB1D6929E95937287FA37D129B756746');
  columns.ofRecords(rfcMessage, 16, 1, out);
  assert.equal(toHex(out), '070A16B46B4D4144F79BDD9DD04A287C');
  columns.ofRecords(rfcMessage, 64, 1, out);
  assert.equal(toHex(out), '51F0BEBF7E3B9D92FC49741779363CFE');
});

test('many records give what each gives alone, for every key size and place in a buffer', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(
      fc.constantFrom(16, 24, 32).chain(bytes),
      fc.integer({ min: 0, max: 9 }),
      fc.constantFrom(16, 48, 160),
      fc.nat(3),
      fc.nat(15),
      fc.infiniteStream(fc.nat(255)),
      (raw, count, stride, shift, length, noise) => {
        const key = cmacKey(raw);
        const columns = new CmacColumns(key);
        const whole = new Uint8Array(shift + count * stride);
        for (let i = 0; i < whole.length; i++) whole[i] = noise.next().value!;
        const records = shift % 2 === 0 ? whole.subarray(shift) : Buffer.from(whole.buffer, shift);
        const from = Math.min(3, stride - length);
        const fields = new Uint8Array(16 * count);
        const wholes = new Uint8Array(16 * count);
        columns.ofFields(records, stride, from, length, count, fields);
        columns.ofRecords(records, stride, count, wholes);
        const one = new Uint8Array(16);
        for (let i = 0; i < count; i++) {
          cmac16(key, records, i * stride + from, length, one);
          assert.deepEqual(fields.slice(16 * i, 16 * i + 16), one);
          cmac16(key, records, i * stride, stride, one);
          assert.deepEqual(wholes.slice(16 * i, 16 * i + 16), one);
        }
      },
    ),
    { numRuns: 200 },
  );
});
