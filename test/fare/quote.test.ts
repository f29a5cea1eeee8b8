/** Rules of a ride at their limits, journeys of several legs, and every fault of a journey. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fareBook } from '../../engine/fare/book.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import type { FareBook } from '../../engine/fare/fares.ts';
import { parseJourney, type RefusedJourney } from '../../engine/fare/journey.ts';
import {
  exitFareMinor,
  exitFareWhy,
  type QuotedJourney,
  quoteJourney,
} from '../../engine/fare/quote.ts';
import { sampleFareBook, sampleFareSet, sampleFares } from '../../engine/fare/sample-city.ts';

function quoteLine(book: FareBook, line: string): QuotedJourney | RefusedJourney {
  const journey = parseJourney(line);
  return 'error' in journey ? journey : quoteJourney(book, journey);
}

const MINUTE_MS = 60_000;
const fares = sampleFares();
const [marsh, airport] = [fares.stationById('0101'), fares.stationById('Airport')];

test('a ride costs the matrix, a fixed amount at one station, another when overstayed', () => {
  const cost = (from: number, to: number, elapsedMs: number) =>
    exitFareMinor(fares, from, to, 0, 5_000, 5_000 + elapsedMs);
  assert.equal(cost(marsh, airport, 0), 700);
  assert.equal(cost(marsh, airport, 240 * MINUTE_MS), 700);
  assert.equal(cost(marsh, airport, 240 * MINUTE_MS + 1), 1000);
  assert.equal(cost(marsh, marsh, 20 * MINUTE_MS), 300);
  assert.equal(cost(marsh, marsh, 20 * MINUTE_MS + 1), 1000);
  assert.equal(exitFareMinor(fares, marsh, airport, 1, 0, 0), 350);
});

test('without the rules the matrix alone speaks', () => {
  const set = sampleFareSet();
  const plain = compileFares({
    ...set,
    rules: { ...set.rules, sameStationMinutes: 0, maxMinutes: 0 },
  });
  assert.equal(exitFareMinor(plain, marsh, marsh, 1, 0, 9_000 * MINUTE_MS), 150);
  assert.equal(exitFareMinor(plain, marsh, airport, 0, 0, 9_000 * MINUTE_MS), 700);
});

test('the reason names the rule', () => {
  const why = (from: number, to: number, minutes: number) =>
    exitFareWhy(fares, from, to, 1, 0, minutes * MINUTE_MS);
  assert.equal(why(marsh, airport, 1), 'Reed Marsh (0101) to Airport (0110), student: 3.50');
  assert.equal(why(marsh, marsh, 1), 'in and out at Reed Marsh (0101) within 20 minutes: 3.00');
  assert.match(why(marsh, marsh, 21), /Reed Marsh \(0101\) after more than 20 minutes: 10.00/);
  assert.match(why(marsh, airport, 241), /over 240 minutes in the paid area from Reed Marsh/);
});

const leg = {
  from: 'Reed Marsh',
  to: '0110',
  departure: '2026-11-24T08:00:00+08:00',
  arrival: '2026-11-24T09:00:00+08:00',
};

function quoted(journey: unknown): QuotedJourney {
  const answer = quoteLine(sampleFareBook(), JSON.stringify(journey));
  assert(!('error' in answer), JSON.stringify(answer));
  return answer;
}

function refusal(line: string, book = sampleFareBook()): RefusedJourney {
  const answer = quoteLine(book, line);
  assert('error' in answer, JSON.stringify(answer));
  return answer;
}

test('a journey is the sum of its legs', () => {
  const back = {
    ...leg,
    from: '0110',
    to: '0110',
    departure: '2026-11-24T09:00:00+08:00',
    arrival: '2026-11-24T01:10:00Z',
  };
  const answer = quoted({ id: 'j1', rider: 'student', legs: [leg, back], unknown: true });
  assert.deepEqual(answer, {
    id: 'j1',
    amount: '6.50',
    amountMinor: 650,
    currency: 'CNY',
    items: [
      {
        leg: 0,
        from: '0101',
        to: '0110',
        rider: 'student',
        rule: 'fare',
        amount: '3.50',
        amountMinor: 350,
      },
      {
        leg: 1,
        from: '0110',
        to: '0110',
        rider: 'student',
        rule: 'sameStation',
        amount: '3.00',
        amountMinor: 300,
      },
    ],
    why: [
      'fare version 1 in force since 1970-01-01T00:00:00.000Z',
      'Reed Marsh (0101) to Airport (0110), student: 3.50',
      'in and out at Airport (0110) within 20 minutes: 3.00',
    ],
  });
});

test('rider, media and network may be left out or null, and the last two are idle', () => {
  assert.equal(quoted({ id: 1, legs: [leg] }).amount, '7.00');
  assert.equal(quoted({ id: 1, rider: null, media: null, legs: [leg] }).why.length, 2);
  const idle = quoted({ id: 1, media: 'card', legs: [{ ...leg, network: 'metro' }] });
  assert.equal(idle.amount, '7.00');
  assert.match(idle.why.at(-1) ?? '', /media and network make no difference/);
});

test('the version in force at the first departure prices the journey', () => {
  const set = sampleFareSet();
  const later = compileFares({
    ...set,
    version: 2,
    effectiveMs: Date.parse('2026-11-24T08:00:00+08:00'),
    matrix: set.matrix.map((fare) => fare + 1),
  });
  const book = fareBook([fares, later]);
  const amount = (departure: string) => {
    const answer = quoteLine(book, JSON.stringify({ id: 1, legs: [{ ...leg, departure }] }));
    return 'error' in answer ? answer.error.code : answer.amountMinor;
  };
  assert.equal(amount('2026-11-24T07:59:59.999+08:00'), 700);
  assert.equal(amount('2026-11-24T08:00:00+08:00'), 701);
});

test('what cannot be priced is told by code, and by field', () => {
  const with1 = (change: object) => JSON.stringify({ id: 'x', legs: [{ ...leg, ...change }] });
  const legs = JSON.stringify({ id: 'x', legs: [leg, leg] });
  const cases: [string, string, RegExp][] = [
    [with1({ to: 'Nowhere' }), 'FARES_UNKNOWN_STATION', /legs\[0\]\.to: no station "Nowhere"/],
    [with1({ from: '' }), 'JOURNEY_INVALID', /legs\[0\]\.from/],
    [with1({ from: 1.5 }), 'JOURNEY_INVALID', /legs\[0\]\.from/],
    [with1({ network: 3 }), 'JOURNEY_INVALID', /legs\[0\]\.network/],
    [with1({ departure: '2026-11-24T08:00:00' }), 'JOURNEY_INVALID', /legs\[0\]\.departure .*zone/],
    [with1({ departure: 0 }), 'JOURNEY_INVALID', /legs\[0\]\.departure/],
    [with1({ arrival: undefined }), 'JOURNEY_INVALID', /legs\[0\]\.arrival/],
    [with1({ arrival: '2026-11-23T08:00:00Z' }), 'JOURNEY_INVALID', /arrival is before/],
    [legs, 'JOURNEY_INVALID', /legs\[1\]\.departure is before/],
    ['{"id":"x","legs":[]}', 'JOURNEY_INVALID', /field legs/],
    ['{"id":"x","legs":[7]}', 'JOURNEY_INVALID', /field legs\[0\]/],
    ['{"id":"x"}', 'JOURNEY_INVALID', /field legs/],
    [JSON.stringify({ id: 'x', legs: Array(65).fill(leg) }), 'JOURNEY_INVALID', /65 legs/],
    [JSON.stringify({ id: 'x', rider: 4, legs: [leg] }), 'JOURNEY_INVALID', /field rider/],
    [JSON.stringify({ id: 'x', rider: 'dog', legs: [leg] }), 'FARES_UNKNOWN_RIDER', /"dog".*adult/],
    ['{"legs":[]}', 'JOURNEY_INVALID', /field id/],
    ['[]', 'JOURNEY_INVALID', /not a JSON object/],
    ['{"id":', 'JOURNEY_INVALID', /not JSON/],
  ];
  for (const [line, code, message] of cases) {
    const { error } = refusal(line);
    assert.equal(error.code, code, line);
    assert.match(error.message, message);
  }
  assert.equal(refusal(with1({ from: 'Nowhere' })).id, 'x');
});

test('before the first version nothing has a price', () => {
  const book = fareBook([compileFares({ ...sampleFareSet(), effectiveMs: 4e12 })]);
  const { error } = refusal(JSON.stringify({ id: 'x', legs: [leg] }), book);
  assert.equal(error.code, 'FARES_NO_VERSION');
  assert.match(error.message, /2026-11-24T00:00:00.000Z/);
});

test('a name that two stations share asks for an id', () => {
  const set = sampleFareSet();
  const stations = set.stations.map((s, i) => (i < 2 ? { ...s, name: 'Park' } : s));
  const book = fareBook([compileFares({ ...set, stations })]);
  const { error } = refusal(JSON.stringify({ id: 1, legs: [{ ...leg, from: 'Park' }] }), book);
  assert.match(error.message, /"Park" is the name of stations 0101, 0102; use an id/);
});
