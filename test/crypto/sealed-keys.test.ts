/** Key files: the clear form's mistakes, and the seal's round trip and every kind of tampering. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../engine/bytes.ts';
import { type KeySet, parseKeySet, printKeySet } from '../../engine/crypto/key-set.ts';
import { openSealedKeys, sealKeys } from '../../engine/crypto/sealed-keys.ts';
import { type ErrorCode, FaregateError } from '../../engine/errors.ts';
import {
  CRYPTOGRAM_KEYS_MAX,
  KEY_FILE_BYTES_MAX,
  KEY_FILE_SCRYPT_LOG2N_MAX,
  KEY_FILE_SCRYPT_LOG2N_MIN,
  KEYS_PER_USE_MAX,
} from '../../engine/limits.ts';

const MASTER = '0123456789ABCDEFFEDCBA9876543210';

function refused(code: ErrorCode, message: RegExp, run: () => unknown): void {
  assert.throws(run, (error) => {
    assert(error instanceof FaregateError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    const told = `${error.message} ${String(error.cause)}`;
    assert(!told.includes(MASTER.slice(0, 8)), 'tells digits of a key');
    return true;
  });
}

const key = { index: 1, version: 2, master: MASTER };

test('the clear form: one key or several of a use, 3des where nothing is said', () => {
  const set = parseKeySet(
    JSON.stringify({
      purchase: key,
      tac: [key, { ...key, algorithm: 'sm4' }, { ...key, index: 255, version: 0 }],
      cardHash: { master: MASTER.toLowerCase() },
    }),
    'k.json',
  );
  assert.deepEqual(
    set.keys.map((k) => [k.use, k.index, k.version, k.algorithm]),
    [
      ['purchase', 1, 2, '3des'],
      ['tac', 1, 2, '3des'],
      ['tac', 1, 2, 'sm4'],
      ['tac', 255, 0, '3des'],
    ],
  );
  assert.deepEqual(set.keys[0]?.master, fromHex(MASTER));
  assert.deepEqual(set.cardHash, fromHex(MASTER));
  assert.deepEqual(parseKeySet(printKeySet(set as KeySet), 'again'), set);
});

test('a card-hash key may be left out', () => {
  assert.equal(parseKeySet(JSON.stringify({ load: key }), 'k.json').cardHash, null);
});

for (const [name, json, message] of [
  ['a short master', { tac: { ...key, master: '0123' } }, /k\.json: field \/tac\/master/],
  ['no hexadecimal', { tac: { ...key, master: `${MASTER.slice(0, 30)}0g` } }, /\/tac\/master/],
  ['a missing version', { tac: { index: 1, master: MASTER } }, /\/tac .*version/],
  ['an index over a byte', { load: [key, { ...key, index: 256 }] }, /\/load\/1\/index/],
  ['a negative version', { load: { ...key, version: -1 } }, /\/load\/version/],
  ['another algorithm', { load: { ...key, algorithm: 'aes' } }, /\/load\/algorithm/],
  ['an unknown use', { debit: key }, /debit/],
  ['an unknown field', { tac: { ...key, note: 'x' } }, /\/tac .*note/],
  ['a repeated key', { tac: [key, { ...key, algorithm: '3des' }] }, /\/tac\/1 repeats/],
  [
    'no key at all',
    { cardHash: { master: MASTER } },
    /none of purchase, tac, load, capp, desfire, cryptogram/,
  ],
  ['an empty list', { tac: [] }, /\/tac/],
  ['a list', [key], /k\.json: the document/],
] as const) {
  test(`the clear form refuses ${name}, naming the field`, () => {
    refused('KEYS_INVALID', message, () => parseKeySet(JSON.stringify(json), 'k.json'));
  });
}

test('the clear form refuses what is not JSON without quoting it', () => {
  refused('KEYS_INVALID', /k\.json: not JSON/, () =>
    parseKeySet(`{"tac":{"index":1,"version":1,"master":${MASTER}}}`, 'k.json'),
  );
});

const content = new TextEncoder().encode('{"keys":"as they are"}');
const random = { salt: new Uint8Array(16).fill(1), nonce: new Uint8Array(24).fill(2) };
/** The cheapest cost, so that every byte can be tried. */
const CHEAP = KEY_FILE_SCRYPT_LOG2N_MIN;
const seal = () => sealKeys(content, 'open sesame', random, CHEAP);

test('a seal opens with its passphrase, and hides its content', () => {
  const file = seal();
  assert.deepEqual(openSealedKeys(file, 'open sesame', 'f'), content);
  assert(!Buffer.from(file).includes(Buffer.from(content.subarray(0, 8))));
  assert(Buffer.from(file).subarray(0, 16).equals(Buffer.from('faregate-keys 1\n')));
  const dear = sealKeys(content, 'open sesame', random);
  assert.deepEqual(openSealedKeys(dear, 'open sesame', 'f'), content);
});

test('a passphrase is the same however its accents were composed', () => {
  const file = sealKeys(content, 'caf\u00e9', random, CHEAP);
  assert.deepEqual(openSealedKeys(file, 'cafe\u0301', 'f'), content);
});

test('a wrong passphrase is refused', () => {
  const file = seal();
  for (const wrong of ['open sesame ', 'Open sesame', '']) {
    refused('KEYS_REFUSED', /f: the passphrase is wrong/, () => openSealedKeys(file, wrong, 'f'));
  }
});

test('a change of any byte is refused', () => {
  const file = seal();
  for (let place = 0; place < file.length; place++) {
    const changed = file.slice();
    changed[place]! ^= 0x01;
    refused('KEYS_REFUSED', /^f: /, () => openSealedKeys(changed, 'open sesame', 'f'));
  }
});

test('a file cut anywhere, or longer by a byte, is refused', () => {
  const file = seal();
  for (let length = 0; length < file.length; length += 5) {
    refused('KEYS_REFUSED', /^f: /, () =>
      openSealedKeys(file.subarray(0, length), 'open sesame', 'f'),
    );
  }
  const longer = Uint8Array.of(...file, 0);
  refused('KEYS_REFUSED', /changed/, () => openSealedKeys(longer, 'open sesame', 'f'));
});

test('a cost out of bounds is refused before it is paid', () => {
  for (const [place, value] of [
    [16, KEY_FILE_SCRYPT_LOG2N_MAX + 1],
    [16, 255],
    [16, KEY_FILE_SCRYPT_LOG2N_MIN - 1],
    [17, 255],
    [18, 255],
  ] as const) {
    const changed = seal();
    changed[place] = value;
    refused('KEYS_REFUSED', /out of bounds/, () => openSealedKeys(changed, 'open sesame', 'f'));
  }
});

test('a clear key file and an oversized one are not taken for a sealed one', () => {
  const clear = new TextEncoder().encode(JSON.stringify({ tac: key }));
  refused(
    'KEYS_REFUSED',
    /this is JSON, perhaps keys in clear; `faregate-engine keys import` seals them$/,
    () => openSealedKeys(clear, 'x', 'f'),
  );
  const large = new Uint8Array(KEY_FILE_BYTES_MAX + 1);
  refused('KEYS_REFUSED', /larger than/, () => openSealedKeys(large, 'x', 'f'));
});

test('as many keys as the clear form may have, each named in full, may be sealed', () => {
  const several = (count: number, one: (i: number) => object) =>
    Array.from({ length: count }, (_, i) => ({ ...one(i), master: MASTER }));
  // Three digits each, no two alike.
  const named = (i: number) => ({ index: 100 + (i % 100), version: 100 + Math.floor(i / 100) });
  const issuer = (i: number) => i.toString(16).padStart(16, '0');
  const of = several(KEYS_PER_USE_MAX, (i) => ({
    ...named(i),
    issuer: issuer(i),
    algorithm: '3des',
  }));
  const transactionMac = several(KEYS_PER_USE_MAX, (i) => ({
    version: 255,
    application: i.toString(16).padStart(32, '0'),
  }));
  const largest = {
    purchase: of,
    tac: of,
    load: of,
    capp: several(KEYS_PER_USE_MAX, (i) => ({ ...named(i), algorithm: '3des' })),
    desfire: { transactionMac },
    cryptogram: several(CRYPTOGRAM_KEYS_MAX, (i) => ({
      prefix: String(999_999_999_999 - i),
      index: 255,
      algorithm: '3des',
    })),
    cardHash: { master: MASTER },
  };
  const text = JSON.stringify(largest);
  const set = parseKeySet(text, 'k.json') as KeySet;
  const printed = printKeySet(set);
  assert.equal(printed.length, text.length, 'in full is how it was written');
  const random = { salt: new Uint8Array(16), nonce: new Uint8Array(24) };
  const content = new TextEncoder().encode(printed);
  const sealed = sealKeys(content, 'x', random, KEY_FILE_SCRYPT_LOG2N_MIN);
  assert.deepEqual(openSealedKeys(sealed, 'x', 'k'), content);
});
