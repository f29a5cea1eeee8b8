/** Amounts: decimal text to minor units and back, against BigInt arithmetic. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allCurrencies, currencyOf } from '../../engine/fare/currencies.ts';
import { formatMinor, parseAmount } from '../../engine/fare/money.ts';

test('amounts are read exactly', () => {
  assert.equal(parseAmount('10.60', 2), 1060);
  assert.equal(parseAmount('10.6', 2), 1060);
  assert.equal(parseAmount('0.07', 2), 7);
  assert.equal(parseAmount('0', 2), 0);
  assert.equal(parseAmount('0012', 0), 12);
  assert.equal(parseAmount('4.900', 2), 490);
  assert.equal(parseAmount('150.00', 0), 150);
  assert.equal(parseAmount('1.234', 3), 1234);
  assert.equal(parseAmount('21474836.47', 2), 0x7fff_ffff);
});

test('what is no amount says why', () => {
  for (const text of [
    '',
    '.',
    '.5',
    '5.',
    'x',
    '1e3',
    '+1',
    '1,000',
    '1 2',
    '1.2.3',
    '１',
    'NaN',
  ]) {
    assert.equal(parseAmount(text, 2), 'is not a decimal number', text);
  }
  assert.equal(parseAmount('-1', 2), 'is negative');
  assert.equal(parseAmount('1.234', 2), 'has more decimals than the currency');
  assert.equal(parseAmount('0.5', 0), 'has more decimals than the currency');
  assert.equal(parseAmount('21474836.48', 2), 'is too large');
  assert.equal(parseAmount('9'.repeat(400), 2), 'is too large');
});

test('formatting and reading are inverse', () => {
  const minor = fc.integer({ min: 0, max: 0x7fff_ffff });
  fc.assert(
    fc.property(minor, fc.integer({ min: 0, max: 3 }), (amount, decimals) => {
      const text = formatMinor(amount, decimals);
      assert.equal(parseAmount(text, decimals), amount);
      assert.equal(text.split('.')[1]?.length ?? 0, decimals);
      assert.equal(BigInt(text.replace('.', '')), BigInt(amount));
    }),
  );
  assert.equal(formatMinor(7, 2), '0.07');
  assert.equal(formatMinor(-1060, 2), '-10.60');
  assert.equal(formatMinor(150, 0), '150');
});

test('currencies have the numbers and decimals of ISO 4217', () => {
  const known = { CNY: [156, 2], HKD: [344, 2], JPY: [392, 0], KRW: [410, 0], TND: [788, 3] };
  for (const [code, [number, decimals]] of Object.entries(known)) {
    assert.deepEqual(currencyOf(code), { code, number, decimals });
  }
  assert.equal(currencyOf('hkd'), undefined);
  assert.equal(currencyOf('ABC'), undefined);
  const all = allCurrencies();
  assert(all.length > 140);
  assert.equal(new Set(all.map(({ code }) => code)).size, all.length);
  assert.equal(new Set(all.map(({ number }) => number)).size, all.length);
  for (const { code, number } of all) {
    assert.match(code, /^[A-Z]{3}$/);
    assert(number >= 1 && number <= 999, code);
  }
});
