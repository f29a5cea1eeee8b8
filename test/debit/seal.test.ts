/**
 * Sealing: the published XChaCha20-Poly1305 example, noble's own one-shot function and OpenSSL's
 * ChaCha20-Poly1305 behind an independent HChaCha20, then what the sealer refuses.
 */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import fc from 'fast-check';
import { fromHex, readU32 } from '../../engine/bytes.ts';
import { createAead } from '../../engine/crypto/aead.ts';
import { createSealer } from '../../engine/debit/seal.ts';
import { hchacha20 } from '../reference/hchacha20.ts';

/** draft-irtf-cfrg-xchacha-03, A.3.1. */
const example = {
  key: fromHex('808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9F'),
  nonce: fromHex('404142434445464748494A4B4C4D4E4F5051525354555657'),
  associated: fromHex('50515253C0C1C2C3C4C5C6C7'),
  plain: new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
      'sunscreen would be it.',
  ),
  sealed: fromHex(
    'BD6D179D3E83D43B9576579493C0E939572A1700252BFACCBED2902C21396CBB' +
      '731C7F1B0B4AA6440BF3A82F4EDA7E39AE64C6708C54C216CB96B72E1213B452' +
      '2F8C9BA40DB5D945B11B69B982C1BB9E3F3FAC2BC369488F76B2383565D3FFF9' +
      '21F9664C97637DA9768812F615C68B13B52E' +
      'C0875924C1C7987947DEAFD8780ACF49',
  ),
};

function sealWith(
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const aead = createAead(key, nonce.subarray(0, 16), plain.length);
  const out = new Uint8Array(plain.length + 16);
  aead.seal(readU32(nonce, 16), readU32(nonce, 20), associated, plain, out, 0);
  return out;
}

test('the published example of XChaCha20-Poly1305', () => {
  const { key, nonce, associated, plain, sealed } = example;
  assert.deepEqual(sealWith(key, nonce, associated, plain), sealed);
  const aead = createAead(key, nonce.subarray(0, 16), 200);
  assert.deepEqual(aead.open(0x50515253, 0x54555657, associated, sealed), plain);
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

test('the same as two independent implementations', () => {
  const inputs = [bytes(32), bytes(24), fc.uint8Array({ maxLength: 80 }), fc.uint8Array()] as const;
  fc.assert(
    fc.property(...inputs, (key, nonce, associated, plain) => {
      const sealed = sealWith(key, nonce, associated, plain);
      assert.deepEqual(sealed, xchacha20poly1305(key, nonce, associated).encrypt(plain));
      const subkey = hchacha20(key, nonce.subarray(0, 16));
      const rest = new Uint8Array(12);
      rest.set(nonce.subarray(16), 4);
      const openssl = createCipheriv('chacha20-poly1305', subkey, rest, { authTagLength: 16 });
      openssl.setAAD(associated, { plaintextLength: plain.length });
      const expected = Buffer.concat([openssl.update(plain), openssl.final()]);
      assert.deepEqual(sealed, new Uint8Array(Buffer.concat([expected, openssl.getAuthTag()])));
    }),
    { numRuns: 200 },
  );
});

const key = new Uint8Array(32).fill(1);
const salt = new Uint8Array(16).fill(2);
const head = Uint8Array.of(1, 2, 3);
const record = Uint8Array.from({ length: 160 }, (_, i) => i);

function sealed(): Uint8Array {
  const out = new Uint8Array(176);
  createSealer(key, 'G-01', salt).seal(3, 96, head, record, out, 0);
  return out;
}

test('a sealed record opens where it was sealed', () => {
  assert.deepEqual(createSealer(key, 'G-01', salt).open(3, 96, head, sealed()), record);
});

test('a sealed record opens nowhere else, for no other gate, key, salt or head', () => {
  const sealer = createSealer(key, 'G-01', salt);
  const refused = [
    sealer.open(4, 96, head, sealed()),
    sealer.open(3, 97, head, sealed()),
    sealer.open(96, 3, head, sealed()),
    sealer.open(3, 96, Uint8Array.of(1, 2, 4), sealed()),
    sealer.open(3, 96, Uint8Array.of(1, 2, 3, 0), sealed()),
    createSealer(key, 'G-02', salt).open(3, 96, head, sealed()),
    createSealer(key, 'G-0', salt).open(3, 96, head, sealed()),
    createSealer(key.with(31, 0), 'G-01', salt).open(3, 96, head, sealed()),
    createSealer(key, 'G-01', salt.with(15, 0)).open(3, 96, head, sealed()),
    sealer.open(3, 96, head, sealed().subarray(0, 175)),
    sealer.open(3, 96, head, sealed().subarray(0, 10)),
    sealer.open(3, 96, head, new Uint8Array(500)),
  ];
  assert.deepEqual(
    refused,
    refused.map(() => null),
  );
});

test('a sealed record with any bit changed does not open', () => {
  const sealer = createSealer(key, 'G-01', salt);
  for (let at = 0; at < 176; at++) {
    const changed = sealed();
    changed[at]! ^= 1 << (at % 8);
    assert.equal(sealer.open(3, 96, head, changed), null, `byte ${at}`);
  }
});

test('the same record at two places, or under two salts, is never sealed alike', () => {
  const seen = new Set<string>();
  for (const fill of [2, 3]) {
    const sealer = createSealer(
      key,
      'G-01',
      salt.map(() => fill),
    );
    for (const [segment, offset] of [
      [1, 96],
      [1, 304],
      [2, 96],
    ] as const) {
      const out = new Uint8Array(176);
      sealer.seal(segment, offset, head, record, out, 0);
      seen.add(Buffer.from(out.subarray(0, 16)).toString('hex'));
    }
  }
  assert.equal(seen.size, 6);
});
