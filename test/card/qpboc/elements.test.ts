/** Lists, elements, file locators and terminal data; and answers that no card should give. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { isFault } from '../../../engine/card/dialogue.ts';
import { readCardNumber, readOptions } from '../../../engine/card/qpboc/card-data.ts';
import { fitElement, parseDol } from '../../../engine/card/qpboc/dol.ts';
import { addElements, dateNumber } from '../../../engine/card/qpboc/elements.ts';
import { parseFileLocator } from '../../../engine/card/qpboc/file-locator.ts';
import { authenticate } from '../../../engine/card/qpboc/oda/authenticate.ts';
import { outcomeOf, refusalOf } from '../../../engine/card/qpboc/outcome.ts';
import { ecashReasons } from '../../../engine/card/qpboc/reasons.ts';
import { tag } from '../../../engine/card/qpboc/tags.ts';
import { purchaseEcash } from '../../../engine/card/qpboc/transaction.ts';
import { CARD_ELEMENTS_MAX } from '../../../engine/card-limits.ts';
import {
  accepted,
  driveWith,
  ecashCard,
  formsOf,
  lenient,
  purchaseOf,
  TODAY,
  testIssuers,
} from '../../kit/ecash-cards.ts';

test('lists of data objects, and what is none', () => {
  const list = parseDol(fromHex('9F66049F02069C01DF810102'));
  assert.deepEqual(
    list?.map(({ tag: t, length }) => [t.toString(16), length]),
    [
      ['9f66', 4],
      ['9f02', 6],
      ['9c', 1],
      ['df8101', 2],
    ],
  );
  assert.deepEqual(parseDol(new Uint8Array(0)), []);
  for (const hex of ['9F', '9F66', '9C', '9F81828304', '9CFF', '9C7F9C7F', '9C01'.repeat(33)]) {
    assert.equal(parseDol(fromHex(hex)), null, hex);
  }
});

test('numbers are fitted from the right, other data from the left', () => {
  const fitted = (value: string, isNumeric: boolean, length: number) => {
    const to = new Uint8Array(length);
    fitElement(fromHex(value), isNumeric, to, 0, length);
    return toHex(to);
  };
  assert.equal(fitted('0156', true, 1), '56');
  assert.equal(fitted('0156', true, 3), '000156');
  assert.equal(fitted('AABB', false, 1), 'AA');
  assert.equal(fitted('AABB', false, 3), 'AABB00');
});

test('commands made ahead carry what the card asks for, and never what it asked before', () => {
  const forms = formsOf({ sm2: true });
  const command = (pdol: string, amountMinor: number) =>
    toHex(forms.command(fromHex(pdol), purchaseOf(amountMinor))!);
  assert.equal(
    command('9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6901', 250),
    '80A8000024832228000080000000000250000000000000015600000000000156261130002B29EBE40100',
  );
  assert.equal(command('', 1), '80A8000002830000');
  assert.equal(command('9F0203', 123_456_789), '80A8000005830345678900');
  assert.equal(command('9F0203', 1), '80A8000005830300000100');
  assert.equal(command('AA02', 1), '80A80000048302000000', 'unknown data is zeros');
  const long = command('AA80', 1);
  assert.equal(long.slice(0, 16), '80A8000083838180');
  assert.equal(long.length, 2 * (5 + 3 + 128 + 1));
  for (let i = 0; i < 200; i++)
    command(
      `9F02${(i % 7).toString(16).padStart(2, '0')}AA${(i % 90).toString(16).padStart(2, '0')}`,
      i,
    );
  assert.equal(command('9F0203', 7), '80A8000005830300000700');
});

test('file locators, and what is none', () => {
  const parsed = parseFileLocator(fromHex('1003050118030300'));
  assert.deepEqual(
    parsed?.map((r) => [r.sfi, r.record, r.isSigned]),
    [
      [2, 3, true],
      [2, 4, false],
      [2, 5, false],
      [3, 3, false],
    ],
  );
  const none = ['100305', '11030500', '00010100', 'F8010100', '10000100', '10050300', '10030304'];
  for (const hex of [...none, '1001FF00', '10010100'.repeat(9), '10010900'.repeat(2)]) {
    assert.equal(parseFileLocator(fromHex(hex)), null, hex);
  }
});

test('elements come once, in one template, and not without end', () => {
  const add = (hex: string, elements = new Map<number, Uint8Array>()) =>
    addElements(elements, fromHex(hex), hex.length / 2, tag.record, 'recordMalformed');
  assert.equal(add('7003950100'), null);
  assert.equal(add('7006950100950100'), 'elementTwice');
  assert.equal(add('7703950100'), 'recordMalformed');
  assert.equal(add('70039501007000'), 'recordMalformed');
  assert.equal(add('7004950100'), 'recordMalformed');
  assert.equal(add('70FF950100'), 'recordMalformed');
  assert.equal(add(''), 'recordMalformed');
  const full = new Map(
    Array.from({ length: CARD_ELEMENTS_MAX }, (_, i) => [i + 1000, new Uint8Array(0)]),
  );
  assert.equal(add('7003950100', full), 'elementsTooMany');
});

test('dates, numbers of cards and options that are none', () => {
  assert.equal(dateNumber(fromHex('301231')), 2030_12_31);
  assert.equal(dateNumber(fromHex('950701')), 1995_07_01);
  for (const hex of ['301331', '300031', '301200', '30123A', '3012']) {
    assert.equal(dateNumber(fromHex(hex)), null, hex);
  }
  const card = (pan: string, track: string | null, sequence = '01') =>
    readCardNumber(
      new Map([
        ...(pan ? [[tag.pan, fromHex(pan)] as const] : []),
        ...(track ? [[tag.track2, fromHex(track)] as const] : []),
        [tag.panSequence, fromHex(sequence)],
      ]),
    );
  const track = '6228000100001117D3012201';
  assert.deepEqual(card('', track), { pan: '6228000100001117', panSequence: 1 });
  assert.deepEqual(card('6228000100001117', track), card('', track));
  assert.equal(card('6228000100001118', track), 'panContradicts');
  for (const pan of [
    '6228',
    '62280001000011A7',
    '6228000100001117FFFFFFFF1F',
    'FFFFFFFFFFFFFFFF',
  ]) {
    assert.equal(card(pan, null), 'panMalformed', pan);
  }
  assert.equal(card('', '6228000100001117FF'), 'panMalformed');
  assert.equal(card('', null), 'panMalformed');
  assert.equal(card('', track, '0A'), 'panMalformed');
  assert.equal(card('', track, '0101'), 'panMalformed');

  const good = { 82: '7000', '9F26': '1122334455667788', '9F36': '0001', '9F10': '07010103900000' };
  const options = (changes: object) =>
    readOptions(
      new Map(
        Object.entries({ ...good, ...changes })
          .filter(([, value]) => value !== '')
          .map(([name, value]) => [Number.parseInt(name, 16), fromHex(value as string)]),
      ),
    );
  assert(typeof options({}) !== 'string');
  assert.equal(options({ '9F26': '' }), 'cryptogramMissing');
  const malformed = [
    { 82: '70' },
    { '9F26': '11' },
    { '9F36': '01' },
    { '9F10': '' },
    { '9F10': '070101039000' },
    { '9F10': '07010103B00000' },
    { '9F10': '07010104900000' },
    { '9F10': `07010103900000${'00'.repeat(26)}` },
    { '9F27': '' + '4040' },
    { '9F6C': '30' },
  ];
  for (const changes of malformed) {
    assert.equal(options(changes), 'elementMalformed', JSON.stringify(changes));
  }
  assert.equal(options({ '9F27': '80' }), 'cryptogramContradicts');
});

const answers = fc.oneof(
  fc.uint8Array({ maxLength: 260 }),
  fc.uint8Array({ maxLength: 255 }).map((data) => Uint8Array.of(...data, 0x90, 0)),
  fc.constant(null),
  fc
    .tuple(fc.constantFrom(0x6f, 0x70, 0x77, 0x80), fc.uint8Array({ maxLength: 120 }))
    .map(([template, data]) => Uint8Array.of(template, data.length, ...data, 0x90, 0)),
);

test('whatever a card answers, at whatever step, ends in a named result', () => {
  const issuers = testIssuers();
  fc.assert(
    fc.property(
      fc.nat(7),
      fc.array(answers, { minLength: 8, maxLength: 8 }),
      fc.array(fc.tuple(fc.nat(7), fc.nat(260), fc.nat(255)), { maxLength: 3 }),
      (goesWrongAt, wrong, spoilt) => {
        const card = ecashCard();
        let step = 0;
        const result = driveWith(purchaseEcash(accepted, formsOf(), purchaseOf(100)), (apdu) => {
          const at = step++;
          const given = card.transmit(apdu);
          for (const [when, where, mask] of spoilt) {
            if (when === at && where < given.length) given[where]! ^= mask;
          }
          return at === goesWrongAt ? wrong[at % 8]! : given;
        });
        if (result.result === 'refused') assert(result.reason in ecashReasons);
        else if (result.result === 'fault') assert(isFault(result.fault));
        else if (result.result === 'approved') {
          const said = authenticate(result.transaction, issuers, lenient, TODAY);
          if ('failed' in said) assert(said.failed in ecashReasons);
          assert(outcomeOf(result.transaction, said, TODAY).outcome);
        } else if (result.result !== 'unknown') assert(refusalOf(result));
      },
    ),
    { numRuns: 400 },
  );
});

test('parsers take any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      parseDol(bytes);
      parseFileLocator(bytes);
      const elements = new Map<number, Uint8Array>();
      const reason = addElements(elements, bytes, bytes.length, tag.record, 'recordMalformed');
      assert(reason === null || reason in ecashReasons);
      readOptions(elements);
      readCardNumber(elements);
    }),
    { numRuns: 500 },
  );
});
