/** The denylist against a Set: exact membership, whatever is listed, and nothing in clear. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { CARD_NUMBER_BYTES } from '../../engine/denylist/card-hash.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';

const key = cmacKey(fromHex('2B7E151628AED2A6ABF7158809CF4F3C'));
const number = fc.uint8Array({ minLength: CARD_NUMBER_BYTES, maxLength: CARD_NUMBER_BYTES });

/** Card numbers that differ in few digits, as those of one issuer do. */
function serial(index: number): Uint8Array {
  return fromHex(`3104${String(index).padStart(16, '0')}`);
}

test('random numbers: listed are found, others are not, repeats count once', () => {
  fc.assert(
    fc.property(fc.array(number, { maxLength: 60 }), fc.array(number), (listed, others) => {
      const expected = new Set(listed.map(toHex));
      const denylist = Denylist.build(key, [...listed, ...listed.slice(0, 5)]);
      assert.equal(denylist.size, expected.size);
      for (const each of [...listed, ...others]) {
        assert.equal(denylist.has(each, 0), expected.has(toHex(each)));
      }
    }),
  );
});

test('twenty thousand numbers in a row: every other one is listed', () => {
  const listed = Array.from({ length: 10_000 }, (_, i) => serial(2 * i));
  const denylist = Denylist.build(key, listed);
  assert.equal(denylist.size, 10_000);
  for (let i = 0; i < 20_000; i++) assert.equal(denylist.has(serial(i), 0), i % 2 === 0, `${i}`);
});

test('a number is read where it stands', () => {
  const denylist = Denylist.build(key, [serial(7)]);
  const answer = new Uint8Array(30).fill(0xee);
  answer.set(serial(7), 12);
  assert(denylist.has(answer, 12));
  assert(!denylist.has(answer, 11));
});

test('an empty list stops nobody', () => {
  const denylist = Denylist.build(key, []);
  assert.equal(denylist.size, 0);
  assert(!denylist.has(new Uint8Array(CARD_NUMBER_BYTES), 0));
});

test('a list of one number and the fullest small lists still end a search', () => {
  for (let count = 1; count <= 40; count++) {
    const listed = Array.from({ length: count }, (_, i) => serial(i));
    const denylist = Denylist.build(key, listed);
    assert(listed.every((each) => denylist.has(each, 0)));
    for (let i = count; i < count + 200; i++) assert(!denylist.has(serial(i), 0));
  }
});

test('a number of another length is our own mistake', () => {
  assert.throws(() => Denylist.build(key, [new Uint8Array(8)]), { code: 'ERR_ASSERTION' });
});
