/** Bytes against DataView and Buffer: integers at any place, hexadecimal, BCD, comparison. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bcd,
  copyBytes,
  equalBytes,
  equalRange,
  fromBcd,
  fromHex,
  isAllZero,
  isHex,
  readU16,
  readU32,
  readU48,
  toHex,
  writeU16,
  writeU32,
  writeU48,
} from '../engine/bytes.ts';

const any = fc.uint8Array({ maxLength: 40 });
const eight = fc.uint8Array({ minLength: 8, maxLength: 8 });

test('only bytes that are all 0 are, wherever one is not', () => {
  for (const length of [0, 1, 2, 9, 1000]) {
    const bytes = new Uint8Array(length + 2).fill(7);
    const within = bytes.subarray(1, length + 1).fill(0);
    assert.equal(isAllZero(within), true);
    for (let i = 0; i < length; i++) {
      within[i] = 1;
      assert.equal(isAllZero(within), false, `${i} of ${length}`);
      within[i] = 0;
    }
    assert.equal(isAllZero(within.fill(0xff)), length === 0);
  }
});

test('integers are big-endian, as DataView reads them, top bits included', () => {
  fc.assert(
    fc.property(eight, fc.nat(2), (bytes, at) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      assert.equal(readU16(bytes, at), view.getUint16(at));
      assert.equal(readU32(bytes, at), view.getUint32(at));
      assert.equal(
        readU48(bytes, at),
        Number(BigInt.asUintN(48, view.getBigUint64(0) >> BigInt(16 - 8 * at))),
      );
    }),
  );
  const top = new Uint8Array(6).fill(0xff);
  assert.equal(readU32(top, 0), 0xffff_ffff);
  assert.equal(readU48(top, 0), 2 ** 48 - 1);
});

test('what is written is read again, and nothing beside it changes', () => {
  const widths = [
    [2, writeU16, readU16],
    [4, writeU32, readU32],
    [6, writeU48, readU48],
  ] as const;
  for (const [width, write, read] of widths) {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(4), (number, at) => {
        const value = number % 2 ** (8 * width);
        const bytes = new Uint8Array(12).fill(0xa5);
        write(bytes, at, value);
        assert.equal(read(bytes, at), value);
        const around = [...bytes.subarray(0, at), ...bytes.subarray(at + width)];
        assert(around.every((byte) => byte === 0xa5));
      }),
    );
  }
});

test('hexadecimal goes there and back, from any view and in either case', () => {
  fc.assert(
    fc.property(any, fc.nat(5), (bytes, from) => {
      const view = bytes.subarray(Math.min(from, bytes.length));
      const text = toHex(view);
      assert.match(text, /^[0-9A-F]*$/);
      assert.deepEqual(fromHex(text), view.slice());
      assert.deepEqual(fromHex(text.toLowerCase()), view.slice());
      assert(isHex(text, view.length));
      assert(!isHex(text, view.length + 1));
    }),
  );
});

test('what is no hexadecimal of whole bytes is refused', () => {
  for (const text of ['0', 'ABC', 'GG', '0x00', '00 11', '00\n']) {
    assert(!isHex(text), JSON.stringify(text));
    assert.throws(() => fromHex(text), /not hexadecimal/);
  }
});

test('BCD goes there and back for 0 to 99, and nibbles over 9 are no digits', () => {
  for (let value = 0; value < 100; value++) {
    assert.equal(bcd(value), Number.parseInt(String(value), 16));
    assert.equal(fromBcd(bcd(value)), value);
  }
  for (let byte = 0; byte < 256; byte++) {
    const decimal = /^\d+$/.test(byte.toString(16));
    assert.equal(fromBcd(byte), decimal ? Number(byte.toString(16)) : -1);
  }
});

test('comparison finds any one bit, and lengths that differ', () => {
  fc.assert(
    fc.property(eight, fc.nat(63), (bytes, bit) => {
      const other = bytes.slice();
      assert(equalBytes(bytes, other));
      other[bit >> 3]! ^= 1 << (bit & 7);
      assert(!equalBytes(bytes, other));
      assert(!equalBytes(bytes, bytes.subarray(0, 7)));
      const at = bit >> 3;
      assert(equalRange(bytes, 0, other, 0, at));
      assert(!equalRange(bytes, at, other, at, 1));
    }),
  );
});

test('a copy takes its range and no more', () => {
  fc.assert(
    fc.property(eight, fc.nat(4), fc.nat(4), fc.nat(4), (bytes, from, to, length) => {
      const copy = new Uint8Array(8).fill(0x5a);
      const expected = copy.slice();
      expected.set(bytes.subarray(from, from + length), to);
      copyBytes(bytes, from, copy, to, length);
      assert.deepEqual(copy, expected);
    }),
  );
});
