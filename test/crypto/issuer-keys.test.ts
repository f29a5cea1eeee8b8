/**
 * Masters of several issuers under one version: an issuer's own goes before the one that serves
 * everybody's cards, on the ring, in key files, in batches of TACs and on the pool.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { type AesCardKeyName, AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import { createTacBatch } from '../../engine/crypto/bitslice/tac-batch.ts';
import { type KeySet, parseKeySet, printKeySet } from '../../engine/crypto/key-set.ts';
import { Keyring, type MasterKey, type MasterSchedule } from '../../engine/crypto/keyring.ts';
import { openCryptoPool } from '../../engine/crypto/pool/pool.ts';
import { tacCodes } from '../../engine/crypto/tac.ts';
import { loadWord } from '../../engine/crypto/words.ts';
import { at } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { TAC_CHUNK_RECORDS } from '../../engine/limits.ts';
import { nodeCardKey } from '../reference/crypto-node.ts';
import { Draw, drawRecord } from './bitslice/records.ts';

const { valid, invalid, unknownKey } = tacCodes;
const draw = new Draw(20261130);
const bytes = (length: number) => draw.fill(new Uint8Array(length));

// They differ in the left word, in the right one, and in both.
const A = fromHex('0101100000000001');
const B = fromHex('0101100000000002');
const C = fromHex('0101200000000001');
const STRANGER = fromHex('0101200000000002');

function tacKey(issuer: Uint8Array | null, more: Partial<MasterKey> = {}): MasterKey {
  const key: MasterKey = { use: 'tac', index: 1, version: 1, algorithm: '3des', master: bytes(16) };
  return { ...key, ...(issuer ? { issuer } : {}), ...more };
}

const common = tacKey(null);
const ofA = tacKey(A);
const ofB = tacKey(B);
const ofBinChinese = tacKey(B, { algorithm: 'sm4' });
const ofCnext = tacKey(C, { version: 2 });
const keys = [common, ofA, ofB, ofBinChinese, ofCnext];
const ring = new Keyring(keys);

/** The master of the ring's list that this key became. */
const madeOf = (key: MasterKey) => ring.list()[keys.indexOf(key)];
const find = (of: Keyring, issuer: Uint8Array, version = 1, algorithm = 0) =>
  of.find('tac', 1, version, algorithm, loadWord(issuer, 0), loadWord(issuer, 4));

test('an issuer’s own master goes before the common one, of its version and algorithm', () => {
  assert.equal(find(ring, A), madeOf(ofA));
  assert.equal(find(ring, B), madeOf(ofB));
  assert.equal(find(ring, B, 1, 4), madeOf(ofBinChinese));
  assert.equal(find(ring, A, 1, 4), undefined);
  assert.equal(find(ring, C, 2), madeOf(ofCnext));
  for (const issuer of [C, STRANGER]) assert.equal(find(ring, issuer), madeOf(common));
  for (const issuer of [A, STRANGER]) assert.equal(find(ring, issuer, 2), undefined);
  assert.equal(ring.findCommon('tac', 1, 1, 0), madeOf(common));
  assert.equal(ring.findCommon('tac', 1, 2, 0), undefined);
  assert.deepEqual(ring.issuersOf('tac', 1, 1, 0).map(toHex), [toHex(A), toHex(B)]);
  assert.deepEqual(ring.issuersOf('tac', 1, 1, 4).map(toHex), [toHex(B)]);
  assert.throws(() => new Keyring([ofA, tacKey(A)]), /two tac keys 1\/1/);
});

test('a ring of some of the keys knows the issuers it is left with', () => {
  const some = ring.restrictedTo(({ issuer, version }) => issuer !== null && version === 1);
  assert.equal(find(some, A), madeOf(ofA));
  assert.equal(find(some, STRANGER), undefined);
  assert.equal(find(some, C, 2), undefined);
});

test('batches: each issuer by its own master, a foreign claim named', () => {
  const named = keys.filter(({ issuer }) => issuer !== undefined);
  const others = new Keyring(named);
  const count = 2 * TAC_CHUNK_RECORDS + 77;
  const records = new Uint8Array(count * DEBIT_BYTES);
  const expected: number[] = [];
  const ofOthers: number[] = [];
  for (let i = 0; i < count; i++) {
    const record = records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
    const key = keys[draw.below(keys.length)]!;
    // TACs do not cover the issuer, which says by whose master they are to be checked.
    drawRecord(draw, key, 1 + draw.below(2), record);
    const claims =
      draw.below(3) > 0 ? (key.issuer ?? STRANGER) : [A, B, C, STRANGER][draw.below(4)]!;
    record.set(claims, at.issuer);
    const algorithm = key.algorithm === 'sm4' ? 4 : 0;
    record[at.algorithm] = algorithm;
    const found = find(ring, claims, key.version, algorithm);
    const other = find(others, claims, key.version, algorithm);
    const right = (one: MasterSchedule | undefined, made: MasterSchedule | undefined) =>
      one === undefined ? unknownKey : one === made ? valid : invalid;
    expected.push(right(found, madeOf(key)));
    ofOthers.push(right(other, others.list()[named.indexOf(key)]));
  }
  for (const [of, verdicts] of [
    [ring, expected],
    [others, ofOthers],
  ] as const) {
    assert.equal(new Set(verdicts).size, 3, 'every verdict is met');
    for (const batch of [createTacBatch(of), createTacBatch(of, { webAssembly: null })]) {
      batch.warm();
      const found = new Uint8Array(count);
      batch.verify(records, count, found);
      assert.deepEqual([...found], verdicts);
    }
  }
});

test('card keys from the pool are the issuer’s, or the common master’s', async () => {
  const set: KeySet = { keys, aes: [], cryptogram: [], cardHash: bytes(16) };
  const pool = await openCryptoPool(set, { workers: 0 });
  const factors = bytes(16);
  const of = { use: 'tac', index: 1, version: 1, algorithm: 0, levels: 2 } as const;
  const both = [factors.subarray(0, 8), factors.subarray(8)];
  for (const [issuer, key] of [
    [A, ofA],
    [B, ofB],
    [C, common],
    [null, common],
  ] as const) {
    const results = await pool.run('cardKeys', factors, { ...of, ...(issuer ? { issuer } : {}) });
    const words = new Int32Array(results.buffer, results.byteOffset, 4);
    const expected = nodeCardKey('3des', key.master, both);
    assert.deepEqual(
      [...words],
      [0, 4, 8, 12].map((from) => loadWord(expected, from)),
    );
  }
  await assert.rejects(pool.run('cardKeys', factors, { ...of, version: 2, issuer: A }), {
    code: 'KEYS_MISSING',
  });
  await pool.close();
});

const MASTER = '0123456789ABCDEFFEDCBA9876543210';
const json = { index: 1, version: 1, master: MASTER };
const aes = { version: 1, master: MASTER };

test('key files: issuers and applications come back, and files without them as they were', () => {
  const given = {
    purchase: [json, { ...json, issuer: '0101100000000abc' }],
    tac: { ...json, issuer: '0101100000000ABC' },
    desfire: { debit: [aes, { ...aes, application: '3042f5' }] },
    cardHash: { master: MASTER },
  };
  const set = parseKeySet(JSON.stringify(given), 'k.json');
  assert.deepEqual(
    set.keys.map(({ issuer }) => issuer && toHex(issuer)),
    [undefined, '0101100000000ABC', '0101100000000ABC'],
  );
  assert.deepEqual(
    set.aes.map(({ application }) => application && toHex(application)),
    [undefined, '3042F5'],
  );
  assert.deepEqual(parseKeySet(printKeySet(set as KeySet), 'again'), set);
  const old = { purchase: [json], desfire: { debit: [aes] }, cardHash: { master: MASTER } };
  const printed = printKeySet(parseKeySet(JSON.stringify(old), 'old.json') as KeySet);
  const withAlgorithm = {
    ...old,
    purchase: [{ index: 1, version: 1, algorithm: '3des', master: MASTER }],
  };
  assert.equal(printed, JSON.stringify(withAlgorithm));
});

for (const [name, given, message] of [
  ['a short issuer', { tac: { ...json, issuer: '0101' } }, /\/tac\/issuer/],
  ['no hexadecimal', { tac: { ...json, issuer: 'not-an-issuer-id' } }, /\/tac\/issuer/],
  [
    'one issuer twice, however its digits are written',
    {
      tac: [
        { ...json, issuer: '01011000FFFFFFFF' },
        { ...json, issuer: '01011000ffffffff' },
      ],
    },
    /\/tac\/1 repeats the 3des key of index 1 and version 1 and issuer 01011000FFFFFFFF/,
  ],
  [
    'an issuer of e-cash records',
    { capp: { ...json, issuer: '01011000FFFFFFFF' } },
    /\/capp .*issuer/,
  ],
  [
    'an issuer of AES cards, which have an application',
    { desfire: { debit: { ...aes, issuer: '01011000FFFFFFFF' } } },
    /\/desfire\/debit .*issuer/,
  ],
  [
    'an empty application',
    { desfire: { debit: { ...aes, application: '' } } },
    /\/desfire\/debit\/application/,
  ],
  [
    'one application twice',
    {
      desfire: {
        load: [
          { ...aes, application: '3042f5' },
          { ...aes, application: '3042F5' },
        ],
      },
    },
    /\/desfire\/load\/1 repeats the key of version 1 and application 3042F5/,
  ],
] as const) {
  test(`key files: ${name} is refused, naming the field`, () => {
    assert.throws(
      () => parseKeySet(JSON.stringify(given), 'k.json'),
      (error) => {
        assert(error instanceof FaregateError && error.code === 'KEYS_INVALID');
        assert.match(error.message, message);
        assert(!error.message.includes(MASTER));
        return true;
      },
    );
  });
}

test('AES masters: an application’s own goes before the common one, whatever their order', () => {
  const application = fromHex('3042F5');
  const own = { use: 'debit', version: 1, master: bytes(16), application } as const;
  const any = { use: 'debit', version: 1, master: bytes(16) } as const;
  const name: AesCardKeyName = {
    use: 'debit',
    version: 1,
    application,
    input: null,
    padTo32: true,
  };
  const foreign = { ...name, application: fromHex('A00000039656434103F015400000000B') };
  const keyOf = (of: AesKeyring, asked: AesCardKeyName) => of.macKey(asked);
  const onlyOwn = new AesKeyring([own]);
  const onlyAny = new AesKeyring([any]);
  for (const both of [new AesKeyring([own, any]), new AesKeyring([any, own])]) {
    assert.deepEqual(keyOf(both, name), keyOf(onlyOwn, name));
    assert.deepEqual(keyOf(both, foreign), keyOf(onlyAny, foreign));
    assert.equal(keyOf(both, { ...name, version: 2 }), null);
  }
  assert.notDeepEqual(keyOf(onlyOwn, name), keyOf(onlyAny, name));
  assert.equal(keyOf(onlyOwn, foreign), null);
  assert.equal(onlyOwn.cardKey(foreign), null);
  assert.throws(() => new AesKeyring([own, { ...own }]), /debit 1/);
});
