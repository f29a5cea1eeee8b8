/** ISO 8601 instants, against the runtime's own reading of the forms both know. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatInstant, parseInstant } from '../../engine/fare/instant.ts';

test('instants are read as the runtime reads them', () => {
  const ms = fc.integer({ min: -30_000_000_000_000, max: 250_000_000_000_000 });
  const zone = fc.constantFrom('Z', '+08:00', '-03:30', '+00:00', '+14:00');
  fc.assert(
    fc.property(ms, zone, (instant, suffix) => {
      const text = new Date(instant).toISOString().replace('Z', suffix);
      assert.equal(parseInstant(text), Date.parse(text), text);
    }),
  );
  assert.equal(formatInstant(parseInstant('2026-11-24T08:05+08:00')), '2026-11-24T00:05:00.000Z');
});

test('other spellings of a zone and a fraction', () => {
  const expected = Date.parse('2026-11-24T00:05:30.120Z');
  for (const text of [
    '2026-11-24T08:05:30.12+0800',
    '2026-11-24T08:05:30,120+08',
    '2026-11-24T00:05:30.120999Z',
  ]) {
    assert.equal(parseInstant(text), expected, text);
  }
});

test('what is no instant is NaN', () => {
  for (const text of [
    '',
    '2026-11-24',
    '2026-11-24T08:05:30',
    '2026-11-24 08:05:30Z',
    '2026-02-29T00:00Z',
    '2100-02-29T00:00Z',
    '2026-13-01T00:00Z',
    '2026-00-01T00:00Z',
    '2026-01-00T00:00Z',
    '2026-01-01T24:00Z',
    '2026-01-01T00:60Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00+24:00',
    '0026-01-01T00:00Z',
    ' 2026-01-01T00:00Z',
    '2026-01-01T00:00Zx',
  ]) {
    assert(Number.isNaN(parseInstant(text)), text);
  }
  assert.equal(parseInstant('2024-02-29T00:00Z'), Date.UTC(2024, 1, 29));
});
