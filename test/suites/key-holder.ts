/** One suite for every key holder: MACs of an independent card, refusals, and one session a tap. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import type { Mac1Ask } from '../../engine/card/dialogue.ts';
import type { KeyHolder } from '../../gate/sam/key-holder.ts';
import { factorsOf, nodeCardKey, nodePurchaseMacs } from '../reference/crypto-node.ts';

/** Makes a holder of this 3DES purchase master key, index 1 version 1, for this terminal. */
export type OpenHolder = (master: Uint8Array, terminalId: Uint8Array) => Promise<KeyHolder>;

const master = fromHex('11223344556677888877665544332211');
const terminalId = fromHex('040900000007');
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const asks: fc.Arbitrary<Mac1Ask> = fc.record({
  ask: fc.constant('mac1' as const),
  key: fc.record({
    keyIndex: fc.constant(1),
    keyVersion: fc.constant(1),
    algorithm: fc.constant(0),
    factors: bytes(16),
    factorLevels: fc.constantFrom(1, 2),
    issuer: bytes(8),
  }),
  random: bytes(4),
  offlineCounter: fc.nat({ max: 0xffff }),
  terminalSequence: fc.nat({ max: 0xffff_ffff }),
  amountMinor: fc.nat({ max: 0xffff_ffff }),
  transactionType: fc.constantFrom(6, 9),
  terminalId: fc.constant(terminalId),
  dateTime: bytes(7),
  cityCode: fc.option(bytes(9)),
});

const sample: Mac1Ask = {
  ask: 'mac1',
  key: {
    keyIndex: 1,
    keyVersion: 1,
    algorithm: 0,
    factors: new Uint8Array(16).fill(3),
    factorLevels: 2,
    issuer: new Uint8Array(8),
  },
  random: fromHex('9AC87503'),
  offlineCounter: 5,
  terminalSequence: 1,
  amountMinor: 200,
  transactionType: 9,
  terminalId,
  dateTime: fromHex('20240821185844'),
  cityCode: null,
};

/** What the card computes with the terminal sequence that the holder answered. */
function expected(ask: Mac1Ask, terminalSequence: number) {
  const { key, ...purchase } = ask;
  const cardKey = nodeCardKey('3des', master, factorsOf(key));
  return nodePurchaseMacs('3des', cardKey, { ...purchase, terminalSequence });
}

async function mac1Of(holder: KeyHolder, ask: Mac1Ask) {
  const answer = await holder.mac1(ask);
  assert('mac1' in answer, 'refused');
  return { mac1: toHex(answer.mac1), terminalSequence: answer.terminalSequence };
}

export function keyHolderSuite(name: string, open: OpenHolder): void {
  test(`${name}: MAC1 and MAC2 are those of an independent card`, async () => {
    const holder = await open(master, terminalId);
    await fc.assert(
      fc.asyncProperty(asks, async (ask) => {
        holder.prepare(ask.key);
        const { mac1, terminalSequence } = await mac1Of(holder, ask);
        const card = expected(ask, terminalSequence);
        assert.equal(mac1, toHex(card.mac1));
        const wrong = card.mac2.slice();
        wrong[3]! ^= 1;
        assert.equal(await holder.mac2(wrong), false);
        assert.equal(await holder.mac2(card.mac2), true);
      }),
      { numRuns: 60 },
    );
  });

  test(`${name}: a tap given up between MAC1 and MAC2 leaves nothing for the next`, async () => {
    const holder = await open(master, terminalId);
    const first = await mac1Of(holder, sample);
    const next = { ...sample, amountMinor: 300 };
    const second = await mac1Of(holder, next);
    assert.equal(await holder.mac2(expected(sample, first.terminalSequence).mac2), false);
    assert.equal(await holder.mac2(expected(next, second.terminalSequence).mac2), true);
  });

  test(`${name}: an unknown key is refused as a value, and leaves no session`, async () => {
    const holder = await open(master, terminalId);
    await mac1Of(holder, sample);
    for (const key of [
      { ...sample.key, keyVersion: 9 },
      { ...sample.key, algorithm: 4 },
    ]) {
      assert.deepEqual(await holder.mac1({ ...sample, key }), { refused: 'unknownKey' });
      await assert.rejects(async () => holder.mac2(new Uint8Array(4)), /mac2 without a purchase/);
    }
  });

  test(`${name}: a MAC2 of another length is false`, async () => {
    const holder = await open(master, terminalId);
    const { terminalSequence } = await mac1Of(holder, sample);
    const { mac2 } = expected(sample, terminalSequence);
    assert.equal(await holder.mac2(mac2.slice(0, 3)), false);
    assert.equal(await holder.mac2(Uint8Array.of(...mac2, 0)), false);
    assert.equal(await holder.mac2(mac2), true);
  });
}
