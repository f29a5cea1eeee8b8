/** The key holder in process: random cards against node:crypto, forgotten keys, and refusals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import type { CardKeyRef, Mac1Ask } from '../../../engine/card/dialogue.ts';
import { Keyring } from '../../../engine/crypto/keyring.ts';
import { KeyringHolder } from '../../../gate/sam/keyring-holder.ts';
import { StationKeys } from '../../../gate/sam/station-keys.ts';
import { factorsOf, nodeCardKey, nodePurchaseMacs } from '../../reference/crypto-node.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const desMaster = fromHex('11223344556677888877665544332211');
const sm4Master = fromHex('0123456789ABCDEFFEDCBA9876543210');
const ring = new Keyring([
  { use: 'purchase', index: 1, version: 1, algorithm: '3des', master: desMaster },
  { use: 'purchase', index: 1, version: 1, algorithm: 'sm4', master: sm4Master },
  { use: 'tac', index: 7, version: 7, algorithm: '3des', master: desMaster },
]);

/** Few distinct factors, so that cached keys are met again and mixed up if they can be. */
const factor = fc.constantFrom(1, 2, 3).map((n) => new Uint8Array(8).fill(n));
const keyRef: fc.Arbitrary<CardKeyRef> = fc.record({
  keyIndex: fc.constant(1),
  keyVersion: fc.constant(1),
  algorithm: fc.constantFrom(0, 4),
  factors: fc.tuple(factor, factor).map(([one, two]) => Uint8Array.of(...one, ...two)),
  factorLevels: fc.constantFrom(1, 2),
  issuer: factor,
});
const ask: fc.Arbitrary<Mac1Ask> = fc.record({
  ask: fc.constant('mac1' as const),
  key: keyRef,
  random: bytes(4),
  offlineCounter: fc.nat({ max: 0xffff }),
  terminalSequence: fc.nat({ max: 0xffff_ffff }),
  amountMinor: fc.nat({ max: 0xffff_ffff }),
  transactionType: fc.constantFrom(5, 6, 9),
  terminalId: bytes(6),
  dateTime: bytes(7),
  cityCode: fc.option(bytes(9)),
});

function expected({ key, ...purchase }: Mac1Ask) {
  const algorithm = key.algorithm === 0 ? '3des' : 'sm4';
  const master = algorithm === '3des' ? desMaster : sm4Master;
  return nodePurchaseMacs(algorithm, nodeCardKey(algorithm, master, factorsOf(key)), purchase);
}

function mac1Of(holder: KeyringHolder, asked: Mac1Ask): Uint8Array {
  const answer = holder.mac1(asked);
  assert('mac1' in answer);
  assert.equal(answer.terminalSequence, asked.terminalSequence);
  return answer.mac1;
}

test('MAC1 and MAC2 are those of an independent card, prepared for it, another or none', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(ask, fc.option(keyRef)), { maxLength: 12 }), (taps) => {
      const holder = new KeyringHolder(new StationKeys(ring, 8));
      for (const [asked, hint] of taps) {
        if (hint) holder.prepare(hint);
        const { mac1, mac2 } = expected(asked);
        assert.equal(toHex(mac1Of(holder, asked)), toHex(mac1));
        assert.equal(holder.mac2(mac2), true);
        for (let i = 0; i < 4; i++) {
          const wrong = mac2.slice();
          wrong[i]! ^= 0x80;
          assert.equal(holder.mac2(wrong), false);
        }
      }
    }),
  );
});

const sample: Mac1Ask = {
  ask: 'mac1',
  key: {
    keyIndex: 1,
    keyVersion: 1,
    algorithm: 0,
    factors: new Uint8Array(16),
    factorLevels: 1,
    issuer: new Uint8Array(8),
  },
  random: fromHex('9AC87503'),
  offlineCounter: 0,
  terminalSequence: 1,
  amountMinor: 200,
  transactionType: 9,
  terminalId: fromHex('000000000001'),
  dateTime: fromHex('20240821185844'),
  cityCode: null,
};

test('more cards than it keeps, each prepared well before its tap', () => {
  const holder = new KeyringHolder(new StationKeys(ring, 8));
  const asks = Array.from({ length: 17 }, (_, i) => ({
    ...sample,
    key: { ...sample.key, factors: new Uint8Array(16).fill(i) },
  }));
  for (const { key } of asks) holder.prepare(key);
  for (const asked of asks) {
    assert.equal(toHex(mac1Of(holder, asked)), toHex(expected(asked).mac1));
  }
});

test('the key follows the factor it was given, not the buffer, which the caller may reuse', () => {
  const holder = new KeyringHolder(new StationKeys(ring, 8));
  const buffer = new Uint8Array(16).fill(1);
  const asked = { ...sample, key: { ...sample.key, factors: buffer } };
  holder.prepare(asked.key);
  buffer.fill(2);
  assert.equal(toHex(mac1Of(holder, asked)), toHex(expected(asked).mac1));
});

test('an unknown key is refused as a value, and leaves no session behind', () => {
  const holder = new KeyringHolder(new StationKeys(ring, 8));
  mac1Of(holder, sample);
  const { mac2 } = expected(sample);
  for (const key of [
    { ...sample.key, keyIndex: 7, keyVersion: 7 },
    { ...sample.key, keyIndex: 2 },
    { ...sample.key, keyVersion: 2 },
  ]) {
    holder.prepare(key);
    assert.deepEqual(holder.mac1({ ...sample, key }), { refused: 'unknownKey' });
    assert.throws(() => holder.mac2(mac2), /mac2 without a purchase/);
  }
});

test('a MAC2 of another length is false, and mac2 before any mac1 is our mistake', () => {
  const holder = new KeyringHolder(new StationKeys(ring, 8));
  assert.throws(() => holder.mac2(new Uint8Array(4)), /mac2 without a purchase/);
  mac1Of(holder, sample);
  const { mac2 } = expected(sample);
  assert.equal(holder.mac2(mac2.slice(0, 3)), false);
  assert.equal(holder.mac2(Uint8Array.of(...mac2, 0)), false);
  assert.equal(holder.mac2(mac2), true);
});

test('no factor, or three, is our mistake', () => {
  const holder = new KeyringHolder(new StationKeys(ring, 8));
  for (const levels of [0, 3]) {
    const key = { ...sample.key, factorLevels: levels };
    assert.throws(() => holder.prepare(key), /diversification factors/);
  }
});
