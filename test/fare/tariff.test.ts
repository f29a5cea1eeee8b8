/** Distance fares and shortest ways against their slow twins; the sample city. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allDistances, type Edge } from '../../engine/fare/network.ts';
import { sampleFareBook, sampleFareSet, sampleFares } from '../../engine/fare/sample-city.ts';
import { beijing, shareMinor, TariffFares, tariffMinor } from '../../engine/fare/tariff.ts';
import { beijingYuan, floydWarshall } from '../reference/fare-tariff.ts';

test("the Beijing metro's published fares, at every boundary", () => {
  const published = [
    [0, 3],
    [6_000, 3],
    [6_099, 3],
    [6_100, 4],
    [12_099, 4],
    [12_100, 5],
    [22_099, 5],
    [22_100, 6],
    [32_099, 6],
    [32_100, 7],
    [52_099, 7],
    [52_100, 8],
    [92_099, 9],
    [92_100, 10],
    [500_000, 10],
  ] as const;
  for (const [metres, yuan] of published) {
    assert.equal(tariffMinor(beijing, metres), yuan * 100, `${metres} m`);
  }
});

test('any distance costs what the list of ranges says', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 200_000 }), (metres) => {
      assert.equal(tariffMinor(beijing, metres), beijingYuan(metres) * 100);
    }),
  );
});

test('without grace a step ends at its distance, without a cap fares go on rising', () => {
  const plain = { ...beijing, graceMetres: 0, capMinor: null };
  assert.equal(tariffMinor(plain, 6_000), 300);
  assert.equal(tariffMinor(plain, 6_001), 400);
  assert.equal(tariffMinor(plain, 32_001), 700);
  assert.equal(tariffMinor(plain, 52_000), 700);
  assert.equal(tariffMinor(plain, 52_001), 800);
  assert.equal(tariffMinor(plain, 132_000), 1100);
  assert.equal(tariffMinor({ ...plain, capMinor: 550 }, 22_001), 550);
});

test('shares are rounded to the unit, halves up', () => {
  assert.equal(shareMinor(350, 50, 10), 180);
  assert.equal(shareMinor(340, 50, 10), 170);
  assert.equal(shareMinor(300, 35, 10), 110);
  assert.equal(shareMinor(300, 0, 10), 0);
  const amount = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(
    fc.property(
      amount,
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 1, max: 100 }),
      (...a) => {
        const [fare, percent, unit] = a.map(BigInt) as [bigint, bigint, bigint];
        const share = BigInt(shareMinor(...a));
        // In hundredths: the nearest multiple of the unit, the upper of two equally near.
        const error = share * 100n - fare * percent;
        assert.equal(share % unit, 0n);
        assert(-50n * unit < error && error <= 50n * unit);
      },
    ),
  );
});

test('shortest ways are those of the three loops', () => {
  const graph = fc.integer({ min: 1, max: 12 }).chain((size) => {
    const station = fc.integer({ min: 0, max: size - 1 });
    const metres = fc.integer({ min: 1, max: 50 });
    const isOneWay = fc.boolean();
    const edge: fc.Arbitrary<Edge> = fc.record({ a: station, b: station, metres, isOneWay });
    return fc.record({ size: fc.constant(size), edges: fc.array(edge, { maxLength: 30 }) });
  });
  fc.assert(
    fc.property(graph, ({ size, edges }) => {
      assert.deepEqual([...allDistances(size, edges)], floydWarshall(size, edges));
    }),
    { numRuns: 300 },
  );
});

test('a matrix holds each class in turn', () => {
  const distances = Int32Array.of(0, 7_000, 7_000, 0);
  const rider = (name: string, percent: number) => {
    return { name, tariff: beijing, percent, unitMinor: 10 };
  };
  const fares = new TariffFares([rider('full', 100), rider('half', 50)], distances);
  assert.deepEqual([...fares.matrix()], [300, 400, 400, 300, 150, 200, 200, 150]);
});

test('the sample city is whole: lines, interchanges, a range of fares, the same both ways', () => {
  const set = sampleFareSet();
  const fares = sampleFares();
  const size = set.stations.length;
  assert.equal(size, 30);
  assert.deepEqual(fares.riders, ['adult', 'student', 'senior', 'child']);
  assert.equal(fares.currencyNumber, 156);
  const lines = new Set(set.stations.map(({ code }) => (code[0]! << 8) | code[1]!));
  assert.deepEqual([...lines].sort(), [1, 2, 3, 4]);
  const adult = new Set<number>();
  for (let from = 0; from < size; from++) {
    for (let to = 0; to < size; to++) {
      const fare = fares.fareMinor(from, to, 0);
      adult.add(fare);
      assert.equal(fare, fares.fareMinor(to, from, 0));
      assert.equal(fares.fareMinor(from, to, 1) * 2, fare);
    }
  }
  assert.deepEqual([...adult].sort(), [300, 400, 500, 600, 700, 800]);
  // Reed Marsh to Airport along line 1: 2140+1680+1920+1310+980+1260+2450+6720+14850 = 33,310 m.
  const [end, airport] = [fares.stationById('Reed Marsh'), fares.stationById('Airport')];
  assert.equal(fares.fareMinor(end, airport, 0), 700);
  assert.equal(sampleFareBook().at(0)?.version, 1);
});
