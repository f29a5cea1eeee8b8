/**
 * The ChaCha20-Poly1305 module: published vectors of its parts (RFC 8439, appendix A), Poly1305
 * against whole numbers, and the seals it makes against those made without it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import fc from 'fast-check';
import { equalBytes, fromHex, readU32, toHex } from '../../engine/bytes.ts';
import { createAead } from '../../engine/crypto/aead.ts';
import { encodeModule, type FunctionCode, webAssembly } from '../../engine/crypto/bitslice/wasm.ts';
import { Chacha } from '../../engine/crypto/chacha/chacha.ts';
import {
  KEY,
  MESSAGE,
  MESSAGE_BYTES_MAX,
  NONCE,
  POLY_KEY,
  STREAM,
  TAG,
} from '../../engine/crypto/chacha/layout.ts';
import { mac } from '../../engine/crypto/chacha/poly1305.ts';
import { stream } from '../../engine/crypto/chacha/stream.ts';

const host = webAssembly!;

/** One function of the module by itself. */
function alone(code: FunctionCode): { memory: Uint8Array; run: (...args: number[]) => void } {
  const exports = new Map([['run', 0]]);
  const bytes = encodeModule({ memoryPages: 1, functions: [code], exports });
  const instance = new host.Instance(new host.Module(bytes)).exports;
  const memory = new Uint8Array((instance.memory as { buffer: ArrayBuffer }).buffer);
  return { memory, run: instance.run as (...args: number[]) => void };
}

/** RFC 8439, A.1: key byte that is not zero, last nonce byte, counter, block. */
const blocks: readonly (readonly [[number, number] | null, number, number, string])[] = [
  [
    null,
    0,
    0,
    '76B8E0ADA0F13D90405D6AE55386BD28BDD219B8A08DED1AA836EFCC8B770DC7' +
      'DA41597C5157488D7724E03FB8D84A376A43B8F41518A11CC387B669B2EE6586',
  ],
  [
    null,
    0,
    1,
    '9F07E7BE5551387A98BA977C732D080DCB0F29A048E3656912C6533E32EE7AED' +
      '29B721769CE64E43D57133B074D839D531ED1F28510AFB45ACE10A1F4B794D6F',
  ],
  [
    [31, 1],
    0,
    1,
    '3AEB5224ECF849929B9D828DB1CED4DD832025E8018B8160B82284F3C949AA5A' +
      '8ECA00BBB4A73BDAD192B5C42F73F2FD4E273644C8B36125A64ADDEB006C13A0',
  ],
  [
    null,
    2,
    0,
    'C2C64D378CD536374AE204B9EF933FCD1A8B2288B3DFA49672AB765B54EE27C7' +
      '8A970E0E955C14F3A88E741B97C286F75F8FC299E8148362FA198A39531BED6D',
  ],
];

test('the published blocks of ChaCha20, in every place of the four', () => {
  const { memory, run } = alone(stream());
  for (const [key, nonceEnd, counter, expected] of blocks) {
    memory.fill(0, KEY, NONCE + 8);
    if (key) memory[KEY + key[0]] = key[1];
    memory[NONCE + 7] = nonceEnd;
    for (let first = counter - 3; first <= counter; first++) {
      run(first);
      const at = STREAM + 64 * (counter - first);
      assert.equal(toHex(memory.subarray(at, at + 64)), expected);
    }
  }
});

const poly1305 = alone(mac());

function macOf(key: Uint8Array, message: Uint8Array): string {
  const { memory, run } = poly1305;
  memory.set(key, POLY_KEY);
  memory.set(message, MESSAGE);
  run(MESSAGE, MESSAGE + message.length, TAG);
  return toHex(memory.subarray(TAG, TAG + 16));
}

function padded(hex: string, length: number): string {
  return hex.padEnd(2 * length, '0');
}

test('the published macs of whole blocks, with carries at every edge', () => {
  const ones = 'FF'.repeat(16);
  const last = [
    `E33594D7505E43B9${'00'.repeat(8)}`,
    `3394D7505E4379CD01${'00'.repeat(7)}`,
    '00'.repeat(16),
  ];
  const r10 = padded('010000000000000004', 16);
  for (const [r, s, message, tag] of [
    ['', '', '00'.repeat(64), ''],
    ['02', '', ones, '03'],
    ['02', ones, padded('02', 16), '03'],
    ['01', '', `${ones}F0${'FF'.repeat(15)}${padded('11', 16)}`, '05'],
    ['01', '', `${ones}FB${'FE'.repeat(15)}${'01'.repeat(16)}`, ''],
    ['02', '', `FD${'FF'.repeat(15)}`, `FA${'FF'.repeat(15)}`],
    [r10, '', `${last.join('')}${padded('01', 16)}`, padded('140000000000000055', 16)],
    [r10, '', last.join(''), '13'],
  ] as const) {
    const key = fromHex(padded(r, 16) + padded(s, 16));
    assert.equal(macOf(key, fromHex(message)), padded(tag, 16));
  }
});

/** RFC 8439, 2.5, as the text has it. */
function slowMac(key: Uint8Array, message: Uint8Array): string {
  const number = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes.toReversed())}`);
  const r = number(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    sum = ((sum + number(message.subarray(at, at + 16)) + (1n << 128n)) * r) % ((1n << 130n) - 5n);
  }
  const tag = (sum + number(key.subarray(16))) % (1n << 128n);
  return toHex(fromHex(tag.toString(16).padStart(32, '0').toUpperCase()).toReversed());
}

test('Poly1305 of bytes that are mostly all ones or none', () => {
  const byte = fc.oneof(
    fc.constantFrom(0, 0xff),
    fc.constantFrom(0xfb, 0xfa, 3, 4, 5),
    fc.nat(255),
  );
  const bytes = (length: number) =>
    fc.array(byte, { minLength: length, maxLength: length }).map((all) => Uint8Array.from(all));
  const message = fc.integer({ min: 1, max: 9 }).chain((count) => bytes(16 * count));
  fc.assert(
    fc.property(bytes(32), message, (key, text) => {
      assert.equal(macOf(key, text), slowMac(key, text));
    }),
    { numRuns: 2000 },
  );
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

test('seals and what they open to are the same with the module and without', () => {
  const inputs = [bytes(32), bytes(24), fc.uint8Array({ maxLength: 80 })] as const;
  const texts = fc.uint8Array({ maxLength: 800, size: 'max' });
  fc.assert(
    fc.property(...inputs, texts, (key, nonce, associated, plain) => {
      const words = [readU32(nonce, 16), readU32(nonce, 20)] as const;
      const sealed = xchacha20poly1305(key, nonce, associated).encrypt(plain);
      for (const way of [host, null]) {
        const aead = createAead(key, nonce.subarray(0, 16), plain.length, way);
        const out = new Uint8Array(plain.length + 20);
        aead.seal(...words, associated, plain, out, 3);
        assert.deepEqual(out.subarray(3, -1), sealed);
        assert.equal(out[2]! + out.at(-1)!, 0, 'not a byte beside it');
        assert.deepEqual(aead.open(...words, associated, sealed), plain);
        sealed[plain.length + 15]! ^= 0x80;
        assert.equal(aead.open(...words, associated, sealed), null);
        sealed[plain.length + 15]! ^= 0x80;
      }
    }),
    { numRuns: 500 },
  );
});

test('what does not fit the memory of the module is sealed without it', () => {
  const key = new Uint8Array(32).fill(7);
  const nonce = new Uint8Array(24).fill(9);
  const associated = Uint8Array.of(1, 2, 3);
  for (const length of [
    MESSAGE_BYTES_MAX - 32,
    MESSAGE_BYTES_MAX - 31,
    MESSAGE_BYTES_MAX,
    100_000,
  ]) {
    const plain = Uint8Array.from({ length }, (_, i) => i);
    const aead = createAead(key, nonce.subarray(0, 16), length);
    const out = new Uint8Array(length + 16);
    aead.seal(0x09090909, 0x09090909, associated, plain, out, 0);
    assert(equalBytes(out, xchacha20poly1305(key, nonce, associated).encrypt(plain)));
    assert(equalBytes(aead.open(0x09090909, 0x09090909, associated, out)!, plain));
  }
});

test('many keys take turns in the one memory', () => {
  const aeads = Array.from({ length: 40 }, (_, i) => ({
    key: new Uint8Array(32).fill(i),
    aead: createAead(new Uint8Array(32).fill(i), new Uint8Array(16), 160),
  }));
  const associated = new Uint8Array(40);
  const plain = new Uint8Array(160).fill(5);
  const nonce = new Uint8Array(24);
  for (let turn = 0; turn < 200; turn++) {
    const { key, aead } = aeads[(turn * 7) % aeads.length]!;
    nonce[23] = turn;
    const out = new Uint8Array(176);
    aead.seal(0, turn, associated, plain, out, 0);
    assert.deepEqual(out, xchacha20poly1305(key, nonce, associated).encrypt(plain));
  }
});

test('a host without SIMD, or without room for a memory, does without the module', () => {
  const Instance = class {
    constructor() {
      throw new RangeError('could not allocate memory');
    }
    readonly exports = {};
  };
  assert.equal(Chacha.of(null), null);
  assert.equal(Chacha.of({ ...host, validate: () => false }), null);
  assert.equal(Chacha.of({ ...host, Module: host.Module, validate: () => true, Instance }), null);
  assert.notEqual(Chacha.of(host), null);
});
