/** Purchases of e-cash's extended application: transcripts, tears at every command, refusals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { verifyWithCardKey } from '../../../engine/card/qpboc/cryptogram.ts';
import { evidenceOf } from '../../../engine/card/qpboc/evidence.ts';
import { proveTransaction, readData } from '../../../engine/card/qpboc/extended/card-asks.ts';
import { compileExtendedProfile } from '../../../engine/card/qpboc/extended/profile.ts';
import { segmentedFare } from '../../../engine/card/qpboc/extended/profiles.ts';
import { authenticate } from '../../../engine/card/qpboc/oda/authenticate.ts';
import { refusalOf } from '../../../engine/card/qpboc/outcome.ts';
import type { EcashCard } from '../../../gate/reader/virtual/ecash-card.ts';
import { recordBytes } from '../../../gate/reader/virtual/ecash-extended.ts';
import { testCard } from '../../../gate/reader/virtual/ecash-test-card.ts';
import {
  approvedBy,
  buy,
  driveWith,
  ecashCard,
  lenient,
  TODAY,
  testIssuers,
} from '../../kit/ecash-cards.ts';
import {
  blankRecord,
  driveExtended,
  extendedCard,
  extendedProfile,
  place,
  purchaseExtended,
  recordHolder,
  ride,
} from '../../kit/extended-cards.ts';

function recordOf(card: EcashCard): string {
  return toHex(recordBytes(card.state.extended!, 21, '2701'));
}

const blank = toHex(blankRecord().bytes);

function approved(result: ReturnType<typeof ride>) {
  assert(result.result === 'approved', JSON.stringify(result));
  return result.transaction;
}

test('money and record change together, with the commands of the facts', () => {
  const card = extendedCard();
  const commands: string[] = [];
  const result = driveExtended(purchaseExtended(250), (apdu) => {
    commands.push(toHex(apdu));
    const last = commands.length === 9;
    if (last) assert.deepEqual([card.state.balanceMinor, recordOf(card)], [10_000, blank]);
    return card.transmit(apdu);
  });
  const transaction = approved(result);
  assert.equal(card.state.balanceMinor, 9750);
  assert.equal(recordOf(card).slice(0, 8), '27012D03');
  assert(recordOf(card).includes(toHex(place.station)));
  assert.deepEqual(
    commands.map((one) => one.slice(0, 8)),
    ['00A40400', '00A40400', '80B400A8', '80A80000', '84DE00A8', '00B20114', '00B20214',
      '00B20314', '00B2011C'], // biome-ignore format: one line a kind
  );
  assert.equal(commands[2], '80B400A802270100');
  // 9F66 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37 DF60 DF69
  assert.equal(
    commands[3],
    `80A80000258323${'28000080'}${'000000000250'}${'000000000000'}0156${'0000000000'}0156261130${'00'}2B29EBE4${'01'}${'00'}00`,
  );
  assert.equal(commands[4]!.slice(8, 10), '34');
  assert.equal(commands[4]!.slice(10, 10 + 96), recordOf(card));
  const authentication = authenticate(transaction, testIssuers(), lenient, TODAY);
  assert(!('failed' in authentication));
  const evidence = evidenceOf(transaction);
  assert.equal(verifyWithCardKey(evidence, '3des', testCard.cryptogramKey), 'valid');
  assert.equal(toHex(transaction.terminal.get(0xdf60)!), '01');
});

test('torn away at any command: money and record change together or not at all', () => {
  const commands = 9;
  for (const when of ['before', 'during', 'after'] as const) {
    for (let torn = 1; torn <= commands; torn++) {
      const card = extendedCard();
      let count = 0;
      const result = driveExtended(purchaseExtended(100), (apdu) => {
        count++;
        if (count < torn) return card.transmit(apdu);
        if (when === 'during') card.loseDuring(apdu);
        if (when === 'after') card.transmit(apdu);
        card.power();
        return null;
      });
      const isDebited = card.state.balanceMinor !== 10_000;
      assert.equal(isDebited, torn === commands && when === 'after');
      assert.equal(recordOf(card) !== blank, isDebited, `${when} ${torn}`);
      if (torn < commands) {
        assert(result.result === 'fault' && result.fault.fault === 'gone', `${when} ${torn}`);
        continue;
      }
      assert(result.result === 'unknown' && result.fault?.fault === 'gone');
      const { atc, cryptogram } = result.transaction.options;
      driveWith(selectAgain(), (apdu) => card.transmit(apdu));
      const proof = driveWith(proveTransaction(atc), (apdu) => card.transmit(apdu));
      assert.deepEqual(proof, isDebited ? cryptogram : 'unproven');
    }
  }
});

function* selectAgain() {
  yield { ask: 'card', command: 'SELECT', apdu: selectApdu, meanwhile: null } as const;
}
const selectApdu = fromHex('00A4040008A00000033301010100');

test('a card without the extended application is told from one that has it', () => {
  const lacks = (card: EcashCard, service: 1 | 2 = 1) => {
    const result = ride(card, 0, { service });
    assert(result.result === 'plain', JSON.stringify(result));
    return result.lacks;
  };
  assert.equal(lacks(ecashCard()), 'its PDOL does not ask for DF60');
  assert.equal(lacks(extendedCard({ services: '80' })), 'DF61 has no such service');
  assert.equal(lacks(extendedCard({ services: '01' }), 2), 'DF61 has no such service');
  assert.equal(lacks(extendedCard({ extended: { records: [] } })), 'no CAPP record');
  const other = blankRecord('2702');
  assert.equal(lacks(extendedCard({ extended: { records: [other] } })), 'no CAPP record');
});

test('plain purchases of such a card are as they were, and proven too', () => {
  const card = extendedCard();
  const { options } = approvedBy(buy(card, 100));
  assert.deepEqual([card.state.balanceMinor, recordOf(card)], [9900, blank]);
  const proof = driveWith(proveTransaction(options.atc), (apdu) => card.transmit(apdu));
  assert.deepEqual(proof, options.cryptogram);
});

for (const from of ['getData', 'none'] as const) {
  test(`services told by ${from}`, () => {
    const { services } = segmentedFare;
    const profile = compileExtendedProfile({ ...segmentedFare, services: { ...services, from } });
    approved(ride(extendedCard(), 100, { profile }));
    const result = ride(extendedCard({ services: '00' }), 100, { profile });
    assert.equal(result.result, from === 'none' ? 'approved' : 'plain');
  });
}

test('a record read with a MAC: verified before any money is asked for', () => {
  const profile = compileExtendedProfile({ ...segmentedFare, read: 'mac' });
  const card = extendedCard();
  approved(ride(card, 100, { profile }));
  for (const spoilt of [10, 49]) {
    card.power();
    const balance = card.state.balanceMinor;
    const result = driveExtended(purchaseExtended(100, { profile }), (apdu) => {
      const response = Uint8Array.from(card.transmit(apdu));
      if (apdu[1] === 0xb4) response[spoilt]! ^= 1;
      return response;
    });
    assert.deepEqual(result, { result: 'refused', reason: 'recordMacInvalid' });
    assert.equal(card.state.balanceMinor, balance);
  }
});

test('a gate without the key, and with another one', () => {
  const card = extendedCard();
  const other = recordHolder(new Uint8Array(16).fill(7));
  const wrong = driveExtended(purchaseExtended(100), (apdu) => card.transmit(apdu), other);
  assert(wrong.result === 'fault' && wrong.fault.fault === 'status');
  assert.equal(wrong.fault.sw, 0x6988);
  card.power();
  const profile = compileExtendedProfile({ ...segmentedFare, key: { index: 1, version: 2 } });
  const none = driveExtended(purchaseExtended(100, { profile }), (apdu) => card.transmit(apdu));
  assert.deepEqual(none, { result: 'refused', reason: 'recordKeyUnknown' });
  assert.deepEqual([card.state.balanceMinor, recordOf(card)], [10_000, blank]);
});

test('answers that cannot be are faults or refusals, and take nothing', () => {
  const answers: readonly (readonly [number, string, string])[] = [
    [0xb4, '9000', 'malformed'],
    [0xb4, `${blank}009000`, 'malformed'],
    [0xb4, `2702${blank.slice(4)}9000`, 'malformed'],
    [0xb4, '6985', 'status'],
    [0xde, '6581', 'status'],
    [0xde, '6988', 'status'],
    [0xa8, '6F00', 'status'],
  ];
  for (const [ins, response, fault] of answers) {
    const card = extendedCard();
    const result = driveExtended(purchaseExtended(100), (apdu) =>
      apdu[1] === ins ? fromHex(response) : card.transmit(apdu),
    );
    assert(result.result === 'fault', `${response} ${JSON.stringify(result)}`);
    assert.equal(result.fault.fault, fault);
    assert.deepEqual([card.state.balanceMinor, recordOf(card)], [10_000, blank]);
  }
});

test('a balance that no record holds is refused before the record is sent', () => {
  const card = extendedCard();
  const result = driveExtended(purchaseExtended(0), (apdu) => {
    const hex = toHex(card.transmit(apdu));
    return fromHex(hex.replace('9F5D06000000010000', '9F5D06999999999999'));
  });
  assert.deepEqual(result, { result: 'refused', reason: 'elementMalformed' });
  assert.equal(recordOf(card), blank);
});

test('a card that declines, wants its issuer or another application', () => {
  const declined = ride(extendedCard({ balanceMinor: 99 }), 100);
  assert(declined.result === 'declined');
  assert.deepEqual(refusalOf(declined), { outcome: 'declined', reason: 'declinedByCard' });
  const online = ride(extendedCard({ quirks: { decision: 'ARQC' } }), 100);
  assert.equal(online.result, 'online');
  const next = ride(extendedCard({ quirks: { optionsStatus: 0x6985 } }), 100);
  assert.deepEqual(next, { result: 'refused', reason: 'applicationMissing' });
});

test('a card that approves and names no records kept no journey: the purchase is unknown', () => {
  const card = extendedCard({ personality: { chainFor: () => null } });
  const result = ride(card, 100);
  assert(result.result === 'unknown' && result.reason === 'fileLocatorMalformed');
  assert.equal(recordOf(card), blank);
});

test('elements by GET DATA', () => {
  const card = extendedCard({ segmentLimitMinor: 5000 });
  const told = (tag: number) => driveWith(readData(tag), (apdu) => card.transmit(apdu));
  assert.equal(toHex(told(0x9f79) as Uint8Array), '000000010000');
  assert.equal(toHex(told(0x9f36) as Uint8Array), '020A');
  assert.equal(toHex(told(0xdf62) as Uint8Array), '000000005000');
  assert.equal(told(0x9f77), null);
  const malformed = driveWith(readData(0x9f79), () => fromHex('9F3602020A9000'));
  assert(malformed !== null && 'fault' in malformed && malformed.fault === 'malformed');
});

test('a proof of another length or status is a fault', () => {
  for (const [answer, fault] of [
    ['11223344556677889000', null],
    ['112233445566779000', 'malformed'],
    ['6985', 'status'],
  ] as const) {
    const proof = driveWith(proveTransaction(1), () => fromHex(answer));
    assert.equal(proof !== 'unproven' && 'fault' in proof ? proof.fault : null, fault);
  }
  const { settings } = extendedProfile;
  assert.equal(settings.name, 'segmented-fare');
});
