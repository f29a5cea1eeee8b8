/** The virtual e-cash card by itself and in the virtual reader. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../../engine/bytes.ts';
import { purchaseEcash } from '../../../../engine/card/qpboc/transaction.ts';
import type { EcashState } from '../../../../gate/reader/virtual/ecash-card.ts';
import { signSm2, sm2Signer } from '../../../../gate/reader/virtual/ecash-crypto.ts';
import { VirtualReader } from '../../../../gate/reader/virtual/reader.ts';
import { accepted, buy, ecashCard, formsOf, purchaseOf } from '../../../kit/ecash-cards.ts';
import * as slow from '../../../reference/crypto-sm2.ts';

test('what it keeps is committed before it answers: the counter first, the money at the end', () => {
  const kept: EcashState[] = [];
  const card = ecashCard({ commit: (state) => kept.push(state) });
  buy(card, 250);
  assert.deepEqual(kept, [
    { balanceMinor: 10_000, atc: 0x20b },
    { balanceMinor: 9750, atc: 0x20b },
  ]);
});

test('records cannot be read without a purchase, nor after a power cut', () => {
  const card = ecashCard();
  const send = (hex: string) => toHex(card.transmit(fromHex(hex)));
  assert.equal(send('00B2011400'), '6985');
  assert.equal(send('80A8000002830000'), '6985', 'nothing is selected');
  assert.match(send('00A4040008A00000033301010100'), /9000$/);
  const options = `80A8000024832228000080${'000000000250'}${'00'.repeat(6)}01560000000000015626113000112233440000`;
  assert.match(send(options), /9000$/);
  assert.match(send('00B2011400'), /9000$/);
  assert.equal(send('00B2091400'), '6A83');
  card.power();
  assert.equal(send('00B2011C00'), '6985');
  assert.equal(card.state.balanceMinor, 10_000);
  assert.equal(send('80CA9F7900'), '9F79060000000100009000');
  assert.equal(send('80CA9F3600'), '9F3602020B9000');
  assert.equal(send('80CA9F1300'), '6A88');
});

test('any bytes get an answer, and none takes money', () => {
  const card = ecashCard();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 261 }), (apdu) => {
      assert(card.transmit(apdu).length >= 2);
      assert.equal(card.state.balanceMinor, 10_000);
    }),
  );
});

test('its SM2 signatures are those of the slow twin of tests', () => {
  const signer = sm2Signer(slow.bytes32(0x1234n));
  assert.equal(toHex(signer.publicKey), toHex(slow.publicKeyOf(0x1234n)));
  const message = fromHex('AABB');
  let count = 0;
  const signature = signSm2(signer, message, (length) => new Uint8Array(length).fill(++count));
  assert(slow.verify(signer.publicKey, message, signature));
});

test('a reader holds it like any card, time passes, and it can be torn away', async () => {
  const reader = new VirtualReader();
  const card = ecashCard();
  const gone = [
    reader.present(card, { kbitps: 106 }),
    reader.present(card, { kbitps: 106, tear: { command: 'OPTIONS', when: 'after' } }),
  ];
  const ends: string[] = [];
  for await (const session of reader.cards()) {
    assert.deepEqual(session.uid, card.uid);
    const dialogue = purchaseEcash(accepted, formsOf(), purchaseOf(100));
    let next = dialogue.next();
    while (!next.done) {
      assert(next.value.ask === 'card');
      next = dialogue.next(await session.transceive(next.value.apdu));
    }
    assert(session.modelledUs > 120_000, 'a cryptogram and a signature take their time');
    ends.push(next.value.result);
    if (ends.length === 2) break;
  }
  await reader.close();
  await Promise.all(gone);
  assert.deepEqual(ends, ['approved', 'fault']);
  assert.deepEqual(card.state, { balanceMinor: 9900, atc: 0x20c });
});
