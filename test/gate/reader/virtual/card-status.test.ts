/**
 * Refusals of a virtual card: every status word, the field's odd cards, and any order of commands.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../../engine/bytes.ts';
import type { VirtualCard } from '../../../../gate/reader/virtual/card.ts';
import { quirksByName } from '../../../../gate/reader/virtual/personality.ts';
import {
  balances,
  type CardSetUp,
  cardOf,
  cardWith,
  dateTime,
  journeyRecord,
  Terminal,
} from './terminal.ts';

function selected(setUp: CardSetUp = {}): Terminal {
  const terminal = new Terminal(cardOf(setUp));
  terminal.select();
  return terminal;
}

/** What brings each status word about, and that it changes nothing. */
const refusals: [sw: string, why: string, act: (t: Terminal) => string, setUp?: CardSetUp][] = [
  ['9401', 'purchase over the balance', (t) => t.initialize('01', 10_001).sw],
  ['9401', 'CAPP purchase over the balance', (t) => t.initialize('03', 10_001).sw],
  [
    '9402',
    'offline counter at its end',
    (t) => t.initialize('01', 1).sw,
    { offlineCounter: 65_535 },
  ],
  ['9402', 'online counter at its end', (t) => t.initialize('00', 1).sw, { onlineCounter: 65_535 }],
  ['9403', 'purchase with another key index', (t) => t.initialize('03', 1, 2).sw],
  ['9403', 'load with another key index', (t) => t.initialize('00', 1, 9).sw],
  ['9302', 'wrong MAC1', (t) => [t.initialize('01', 1).sw, t.debit(1).sw].at(-1)!],
  ['9302', 'wrong MAC2 of a load', (t) => [t.initialize('00', 1).sw, t.credit(1).sw].at(-1)!],
  ['9303', 'locked for good', (t) => t.select().sw, { application: 'permanentlyLocked' }],
  ['9303', 'locked for good', (t) => t.send('805C000204').sw, { application: 'permanentlyLocked' }],
  ['9406', 'no transaction yet', (t) => t.send('805A000902000008').sw],
  ['6283', 'locked', (t) => t.select().sw, { application: 'locked' }],
  ['6985', 'purchase while locked', (t) => t.initialize('03', 1).sw, { application: 'locked' }],
  ['6985', 'load while locked', (t) => t.initialize('00', 1).sw, { application: 'locked' }],
  ['6985', 'load over the most a purse holds', (t) => t.initialize('00', 0x7fffffff).sw],
  ['6985', 'DEBIT without INITIALIZE', (t) => t.debit().sw],
  ['6985', 'CREDIT without INITIALIZE', (t) => t.credit().sw],
  ['6985', 'CREDIT in a purchase', (t) => [t.initialize('01', 1), t.credit().sw].at(-1) as string],
  ['6985', 'DEBIT in a load', (t) => [t.initialize('00', 1), t.debit().sw].at(-1) as string],
  [
    '6985',
    'CAPP debit without a record',
    (t) => [t.initialize('03', 1), t.debit().sw][1] as string,
  ],
  ['6985', 'record without INITIALIZE', (t) => t.update(journeyRecord(1)).sw],
  [
    '6985',
    'record in a plain purchase',
    (t) => [t.initialize('01', 1), t.update(journeyRecord(1)).sw][1] as string,
  ],
  [
    '6985',
    'another command between INITIALIZE and DEBIT',
    (t) => [t.initialize('01', 1), t.send('805C000204'), t.debit().sw][2] as string,
  ],
  [
    '6A80',
    'record too short',
    (t) => [t.initialize('03', 1), t.update(fromHex('00')).sw][1] as string,
  ],
  [
    '6A84',
    'record too long',
    (t) => [t.initialize('03', 1), t.update(new Uint8Array(49)).sw][1] as string,
  ],
  [
    '6A82',
    'record of another file',
    (t) => [t.initialize('03', 1), t.send('80DC00D001FF').sw][1] as string,
  ],
  [
    '6A83',
    'record of another number',
    (t) => [t.initialize('03', 1), t.send('80DC01F001FF').sw][1] as string,
  ],
  [
    '6A86',
    'record by another reference',
    (t) => [t.initialize('03', 1), t.send('80DC00F401FF').sw][1] as string,
  ],
  ['6A81', 'deposit, which the card has not', (t) => t.send('805C000104').sw],
  ['6A81', 'purchase from the deposit', (t) => t.send('805001010B01000000010409000100010F').sw],
  ['6A81', 'unload', (t) => t.send('805005020B0100000001040900010001').sw],
  ['6A82', 'another application', (t) => t.send('00A4040008A00000063201010600').sw],
  ['6A82', 'an application name that is too short', (t) => t.send('00A4040004A000000600').sw],
  ['6A82', 'no such binary file', (t) => t.send('00B09A0010').sw],
  ['6A82', 'no such record file', (t) => t.send('00B2012C17').sw],
  ['6A83', 'no such record', (t) => t.send('00B201C417').sw],
  ['6A83', 'record 0', (t) => t.send('00B200F430').sw],
  ['6A86', 'SELECT by identifier', (t) => t.send('00A40000023F00').sw],
  ['6A86', 'READ RECORD by identifier', (t) => t.send('00B201F030').sw],
  ['6A86', 'INITIALIZE of an unknown kind', (t) => t.send('805002020B0100000001040900010001').sw],
  ['6A86', 'DEBIT with other parameters', (t) => t.send('80540000').sw],
  ['6A86', 'CREDIT with other parameters', (t) => t.send('80520100').sw],
  ['6A86', 'PROVE with other parameters', (t) => t.send('805A010902000008').sw],
  ['6A86', 'GET BALANCE of an unknown kind', (t) => t.send('805C040204').sw],
  [
    '6A88',
    'data object that is not there',
    (t) => t.send('80CA9F7900').sw,
    { personality: 'city-union' },
  ],
  ['6981', 'READ BINARY of a record file', (t) => t.send('00B09E0030').sw],
  ['6981', 'READ RECORD of a binary file', (t) => t.send('00B201AC1E').sw],
  ['6986', 'READ BINARY without a file', (t) => t.send('00B0000010').sw],
  ['6B00', 'READ BINARY past the end', (t) => t.send('00B0951E01').sw],
  ['6C1E', 'READ BINARY of too much', (t) => t.send('00B0950037').sw],
  ['6C30', 'READ RECORD of too much', (t) => t.send('00B201F480').sw],
  ['6C04', 'GET BALANCE with another Le', (t) => t.send('805C000205').sw],
  ['6C0F', 'INITIALIZE with another Le', (t) => t.send('805001020B010000000104090001000110').sw],
  ['6700', 'INITIALIZE with another Lc', (t) => t.send('805001020A01000000010409000100').sw],
  ['6700', 'DEBIT with another Lc', (t) => t.send('80540100020000').sw],
  ['6700', 'CREDIT with another Lc', (t) => t.send('80520000020000').sw],
  ['6700', 'PROVE with another Lc', (t) => t.send('805A0009010008').sw],
  ['6700', 'Lc that promises more', (t) => t.send('00A4040008A000').sw],
  ['6700', 'no header', (t) => t.send('00A4').sw],
  ['6700', 'no bytes', (t) => t.send('').sw],
  ['6D00', 'unknown instruction', (t) => t.send('0044000000').sw],
  ['6D00', 'unknown purse instruction', (t) => t.send('8044000000').sw],
  ['6D00', 'city code of a card without', (t) => t.send('80CA000009').sw],
  ['6E00', 'unknown class', (t) => t.send('90A4040000').sw],
];

for (const [sw, why, act, setUp] of refusals) {
  test(`${sw}: ${why}`, () => {
    const terminal = selected(setUp);
    const { state } = terminal.card;
    assert.equal(act(terminal), sw);
    assert.equal(terminal.card.state, state);
  });
}

test('nothing but SELECT and GET CHALLENGE works before SELECT', () => {
  const terminal = new Terminal(cardOf());
  assert.equal(terminal.send('805C000204').sw, '6985');
  assert.equal(terminal.initialize('03', 1).sw, '6985');
  assert.equal(terminal.send('00B095001E').sw, '6A82');
  assert.equal(terminal.send('805A000902000108').sw, '6985');
  assert.equal(terminal.send('0084000008').sw, '9000');
});

test('a refused MAC ends the transaction, a 6Cxx does not', () => {
  const terminal = selected();
  terminal.initialize('01', 1);
  terminal.debit(1);
  assert.equal(terminal.debit().sw, '6985');
  terminal.initialize('01', 1);
  const command = terminal.debitCommand();
  command[command.length - 1] = 4;
  assert.equal(terminal.send(command).sw, '6C08');
  command[command.length - 1] = 8;
  assert.equal(terminal.send(command).sw, '9000');
});

test('quirks answer as the odd cards of the field do', () => {
  const quirky = (name: keyof typeof quirksByName, setUp: CardSetUp = {}): Terminal =>
    selected({ ...setUp, quirks: quirksByName[name] });
  assert.deepEqual(quirky('no-fci').select(), { sw: '9000', data: new Uint8Array(0) });
  assert.equal(quirky('key-index-06').initialize('03', 1, 1).sw, '9403');
  assert.equal(quirky('key-index-06').initialize('03', 1, 6).sw, '9000');
  assert.equal(quirky('key-index-07').initialize('01', 1, 7).sw, '9000');
  const badMac = quirky('bad-mac-6982');
  badMac.initialize('01', 1);
  assert.equal(badMac.debit(1).sw, '6982');
  const restarts = quirky('counter-restarts', { offlineCounter: 0x00ff });
  restarts.purchase(1);
  assert.equal(restarts.card.state.offlineCounter, 0x0100);
  restarts.purchase(1);
  assert.equal(restarts.card.state.offlineCounter, 0x0001);
  const noUpdate = quirky('capp-without-update-6a80');
  noUpdate.initialize('03', 1);
  assert.equal(noUpdate.debit().sw, '6A80');
  const oldest = quirky('log-oldest-first');
  oldest.purchase(1);
  oldest.purchase(2);
  assert.equal(oldest.send('00B201C417').data[1], 1);
  assert.equal(oldest.send('00B203C417').sw, '6A83');
  assert.equal(quirky('unknown-aid-6999').send('00A40400051122334455').sw, '6999');
  const serial = quirky('serial-of-initialize');
  serial.purchase(1);
  assert.equal(serial.card.state.log[0]![1], 0);
  assert.equal(serial.send('805A000602000008').sw, '9000');
});

test('stale bytes: 9000 and bytes of an earlier answer for what does not exist', () => {
  const terminal = selected({ quirks: quirksByName['stale-bytes'] });
  const earlier = terminal.send('00B095001E').data;
  const record = terminal.send('00B2012C10');
  assert.equal(record.sw, '9000');
  assert.deepEqual(record.data, earlier.subarray(0, 16));
  assert.equal(terminal.send('00B2012C80').data.length, 128);
  assert.equal(terminal.send('00B09A0010').sw, '9000');
});

test('a replaying card repeats its last transaction and moves no money', () => {
  const honest = selected();
  honest.initialize('03', 300);
  honest.update(journeyRecord(1));
  const recorded = honest.debit();
  const { state } = honest.card;
  const attacker = new Terminal(cardWith(state, { replay: true }));
  attacker.select();
  const random = attacker.initialize('03', 500).data.subarray(11);
  assert.equal(toHex(random), '00000001');
  assert.equal(attacker.update(journeyRecord(2)).sw, '9000');
  assert.deepEqual(attacker.debit(1), recorded);
  attacker.initialize('03', 500);
  attacker.update(journeyRecord(2));
  assert.deepEqual(attacker.debit(), recorded);
  assert.equal(attacker.card.state, state);
});

test('a replaying card without a past answers what fits no session of the terminal', () => {
  const attacker = selected({ quirks: { replay: true } });
  const honest = selected();
  const pasts = [attacker, honest].map((t) => toHex(t.capp(100, journeyRecord(1)).data));
  assert.equal(pasts[0]!.length, 16);
  assert.notEqual(pasts[0]!.slice(8), pasts[1]!.slice(8));
  assert.equal(attacker.card.state.balanceMinor, 10_000);
});

/** Commands in any order, whole and garbled. */
const step: fc.Arbitrary<(t: Terminal) => Uint8Array | null> = fc.oneof(
  fc.uint8Array({ maxLength: 270 }).map((apdu) => (t: Terminal) => t.card.transmit(apdu)),
  fc
    .tuple(
      fc.constantFrom(0x00, 0x80),
      fc.constantFrom(0xa4, 0xb0, 0xb2, 0x84, 0x5c, 0x50, 0xdc, 0x54, 0x52, 0x5a, 0xca),
      fc.uint8Array({ maxLength: 70 }),
    )
    .map(
      ([cla, ins, rest]) =>
        (t: Terminal) =>
          t.card.transmit(Uint8Array.of(cla, ins, ...rest)),
    ),
  ...[
    (t: Terminal) => t.select(),
    (t: Terminal) => t.initialize('03', 900),
    (t: Terminal) => t.initialize('01', 800),
    (t: Terminal) => t.initialize('00', 700),
    (t: Terminal) => t.update(journeyRecord(1)),
    (t: Terminal) => t.debit(),
    (t: Terminal) => t.debit(1),
    (t: Terminal) => t.credit(),
    (t: Terminal) => t.capp(1500, journeyRecord(2)),
    (t: Terminal) => t.load(1200),
    (t: Terminal) => t.card.power(),
    (t: Terminal) => t.card.loseDuring(t.debitCommand()),
  ].map((act) =>
    fc.constant((t: Terminal) => {
      act(t);
      return null;
    }),
  ),
);

test('any sequence of commands: an answer to each, and the money adds up after each', () => {
  const quirks = fc.subarray(Object.keys(quirksByName) as (keyof typeof quirksByName)[]);
  const personality = fc.constantFrom('jrt0025', 'tunion', 'city-union');
  fc.assert(
    fc.property(personality, quirks, fc.array(step, { maxLength: 60 }), (name, names, steps) => {
      const kept: VirtualCard['state'][] = [];
      const terminal = new Terminal(
        cardOf({
          personality: name as 'tunion',
          overdraftLimitMinor: 500,
          quirks: Object.assign({}, ...names.map((n) => quirksByName[n])),
          commit: (state) => kept.push(state),
        }),
      );
      for (const act of steps) {
        const committed = kept.length;
        const response = act(terminal);
        const { state } = terminal.card;
        if (response) assert(response.length >= 2 && response.length <= 258);
        assert(balances(state), 'money');
        assert(state.balanceMinor >= -500);
        assert(kept.length <= committed + 1);
        if (kept.length > 0) assert.equal(state, kept.at(-1));
        assert.equal(state.log.length, Math.min(10, kept.length));
      }
    }),
    { numRuns: 300 },
  );
});

test('a wrong date does not pass for another: the TAC and MAC1 cover it', () => {
  const terminal = selected();
  terminal.initialize('01', 1);
  const command = terminal.debitCommand();
  assert.equal(toHex(command.subarray(9, 16)), toHex(dateTime));
  command[15]! ^= 1;
  assert.equal(terminal.send(command).sw, '9302');
});
