/** RSA recovery against the published chains and against textbook powers on BigInt. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { RSA_MODULUS_BYTES_MAX, RSA_MODULUS_BYTES_MIN } from '../../engine/card-limits.ts';
import { isExponent, recoverRsa, rsaKey } from '../../engine/crypto/rsa.ts';
import { recover } from '../reference/crypto-sm2.ts';
import { noShared, vectors } from '../shared.ts';

interface CaKey {
  readonly index: string;
  readonly modulus?: string;
  readonly exponent: string;
}

test('recovers as BigInt does, by every published CA modulus', { skip: noShared }, () => {
  for (const { modulus, index } of vectors<CaKey>('capk-unionpay-test')) {
    if (modulus === undefined) continue;
    const n = fromHex(modulus);
    for (const exponent of ['03', '010001']) {
      const key = rsaKey(n, fromHex(exponent));
      assert(key, index);
      const value = fc.uint8Array({ minLength: n.length - 1, maxLength: n.length - 1 });
      fc.assert(
        fc.property(value, (rest) => {
          const signature = Uint8Array.of(0x7f, ...rest);
          const expected = recover(n, BigInt(`0x${exponent}`), signature);
          assert.equal(toHex(recoverRsa(key, signature)!), toHex(expected));
        }),
        { numRuns: 10 },
      );
      assert.equal(recoverRsa(key, new Uint8Array(n.length).fill(0xff)), null, 'over the modulus');
      assert.equal(recoverRsa(key, n.subarray(1)), null, 'another length');
    }
  }
});

test('exponents other than 3 and 65537, and moduli out of bounds, are no keys', () => {
  assert(isExponent(fromHex('03')) && isExponent(fromHex('010001')));
  for (const hex of ['', '01', '02', '11', '0003', '000003', '010000', '00010001']) {
    assert(!isExponent(fromHex(hex)), hex);
    assert.equal(rsaKey(new Uint8Array(128).fill(0xc5), fromHex(hex)), null, hex);
  }
  const three = fromHex('03');
  assert(rsaKey(new Uint8Array(RSA_MODULUS_BYTES_MIN).fill(0xc5), three));
  assert(rsaKey(new Uint8Array(RSA_MODULUS_BYTES_MAX).fill(0xc5), three));
  assert.equal(rsaKey(new Uint8Array(RSA_MODULUS_BYTES_MIN - 1).fill(0xc5), three), null);
  assert.equal(rsaKey(new Uint8Array(RSA_MODULUS_BYTES_MAX + 1).fill(0xc5), three), null);
  assert.equal(rsaKey(new Uint8Array(128), three), null, 'zero');
});

test('no modulus and signature from outside throws', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 64, maxLength: 90 }),
      fc.uint8Array({ minLength: 64, maxLength: 90 }),
      (modulus, signature) => {
        const key = rsaKey(modulus, Uint8Array.of(3));
        const recovered = key && recoverRsa(key, signature.subarray(0, modulus.length));
        assert(recovered === null || recovered.length === modulus.length);
      },
    ),
  );
});
