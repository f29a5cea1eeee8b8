/** What an honest virtual card answers, command by command, with published values first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../../engine/bytes.ts';
import {
  purchaseMac2,
  purchaseSessionKey,
  purchaseTac,
  tacKey,
} from '../../../../gate/reader/virtual/card-crypto.ts';
import type { CardState } from '../../../../gate/reader/virtual/card-state.ts';
import { noShared, vectors } from '../../../shared.ts';
import {
  balances,
  type CardSetUp,
  cardOf,
  cardWithRandom,
  dateTime,
  journeyRecord,
  Terminal,
  terminalId,
} from './terminal.ts';

function selected(setUp: CardSetUp = {}): Terminal {
  const terminal = new Terminal(cardOf(setUp));
  assert.equal(terminal.select().sw, '9000');
  return terminal;
}

test('SELECT answers the FCI with file 15, as the published dump of a T-Union card has it', () => {
  const terminal = new Terminal(
    cardOf({
      cardNumber: fromHex('03105170010170000000'),
      validFrom: fromHex('20190806'),
      validTo: fromHex('20401231'),
    }),
  );
  const dump =
    '6F318408A000000632010105A5259F0801029F0C1E01011000FFFFFFFF020103105170010170000000201908062040123100009000';
  const { sw, data } = terminal.select();
  assert.equal(toHex(data) + sw, dump);
});

test('a purchase with the published example is accepted and answers its MAC2', {
  skip: noShared,
}, () => {
  const [v] = vectors<Record<string, string> & { init: { apdu: string } }>('ep-purchase-load');
  assert(v);
  const { state } = cardOf({ personality: 'jrt0025', balanceMinor: 0x1000 });
  const purchaseKey = { ...state.purchaseKey, key: fromHex(v.key!) };
  // The card's random must be the example's.
  const published = new Terminal(cardWithRandom({ ...state, purchaseKey }, '11223344'));
  published.select();
  assert.equal(toHex(published.send(v.init.apdu).data), '000010000000000000010011223344');
  const debit = `805401000F${v.termSeq}${v.date}${v.time}${v.mac1}08`;
  const { sw, data } = published.send(debit);
  assert.equal(sw, '9000');
  assert.equal(toHex(data.subarray(4)), v.mac2);
});

test('a CAPP purchase of our own example answers TAC and MAC2', { skip: noShared }, () => {
  const v = vectors<Record<string, string>>('generated').find((x) => x.id === 'gen-ep-capp-09')!;
  const { state } = cardOf({
    personality: 'jrt0025',
    cardNumber: fromHex(`0000${v.factor}`),
    offlineCounter: 7,
  });
  assert.equal(toHex(state.purchaseKey.key), v.diversifiedKey);
  const tacKeyOfCard = { ...state.tacKey, key: fromHex(v.dtk!) };
  const terminal = new Terminal(cardWithRandom({ ...state, tacKey: tacKeyOfCard }, v.random!));
  terminal.select();
  terminal.send(`805003020B01${v.amount}${v.terminal}`);
  terminal.update(journeyRecord(3));
  const { data } = terminal.send(`805401000F${v.termSeq}${v.dateTime}${v.mac1}08`);
  assert.equal(toHex(data), `${v.tac}${v.mac2}`);
});

test('DEBIT moves balance, counter, log, journey and proof in one commit', () => {
  const commits: CardState[] = [];
  const terminal = selected({ commit: (state) => commits.push(state) });
  const before = terminal.card.state;
  terminal.initialize('03', 300);
  terminal.update(journeyRecord(7));
  assert.equal(terminal.card.state, before);
  assert.equal(commits.length, 0);
  const { data } = terminal.debit();
  const after = terminal.card.state;
  assert.deepEqual(commits, [after]);
  assert.equal(after.balanceMinor, 9700);
  assert.equal(after.spentMinor, 300);
  assert.equal(after.offlineCounter, 1);
  assert.deepEqual(after.journey, journeyRecord(7));
  const record = '0001' + '000000' + '0000012C' + '09' + '040900010001' + '20240821185844';
  assert.deepEqual(after.log.map(toHex), [record]);
  const sequence = fromHex('00000001');
  const terms = { amountMinor: 300, transactionType: 9, terminalId, dateTime };
  const tac = purchaseTac(tacKey(after.tacKey.key), terms, sequence);
  const random = fromHex('00000001');
  const session = purchaseSessionKey(after.purchaseKey.key, random, 0, sequence);
  assert.equal(toHex(data), toHex(tac) + toHex(purchaseMac2(session, 300)));
});

test('a plain purchase leaves the journey file alone, and amount 0 is a transaction', () => {
  const terminal = selected({ journey: journeyRecord(5) });
  assert.equal(terminal.purchase(0).sw, '9000');
  assert.equal(terminal.purchase(1).sw, '9000');
  const { state } = terminal.card;
  assert.deepEqual(state.journey, journeyRecord(5));
  assert.equal(state.offlineCounter, 2);
  assert.equal(state.balanceMinor, 9999);
  assert.equal(state.log[0]![9], 6);
});

test('the last of several UPDATE CAPP DATA CACHE counts', () => {
  const terminal = selected();
  terminal.initialize('03', 1);
  terminal.update(journeyRecord(1));
  terminal.update(journeyRecord(2));
  assert.equal(terminal.debit().sw, '9000');
  assert.deepEqual(terminal.card.state.journey, journeyRecord(2));
});

test('GET TRANSACTION PROVE answers MAC2 ‖ TAC of the last transaction, across power loss', () => {
  const terminal = selected();
  const { data } = terminal.capp(300, journeyRecord(7));
  terminal.card.power();
  terminal.select();
  const proof = terminal.send('805A0009020001' + '08');
  assert.equal(proof.sw, '9000');
  assert.equal(toHex(proof.data), toHex(data.subarray(4)) + toHex(data.subarray(0, 4)));
  // Another counter, another type, and before any transaction: no proof.
  assert.equal(terminal.send('805A000902000008').sw, '9406');
  assert.equal(terminal.send('805A000602000108').sw, '9406');
  assert.equal(selected().send('805A000902000108').sw, '9406');
});

test('a load puts money on the card and answers its TAC', () => {
  const terminal = selected();
  const initialized = terminal.initialize('00', 5000);
  assert.equal(initialized.sw, '9000');
  assert.equal(initialized.data.length, 16);
  const { sw, data } = terminal.credit();
  assert.equal(sw, '9000');
  assert.equal(data.length, 4);
  const { state } = terminal.card;
  assert.equal(state.balanceMinor, 15_000);
  assert.equal(state.loadedMinor, 5000);
  assert.equal(state.onlineCounter, 1);
  assert.equal(state.offlineCounter, 0);
  assert(balances(state));
  assert.equal(terminal.send('805A0002020001').sw, '9000');
});

test('files: public, holder, scheme, log and journey', () => {
  const terminal = selected({ journey: journeyRecord(9) });
  terminal.capp(100, journeyRecord(8));
  terminal.purchase(50);
  assert.equal(terminal.send('00B095001E').data.length, 30);
  assert.equal(toHex(terminal.send('00B0950C08').data), '5170010170000001');
  assert.equal(terminal.send('00B0960037').data.length, 55);
  assert.equal(terminal.send('00B097003C').data.length, 60);
  assert.equal(toHex(terminal.send('00B201C417').data.subarray(0, 2)), '0002');
  assert.equal(toHex(terminal.send('00B202C400').data.subarray(0, 2)), '0001');
  assert.deepEqual(terminal.send('00B201F430').data, journeyRecord(8));
});

test('the log keeps the last ten transactions, newest first', () => {
  const terminal = selected();
  for (let i = 1; i <= 12; i++) terminal.purchase(i);
  const serials = terminal.card.state.log.map((record) => record[1]);
  assert.deepEqual(serials, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
  assert.equal(terminal.send('00B20AC417').sw, '9000');
  assert.equal(terminal.send('00B20BC417').sw, '6A83');
});

test('GET BALANCE counts the overdraft as its scheme does', () => {
  const terminal = selected({ balanceMinor: 100, overdraftLimitMinor: 500 });
  assert.equal(terminal.purchase(300).sw, '9000');
  const ask = (p1: string): number =>
    Number.parseInt(toHex(terminal.send(`805C${p1}0204`).data), 16);
  assert.deepEqual(['00', '01', '02', '03'].map(ask), [0, 500, 200, 300]);
  assert.equal(terminal.purchase(301).sw, '6985');
  assert.equal(terminal.initialize('01', 301).sw, '9401');
  assert.equal(terminal.purchase(300).sw, '9000');
  assert(balances(terminal.card.state));

  const plain = selected({ personality: 'jrt0025', balanceMinor: 100, overdraftLimitMinor: 500 });
  assert.equal(toHex(plain.send('805C000204').data), '00000258');
  assert.equal(plain.send('805C010204').sw, '6A86');
});

test('a city-union card gives its code and wants it in MAC1', () => {
  const terminal = selected({ personality: 'city-union' });
  assert.equal(toHex(terminal.send('80CA000009').data), '8588D32B7688D32B76');
  assert.equal(terminal.capp(300, journeyRecord(1)).sw, '9000');
  assert.equal(selected().send('80CA000009').sw, '6D00');
});

test('GET CHALLENGE answers 4 or 8 random bytes', () => {
  const terminal = selected();
  assert.equal(terminal.send('0084000004').data.length, 4);
  assert.equal(terminal.send('0084000008').data.length, 8);
  assert.equal(terminal.send('0084000003').sw, '6700');
});
