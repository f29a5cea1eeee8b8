/** Whole purchases of virtual e-cash cards, and recorded ones of real cards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { findApplications, selectApplication } from '../../../engine/card/qpboc/application.ts';
import { availableMinor, cardNumberOf } from '../../../engine/card/qpboc/card-data.ts';
import { verifyWithCardKey } from '../../../engine/card/qpboc/cryptogram.ts';
import { evidenceOf } from '../../../engine/card/qpboc/evidence.ts';
import { authenticate } from '../../../engine/card/qpboc/oda/authenticate.ts';
import { outcomeOf, refusalOf, validityProblem } from '../../../engine/card/qpboc/outcome.ts';
import {
  beginPurchase,
  completePurchase,
  purchaseEcash,
} from '../../../engine/card/qpboc/transaction.ts';
import { testCard } from '../../../gate/reader/virtual/ecash-test-card.ts';
import {
  accepted,
  approvedBy,
  buy,
  driveWith,
  ecashCard,
  formsOf,
  lenient,
  purchaseOf,
  TODAY,
  testIssuers,
} from '../../kit/ecash-cards.ts';
import { noShared, vectors } from '../../shared.ts';
import { replay, type Step } from '../../transcripts/replay.ts';

for (const sm2 of [false, true]) {
  for (const fdda of ['v00', 'v01'] as const) {
    test(`a card is debited, authenticated and its TC verified: ${sm2 ? 'SM2' : 'RSA'} ${fdda}`, () => {
      const card = ecashCard({ personality: { fdda } });
      const transaction = approvedBy(buy(card, 250, { sm2 }));
      assert.deepEqual(card.state, { balanceMinor: 9750, atc: 0x20b });
      assert.equal(availableMinor(transaction.elements), 9750);
      assert.equal(transaction.card.pan, '6228000100001117');
      const authentication = authenticate(transaction, testIssuers(), lenient, TODAY);
      assert.deepEqual(authentication, {
        method: fdda === 'v00' ? 'fddaV00' : 'fddaV01',
        algorithm: sm2 ? 'sm2' : 'rsa',
      });
      assert.deepEqual(outcomeOf(transaction, authentication, TODAY), { outcome: 'approved' });
      const evidence = evidenceOf(transaction);
      assert.equal(verifyWithCardKey(evidence, '3des', testCard.cryptogramKey), 'valid');
      assert.equal(evidence.atc, 0x20b);
      assert.equal(toHex(evidence.amount), '000000000250');
    });
  }
}

test('the denylist is asked about number and sequence', () => {
  const { card } = approvedBy(buy(ecashCard(), 100));
  assert.equal(toHex(cardNumberOf(card)), '566E4D17F5A9F3481001');
});

test('a balance that is too low: online where the gate could be, else declined', () => {
  const card = ecashCard({ state: { balanceMinor: 99 } });
  const online = buy(card, 100, { qualifiers: fromHex('20000080') });
  assert.deepEqual(refusalOf(online), { outcome: 'onlineRequired', reason: 'onlineByCard' });
  const declined = buy(card, 100);
  assert.deepEqual(refusalOf(declined), { outcome: 'declined', reason: 'declinedByCard' });
  assert.equal(card.state.balanceMinor, 99);
  const cryptogramWanted = buy(card, 1, { qualifiers: fromHex('20800080') });
  assert.equal(cryptogramWanted.result, 'online');
});

test('other interface, other application, and none', () => {
  const refusal = (status: number) => buy(ecashCard({ quirks: { optionsStatus: status } }), 100);
  assert.deepEqual(refusalOf(refusal(0x6984)), {
    outcome: 'otherInterface',
    reason: 'otherInterface',
  });
  assert.deepEqual(refusalOf(refusal(0x6985)), {
    outcome: 'declined',
    reason: 'applicationMissing',
  });
  const failed = refusal(0x6f00);
  assert(failed.result === 'fault' && failed.fault.fault === 'status');
  const foreign = ecashCard({ personality: { aid: fromHex('A0000000031010') } });
  assert.deepEqual(buy(foreign, 100), { result: 'refused', reason: 'applicationMissing' });
});

test('a card without a directory is selected by name', () => {
  const card = ecashCard({ quirks: { hasPpse: false } });
  approvedBy(buy(card, 100));
});

test('9F27 is optional, and must not contradict 9F10', () => {
  approvedBy(buy(ecashCard({ quirks: { saysInformation: false } }), 100));
});

test('expired and not yet effective cards, and cards whose signature is spoilt', () => {
  const transaction = approvedBy(buy(ecashCard(), 100));
  const judged = (day: number) => {
    const authentication = authenticate(transaction, testIssuers(), lenient, day);
    return outcomeOf(transaction, authentication, day);
  };
  assert.deepEqual(judged(2030_11_30), { outcome: 'approved' });
  assert.deepEqual(judged(2031_01_01), { outcome: 'declined', reason: 'expired' });
  assert.deepEqual(judged(1995_06_30), { outcome: 'declined', reason: 'notYetEffective' });

  const wishes = { '3000': 'onlineRequired', '1000': 'otherInterface', '0000': 'declined' };
  for (const [qualifiers, outcome] of Object.entries(wishes)) {
    const spoilt = ecashCard({
      quirks: { spoilsSignature: true },
      personality: { qualifiers: fromHex(qualifiers) },
    });
    const spoiltSale = approvedBy(buy(spoilt, 100));
    const failed = authenticate(spoiltSale, testIssuers(), lenient, TODAY);
    assert('failed' in failed && failed.failed.startsWith('dynamicSignature'));
    assert.equal(outcomeOf(spoiltSale, failed, TODAY).outcome, outcome);
  }
});

test('between the phases the gate knows number and dates, and nothing is debited', () => {
  const card = ecashCard();
  const means = { forms: formsOf(), readsOnline: false };
  const begun = driveWith(beginPurchase(accepted, means, purchaseOf(100)), (apdu) =>
    card.transmit(apdu),
  );
  assert(begun.result === 'pending');
  assert.equal(card.state.balanceMinor, 10_000);
  assert.equal(toHex(cardNumberOf(begun.transaction.card)), '566E4D17F5A9F3481001');
  assert.equal(validityProblem(begun.transaction, TODAY), null);
  assert.equal(validityProblem(begun.transaction, 2031_01_01), 'expired');
  assert.equal(validityProblem(begun.transaction, 1995_06_30), 'notYetEffective');
  const refusedAtLast = driveWith(completePurchase(begun), () => fromHex('6985'));
  assert(refusedAtLast.result === 'unknown', 'a link may have put the status word there');
  approvedBy(driveWith(completePurchase(begun), (apdu) => card.transmit(apdu)));
  assert.equal(card.state.balanceMinor, 9900);
});

test('torn away at any command: a card that may be debited is never said not to be', () => {
  const commands = 7;
  for (const when of ['before', 'during', 'after'] as const) {
    for (let torn = 1; torn <= commands; torn++) {
      const card = ecashCard();
      let count = 0;
      const dialogue = purchaseEcash(accepted, formsOf(), purchaseOf(100));
      const result = driveWith(dialogue, (apdu) => {
        count++;
        if (count < torn) return card.transmit(apdu);
        if (when === 'during') card.loseDuring(apdu);
        if (when === 'after') card.transmit(apdu);
        card.power();
        return null;
      });
      const isDebited = card.state.balanceMinor !== 10_000;
      assert.equal(isDebited, torn === commands && when === 'after');
      if (torn < commands) {
        assert(result.result === 'fault' && result.fault.fault === 'gone', `${when} ${torn}`);
      } else {
        assert(result.result === 'unknown' && result.fault?.fault === 'gone');
        assert.equal(result.transaction.options.atc, card.state.atc);
      }
    }
  }
});

interface Trace {
  readonly id: string;
  readonly steps: readonly Step[];
}

function trace(id: string): readonly Step[] {
  const found = vectors<Trace>('traces').find((one) => one.id === id);
  assert(found, id);
  return found.steps;
}

test('a recorded purchase that a real card sent online', { skip: noShared }, () => {
  const forms = formsOf({ qualifiers: fromHex('36800000') });
  const purchase = {
    amountMinor: 1,
    unpredictableNumber: fromHex('2B29EBE4'),
    date: fromHex('170601'),
    time: fromHex('120000'),
  };
  const result = replay(purchaseEcash(accepted, forms, purchase), trace('qpboc-arqc'), {
    leLeftOut: true,
  });
  assert(result.result === 'online');
  const { transaction } = result;
  assert.equal(transaction.options.atc, 0x0adc);
  assert.equal(availableMinor(transaction.elements), 38_787);
  assert.equal(toHex(evidenceOf(transaction).cryptogram), 'AD03EE811AFAD484');
});

test('a recorded purchase that a real card approved', { skip: noShared }, () => {
  // The recording begins at GET PROCESSING OPTIONS, and its records were cut.
  const [{ c, r }] = trace('qpboc-tc-boc') as [Step];
  const qpboc = trace('qpboc-arqc');
  const forms = formsOf({ qualifiers: fromHex('27000000'), transactionType: 1 });
  const purchase = {
    amountMinor: 100,
    unpredictableNumber: fromHex('11223344'),
    date: fromHex('130322'),
    time: fromHex('120000'),
  };
  const commands: string[] = [];
  const result = driveWith(purchaseEcash(accepted, forms, purchase), (apdu) => {
    commands.push(toHex(apdu));
    if (apdu[1] === 0xa4) return fromHex(qpboc[commands.length - 1]!.r!);
    return apdu[1] === 0xa8 ? fromHex(r!) : null;
  });
  // Its verification results were 00 00 00 08 00, ours are zeros.
  assert.equal(commands[2], `${c.replace('0000000800', '0000000000')}00`);
  assert.equal(commands[3], '00B2030C00');
  assert(result.result === 'fault' && result.fault.fault === 'gone');
});

test('the directory is tried in order of priority and the rest ignored', () => {
  const entry = (aid: string, priority: string) => `610D4F08${aid}8701${priority}`;
  const entries = [
    entry('A000000333010103', '03'),
    entry('A000000333010101', '01'),
    entry('A000000999010101', '01'),
    '61064F0411223344',
    entry('A000000333010102', '00'),
    '6104500258FF',
  ].join('');
  const length = (hex: string) => (hex.length / 2).toString(16).padStart(2, '0');
  const inner = `BF0C${length(entries)}${entries}`;
  const a5 = `A5${length(inner)}${inner}`;
  const fci = `6F${length(a5)}${a5}9000`;
  const names = driveWith(findApplications([fromHex('A000000333')]), () => fromHex(fci));
  assert(!('fault' in names));
  assert.deepEqual(names.map(toHex), ['A000000333010101', 'A000000333010103', 'A000000333010102']);
  const locked = driveWith(selectApplication(names[0]!), () => fromHex('6283'));
  assert.equal(locked, null);
});
