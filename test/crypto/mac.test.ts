/**
 * MACs and derivations: published values, and node:crypto as a twin at every length around blocks.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { an10922Aes128 } from '../../engine/crypto/derivation.ts';
import { edeBlock, expandDes, expandEde } from '../../engine/crypto/des.ts';
import {
  cmac16,
  cmacKey,
  cmacOf10,
  desCbcMac,
  retailMac,
  sm4CbcMac,
} from '../../engine/crypto/mac.ts';
import { expandSm4 } from '../../engine/crypto/sm4.ts';
import { loadKey, loadWord, storeWord } from '../../engine/crypto/words.ts';
import { nodeDesMac, nodeRetailMac, nodeSm4Mac } from '../reference/crypto-node.ts';
import { noShared, vectors } from '../shared.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const message = fc.uint8Array({ minLength: 0, maxLength: 50 });

function hex(words: Int32Array, count: number): string {
  const out = new Uint8Array(count * 4);
  for (let i = 0; i < count; i++) storeWord(words[i]!, out, 4 * i);
  return toHex(out);
}

function keyWords(key: Uint8Array): Int32Array {
  const words = new Int32Array(4);
  loadKey(key, 0, words);
  return words;
}

function ede(key: Uint8Array): Int32Array {
  const schedule = new Int32Array(64);
  expandEde(keyWords(key), schedule);
  return schedule;
}

function cmac(key: Uint8Array, data: Uint8Array): string {
  const out = new Uint8Array(16);
  cmac16(cmacKey(key), data, 0, data.length, out);
  return toHex(out);
}

test('CBC-MACs of DES and SM4 and the retail MAC answer as the node:crypto twin does', () => {
  fc.assert(
    fc.property(bytes(16), message, (key, data) => {
      const mac = Int32Array.of(7, 7, 7, 7);
      const schedule = new Int32Array(32);
      expandDes(loadWord(key, 0), loadWord(key, 4), schedule);
      desCbcMac(schedule, data, data.length, mac);
      assert.equal(hex(mac, 2), toHex(nodeDesMac(key.slice(0, 8), data)));
      retailMac(ede(key), data, data.length, mac);
      assert.equal(hex(mac, 2), toHex(nodeRetailMac(key, data)));
      expandSm4(keyWords(key), schedule);
      sm4CbcMac(schedule, data, data.length, mac);
      assert.equal(hex(mac, 4), toHex(nodeSm4Mac(key, data)));
    }),
    { numRuns: 300 },
  );
});

test('a MAC reads only the length it is given', () => {
  const schedule = ede(fromHex('11223344556677888877665544332211'));
  const short = new Int32Array(2);
  const long = new Int32Array(2);
  retailMac(schedule, fromHex('0102030405'), 5, short);
  retailMac(schedule, fromHex('0102030405FFFFFFFF'), 5, long);
  assert.deepEqual(short, long);
});

interface PbocMac {
  readonly id: string;
  readonly key?: string;
  readonly data: string;
  readonly mac8?: string;
  readonly udkAc?: string;
  readonly sessionKeyInput?: string;
  readonly sessionKey?: string;
  readonly ac?: string;
}

test('the published PBOC MAC and application cryptogram', { skip: noShared }, () => {
  const found = vectors<PbocMac>('emv-pboc-mac-ac');
  const plain = found.find((v) => v.id === 'pboc-mac16')!;
  const mac = new Int32Array(2);
  const data = fromHex(plain.data);
  retailMac(ede(fromHex(plain.key!)), data, data.length, mac);
  assert.equal(hex(mac, 2), plain.mac8);

  const ac = found.find((v) => v.id === 'ac-cvn01-a')!;
  const session = fromHex(ac.sessionKeyInput!);
  const words = keyWords(session);
  for (const half of [words.subarray(0, 2), words.subarray(2)]) {
    edeBlock(ede(fromHex(ac.udkAc!)), half);
  }
  assert.equal(hex(words, 4), ac.sessionKey);
  const terms = fromHex(ac.data);
  retailMac(ede(fromHex(ac.sessionKey!)), terms, terms.length, mac);
  assert.equal(hex(mac, 2), ac.ac);
});

interface CmacVector {
  readonly inputs: { readonly key: string; readonly msg: string };
  readonly expected: { readonly cmac: string };
}

test('CMAC of RFC 4493', { skip: noShared }, () => {
  for (const { inputs, expected } of vectors<CmacVector>('cmac')) {
    assert.equal(cmac(fromHex(inputs.key), fromHex(inputs.msg)), expected.cmac);
  }
  // Examples 3 and 4 of RFC 4493: 40 and 64 bytes.
  const key = fromHex('2B7E151628AED2A6ABF7158809CF4F3C');
  const long = fromHex(
    '6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51' +
      '30C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710',
  );
  assert.equal(cmac(key, long.slice(0, 40)), 'DFA66747DE9AE63030CA32611497C827');
  assert.equal(cmac(key, long), '51F0BEBF7E3B9D92FC49741779363CFE');
});

test('CMAC of a range within a larger buffer is that of the range alone', () => {
  fc.assert(
    fc.property(bytes(16), fc.uint8Array({ minLength: 40, maxLength: 80 }), (key, data) => {
      const part = data.slice(3, 29);
      const out = new Uint8Array(16);
      cmac16(cmacKey(key), data, 3, 26, out);
      assert.equal(toHex(out), cmac(key, part));
    }),
  );
});

interface Diversification {
  readonly id: string;
  readonly inputs: { readonly masterKey: string; readonly divInputM: string };
  readonly expected: { readonly diversifiedKey: string };
}

test('AN10922 keys, and those of issuers who leave out its padding', { skip: noShared }, () => {
  const found = vectors<Diversification>('an10922');
  assert.equal(found.length, 3);
  for (const { id, inputs, expected } of found) {
    const padding = id === 'diversify-no-32-padding' ? 'cmac' : 'to32';
    const master = cmacKey(fromHex(inputs.masterKey));
    const key = an10922Aes128(master, fromHex(inputs.divInputM), padding);
    assert.equal(toHex(key), expected.diversifiedKey, id);
  }
});

test('AN10922 refuses no input and one that does not fit two blocks', () => {
  const master = cmacKey(new Uint8Array(16));
  assert.throws(() => an10922Aes128(master, new Uint8Array(0)), /1 to 31/);
  assert.throws(() => an10922Aes128(master, new Uint8Array(32)), /1 to 31/);
  assert.equal(an10922Aes128(master, new Uint8Array(31)).length, 16);
});

test('the CMAC of ten bytes alone is that of any length', () => {
  const tenBytes = fc.uint8Array({ minLength: 10, maxLength: 10 });
  const keyBytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(keyBytes, tenBytes, (raw, bytes) => {
      const key = cmacKey(raw);
      const framed = new Uint8Array(20).fill(0xee);
      framed.set(bytes, 3);
      const words = new Int32Array(4);
      cmacOf10(key, framed, 3, words);
      const out = new Uint8Array(16);
      cmac16(key, bytes, 0, 10, out);
      assert.deepEqual(new Uint8Array(words.buffer), out);
    }),
  );
});
