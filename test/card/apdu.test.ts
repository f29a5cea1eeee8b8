/** APDUs of the four cases, and the follow-ups of 61xx and 6Cxx. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { buildCommand, isResponse, LE_ALL, NO_LE, take, withLe } from '../../engine/card/apdu.ts';
import type { CardFault, Dialogue } from '../../engine/card/dialogue.ts';
import { askOf, complete, isWhole } from '../../engine/card/exchange.ts';
import { baseStatuses, type CardCommand, statusMeaning } from '../../engine/card/status.ts';
import { APDU_FOLLOW_UPS_MAX } from '../../engine/card-limits.ts';
import { replay, type Step } from '../transcripts/replay.ts';

test('builds the four cases of a short APDU', () => {
  const data = fromHex('A0B1');
  assert.equal(toHex(buildCommand(0x80, 0x54, 1, 2, null, NO_LE)), '80540102');
  assert.equal(toHex(buildCommand(0x80, 0x5c, 0, 2, null, 4)), '805C000204');
  assert.equal(toHex(buildCommand(0x80, 0xdc, 0, 0xf0, data, NO_LE)), '80DC00F002A0B1');
  assert.equal(toHex(buildCommand(0x00, 0xa4, 4, 0, data, LE_ALL)), '00A4040002A0B100');
});

test('builds the largest command and refuses a larger one', () => {
  assert.equal(buildCommand(0, 0xd6, 0, 0, new Uint8Array(255), LE_ALL).length, 261);
  assert.throws(() => buildCommand(0, 0xd6, 0, 0, new Uint8Array(256), NO_LE), /short APDU/);
  assert.throws(() => buildCommand(0, 0xb0, 0, 0, null, 257), /short APDU/);
  assert.throws(() => buildCommand(0, 0xb0, 0, 0, null, 0), /short APDU/);
});

test('a command is repeated with another Le, whatever Le it had', () => {
  const again = (hex: string) => toHex(withLe(fromHex(hex), 0x1e));
  assert.equal(again('00B08500'), '00B085001E');
  assert.equal(again('00B0850037'), '00B085001E');
  assert.equal(again('00A4040002A0B1'), '00A4040002A0B11E');
  assert.equal(again('00A4040002A0B100'), '00A4040002A0B11E');
  assert.equal(toHex(withLe(fromHex('00B08500'), LE_ALL)), '00B0850000');
});

test('a response has 2 to 258 bytes', () => {
  for (const [length, expected] of [
    [0, false],
    [1, false],
    [2, true],
    [258, true],
    [259, false],
  ] as const) {
    assert.equal(isResponse(new Uint8Array(length)), expected, `${length} bytes`);
  }
});

const command: CardCommand = { name: 'TEST', statuses: baseStatuses };
const apdu = fromHex('805401000100' /* case 3 with one data byte */);

function* exchange(): Dialogue<Uint8Array | CardFault> {
  const answer = yield askOf(command, apdu, null);
  return isWhole(answer) ? answer : yield* complete(command, apdu, answer);
}

function exchanged(...steps: readonly [c: string, r: string | null][]): string | CardFault {
  const result = replay(
    exchange(),
    steps.map(([c, r]): Step => ({ c, r })),
  );
  return 'fault' in result ? result : toHex(result);
}

const C = '805401000100';

test('61xx fetches the rest, and data that came with it goes first', () => {
  assert.equal(exchanged([C, '6104'], ['00C0000004', '112233449000']), '112233449000');
  assert.equal(
    exchanged([C, 'AA6101'], ['00C0000001', 'BB6100'], ['00C0000000', 'CC9000']),
    'AABBCC9000',
  );
  assert.equal(exchanged([C, 'AA6101'], ['00C0000001', '6F00']), 'AA6F00');
});

test('6Cxx repeats what was sent last, never a command the card has executed', () => {
  assert.equal(exchanged([C, '6C08'], [`${C}08`, '11229000']), '11229000');
  assert.equal(
    exchanged([C, '6108'], ['00C0000008', '6C02'], ['00C0000002', '11229000']),
    '11229000',
  );
});

test('follow-ups end: by bound, by removal, by size', () => {
  const rounds = Array.from({ length: APDU_FOLLOW_UPS_MAX }, (): [string, string] => [
    '00C0000010',
    '6110',
  ]);
  assert.deepEqual(exchanged([C, '6110'], ...rounds), {
    fault: 'malformed',
    command: 'TEST',
    what: `more than ${APDU_FOLLOW_UPS_MAX} follow-ups`,
  });
  const enough = rounds.slice(1);
  assert.equal(exchanged([C, '6110'], ...enough, ['00C0000010', '9000']), '9000');
  assert.deepEqual(exchanged([C, '6110'], ['00C0000010', null]), {
    fault: 'gone',
    command: 'TEST',
  });
  assert.deepEqual(exchanged([C, null]), { fault: 'gone', command: 'TEST' });
  const full = `${'AA'.repeat(256)}6110`;
  const large = exchanged([C, full], ['00C0000010', full], ['00C0000010', '9000']);
  assert(typeof large === 'object' && large.fault === 'malformed');
  assert.deepEqual(exchanged([C, '90']), {
    fault: 'malformed',
    command: 'TEST',
    what: '1 bytes, a response has 2 to 258',
  });
});

test('any answers end in a value', () => {
  const answers = fc.array(
    fc.option(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...['6110', '6C10', '6100', '6C00', '9000'].map(fromHex)),
      ),
    ),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(answers, (list) => {
      const dialogue = exchange();
      let next = dialogue.next();
      for (let i = 0; !next.done; i++) next = dialogue.next(list[i % list.length]!);
      const result = next.value;
      assert('fault' in result || isWhole(result));
    }),
  );
});

test('a status word means what the most exact entry says', () => {
  const own = { ...baseStatuses, '63C0': 'no tries left' };
  assert.equal(statusMeaning(own, 0x63c0), 'no tries left');
  assert.match(statusMeaning(own, 0x63c3), /tries left/);
  assert.match(statusMeaning(own, 0x6110), /GET RESPONSE/);
  assert.match(statusMeaning(own, 0x6cff), /Le/);
  assert.equal(statusMeaning(own, 0x1234), 'not a status word of this command');
  assert.equal(statusMeaning(own, 0x0001), 'not a status word of this command');
});

test('what is taken from a reader buffer stays when the buffer is used again', () => {
  for (const length of [4, 30, 200]) {
    for (const buffer of [new Uint8Array(258).fill(7), Buffer.alloc(258, 7)]) {
      const taken = take(buffer, 3, length);
      buffer.fill(0);
      assert.deepEqual(Uint8Array.from(taken), new Uint8Array(length).fill(7));
    }
  }
});
