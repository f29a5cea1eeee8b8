/**
 * A station's kept card keys: equal to keys derived anew by node:crypto whatever was kept before,
 * bounded to the byte, warmed in slices, and replaced without touching a tap under way.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex } from '../../../engine/bytes.ts';
import type { CardKeyRef, Mac1Ask } from '../../../engine/card/dialogue.ts';
import { Keyring, type MasterKey } from '../../../engine/crypto/keyring.ts';
import { KEY_WORDS_MAX, sm4, tripleDes } from '../../../engine/crypto/purse-cipher.ts';
import { CARD_KEYS_SLICE } from '../../../engine/limits.ts';
import { CardKeys, IDENTITY_WORDS, identify } from '../../../gate/sam/card-keys.ts';
import type { KeyHolder } from '../../../gate/sam/key-holder.ts';
import { KeyringHolder } from '../../../gate/sam/keyring-holder.ts';
import { StationKeys } from '../../../gate/sam/station-keys.ts';
import { StationKit } from '../../kit/station-kit.ts';
import { factorsOf, nodeCardKey, nodePurchaseMacs } from '../../reference/crypto-node.ts';

const desMaster = fromHex('11223344556677888877665544332211');
const sm4Master = fromHex('0123456789ABCDEFFEDCBA9876543210');

function purchase(
  version: number,
  master: Uint8Array,
  algorithm: '3des' | 'sm4' = '3des',
): MasterKey {
  return { use: 'purchase', index: 1, version, algorithm, master };
}

const ring = new Keyring([purchase(1, desMaster), purchase(1, sm4Master, 'sm4')]);

const ISSUER = fromHex('5170100000000000');

function refOf(card: number, version = 1, algorithm = 0, factorLevels = 2): CardKeyRef {
  const factors = new Uint8Array(16).fill(0x10);
  factors[6] = card >> 8;
  factors[7] = card;
  return { keyIndex: 1, keyVersion: version, algorithm, factors, factorLevels, issuer: ISSUER };
}

function identityOf(ref: CardKeyRef): Int32Array {
  const identity = new Int32Array(IDENTITY_WORDS);
  identify(ref, identity);
  return identity;
}

/** The schedule of the card's key as node:crypto derives it. */
function expectedSchedule(ref: CardKeyRef): Int32Array {
  const [algorithm, master, cipher] =
    ref.algorithm === 0
      ? (['3des', desMaster, tripleDes] as const)
      : (['sm4', sm4Master, sm4] as const);
  const key = nodeCardKey(algorithm, master, factorsOf(ref));
  const words = Int32Array.from({ length: 4 }, (_, i) => Buffer.from(key).readInt32BE(4 * i));
  const schedule = new Int32Array(KEY_WORDS_MAX);
  cipher.expandKey(words, schedule);
  return schedule;
}

function assertFinds(keys: CardKeys, ref: CardKeyRef): void {
  const schedule = new Int32Array(KEY_WORDS_MAX);
  const cipher = keys.find(identityOf(ref), schedule);
  assert.equal(cipher, ref.algorithm === 0 ? tripleDes : sm4);
  const words = cipher!.keyWords;
  assert.deepEqual(schedule.subarray(0, words), expectedSchedule(ref).subarray(0, words));
}

test('whatever was kept or has made room, the key found is that of the card asked for', () => {
  const refs = fc
    .tuple(fc.nat({ max: 40 }), fc.constantFrom(0, 4), fc.constantFrom(1, 2))
    .map(([card, algorithm, levels]) => refOf(card, 1, algorithm, levels));
  fc.assert(
    fc.property(fc.array(refs, { maxLength: 60 }), (asked) => {
      const keys = new CardKeys(ring, 16);
      for (const ref of asked) assertFinds(keys, ref);
    }),
  );
});

test('a key once derived is kept, until newer cards have taken its set', () => {
  const keys = new CardKeys(ring, 8);
  for (let card = 0; card < 8; card++) assertFinds(keys, refOf(card));
  for (let card = 0; card < 8; card++) assertFinds(keys, refOf(card));
  assert.equal(keys.derived, 8);
  assertFinds(keys, refOf(8));
  assert.equal(keys.derived, 9);
  for (let card = 1; card <= 8; card++) assertFinds(keys, refOf(card));
  assert.equal(keys.derived, 9);
  assertFinds(keys, refOf(0));
  assert.equal(keys.derived, 10);
});

test('cards alike in all but their issuer have the keys of their issuers’ masters', () => {
  const other = fromHex('5170100000000001');
  const masters = [purchase(1, desMaster), { ...purchase(1, sm4Master), issuer: other }];
  const keys = new CardKeys(new Keyring(masters), 8);
  const theirs = { ...refOf(1), issuer: other };
  const alone = new CardKeys(new Keyring([purchase(1, sm4Master)]), 8);
  const [schedule, expected] = [new Int32Array(KEY_WORDS_MAX), new Int32Array(KEY_WORDS_MAX)];
  alone.find(identityOf(theirs), expected);
  for (let tap = 0; tap < 2; tap++) {
    assertFinds(keys, refOf(1));
    keys.find(identityOf(theirs), schedule);
    assert.deepEqual(schedule, expected);
  }
  assert.equal(keys.derived, 2);
});

test('cards whose numbers follow each other spread over the sets', () => {
  const keys = new CardKeys(ring, 1024);
  const schedule = new Int32Array(KEY_WORDS_MAX);
  for (let card = 0; card < 512; card++) keys.find(identityOf(refOf(card)), schedule);
  // By chance alone a set of 8 with 4 cards on average overflows for some 1 % of the cards.
  assert.ok(keys.identities().length / IDENTITY_WORDS >= 490);
});

test('each card takes 288 bytes, each set one more', () => {
  assert.equal(new CardKeys(ring, 16_384).bytes, 16_384 * 288 + 2048);
  for (const capacity of [0, 4, 12, 24, 8 * 3]) {
    assert.throws(() => new CardKeys(ring, capacity), assert.AssertionError);
  }
});

test('a key that the ring lacks is null, and takes nobody its place', () => {
  const keys = new CardKeys(ring, 8);
  for (let card = 0; card < 8; card++) assertFinds(keys, refOf(card));
  const schedule = new Int32Array(KEY_WORDS_MAX);
  for (let i = 0; i < 20; i++) assert.equal(keys.find(identityOf(refOf(i, 9)), schedule), null);
  for (let card = 0; card < 8; card++) assertFinds(keys, refOf(card));
  assert.equal(keys.derived, 8);
});

test('warming pauses after every slice, and what is warm is not derived again', async () => {
  const yesterday = new CardKeys(ring, 1024);
  const schedule = new Int32Array(KEY_WORDS_MAX);
  const cards = 3 * CARD_KEYS_SLICE + 1;
  for (let card = 0; card < cards; card++) yesterday.find(identityOf(refOf(card)), schedule);
  const list = yesterday.identities();
  const today = new CardKeys(ring, 1024);
  const derivedAtPause: number[] = [];
  await today.warm(list, async () => {
    derivedAtPause.push(today.derived);
  });
  assert.deepEqual(
    derivedAtPause,
    [1, 2, 3].map((slice) => slice * CARD_KEYS_SLICE),
  );
  assert.equal(today.derived, cards);
  for (let card = 0; card < cards; card++) assertFinds(today, refOf(card));
  await today.warm(list);
  assert.equal(today.derived, cards);
});

test('warming passes over cards whose key the ring lacks', async () => {
  const keys = new CardKeys(ring, 8);
  await keys.warm(Int32Array.of(...identityOf(refOf(1, 7)), ...identityOf(refOf(2))));
  assert.equal(keys.derived, 1);
  assertFinds(keys, refOf(2));
});

test('cleared keys are gone', () => {
  const keys = new CardKeys(ring, 8);
  assertFinds(keys, refOf(1));
  keys.clear();
  assert.equal(keys.identities().length, 0);
  assertFinds(keys, refOf(1));
  assert.equal(keys.derived, 2);
});

const ask: Mac1Ask = {
  ask: 'mac1',
  key: refOf(1),
  random: fromHex('9AC87503'),
  offlineCounter: 5,
  terminalSequence: 1,
  amountMinor: 200,
  transactionType: 9,
  terminalId: fromHex('040900000007'),
  dateTime: fromHex('20240821185844'),
  cityCode: null,
};

function macsUnder(master: Uint8Array, asked: Mac1Ask) {
  const { key, ...rest } = asked;
  return nodePurchaseMacs('3des', nodeCardKey('3des', master, factorsOf(key)), rest);
}

test('a tap under way ends on the ring it began with; the next is on the new one', async () => {
  const former = fromHex('00112233445566778899AABBCCDDEEFF');
  const station = new StationKeys(new Keyring([purchase(1, former), purchase(2, former)]), 8);
  const [one, two] = [new KeyringHolder(station), new KeyringHolder(station)];
  one.prepare(ask.key);
  two.prepare(ask.key);
  const begun = one.mac1(ask);
  assert.ok('mac1' in begun);
  const before = begun.mac1.slice();
  await station.replace(new Keyring([purchase(2, desMaster)]));

  // Between MAC1 and MAC2.
  assert.deepEqual(before, macsUnder(former, ask).mac1);
  assert.equal(one.mac2(macsUnder(former, ask).mac2), true);
  // Before MAC1, the card then naming another version than its file let expect.
  const named = { ...ask, key: refOf(1, 2) };
  const late = two.mac1(named);
  assert.ok('mac1' in late);
  assert.deepEqual(late.mac1, macsUnder(former, named).mac1);
  assert.equal(two.mac2(macsUnder(former, named).mac2), true);

  for (const holder of [one, two]) {
    holder.prepare(ask.key);
    assert.deepEqual(holder.mac1(ask), { refused: 'unknownKey' });
    holder.prepare(named.key);
    const now = holder.mac1(named);
    assert.ok('mac1' in now);
    assert.deepEqual(now.mac1, macsUnder(desMaster, named).mac1);
  }
});

test('a tap given up before MAC1 does not keep the next one on its ring', async () => {
  const station = new StationKeys(new Keyring([purchase(1, sm4Master)]), 8);
  const holder = new KeyringHolder(station);
  holder.prepare(ask.key);
  await station.replace(new Keyring([purchase(1, desMaster)]));
  holder.prepare(ask.key);
  const answer = holder.mac1(ask);
  assert.ok('mac1' in answer);
  assert.deepEqual(answer.mac1, macsUnder(desMaster, ask).mac1);
});

test('replacing derives anew what the new ring still has, and forgets the former', async () => {
  const station = new StationKeys(
    new Keyring([purchase(1, sm4Master), purchase(2, sm4Master)]),
    64,
  );
  const former = station.current;
  const schedule = new Int32Array(KEY_WORDS_MAX);
  for (let card = 0; card < 5; card++) former.find(identityOf(refOf(card, 1)), schedule);
  for (let card = 5; card < 8; card++) former.find(identityOf(refOf(card, 2)), schedule);
  await station.replace(new Keyring([purchase(1, desMaster)]));
  assert.equal(former.identities().length, 0);
  assert.equal(station.current.derived, 5);
  for (let card = 0; card < 5; card++) assertFinds(station.current, refOf(card));
  assert.equal(station.current.derived, 5);
});

test('the entry makes the key ready for the exit at another gate of the station', async () => {
  const kit = new StationKit();
  const card = kit.card();
  const [entry, exit] = [kit.gate('entry', 3), kit.gate('exit', 20)];
  assert.equal((await entry.tap(card)).decision.reason, 'open');
  assert.equal(kit.keys.current.derived, 1);
  kit.pass(20);
  assert.equal((await exit.tap(card)).decision.reason, 'open');
  assert.equal(kit.keys.current.derived, 1);
});

test('keys change in the middle of a tap: it opens, and the next finds the new keys', async () => {
  const kit = new StationKit();
  const card = kit.card();
  const holder = new KeyringHolder(kit.keys);
  const changes: Promise<void>[] = [];
  const changing: KeyHolder = {
    prepare: (key) => {
      holder.prepare(key);
      changes.push(kit.keys.replace(new Keyring([purchase(2, desMaster)])));
    },
    mac1: (asked) => holder.mac1(asked),
    mac2: (mac2) => holder.mac2(mac2),
    recordMac: (asked) => holder.recordMac(asked),
  };
  const first = await kit.gate('entry', 3, { keys: changing }).tap(card);
  assert.equal(first.decision.reason, 'open');
  await Promise.all(changes);
  kit.pass(20);
  const second = await kit.gate('exit', 20).tap(card);
  assert.equal(second.decision.reason, 'keyUnknown');
});
