/** The record that keeps a virtual card: it survives, and damage to it is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  CARD_STATE_BYTES,
  type CardState,
  decodeCardState,
  encodeCardState,
  issueCard,
  LOG_RECORD_BYTES,
  LOG_RECORDS,
} from '../../../../gate/reader/virtual/card-state.ts';
import { cardOf, journeyRecord, masters, Terminal } from './terminal.ts';

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const plainObject = { noNullPrototype: true } as const;
const key = fc.record({ index: fc.nat(255), version: fc.nat(255), key: bytes(16) }, plainObject);
const money = fc.nat(0xffff_ffff);

const anyState: fc.Arbitrary<CardState> = fc.record(
  {
    personality: fc.constantFrom('jrt0025', 'tunion', 'city-union'),
    application: fc.constantFrom('active', 'locked', 'permanentlyLocked'),
    cardNumber: bytes(10),
    issuer: bytes(8),
    appType: fc.nat(255),
    startFlag: fc.nat(255),
    cardType: bytes(2),
    validFrom: bytes(4),
    validTo: bytes(4),
    balanceMinor: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
    overdraftLimitMinor: fc.nat(0xffffff),
    offlineCounter: fc.nat(0xffff),
    onlineCounter: fc.nat(0xffff),
    initialMinor: money,
    loadedMinor: money.map((value) => value * 1000),
    spentMinor: money,
    log: fc.array(bytes(LOG_RECORD_BYTES), { maxLength: LOG_RECORDS }),
    journey: bytes(48),
    proof: fc.option(
      fc.record(
        {
          transactionType: fc.constantFrom(2, 6, 9),
          serial: fc.nat(0xffff),
          mac2: bytes(4),
          tac: bytes(4),
          initialized: bytes(15),
        },
        plainObject,
      ),
    ),
    purchaseKey: key,
    tacKey: key,
    loadKey: key,
  },
  plainObject,
);

test('a state survives its record, at any place of a file', () => {
  fc.assert(
    fc.property(anyState, fc.nat(3), (state, place) => {
      const file = new Uint8Array(4 * CARD_STATE_BYTES).fill(0xee);
      encodeCardState(state, file, place * CARD_STATE_BYTES);
      assert.deepEqual(decodeCardState(file, place * CARD_STATE_BYTES), state);
      const untouched = file.filter((byte) => byte === 0xee).length;
      assert(untouched >= 3 * CARD_STATE_BYTES);
    }),
    { numRuns: 200 },
  );
});

test('every flipped bit of a record is found', () => {
  const terminal = new Terminal(cardOf());
  terminal.select();
  terminal.capp(200, journeyRecord(1));
  const record = encodeCardState(terminal.card.state);
  for (let at = 0; at < record.length; at++) {
    const spoilt = record.slice();
    spoilt[at]! ^= 1 << (at & 7);
    assert.throws(() => decodeCardState(spoilt), { code: 'CARD_STATE_INVALID' });
  }
});

test('a record that is cut, empty or foreign is refused with its place', () => {
  const record = encodeCardState(issueCard('tunion', masters));
  assert.throws(() => decodeCardState(record.subarray(0, 511)), /511 of 512 bytes/);
  assert.throws(() => decodeCardState(new Uint8Array(1024), 512), /at byte 512: does not begin/);
  assert.throws(() => decodeCardState(record, 1), { code: 'CARD_STATE_INVALID' });
});

test('keys are diversified by the card number, and on T-Union by the issuer too', () => {
  const issuer = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const keyOf = (...args: Parameters<typeof issueCard>): string =>
    Buffer.from(issueCard(...args).purchaseKey.key).toString('hex');
  const cardNumber = Uint8Array.from([3, 16, 81, 112, 1, 1, 112, 0, 0, 2]);
  for (const name of ['jrt0025', 'tunion', 'city-union'] as const) {
    assert.notEqual(keyOf(name, masters), keyOf(name, masters, { cardNumber }));
    const issuerCounts = keyOf(name, masters) !== keyOf(name, masters, { issuer });
    assert.equal(issuerCounts, name === 'tunion');
  }
});
