/** Compiled fares and books: lookups against plain maps, codes that outlive versions, faults. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fareBook } from '../../engine/fare/book.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import type { FareSet } from '../../engine/fare/fares.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { assignCodes, faultOf } from '../../engine/fare/set.ts';

/** A set of stations with these codes, whose fares tell their place in the matrix. */
function setOf(codes: readonly Uint8Array[], riders = 1): FareSet {
  const matrix = Int32Array.from({ length: riders * codes.length ** 2 }, (_, i) => i);
  return {
    ...sampleFareSet(),
    stations: codes.map((code, i) => ({ id: `s${i}`, name: `Station ${i}`, code })),
    riders: Array.from({ length: riders }, (_, i) => `rider ${i}`),
    matrix,
  };
}

const code = fc.uint8Array({ minLength: 4, maxLength: 4 }).filter((b) => b.some((x) => x !== 0));

test('stations are found by code, among any codes, at any offset', () => {
  const codes = fc.uniqueArray(code, { minLength: 2, maxLength: 60, selector: String });
  fc.assert(
    fc.property(codes, code, fc.nat({ max: 5 }), (known, other, at) => {
      const fares = compileFares(setOf(known));
      const bytes = new Uint8Array(12);
      for (const [index, wanted] of [...known, other].entries()) {
        bytes.set(wanted, at);
        const expected = known.findIndex((c) => String(c) === String(wanted));
        assert.equal(fares.stationByCode(bytes, at), expected, `code ${index}`);
      }
      assert.equal(fares.stationByCode(new Uint8Array(4), 0), -1, 'a blank card');
    }),
  );
});

test('a full set of 1,024 stations whose codes collide is still told apart', () => {
  const codes = Array.from({ length: 1024 }, (_, i) => Uint8Array.of(i >> 8, i, i >> 8, 1));
  const fares = compileFares(setOf(codes));
  for (const [index, bytes] of codes.entries()) assert.equal(fares.stationByCode(bytes, 0), index);
  assert.equal(fares.stationByCode(Uint8Array.of(9, 9, 9, 9), 0), -1);
});

test('fares are read by rider, from and to', () => {
  const codes = [1, 2, 3].map((n) => Uint8Array.of(0, 0, 0, n));
  const fares = compileFares(setOf(codes, 2));
  assert.equal(fares.fareMinor(0, 0, 0), 0);
  assert.equal(fares.fareMinor(1, 2, 0), 5);
  assert.equal(fares.fareMinor(2, 1, 1), 16);
  assert.equal(fares.currencyNumber, 156);
  assert.equal(fares.decimals, 2);
});

test('an id beats a name, and a name of two stations finds neither', () => {
  const codes = [1, 2, 3, 4].map((n) => Uint8Array.of(0, 0, 0, n));
  const names = ['b', 'Park', 'Park', 'Quay'];
  const set = setOf(codes);
  const stations = ['a', 'b', 'c', 'd'].map((id, i) => ({ id, name: names[i]!, code: codes[i]! }));
  const fares = compileFares({ ...set, stations });
  assert.deepEqual(
    ['a', 'b', 'Park', 'Quay', 'none', '__proto__'].map((text) => fares.stationById(text)),
    [0, 1, -1, 3, -1, -1],
  );
});

test('stations keep their codes in later versions, and no code goes to another', () => {
  const draft = (id: string, line = 0) => ({ id, name: id, line });
  const one = {
    ...sampleFareSet(),
    stations: assignCodes([draft('a'), draft('b'), draft('c', 7)]),
  };
  const two = { ...one, stations: assignCodes([draft('b'), draft('d'), draft('e', 7)], [one]) };
  const three = assignCodes([draft('f'), draft('a'), draft('d'), draft('c', 7)], [one, two]);
  const hex = (stations: FareSet['stations']) =>
    stations.map((s) => `${s.id} ${Buffer.from(s.code).toString('hex')}`);
  assert.deepEqual(hex(one.stations), ['a 00000001', 'b 00000002', 'c 00070001']);
  assert.deepEqual(hex(two.stations), ['b 00000002', 'd 00000003', 'e 00070002']);
  assert.deepEqual(hex(three), ['f 00000004', 'a 00000001', 'd 00000003', 'c 00070001']);
});

test('a set that is not sound says which field', () => {
  const set = sampleFareSet();
  const [first, second, ...others] = set.stations;
  const cases: [Partial<FareSet>, RegExp][] = [
    [{ version: 0 }, /\/version/],
    [{ version: 2 ** 32 }, /\/version/],
    [{ effectiveMs: Number.NaN }, /\/effective/],
    [{ currency: 'ABC' }, /\/currency .*ABC/],
    [{ stations: [first!] }, /\/stations holds 1/],
    [{ stations: [first!, { ...second!, id: first!.id }, ...others] }, /\/stations\/1\/id/],
    [{ stations: [first!, { ...second!, code: first!.code }, ...others] }, /\/stations\/1\/code/],
    [{ stations: [{ ...first!, code: new Uint8Array(4) }, second!, ...others] }, /code is zero/],
    [{ riders: ['adult', 'student', 'adult', 'child'] }, /\/riders\/2/],
    [{ riders: ['adult', 'student', '', 'child'] }, /\/riders\/2/],
    [{ matrix: set.matrix.slice(1) }, /3599 fares, not 3600/],
    [{ matrix: set.matrix.map((f, i) => (i === 9 ? -1 : f)) }, /negative fare, number 9/],
    [{ rules: { ...set.rules, maxMinutes: -1 } }, /\/rules\/maxMinutes/],
    [{ rules: { ...set.rules, overstayMinor: 0.5 } }, /\/rules\/overstayMinor/],
  ];
  assert.equal(faultOf(set), null);
  assert.equal(faultOf({ ...set, rules: { ...set.rules, missingTapMinor: null } }), null);
  for (const [change, expected] of cases)
    assert.match(faultOf({ ...set, ...change }) ?? '', expected);
});

test('a version takes over at its instant, the latest instant counts, then the number', () => {
  const version = (number: number, effectiveMs: number) =>
    compileFares({ ...sampleFareSet(), version: number, effectiveMs });
  const book = fareBook([
    version(4, 5_000),
    version(1, 1_000),
    version(3, 5_000),
    version(2, 9_000),
  ]);
  const at = (ms: number) => book.at(ms)?.version ?? null;
  assert.deepEqual([999, 1_000, 4_999, 5_000, 8_999, 9_000, 1e15].map(at), [
    null,
    1,
    1,
    4,
    4,
    2,
    2,
  ]);
  assert.deepEqual(
    book.versions.map((v) => v.version),
    [1, 3, 4, 2],
  );
});
