/** Keys and MACs of purse transactions that were published or recorded, and regression data. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, readU16, readU32, toHex } from '../../engine/bytes.ts';
import { edeBlock, expandDes } from '../../engine/crypto/des.ts';
import { deriveCardKey, tripleDes } from '../../engine/crypto/purse-cipher.ts';
import {
  type Load,
  loadMac1,
  loadMac2,
  loadSession,
  loadTac,
  type Purchase,
  purchaseMac1,
  purchaseMac2,
  purchaseSession,
  purchaseTac,
} from '../../engine/crypto/purse-mac.ts';
import { loadKey, loadWord, storeWord } from '../../engine/crypto/words.ts';
import { noShared, vectors } from '../shared.ts';

/** Fields as the vector files spell them; each vector has those it needs. */
interface Vector {
  readonly [field: string]: string | undefined;
}

function find(file: string, id: string): (field: string) => string {
  const found = vectors<Vector & { id: string }>(file).find((v) => v.id === id);
  assert(found, id);
  return (field) => {
    const value = found[field];
    assert(value !== undefined, `${id} has no ${field}`);
    return value;
  };
}

function hex(word: number): string {
  const out = new Uint8Array(4);
  storeWord(word, out, 0);
  return toHex(out);
}

/** Schedule of an 8-byte session or TAC key. */
function desKey(key: string): Int32Array {
  const schedule = new Int32Array(32);
  expandDes(loadWord(fromHex(key), 0), loadWord(fromHex(key), 4), schedule);
  return schedule;
}

/** Schedule of a 16-byte key. */
function cardKey(key: string): Int32Array {
  const words = new Int32Array(4);
  loadKey(fromHex(key), 0, words);
  const schedule = new Int32Array(tripleDes.keyWords);
  tripleDes.expandKey(words, schedule);
  return schedule;
}

const number = (text: string) => readU32(fromHex(text.padStart(8, '0')), 0);

function purchaseOf(v: (field: string) => string, dateTime: string): Purchase {
  return {
    amountMinor: number(v('amount')),
    transactionType: number(v('type')),
    terminalId: fromHex(v('terminal')),
    dateTime: fromHex(dateTime),
  };
}

test('a recorded CAPP purchase of a city-union card, with its TAC', { skip: noShared }, () => {
  const v = find('ep-city-union', 'city-union-capp-1');
  const purchase = purchaseOf(
    (field) => v(field === 'type' ? 'txnType' : field),
    v('date') + v('time'),
  );
  const session = desKey(v('sessionKey'));
  const code = fromHex(v('cityCode9'));
  assert.equal(hex(purchaseMac1(tripleDes, session, purchase, code)), v('mac1'));
  assert.equal(hex(purchaseMac1(tripleDes, session, purchase, null)), v('mac1WithoutCode'));
  assert.equal(hex(purchaseMac2(tripleDes, session, purchase.amountMinor)), v('mac2'));
  const tac = purchaseTac(tripleDes, desKey(v('tacKey')), purchase, number(v('termSeq')));
  assert.equal(hex(tac), v('tac'));
});

test('a recorded load of a city-union card', { skip: noShared }, () => {
  const v = find('ep-city-union', 'city-union-load-1');
  const load: Load = {
    ...purchaseOf((field) => v(field === 'type' ? 'txnType' : field), v('date') + v('time')),
    balanceMinor: 0,
  };
  const session = desKey(v('sessionKey'));
  assert.equal(hex(loadMac1(tripleDes, session, load)), v('mac1'));
  assert.equal(hex(loadMac2(tripleDes, session, load)), v('mac2'));
  // The same vendor's cards share the TAC key of the purchase above. The counter in the TAC is 0,
  // while the card's log counts this load as 1: it is the one before the increment.
  const tacKey = desKey(find('ep-city-union', 'city-union-capp-1')('tacKey'));
  assert.equal(hex(loadTac(tripleDes, tacKey, load, number(v('onlineSeq')))), v('tac'));
});

test('the published worked purchase, from the key to MAC2', { skip: noShared }, () => {
  const v = find('ep-purchase-load', 'ep-purchase-1');
  const purchase: Purchase = {
    amountMinor: 0x1000,
    transactionType: number(v('txnType')),
    terminalId: fromHex('001122334455'),
    dateTime: fromHex(v('date') + v('time')),
  };
  const session = new Int32Array(32);
  const key = cardKey(v('key'));
  purchaseSession(tripleDes, key, fromHex('11223344'), 0, number(v('termSeq')), session);
  assert.deepEqual(session, desKey(v('sessionKey')));
  assert.equal(hex(purchaseMac1(tripleDes, session, purchase, null)), v('mac1'));
  assert.equal(hex(purchaseMac2(tripleDes, session, purchase.amountMinor)), v('mac2'));
});

test('the published worked load, from the key to both MACs', { skip: noShared }, () => {
  const v = find('ep-purchase-load', 'ed-load-1');
  const load: Load = {
    balanceMinor: 0,
    amountMinor: 0x1000,
    transactionType: number(v('txnType')),
    terminalId: fromHex('001122334455'),
    dateTime: fromHex(v('date') + v('time')),
  };
  const session = new Int32Array(32);
  loadSession(tripleDes, cardKey(v('key')), fromHex('11223344'), 0, session);
  assert.deepEqual(session, desKey(v('sessionKey')));
  assert.equal(hex(loadMac1(tripleDes, session, load)), v('mac1'));
  assert.equal(hex(loadMac2(tripleDes, session, load)), v('mac2'));
});

for (const id of ['gen-ep-purchase-06', 'gen-ep-capp-09']) {
  // Computed from the same formulas, not published: guards against change only.
  test(`regression, not published: ${id}`, { skip: noShared }, () => {
    const v = find('generated', id);
    const purchase = purchaseOf(v, v('dateTime'));
    const key = new Int32Array(4);
    const factor = Int32Array.of(
      loadWord(fromHex(v('factor')), 0),
      loadWord(fromHex(v('factor')), 4),
    );
    deriveCardKey(tripleDes, cardKey(v('masterKey')), factor, 1, key);
    const derived = new Uint8Array(16);
    for (let i = 0; i < 4; i++) storeWord(key[i]!, derived, 4 * i);
    assert.equal(toHex(derived), v('diversifiedKey'));
    const session = new Int32Array(32);
    const counter = readU16(fromHex(v('offlineSeq')), 0);
    const sequence = number(v('termSeq'));
    const dpk = cardKey(v('diversifiedKey'));
    purchaseSession(tripleDes, dpk, fromHex(v('random')), counter, sequence, session);
    assert.equal(hex(purchaseMac1(tripleDes, session, purchase, null)), v('mac1'));
    assert.equal(hex(purchaseMac2(tripleDes, session, purchase.amountMinor)), v('mac2'));
    const tacKey = new Int32Array(32);
    loadKey(fromHex(v('dtk')), 0, key);
    tripleDes.expandTac(key, tacKey);
    assert.deepEqual(tacKey, desKey(v('tacKey')));
    assert.equal(hex(purchaseTac(tripleDes, tacKey, purchase, sequence)), v('tac'));
  });
}

test('regression, not published: gen-ep-load-02', { skip: noShared }, () => {
  const v = find('generated', 'gen-ep-load-02');
  const load: Load = {
    balanceMinor: number(v('balance')),
    amountMinor: number(v('amount')),
    transactionType: 2,
    terminalId: fromHex(v('terminal')),
    dateTime: fromHex(v('dateTime')),
  };
  const session = new Int32Array(32);
  const counter = readU16(fromHex(v('onlineSeq')), 0);
  loadSession(tripleDes, cardKey(v('key')), fromHex(v('random')), counter, session);
  assert.deepEqual(session, desKey(v('sessionKey')));
  assert.equal(hex(loadMac1(tripleDes, session, load)), v('mac1'));
  assert.equal(hex(loadMac2(tripleDes, session, load)), v('mac2'));
  const key = new Int32Array(4);
  loadKey(fromHex(v('dtk')), 0, key);
  const tacKey = new Int32Array(32);
  tripleDes.expandTac(key, tacKey);
  assert.equal(hex(loadTac(tripleDes, tacKey, load, counter)), v('tac'));
});

test('only the right two bytes of the terminal sequence enter the session key', () => {
  const key = cardKey('11223344556677888877665544332211');
  const block = Int32Array.of(0x01020304, (0xfffe << 16) | 0xbeef);
  edeBlock(key, block);
  const expected = new Int32Array(32);
  expandDes(block[0]!, block[1]!, expected);
  const session = new Int32Array(32);
  purchaseSession(tripleDes, key, fromHex('01020304'), 0xfffe, 0xdeadbeef, session);
  assert.deepEqual(session, expected);
});
