/** Application cryptograms: the published ones, and the virtual card's of both versions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import {
  cryptogramData,
  verifyCryptogram,
  verifyWithCardKey,
} from '../../../engine/card/qpboc/cryptogram.ts';
import { type EcashEvidence, evidenceOf } from '../../../engine/card/qpboc/evidence.ts';
import {
  applicationCryptogram,
  cardKey,
  cryptogramSessionKey,
} from '../../../engine/crypto/application-cryptogram.ts';
import { approvedBy, buy, ecashCard } from '../../kit/ecash-cards.ts';
import { noShared, vectors } from '../../shared.ts';

interface Vector {
  readonly id: string;
  readonly reproduced: boolean;
  readonly key: string;
  readonly data: string;
  readonly mac8: string;
  readonly udkAc: string;
  readonly atc: string;
  readonly sessionKey: string;
  readonly ac: string;
}

test('published MAC and cryptogram, version 01', { skip: noShared }, () => {
  const [mac, ac] = vectors<Vector>('emv-pboc-mac-ac') as [Vector, Vector];
  const macOf = applicationCryptogram('3des', fromHex(mac.key), fromHex(mac.data));
  assert.equal(toHex(macOf), mac.mac8);
  const session = cryptogramSessionKey('3des', fromHex(ac.udkAc), Number.parseInt(ac.atc, 16));
  assert.equal(toHex(session), ac.sessionKey);
  assert.equal(toHex(applicationCryptogram('3des', session, fromHex(ac.data))), ac.ac);
});

/** The purchase of the published cryptogram, out of its command and answer. */
function publishedEvidence(): EcashEvidence {
  return {
    ...evidenceOf(approvedBy(buy(ecashCard(), 100))),
    cryptogram: fromHex('F294D7022FA9B058'),
    atc: 0x000e,
    iad: fromHex('07020103A4B904010A0100000000001BFC423C'),
    aip: fromHex('7C00'),
    amount: fromHex('000000001234'),
    amountOther: fromHex('000000000034'),
    country: fromHex('0156'),
    verificationResults: fromHex('D86004A800'),
    currency: fromHex('0156'),
    date: fromHex('120516'),
    transactionType: 0x01,
    unpredictableNumber: fromHex('01010101'),
  };
}

test('the published cryptogram as evidence', { skip: noShared }, () => {
  const ac = vectors<Vector>('emv-pboc-mac-ac').find(({ id }) => id === 'ac-cvn01-a')!;
  const evidence = publishedEvidence();
  assert.equal(toHex(cryptogramData(evidence)!), ac.data);
  assert.equal(verifyWithCardKey(evidence, '3des', fromHex(ac.udkAc)), 'valid');
  const other = { ...evidence, amount: fromHex('000000001235') };
  assert.equal(verifyWithCardKey(other, '3des', fromHex(ac.udkAc)), 'invalid');
  const unknown = { ...evidence, iad: fromHex('07020203A4B904010A0100000000001BFC423C') };
  assert.equal(verifyWithCardKey(unknown, '3des', fromHex(ac.udkAc)), 'versionUnknown');
});

const master = fromHex('0123456789ABCDEFFEDCBA9876543210');

test('cards of an issuer, by its master key, in both versions and ciphers', () => {
  for (const algorithm of ['3des', 'sm4'] as const) {
    for (const cryptogramVersion of [0x01, 0x17] as const) {
      const key = cardKey(algorithm, master, '6228000100001117', 1);
      const card = ecashCard({ personality: { algorithm, cryptogramVersion, cryptogramKey: key } });
      const evidence = evidenceOf(approvedBy(buy(card, 250)));
      assert.equal(verifyCryptogram(evidence, algorithm, master), 'valid');
      const forged = { ...evidence, amount: fromHex('000000000001') };
      assert.equal(verifyCryptogram(forged, algorithm, master), 'invalid');
      const neighbour = { ...evidence, card: { ...evidence.card, panSequence: 2 } };
      assert.equal(verifyCryptogram(neighbour, algorithm, master), 'invalid');
    }
  }
});

test('a card key takes the right 16 digits of number and sequence', () => {
  const key = (pan: string, sequence: number) => toHex(cardKey('3des', master, pan, sequence));
  assert.equal(key('6228000100001117', 1), key('28000100001117', 1));
  assert.notEqual(key('6228000100001117', 1), key('6228000100001117', 2));
  assert.equal(key('123', 4), key('00000000000123', 4));
});
