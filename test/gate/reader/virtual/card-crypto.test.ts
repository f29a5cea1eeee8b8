/** The virtual card's cryptography against published values, and against the gate's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, readU32, toHex, writeU32 } from '../../../../engine/bytes.ts';
import { MAC_WORDS_MAX, tripleDes } from '../../../../engine/crypto/purse-cipher.ts';
import * as gateMac from '../../../../engine/crypto/purse-mac.ts';
import { loadKey } from '../../../../engine/crypto/words.ts';
import {
  desMac,
  diversify,
  loadMac1,
  loadMac2,
  loadSessionKey,
  loadTac,
  purchaseMac1,
  purchaseMac2,
  purchaseSessionKey,
  purchaseTac,
  tacKey,
} from '../../../../gate/reader/virtual/card-crypto.ts';
import { noShared, vectors } from '../../../shared.ts';

type Example = Readonly<Record<string, string>>;

const noCode = new Uint8Array(0);

function termsOf(v: Example) {
  return {
    amountMinor: Number.parseInt(v.amount!, 16),
    transactionType: Number.parseInt(v.txnType ?? v.type ?? '02', 16),
    terminalId: fromHex(v.terminal!),
    dateTime: fromHex(v.dateTime ?? `${v.date}${v.time}`),
  };
}

test('city-union examples reproduce with their session and TAC keys', { skip: noShared }, () => {
  const [capp, load] = vectors<Example>('ep-city-union');
  assert(capp && load);
  const session = fromHex(capp.sessionKey!);
  const terms = termsOf(capp);
  const code = fromHex(capp.cityCode9!);
  assert.equal(toHex(purchaseMac1(session, terms, code)), capp.mac1);
  assert.equal(toHex(purchaseMac1(session, terms, noCode)), capp.mac1WithoutCode);
  assert.equal(toHex(purchaseMac2(session, terms.amountMinor)), capp.mac2);
  const sequence = fromHex(capp.termSeq!);
  assert.equal(toHex(purchaseTac(fromHex(capp.tacKey!), terms, sequence)), capp.tac);

  const loadSession = fromHex(load.sessionKey!);
  assert.equal(toHex(loadMac1(loadSession, 0, termsOf(load))), load.mac1);
  assert.equal(toHex(loadMac2(loadSession, termsOf(load))), load.mac2);
});

test('published purchase and load reproduce from the card key', { skip: noShared }, () => {
  const [purchase, load] = vectors<Example & { cardResp: Example; init: Example }>(
    'ep-purchase-load',
  );
  assert(purchase && load);
  const terms = termsOf({ ...purchase, ...purchase.init } as Example);
  const session = purchaseSessionKey(
    fromHex(purchase.key!),
    fromHex(purchase.cardResp.random!),
    0,
    fromHex(purchase.termSeq!),
  );
  assert.equal(toHex(session), purchase.sessionKey);
  assert.equal(toHex(purchaseMac1(session, terms, noCode)), purchase.mac1);
  assert.equal(toHex(purchaseMac2(session, terms.amountMinor)), purchase.mac2);

  const loadTerms = termsOf({ ...load, ...load.init } as Example);
  const random = fromHex(load.cardResp.random!);
  const loadSession = loadSessionKey(fromHex(load.key!), random, 0);
  assert.equal(toHex(loadSession), load.sessionKey);
  assert.equal(toHex(loadMac1(loadSession, 0, loadTerms)), load.mac1);
  assert.equal(toHex(loadMac2(loadSession, loadTerms)), load.mac2);
});

test('our own examples reproduce from the master key', { skip: noShared }, () => {
  const all = vectors<Example>('generated');
  for (const v of all.filter((v) => v.id!.startsWith('gen-ep-') && v.masterKey)) {
    const key = diversify(fromHex(v.masterKey!), [fromHex(v.factor!)]);
    assert.equal(toHex(key), v.diversifiedKey);
    const sequence = fromHex(v.termSeq!);
    const session = purchaseSessionKey(key, fromHex(v.random!), 7, sequence);
    assert.equal(toHex(purchaseMac1(session, termsOf(v), noCode)), v.mac1);
    const tac = purchaseTac(tacKey(fromHex(v.dtk!)), termsOf(v), sequence);
    assert.equal(toHex(tac), v.tac);
  }
  const load = all.find((v) => v.id === 'gen-ep-load-02')!;
  const newBalance = Number.parseInt(load.newBalance!, 16);
  const tac = loadTac(tacKey(fromHex(load.dtk!)), newBalance, 0x12, termsOf(load));
  assert.equal(toHex(tac), load.tac);
});

test('a MAC over whole blocks still gets its padding block', () => {
  const key = fromHex('0123456789ABCDEF');
  const block = fromHex('0011223344556677');
  assert.notEqual(toHex(desMac(key, block)), toHex(desMac(key, block.subarray(0, 7))));
});

test('card and gate agree on every MAC, each by its own implementation', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(
      bytes(16),
      bytes(4),
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0, max: 0x7fffffff }),
      u32,
      fc.option(bytes(9)),
      (key, random, counter, amountMinor, terminalSequence, cityCode) => {
        const terms = {
          amountMinor,
          transactionType: 9,
          terminalId: fromHex('0A0B0C0D0E0F'),
          dateTime: fromHex('20240821185844'),
        };
        const sequence = new Uint8Array(4);
        writeU32(sequence, 0, terminalSequence);
        const words = new Int32Array(4);
        loadKey(key, 0, words);
        const cardKey = new Int32Array(tripleDes.keyWords);
        tripleDes.expandKey(words, cardKey);
        const gateSession = new Int32Array(MAC_WORDS_MAX);
        gateMac.purchaseSession(tripleDes, cardKey, random, counter, terminalSequence, gateSession);
        const session = purchaseSessionKey(key, random, counter, sequence);
        assert.equal(
          gateMac.purchaseMac1(tripleDes, gateSession, terms, cityCode) >>> 0,
          readU32(purchaseMac1(session, terms, cityCode ?? noCode), 0),
        );
        assert.equal(
          gateMac.purchaseMac2(tripleDes, gateSession, amountMinor) >>> 0,
          readU32(purchaseMac2(session, amountMinor), 0),
        );
      },
    ),
    { numRuns: 200 },
  );
});
