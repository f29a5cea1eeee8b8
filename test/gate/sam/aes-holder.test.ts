/** The key holder of AES cards: keys kept and made again, randoms drawn ahead, sessions ended. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { toHex } from '../../../engine/bytes.ts';
import type { AesKeyRef } from '../../../engine/card/desfire/asks.ts';
import { AES_RANDOMS_AHEAD } from '../../../engine/card-limits.ts';
import { AesKeyring } from '../../../engine/crypto/aes-keyring.ts';
import { AesCardKeys } from '../../../gate/sam/aes-card-keys.ts';
import { AesKeyringHolder } from '../../../gate/sam/aes-holder.ts';
import { nodeAn10922, nodeCbcDecrypt } from '../../reference/desfire-node.ts';

const master = new Uint8Array(16).map((_, i) => i);
const keyring = new AesKeyring([{ use: 'debit', version: 1, master }]);
const refOf = (serial: number, more: Partial<AesKeyRef> = {}): AesKeyRef => ({
  use: 'debit',
  version: 1,
  application: Uint8Array.of(0x30, 0x42, 0xf5),
  input: Uint8Array.of(4, 0, 0, 0, 0, serial >> 8, serial, 0x30, 0x42, 0xf5),
  padTo32: true,
  ...more,
});

/** RndA of a token under a key. */
function rndAOf(token: Uint8Array, key: Uint8Array): string {
  return toHex(nodeCbcDecrypt(key, new Uint8Array(16), token.slice(0, 16)));
}

test('keys are kept up to the capacity, the oldest going first, and are always right', () => {
  const cards = new AesCardKeys(keyring, 4);
  const first = cards.find(refOf(1));
  assert.equal(cards.find(refOf(1)), first, 'kept');
  for (let i = 2; i <= 5; i++) cards.find(refOf(i));
  assert.equal(cards.size, 4);
  assert.notEqual(cards.find(refOf(1)), first, 'made again');
  assert.deepEqual(cards.find(refOf(1)), first, 'and the same');
  // The same card's other key, or another padding, is no hit.
  assert.notDeepEqual(cards.find(refOf(1, { padTo32: false })), first);
  assert.equal(cards.find(refOf(1, { version: 2 })), null);
  assert.equal(cards.find(refOf(1, { use: 'load' })), null);
});

test('a card’s key in another application is another, of that application’s master', () => {
  const application = Uint8Array.of(1, 2, 3);
  const other = new Uint8Array(16).fill(9);
  const both = new AesKeyring([
    { use: 'debit', version: 1, master },
    { use: 'debit', version: 1, master: other, application },
  ]);
  const alone = new AesKeyring([{ use: 'debit', version: 1, master: other }]);
  const cards = new AesCardKeys(both, 4);
  for (let tap = 0; tap < 2; tap++) {
    assert.deepEqual(cards.find(refOf(1)), keyring.cardKey(refOf(1)));
    assert.deepEqual(cards.find(refOf(1, { application })), alone.cardKey(refOf(1)));
  }
});

test('tokens open under the key that AN10922 gives, each with another RndA', () => {
  const drawn: number[] = [];
  const holder = new AesKeyringHolder(new AesCardKeys(keyring, 4), (length) => {
    drawn.push(length);
    return randomBytes(length);
  });
  const seen = new Set<string>();
  for (let i = 0; i < AES_RANDOMS_AHEAD + 1; i++) {
    const key = refOf(i % 3);
    const challenge = new Uint8Array(16).fill(i);
    const token = holder.answer({ ask: 'aesChallenge', kind: 'ev2First', key, challenge });
    assert(token instanceof Uint8Array);
    seen.add(rndAOf(token, nodeAn10922(master, key.input!)));
  }
  assert.equal(seen.size, AES_RANDOMS_AHEAD + 1);
  assert.deepEqual(drawn, [AES_RANDOMS_AHEAD * 16, AES_RANDOMS_AHEAD * 16]);
});

test('no session, no messaging: before a proof, after a wrong one, after a refused answer', () => {
  const holder = new AesKeyringHolder(new AesCardKeys(keyring, 4), randomBytes);
  const protect = () =>
    holder.answer({
      ask: 'aesProtect',
      ins: 0x6c,
      bytes: new Uint8Array(64),
      at: 5,
      headerLength: 1,
      dataLength: 0,
      mode: 'mac',
    });
  assert.throws(protect, /no session is open/);
  const challenge = new Uint8Array(16);
  holder.answer({ ask: 'aesChallenge', kind: 'ev2First', key: refOf(1), challenge });
  assert.throws(protect, /no session is open/);
  assert.equal(holder.answer({ ask: 'aesProof', proof: new Uint8Array(32) }), false);
  assert.throws(protect, /no session is open/);
  const key = refOf(1, { version: 7 });
  assert.equal(
    holder.answer({ ask: 'aesChallenge', kind: 'ev2First', key, challenge }),
    'unknownKey',
  );
  assert.throws(protect, /no session is open/);
});

test('another ring is in force from the next card on, and keys kept before are gone', () => {
  const cards = new AesCardKeys(keyring, 4);
  const key = refOf(1);
  const before = cards.find(key);
  assert(before);
  assert.equal(cards.find(key), before, 'kept');
  cards.replace(new AesKeyring([{ use: 'debit', version: 1, master: new Uint8Array(16) }]));
  assert.notEqual(cards.find(key), before);
  cards.replace(new AesKeyring([]));
  assert.equal(cards.find(key), null);
});
