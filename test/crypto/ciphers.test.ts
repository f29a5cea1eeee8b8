/** Block ciphers: published values, a bit-by-bit twin, and node:crypto. */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { aesBlock, aesCheckValue, expandAes } from '../../engine/crypto/aes.ts';
import {
  desBlock,
  edeBlock,
  edePair,
  expandDes,
  expandEde,
  invertSchedule,
} from '../../engine/crypto/des.ts';
import { sm4, tripleDes } from '../../engine/crypto/purse-cipher.ts';
import { expandSm4, sm4Block } from '../../engine/crypto/sm4.ts';
import { loadKey, loadWord, storeWord } from '../../engine/crypto/words.ts';
import { slowDes, slowEde } from '../reference/crypto-des.ts';
import { nodeDes, nodeEde, nodeSm4 } from '../reference/crypto-node.ts';
import { noShared, vectors } from '../shared.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

function words(data: Uint8Array): Int32Array {
  return Int32Array.from({ length: data.length / 4 }, (_, i) => loadWord(data, 4 * i));
}

function unwords(block: Int32Array): Uint8Array {
  const out = new Uint8Array(block.length * 4);
  for (const [i, word] of block.entries()) storeWord(word, out, 4 * i);
  return out;
}

function des(key: Uint8Array, data: Uint8Array): Uint8Array {
  const schedule = new Int32Array(32);
  expandDes(loadWord(key, 0), loadWord(key, 4), schedule);
  const block = words(data);
  desBlock(schedule, block);
  return unwords(block);
}

function edeSchedule(key: Uint8Array): Int32Array {
  const schedule = new Int32Array(64);
  expandEde(words(key), schedule);
  return schedule;
}

function sm4Of(key: Uint8Array, data: Uint8Array): Uint8Array {
  const schedule = new Int32Array(32);
  expandSm4(words(key), schedule);
  const block = words(data);
  sm4Block(schedule, block);
  return unwords(block);
}

test('DES answers as the bit-by-bit twin and OpenSSL do', () => {
  fc.assert(
    fc.property(bytes(8), bytes(8), (key, data) => {
      const ours = toHex(des(key, data));
      assert.equal(ours, toHex(slowDes(key, data)));
      assert.equal(ours, toHex(nodeDes(key, data)));
    }),
    { numRuns: 200 },
  );
});

test('DES ignores parity bits and complements as the standard makes it', () => {
  fc.assert(
    fc.property(bytes(8), bytes(8), (key, data) => {
      const plain = des(key, data);
      assert.deepEqual(
        des(
          key.map((byte) => byte ^ 1),
          data,
        ),
        plain,
      );
      const complement = des(
        key.map((byte) => ~byte),
        data.map((byte) => ~byte),
      );
      assert.deepEqual(
        complement,
        plain.map((byte) => ~byte),
      );
    }),
  );
});

test('EDE answers as the twin and OpenSSL do, one block and two, and its inverse undoes it', () => {
  fc.assert(
    fc.property(bytes(16), bytes(16), (key, data) => {
      const schedule = edeSchedule(key);
      const one = words(data.slice(0, 8));
      edeBlock(schedule, one);
      assert.equal(toHex(unwords(one)), toHex(slowEde(key, data.slice(0, 8))));
      const two = words(data);
      edePair(schedule, two);
      assert.equal(toHex(unwords(two)), toHex(nodeEde(key, data)));
      edePair(invertSchedule(schedule), two);
      assert.deepEqual(unwords(two), data);
    }),
    { numRuns: 200 },
  );
});

test('an inverted single-DES schedule decrypts', () => {
  const schedule = new Int32Array(32);
  expandDes(0x01234567, 0x89abcdef | 0, schedule);
  const block = Int32Array.of(1, 2);
  desBlock(schedule, block);
  desBlock(invertSchedule(schedule), block);
  assert.deepEqual(block, Int32Array.of(1, 2));
});

test('SM4 gives GM/T 0002 example A.1', { skip: noShared }, () => {
  const v = vector('sm4-1');
  assert.equal(toHex(sm4Of(fromHex(v.key), fromHex(v.plaintext!))), v.ciphertext);
});

test('SM4 gives GM/T 0002 example A.2 after a million rounds', { skip: noShared }, () => {
  const v = vector('sm4-1e6');
  const schedule = new Int32Array(32);
  expandSm4(words(fromHex(v.key)), schedule);
  const block = words(fromHex(v.key));
  for (let i = 0; i < v.iterations!; i++) sm4Block(schedule, block);
  assert.equal(toHex(unwords(block)), v.ciphertext);
});

test('SM4 answers as OpenSSL does', () => {
  fc.assert(
    fc.property(bytes(16), bytes(16), (key, data) => {
      assert.equal(toHex(sm4Of(key, data)), toHex(nodeSm4(key, data)));
    }),
    { numRuns: 500 },
  );
});

test('AES answers as OpenSSL does, for every key length and unaligned keys', () => {
  fc.assert(
    fc.property(fc.constantFrom(16, 24, 32), bytes(33), bytes(16), (length, pool, data) => {
      const key = pool.subarray(1, 1 + length);
      const block = new Int32Array(data.slice().buffer);
      aesBlock(expandAes(key), block);
      const cipher = createCipheriv(`aes-${length * 8}-ecb`, key, null).setAutoPadding(false);
      assert.equal(toHex(new Uint8Array(block.buffer)), toHex(cipher.update(data)));
    }),
  );
});

test('key check values of the published test keys', { skip: noShared }, () => {
  for (const v of vectors<{ key: string; kcv3des: string; kcvSm4ComputedHere: string }>('kcv')) {
    const key = new Int32Array(4);
    loadKey(fromHex(v.key), 0, key);
    for (const [cipher, expected] of [
      [tripleDes, v.kcv3des],
      [sm4, v.kcvSm4ComputedHere],
    ] as const) {
      const schedule = new Int32Array(cipher.keyWords);
      cipher.expandKey(key, schedule);
      assert.equal(hex3(cipher.checkValue(schedule)), expected);
    }
  }
});

test('the AES check value is the left three bytes of zeros encrypted', () => {
  const key = fromHex('000102030405060708090A0B0C0D0E0F');
  const zeros = createCipheriv('aes-128-ecb', key, null).update(Buffer.alloc(16));
  assert.equal(hex3(aesCheckValue(key)), toHex(zeros.subarray(0, 3)));
});

const hex3 = (value: number) => value.toString(16).toUpperCase().padStart(6, '0');

interface Sm4Vector {
  readonly id: string;
  readonly key: string;
  readonly plaintext?: string;
  readonly iterations?: number;
  readonly ciphertext: string;
}

function vector(id: string): Sm4Vector {
  const found = vectors<Sm4Vector>('sm2-sm3-sm4').find((v) => v.id === id);
  assert(found);
  return found;
}
