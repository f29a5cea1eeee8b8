/**
 * Business time against Intl: zones, summer time, dates that are none, and there and back again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../engine/bytes.ts';
import { readLocalDateTime, writeLocalDateTime, Zone } from '../engine/time.ts';

/** Whole and half hours, 45 minutes, both hemispheres, a summer time of half an hour. */
const names = [
  'UTC',
  'Asia/Shanghai',
  'Asia/Hong_Kong',
  'Asia/Kathmandu',
  'America/New_York',
  'America/St_Johns',
  'Europe/London',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Africa/Monrovia',
];
const zones = new Map(names.map((name) => [name, new Zone(name)]));
const instant = fc.integer({ min: Date.UTC(1970, 0, 2), max: Date.UTC(2099, 11, 31) });

function written(zone: string, instantMs: number): string {
  const out = new Uint8Array(9).fill(0xee);
  writeLocalDateTime(zones.get(zone)!, instantMs, out, 1);
  assert.equal(out[0], 0xee);
  assert.equal(out[8], 0xee);
  return toHex(out.subarray(1, 8));
}

function read(zone: string, text: string): number {
  return readLocalDateTime(zones.get(zone)!, fromHex(`EE${text}`), 1);
}

function twin(zone: string): (instantMs: number) => string {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  return (instantMs) => {
    const parts = new Map(format.formatToParts(instantMs).map((p) => [p.type, p.value]));
    const fields = ['year', 'month', 'day', 'hour', 'minute', 'second'] as const;
    return fields.map((field) => parts.get(field)).join('');
  };
}

for (const zone of names) {
  test(`${zone}: fields are those of Intl, and an instant comes back to the second`, () => {
    const expected = twin(zone);
    const offsetBefore = (ms: number) => zones.get(zone)!.offsetMs(ms);
    fc.assert(
      fc.property(instant, (instantMs) => {
        const text = written(zone, instantMs);
        assert.equal(text, expected(instantMs));
        const back = read(zone, text);
        // An hour that is repeated names two instants: then the fields come back, not the instant.
        assert.equal(written(zone, back), text);
        const steady = offsetBefore(instantMs - 7_200_000) === offsetBefore(instantMs + 7_200_000);
        if (steady) assert.equal(back, Math.floor(instantMs / 1000) * 1000);
      }),
      { numRuns: 200 },
    );
  });
}

test('a leap day, the turn of a century and the last second of a year', () => {
  assert.equal(written('UTC', Date.UTC(2024, 1, 29, 23, 59, 59, 999)), '20240229235959');
  assert.equal(written('UTC', Date.UTC(2000, 1, 29)), '20000229000000');
  assert.equal(written('UTC', Date.UTC(2100, 1, 28, 24)), '21000301000000');
  assert.equal(written('Asia/Shanghai', Date.UTC(2025, 11, 31, 16)), '20260101000000');
  assert.equal(written('America/New_York', Date.UTC(2026, 0, 1, 4, 59, 59)), '20251231235959');
});

test('summer time in New York: the hour skipped, the hour repeated, and around them', () => {
  const minute = 60_000;
  const springs = Date.UTC(2026, 2, 8, 7);
  assert.equal(written('America/New_York', springs - 1000), '20260308015959');
  assert.equal(written('America/New_York', springs), '20260308030000');
  assert.equal(read('America/New_York', '20260308015959'), springs - 1000);
  assert.equal(read('America/New_York', '20260308030000'), springs);
  // 02:30 does not exist; with the offset before the change it is half an hour past it.
  assert.equal(read('America/New_York', '20260308023000'), springs + 30 * minute);
  const falls = Date.UTC(2026, 10, 1, 6);
  assert.equal(written('America/New_York', falls - minute), '20261101015900');
  assert.equal(written('America/New_York', falls + 59 * minute), '20261101015900');
  // 01:30 comes twice; with the offset before the change it is the first.
  assert.equal(read('America/New_York', '20261101013000'), falls - 30 * minute);
  assert.equal(read('America/New_York', '20261101005959'), falls - 60 * minute - 1000);
  assert.equal(read('America/New_York', '20261101020000'), falls + 60 * minute);
});

test('every quarter hour around a change of offset there and back, in any zone', () => {
  const quarter = 900_000;
  for (const [zone, year] of [
    ['America/New_York', 2026],
    ['Europe/London', 2026],
    ['Australia/Lord_Howe', 2026],
    ['America/St_Johns', 2010],
    ['Pacific/Apia', 2011],
  ] as const) {
    const offset = (ms: number) => zones.get(zone)!.offsetMs(ms);
    let changes = 0;
    for (let ms = Date.UTC(year, 0, 1); ms < Date.UTC(year + 1, 0, 1); ms += quarter) {
      if (offset(ms) === offset(ms - quarter)) continue;
      changes += 1;
      for (let at = ms - 20 * quarter; at <= ms + 20 * quarter; at += quarter) {
        const text = written(zone, at);
        const back = read(zone, text);
        assert.equal(written(zone, back), text, `${zone} ${text}`);
        assert(back <= at, `${zone} ${text}: the first of two`);
      }
    }
    assert(changes >= 2, `${zone} changes`);
  }
});

test('what is no date is NaN', () => {
  for (const text of [
    '00000000000000',
    'FFFFFFFFFFFFFF',
    '19691231235959',
    '20260001000000',
    '20261301000000',
    '20260100000000',
    '20260132000000',
    '20260229000000',
    '21000229000000',
    '20260431000000',
    '20260101240000',
    '20260101006000',
    '20260101000060',
    '2026010A000000',
    '20A60101000000',
    'A0260101000000',
    '202601010000F0',
  ]) {
    assert(Number.isNaN(read('Asia/Shanghai', text)), text);
  }
});

test('any seven bytes are a date that is written the same, or NaN', () => {
  const digits = fc.tuple(
    fc.integer({ min: 1960, max: 2120 }),
    ...[13, 33, 25, 61, 61].map((max) => fc.nat(max)),
  );
  fc.assert(
    fc.property(digits, (fields) => {
      const text = fields.map((field) => String(field).padStart(2, '0')).join('');
      const back = read('Asia/Kathmandu', text);
      if (!Number.isNaN(back) && back > Date.UTC(1987, 0, 1)) {
        assert.equal(written('Asia/Kathmandu', back), text);
      }
    }),
    { numRuns: 1000 },
  );
});

test('a zone that the IANA database does not have is named', () => {
  assert.throws(() => new Zone('Asia/Atlantis'), {
    code: 'CONFIG_INVALID',
    message: 'unknown time zone: Asia/Atlantis',
  });
});

test('offsets kept in the cache do not mix, however instants jump', () => {
  const zone = zones.get('America/New_York')!;
  fc.assert(
    fc.property(fc.array(instant, { minLength: 2, maxLength: 20 }), (instants) => {
      for (const ms of [...instants, ...instants]) {
        assert.equal(zone.offsetMs(ms), new Zone('America/New_York').offsetMs(ms));
      }
    }),
    { numRuns: 10 },
  );
});
