/** A bank card's proof in an evidence event and in its debit record: nothing is lost on the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cardNumberOf, cardOfNumber } from '../../../engine/card/qpboc/card-data.ts';
import { evidenceOf } from '../../../engine/card/qpboc/evidence.ts';
import {
  type BankDebit,
  bankPayload,
  emptyBankPayload,
  readBankPayload,
} from '../../../engine/card/qpboc/evidence-payload.ts';
import { approvedBy, buy, ecashCard } from '../../kit/ecash-cards.ts';

test('what a bank needs comes back from payload and debit record', () => {
  const evidence = evidenceOf(approvedBy(buy(ecashCard(), 1234)));
  const { card, atc, date, time } = evidence;
  const debit: BankDebit = {
    cardNumber: cardNumberOf(card),
    offlineCounter: atc,
    amountMinor: 1234,
    currency: 156,
    dateTime: Uint8Array.of(0x20, ...date, ...time),
  };
  const authenticated = { method: 'fddaV01', algorithm: 'sm2' } as const;
  for (const one of [evidence, { ...evidence, expiry: null, availableBalance: null }]) {
    const proof = { evidence: one, authenticated, application: 1 };
    const payload = bankPayload(proof);
    assert.equal(payload.length, 109);
    assert.deepEqual(readBankPayload(payload, debit), proof);
  }
  assert.equal(readBankPayload(emptyBankPayload(), debit), null);
});

test('a card number holds every PAN and sequence, ordered by PAN', () => {
  const digits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 13, maxLength: 19 });
  const card = fc
    .tuple(digits, fc.integer({ min: 0, max: 99 }))
    .map(([pan, panSequence]) => ({ pan: pan.join(''), panSequence }));
  fc.assert(
    fc.property(card, card, (a, b) => {
      const [one, other] = [cardNumberOf(a), cardNumberOf(b)];
      assert.deepEqual(cardOfNumber(one), a);
      const byPan = a.pan.padEnd(19, '0') < b.pan.padEnd(19, '0');
      if (byPan) assert(Buffer.compare(one, other) < 0);
    }),
  );
  assert.equal(cardOfNumber(new Uint8Array(10)), null);
  assert.equal(cardOfNumber(new Uint8Array(10).fill(0xff)), null);
});
