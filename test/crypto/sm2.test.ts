/** SM3 and SM2 against published vectors, node:crypto's SM3 and a slow twin on BigInt. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { sm2Key, verifySm2 } from '../../engine/crypto/sm2/signature.ts';
import { sm3 } from '../../engine/crypto/sm3.ts';
import * as slow from '../reference/crypto-sm2.ts';
import { noShared, vectors } from '../shared.ts';

interface Vector {
  readonly id: string;
  readonly message: string;
  readonly digest: string;
  readonly pub: string;
  readonly r: string;
  readonly s: string;
}

function vector(id: string): Vector {
  const found = vectors<Vector>('sm2-sm3-sm4').find((one) => one.id === id);
  assert(found, id);
  return found;
}

test('SM3 of the standard', { skip: noShared }, () => {
  for (const id of ['sm3-abc', 'sm3-abcd16']) {
    const { message, digest } = vector(id);
    assert.equal(toHex(sm3(fromHex(message))), digest);
  }
});

test('SM3 is that of node:crypto for any message, in any parts', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (message, cut) => {
      const expected = createHash('sm3').update(message).digest('hex').toUpperCase();
      assert.equal(toHex(sm3(message)), expected);
      assert.equal(toHex(sm3(message.subarray(0, cut), message.subarray(cut))), expected);
    }),
  );
});

for (const use of ['known', 'once'] as const) {
  test(`SM2 signature of GB/T 32918.5, key used ${use}`, { skip: noShared }, () => {
    const { pub, message, r, s } = vector('sm2-sign');
    const key = sm2Key(fromHex(pub), use)!;
    const signature = fromHex(r + s);
    assert(verifySm2(key, fromHex(message), signature));
    for (let bit = 0; bit < 512; bit++) {
      signature[bit >> 3]! ^= 1 << (bit & 7);
      assert(!verifySm2(key, fromHex(message), signature), `bit ${bit}`);
      signature[bit >> 3]! ^= 1 << (bit & 7);
    }
    assert(!verifySm2(key, fromHex(`${message}00`), signature));
  });
}

const scalar = fc
  .oneof(
    fc.bigInt({ min: 1n, max: slow.N - 2n }),
    // Keys that are small multiples of the generator, whose sums meet in additions.
    fc.bigInt({ min: 1n, max: 40n }),
    fc.bigInt({ min: slow.N - 40n, max: slow.N - 2n }),
    fc.nat(255).map((bit) => (1n << BigInt(bit)) % (slow.N - 1n)),
  )
  .filter((d) => d > 0n);

test('verifies what the slow twin signs, and says what it says of anything else', () => {
  fc.assert(
    fc.property(
      scalar,
      scalar,
      fc.uint8Array({ maxLength: 80 }),
      fc.nat(511),
      fc.boolean(),
      (d, k, message, bit, spoils) => {
        const publicKey = slow.publicKeyOf(d);
        const signature = slow.sign(d, message, k);
        if (spoils) signature[bit >> 3]! ^= 1 << (bit & 7);
        const expected = slow.verify(publicKey, message, signature);
        for (const use of ['known', 'once'] as const) {
          assert.equal(verifySm2(sm2Key(publicKey, use)!, message, signature), expected);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('u G + v P is right where sums meet: multiples of the generator, signatures made to fit', () => {
  // Any s and t give a signature of some digest; a message is not needed to try the sums.
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 20n }),
      fc.bigInt({ min: 1n, max: 300n }),
      fc.boolean(),
      (d, s, negative) => {
        const key = negative ? slow.N - d : d;
        const publicKey = slow.publicKeyOf(key);
        const message = Uint8Array.of(1);
        const signature = Buffer.concat([slow.bytes32(s + 1n), slow.bytes32(s)]);
        const expected = slow.verify(publicKey, message, signature);
        assert.equal(verifySm2(sm2Key(publicKey, 'known')!, message, signature), expected);
        assert.equal(verifySm2(sm2Key(publicKey, 'once')!, message, signature), expected);
      },
    ),
    { numRuns: 20 },
  );
});

test('numbers out of range and points off the curve are refused', () => {
  const publicKey = slow.publicKeyOf(7n);
  const key = sm2Key(publicKey, 'once')!;
  const message = Uint8Array.of(1);
  const good = slow.sign(7n, message, 12345n);
  assert(verifySm2(key, message, good));
  const numbers = [0n, slow.N, 2n ** 256n - 1n];
  for (const number of numbers) {
    assert(!verifySm2(key, message, Buffer.concat([slow.bytes32(number), good.subarray(32)])));
    assert(!verifySm2(key, message, Buffer.concat([good.subarray(0, 32), slow.bytes32(number)])));
  }
  const r = BigInt(`0x${Buffer.from(good.subarray(0, 32)).toString('hex')}`);
  const sumIsZero = Buffer.concat([good.subarray(0, 32), slow.bytes32(slow.N - r)]);
  assert(!verifySm2(key, message, sumIsZero), 'r + s = n');
  for (let bit = 0; bit < 512; bit += 7) {
    const off = Uint8Array.from(publicKey);
    off[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(sm2Key(off, 'once'), null, `bit ${bit}`);
  }
  assert.equal(sm2Key(new Uint8Array(64), 'once'), null);
  assert.equal(sm2Key(new Uint8Array(64).fill(0xff), 'once'), null);
});
