/** What is hidden of bank cards' numbers in the bytes of a tap, and what is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cardNumberOf } from '../../../engine/card/qpboc/card-data.ts';
import { maskedNumber, maskNumbers } from '../../../gate/cli/mask-numbers.ts';

const PAN = '6228000100001117';
const HIDDEN = '622800******1117';

test('5A and 57: first six and last four digits, and nothing of track 2 behind them', () => {
  const record = `70195A08${PAN}5F24033011309F080200309000`;
  const options = `77139F360202 0B5711${PAN}D301120101234567899000`.replaceAll(' ', '');
  assert.deepEqual(maskNumbers([record, options]), [
    `70195A08${HIDDEN}5F24033011309F080200309000`,
    `77139F3602020B5711${HIDDEN}D*****************9000`,
  ]);
});

test('a PAN of odd length, and of 19 digits, filled up', () => {
  for (const pan of ['622800010000111', '6228000100001111117']) {
    const filled = pan.padEnd(20, 'F');
    const [text] = maskNumbers([`70145A0A${filled}9000`]);
    const hidden = '*'.repeat(pan.length - 10);
    const fill = filled.slice(pan.length);
    assert.equal(text, `70145A0A${pan.slice(0, 6)}${hidden}${pan.slice(-4)}${fill}9000`);
  }
});

test('once seen it is hidden wherever it stands, at half a byte too', () => {
  const certificate = `9F460A14${PAN}FFFF`;
  const odd = `A${PAN}B9000`;
  const texts = maskNumbers([certificate, odd, `5A08${PAN}`, '00B2010C00']);
  assert.deepEqual(texts, [
    `9F460A14${HIDDEN}FFFF`,
    `A${HIDDEN}B9000`,
    `5A08${HIDDEN}`,
    '00B2010C00',
  ]);
});

test('an answer cut short, and bytes that are none of these', () => {
  assert.deepEqual(maskNumbers([`77405711${PAN}D301`]), [`77405711${HIDDEN}D***`]);
  const plain = ['5A02123490 00'.replace(' ', ''), '57119000', '', '6A82'];
  assert.deepEqual(maskNumbers(plain), plain);
});

test('the number of a debit record', () => {
  const number = cardNumberOf({ pan: PAN, panSequence: 1 });
  assert.equal(maskedNumber(number), `${HIDDEN} 01`);
  assert.equal(maskedNumber(new Uint8Array(10)), '*'.repeat(20));
});
