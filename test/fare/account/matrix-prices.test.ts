/** Legs of an account priced by a station matrix, with and without tables beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LegFare, TakenLeg } from '../../../engine/fare/account/account.ts';
import { matrixFrame } from '../../../engine/fare/account/frame.ts';
import { MatrixPrices } from '../../../engine/fare/account/matrix-prices.ts';
import { fareBook } from '../../../engine/fare/book.ts';
import { compileFares } from '../../../engine/fare/compile.ts';
import type { RefusedJourney } from '../../../engine/fare/journey.ts';
import { sampleFareBook, sampleFareSet, sampleFares } from '../../../engine/fare/sample-city.ts';
import { noTerms } from '../../../engine/fare/terms/none.ts';
import { briefs, termsOf } from '../../kit/account-kit.ts';

const MINUTE_MS = 60_000;
const anyone = { rider: null, media: null, passes: [] };
const book = sampleFareBook();
const plain = new MatrixPrices(book);

function leg(from: string, to: string, minutes = 10, startMinute = 0): TakenLeg {
  const departureMs = startMinute * MINUTE_MS;
  return {
    ...{ from, to, network: '', route: '', completed: null },
    ...{ departureMs, arrivalMs: departureMs + minutes * MINUTE_MS },
  };
}

const amounts = (fares: readonly LegFare[] | RefusedJourney) =>
  'error' in fares ? fares.error.code : fares.map(({ amountMinor }) => amountMinor);

test('each leg costs the matrix, or what its rules say of the stay', () => {
  const legs = [leg('0101', '0110'), leg('Airport', '0101', 241), leg('0101', '0101', 21)];
  assert.deepEqual(amounts(plain.legs(legs, 'sum', anyone)), [700, 1000, 1000]);
  const student = { ...anyone, rider: 'student' };
  assert.deepEqual(plain.legs([legs[0]!], 'sum', student), [
    { amountMinor: 350, why: 'Reed Marsh (0101) to Airport (0110), student: 3.50' },
  ]);
  assert.deepEqual(amounts(plain.legs([leg('0101', '0101', 20)], 'sum', anyone)), [300]);
});

test('a table replaces the rule of the matrix that it is for', () => {
  const tables = (rows: Record<string, string>) =>
    termsOf(
      { settings: 'timezone\nAsia/Shanghai', ...rows },
      { decimals: 2, stations: [], riders: [] },
    );
  const stays = new MatrixPrices(book, () => ({
    terms: tables({ same_station: 'charge\nfare' }),
    tariff: null,
  }));
  const limits = new MatrixPrices(book, () => ({
    terms: tables({ time_limits: 'minutes,charge\n60,incomplete' }),
    tariff: null,
  }));
  const legs = [leg('0101', '0110', 241), leg('0101', '0101', 21)];
  const zero = sampleFares().fareMinor(0, 0, 0);
  assert.deepEqual(amounts(stays.legs(legs, 'sum', anyone)), [1000, zero]);
  assert.deepEqual(amounts(limits.legs(legs, 'sum', anyone)), [700, 1000]);
});

test('a ride tapped once is no stay at a station', () => {
  const set = sampleFareSet();
  const rules = { ...set.rules, sameStationMinor: 900 };
  const fares = compileFares({ ...set, rules });
  const prices = new MatrixPrices(fareBook([fares]));
  const own = fares.fareMinor(0, 0, 0);
  assert.notEqual(own, 900);
  assert.deepEqual(amounts(prices.legs([leg('0101', '0101', 0)], 'sum', anyone)), [own]);
  assert.deepEqual(amounts(prices.legs([leg('0101', '0101', 1)], 'sum', anyone)), [900]);
});

test('through: the fare from the first entry to the last exit, on the first leg', () => {
  const legs = [leg('0101', '0103'), leg('0103', '0110', 250, 20)];
  assert.deepEqual(plain.legs(legs, 'through', anyone), [
    { amountMinor: 700, why: '2 rides as one: Reed Marsh (0101) to Airport (0110), adult: 7.00' },
    { amountMinor: 0, why: 'priced with the first ride' },
  ]);
});

test('distance: the tariff at the sum of the distances, which a plain matrix has not', () => {
  const legs = [leg('0101', 'Airport'), leg('0110', '0103', 10, 20)];
  assert.deepEqual(amounts(plain.legs(legs, 'distance', anyone)), 'FARES_NO_DISTANCE');
  assert.deepEqual(
    amounts(plain.legs([legs[0]!], 'distance', anyone)),
    [700],
    'one ride needs none',
  );
  const asked: string[] = [];
  const id = (index: number) => book.versions[0]!.stations[index]!.id;
  const tariff = {
    distanceMetres: (from: number, to: number) => asked.push(`${id(from)}-${id(to)}`) * 1000,
    tariffMinor: (rider: number, metres: number) => (rider === 0 ? metres / 10 : 0),
  };
  const prices = new MatrixPrices(book, () => ({ terms: null, tariff }));
  assert.deepEqual(amounts(prices.legs(legs, 'distance', anyone)), [300, 0]);
  assert.deepEqual(asked, ['0101-0110', '0110-0103'], 'by their stations');
});

test('what has no price is told by code', () => {
  const rider = { ...anyone, rider: 'king' };
  assert.equal(amounts(plain.legs([leg('0101', '0110')], 'sum', rider)), 'FARES_UNKNOWN_RIDER');
  assert.equal(amounts(plain.legs([leg('0101', 'X')], 'sum', anyone)), 'FARES_UNKNOWN_STATION');
  const later = fareBook([compileFares({ ...sampleFareSet(), effectiveMs: MINUTE_MS })]);
  const prices = new MatrixPrices(later);
  assert.equal(amounts(prices.legs([leg('0101', '0110')], 'sum', anyone)), 'FARES_NO_VERSION');
  assert.equal(prices.extreme('maximum', '0101', '', 0, anyone), null);
  assert.equal(plain.extreme('maximum', 'X', '', 0, anyone), null);
  assert.equal(plain.extreme('maximum', '0101', '', 0, rider), null);
});

test('lowest and highest fares from or to a station, itself left out', () => {
  const set = sampleFareSet();
  const size = set.stations.length;
  const matrix = set.matrix.slice();
  matrix[3 * size] = 1500; // From the fourth station to the first, adults.
  matrix[2] = 5;
  const prices = new MatrixPrices(fareBook([compileFares({ ...set, matrix })]));
  const here = set.stations[0]!.id;
  assert.equal(prices.extreme('maximum', here, '', 0, anyone), 1500);
  assert.equal(prices.extreme('minimum', here, '', 0, anyone), 5);
});

test('the frame of a matrix: ids for names, its first class, its price of a missing tap', () => {
  const frame = matrixFrame(sampleFares());
  assert.equal(frame.stationOf('Airport'), '0110');
  assert.equal(frame.stationOf('X'), 'X');
  const asked = { terms: noTerms('Asia/Shanghai'), offset: '+08:00', frame };
  const { missingTapMinor } = sampleFares().rules;
  const told = briefs(['2026-11-24T08:00 in Airport', '08:30 in 0110'], asked);
  assert.deepEqual(told, [
    `missingExit Airport ${missingTapMinor ?? 'maximum'}`,
    `missingExit 0110 ${missingTapMinor ?? 'maximum'}`,
  ]);
});
