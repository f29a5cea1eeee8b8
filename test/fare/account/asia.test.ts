/**
 * Rules of Hong Kong and Singapore as tables. Sources: Hong Kong, checkerboardhill.com and the
 * MTR's published fares; Singapore, simplygo.com.sg, "Travel fares", with its two worked examples.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MatrixPrices } from '../../../engine/fare/account/matrix-prices.ts';
import { fareBook } from '../../../engine/fare/book.ts';
import { compileFares } from '../../../engine/fare/compile.ts';
import type { CompiledFares } from '../../../engine/fare/fares.ts';
import { assignCodes } from '../../../engine/fare/set.ts';
import { type Asked, briefs, journeysOf, termsOf } from '../../kit/account-kit.ts';
import { dataPath, noShared } from '../../shared.ts';

const mtr = termsOf(
  {
    settings: 'timezone\nAsia/Hong_Kong',
    same_station: 'until_minutes,charge,amount\n20,minimum,\n,amount,10.00',
    time_limits: 'minutes,charge\n150,surcharge',
  },
  { decimals: 2, stations: ['1', '2', '3'], riders: ['adult'] },
);
const hongKong: Asked = { terms: mtr, offset: '+08:00' };

test('MTR, in and out at one station: the lowest fare to 20 minutes, then 10 dollars', () => {
  const stay = (end: string) => briefs(['2026-11-24T23:50:00 in 1', `${end} out 1`], hongKong);
  assert.deepEqual(stay('2026-11-25T00:10:00'), ['sameStation 1 minimum'], 'over midnight');
  assert.deepEqual(stay('2026-11-25T00:10:01'), ['sameStation 1 1000']);
  assert.deepEqual(stay('2026-11-25T05:00:00'), ['sameStation 1 1000'], 'and no surcharge');
});

test('MTR, over 150 minutes: the fare, and the highest single fare besides', () => {
  const ride = (end: string) => briefs(['2026-11-24T08:00:00 in 1', `${end} out 3`], hongKong);
  assert.deepEqual(ride('10:30:00'), ['1-3']);
  assert.deepEqual(ride('10:30:01'), ['1-3 overstay 1 maximum']);
});

/** The MTR's published fares of adults with Octopus. */
function mtrFares(): CompiledFares {
  const lines = readFileSync(dataPath('mtr/mtr_lines_fares.csv'), 'utf8').trimEnd().split('\n');
  const rows = lines.slice(1).map((line) => {
    const [, from, , to, adult] = line.replaceAll('"', '').split(',');
    return { from: from!, to: to!, minor: Math.round(Number(adult) * 100) };
  });
  const ids = [...new Set(rows.map(({ from }) => from))];
  const matrix = new Int32Array(ids.length ** 2);
  for (const { from, to, minor } of rows) {
    matrix[ids.indexOf(from) * ids.length + ids.indexOf(to)] = minor;
  }
  return compileFares({
    version: 1,
    effectiveMs: 0,
    currency: 'HKD',
    stations: assignCodes(ids.map((id) => ({ id, name: id, line: 0 }))),
    riders: ['adult'],
    rules: {
      ...{ entryBalanceMinor: 0, sameStationMinor: 0, sameStationMinutes: 0, overstayMinor: 0 },
      ...{ maxMinutes: 0, passBackSeconds: 30, missingTapMinor: null },
    },
    matrix,
  });
}

test("MTR, Central's lowest and highest fares are those of the table", { skip: noShared }, () => {
  const prices = new MatrixPrices(fareBook([mtrFares()]), () => ({ terms: mtr, tariff: null }));
  const account = { rider: null, media: null, passes: [] };
  const lines = readFileSync(dataPath('mtr/mtr_lines_fares.csv'), 'utf8').split('\n');
  const fares = lines
    .filter((line) => line.startsWith('"Central",1,') && !line.startsWith('"Central",1,"Central"'))
    .map((line) => Math.round(Number(line.split(',')[4]) * 100));
  assert.equal(prices.extreme('minimum', '1', '', 0, account), Math.min(...fares));
  assert.equal(prices.extreme('maximum', '1', '', 0, account), Math.max(...fares));
  const [ride] = journeysOf(['2026-11-24T08:00 in 1', '08:30 out 3'], hongKong).journeys;
  const priced = prices.legs(ride!.legs, ride!.pricing, account);
  assert.deepEqual(priced, [{ amountMinor: 1060, why: '1 to 3, adult: 10.60' }]);
});

const singapore: Asked = {
  terms: termsOf(
    {
      settings: 'timezone\nAsia/Singapore',
      continuations: `from_network_id,to_network_id,transfers,total_minutes,gap_minutes,pricing
rail,rail,5,120,15,distance
,,5,120,45,distance`,
    },
    { decimals: 2, stations: [...'ABCDEFGHIJKLMNOP'], riders: ['adult'] },
  ),
  offset: '+08:00',
};

/** Rides of lines like `10:03 10:20 A-B bus 7` on one day. */
function rides(lines: readonly string[]): string[] {
  const taps = lines.flatMap((line) => {
    const [from, to, stops, network, route] = line.split(' ');
    const [entry, exit] = stops!.split('-');
    return [
      `2026-11-24T${from} in ${entry} ${network} ${route ?? ''}`,
      `2026-11-24T${to} out ${exit} ${network} ${route ?? ''}`,
    ];
  });
  return briefs(taps, singapore);
}

test('Singapore, first worked example: out at 07:51, aboard again at 09:00, is a new ride', () => {
  const told = rides(['07:20 07:51 A-B bus 14', '09:00 09:20 B-C bus 70']);
  assert.deepEqual(told, ['A-B', 'B-C']);
  const sharp = rides(['07:20 07:51 A-B bus 14', '08:36 09:20 B-C bus 70']);
  assert.deepEqual(sharp, ['A-B B-C distance'], '45 minutes sharp');
  assert.deepEqual(rides(['07:20 07:51 A-B bus 14', '08:37 09:20 B-C bus 70']), ['A-B', 'B-C']);
});

test('Singapore, second worked example: last aboard at 12:15 after 10:03 is a new ride', () => {
  const before = ['10:03 10:40 A-B bus 14', '11:00 11:35 B-C rail'];
  const told = rides([...before, '12:15 12:30 C-D bus 70']);
  assert.deepEqual(told, ['A-B B-C distance', 'C-D']);
  const sharp = rides([...before, '12:03 12:30 C-D bus 70']);
  assert.deepEqual(sharp, ['A-B B-C C-D distance'], '2 hours sharp, from boarding to boarding');
});

test('Singapore: 15 minutes between stations, and the same bus again is a new ride', () => {
  assert.deepEqual(rides(['08:00 08:20 A-B rail', '08:35 08:50 C-D rail']), ['A-B C-D distance']);
  assert.deepEqual(rides(['08:00 08:20 A-B rail', '08:36 08:50 C-D rail']), ['A-B', 'C-D']);
  const same = ['08:00 08:20 A-B bus 7', '08:25 08:40 B-C rail', '08:45 09:00 C-D bus 7'];
  assert.deepEqual(rides(same), ['A-B B-C distance', 'C-D']);
  assert.deepEqual(rides(same.with(2, '08:45 09:00 C-D bus 8')), ['A-B B-C C-D distance']);
});

test('Singapore: five transfers, no sixth', () => {
  const lines = Array.from({ length: 7 }, (_, i) => {
    const stop = (index: number) => 'ABCDEFGHIJ'[index]!;
    return `08:${10 + i * 5} 08:${12 + i * 5} ${stop(i)}-${stop(i + 1)} bus ${i}`;
  });
  assert.deepEqual(rides(lines), ['A-B B-C C-D D-E E-F F-G distance', 'G-H']);
});

test('a missing tap ends a journey', () => {
  const told = briefs(
    [
      ...['2026-11-24T08:00 in A bus 7', '08:20 out B bus 7', '08:25 in B rail'],
      ...['08:30 in C bus 8', '08:40 out D bus 8'],
    ],
    singapore,
  );
  assert.deepEqual(told, ['A-B', 'missingExit B maximum', 'C-D']);
});
