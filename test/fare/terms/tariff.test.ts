/** Distance tariffs from tables: violations by file, line and field; fares against slow twins. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Edge } from '../../../engine/fare/network.ts';
import { tariffSpecs } from '../../../engine/fare/terms/schema.ts';
import { type CheckedTariff, checkTariff } from '../../../engine/fare/terms/tariff.ts';
import {
  beijingTables,
  csvFiles,
  someTerms,
  type TableTexts,
  without,
} from '../../reference/fare-tables.ts';
import { floydWarshall, slowTariffMinor, type TariffTables } from '../../reference/fare-tariff.ts';
import { root } from '../../shared.ts';

function check(tables: TableTexts, extra: readonly string[] = []): CheckedTariff {
  const files = csvFiles(tables);
  return checkTariff(files, [...files.map(({ name }) => name), ...extra], 2);
}

/** `file:line:field code` of each finding. */
function found(tables: TableTexts, extra: readonly string[] = []): string[] {
  const { findings, tariff } = check({ ...beijingTables, ...tables }, extra);
  assert.equal(tariff === null, findings.errors > 0, 'tables with errors are never used');
  return findings.list.map(({ file, line, field, code }) => `${file}:${line}:${field} ${code}`);
}

const STEPS = 'tariff_id,upto_metres,every_metres,amount\n';
const RIDERS = 'rider_category_id,tariff_id,percent,round_to\n';
const LINKS = 'from_stop_id,to_stop_id,metres,direction\n';

test('every table and field of a tariff is in the documentation', () => {
  const text = readFileSync(join(root, 'docs/fare-extensions.md'), 'utf8');
  for (const [name, { fields }] of Object.entries(tariffSpecs)) {
    assert.ok(text.includes(`\`${name}\``), name);
    for (const field of Object.keys(fields)) assert.ok(text.includes(`\`${field}\``), field);
  }
});

test('every code that tables are told by is in the documentation', () => {
  const docs = ['fare-extensions', 'gtfs-fares'].map((name) =>
    readFileSync(join(root, `docs/${name}.md`), 'utf8'),
  );
  const folder = join(root, 'engine/fare/terms');
  const codes = readdirSync(folder).flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return [...text.matchAll(/findings\.(?:error|warning|notice)\('(\w+)'/g)].map(
      ([, code]) => code,
    );
  });
  assert(codes.length > 20);
  for (const code of codes)
    assert(
      docs.some((text) => text.includes(`\`${code}\``)),
      code,
    );
});

test("the Beijing metro's 6,099 m cost 3 yuan and its 6,100 m cost 4", () => {
  const { tariff } = check(beijingTables);
  assert.ok(tariff);
  const { fares, stations } = tariff;
  assert.deepEqual(
    stations.map(({ id, name }) => [id, name]),
    [
      ['A', 'Alder'],
      ['B', 'Birch'],
      ['C', 'Cedar'],
      ['D', 'D'],
    ],
  );
  assert.deepEqual([fares.distanceMetres(0, 1), fares.distanceMetres(0, 2)], [6_099, 6_100]);
  assert.deepEqual([...fares.matrix().subarray(0, 4)], [300, 300, 400, 1000]);
  assert.deepEqual([...fares.matrix().subarray(16, 20)], [150, 150, 200, 500]);
  assert.equal(fares.tariffMinor(1, 6_100), 200);
  assert.equal(fares.longestMetres, 112_199);
});

test('steps that do not rise, have no end, or have no beginning', () => {
  const steps = (text: string) => found({ tariff_steps: STEPS + text });
  const at = (line: number, field: string, code: string) =>
    `faregate_tariff_steps.txt:${line}:${field} ${code}`;
  const order = 'tariff_steps_out_of_order';
  assert.deepEqual(steps('metro,6000,,3\nmetro,6000,,4\nmetro,,1000,1\n'), [
    at(3, 'upto_metres', order),
  ]);
  assert.deepEqual(steps('metro,6000,,3\nmetro,5000,,4\nmetro,,1000,1\n'), [
    at(3, 'upto_metres', order),
  ]);
  assert.deepEqual(steps('metro,6000,,3\nmetro,,1000,1\nmetro,7000,,4\n'), [
    at(4, 'upto_metres', order),
  ]);
  assert.deepEqual(steps('metro,6000,,3\n'), [at(2, 'tariff_id', 'tariff_without_steps')]);
  assert.deepEqual(steps('metro,,1000,1\n'), [at(2, 'tariff_id', 'tariff_without_steps')]);
  assert.deepEqual(steps('metro,6000,1000,3\nmetro,,,1\n'), [
    at(2, 'every_metres', 'forbidden_field'),
    at(3, 'every_metres', 'missing_required_field'),
  ]);
  assert.deepEqual(steps('metro,0,,3\nmetro,6 km,,3\nmetro,,1,1\n'), [
    at(2, 'upto_metres', 'number_out_of_range'),
    at(3, 'upto_metres', 'invalid_integer'),
  ]);
  assert.deepEqual(steps('metro,6000,,3.005\nmetro,,1,x\n'), [
    at(3, 'amount', 'invalid_currency_amount'),
    at(2, 'amount', 'invalid_currency_amount'),
  ]);
  // Another tariff's steps between do not matter.
  assert.deepEqual(steps('metro,6000,,3\nbus,1,,2\nbus,,1,0\nmetro,,1000,1\n'), []);
});

test('classes without a tariff, twice, or paying more than all of it', () => {
  const rows = 'adult,metro,101,\nadult,metro,,0\nchild,bus,,\n,metro,,\n';
  assert.deepEqual(found({ tariff_riders: RIDERS + rows }), [
    'faregate_tariff_riders.txt:5:rider_category_id missing_required_field',
    'faregate_tariff_riders.txt:2:percent number_out_of_range',
    'faregate_tariff_riders.txt:3:rider_category_id duplicate_key',
    'faregate_tariff_riders.txt:4:tariff_id foreign_key_violation',
    'faregate_tariff_riders.txt:3:round_to number_out_of_range',
  ]);
  assert.deepEqual(found({ tariff_riders: RIDERS }), [
    'faregate_tariff_riders.txt:0: number_of_rows_out_of_range',
  ]);
  assert.deepEqual(found({ tariffs: 'tariff_id,grace_metres,maximum\nbus,-1,\n' }), [
    'faregate_tariffs.txt:2:grace_metres number_out_of_range',
    'faregate_tariffs.txt:2:tariff_id foreign_key_violation',
  ]);
  const many = Array.from({ length: 33 }, (_, i) => `r${i},metro,,\n`).join('');
  assert.deepEqual(found({ tariff_riders: RIDERS + many }), [
    'faregate_tariff_riders.txt:34: number_of_rows_out_of_range',
  ]);
  assert.deepEqual(found({ tariff_riders: `${RIDERS}${'x'.repeat(201)},metro,,\n` }), [
    'faregate_tariff_riders.txt:2:rider_category_id value_too_long',
  ]);
});

test('stations that no link names or that have no way back', () => {
  assert.deepEqual(found({ links: `${LINKS}A,B,1,\nA,C,0,\nB,X,9,2\nA,B,2000001,\n` }), [
    'faregate_links.txt:3:metres number_out_of_range',
    'faregate_links.txt:5:metres number_out_of_range',
    'faregate_links.txt:4:direction unexpected_enum_value',
    'faregate_links.txt:5: duplicate_key',
    'faregate_links.txt:4:to_stop_id foreign_key_violation',
  ]);
  assert.deepEqual(found({ links: `${LINKS}A,B,1,\nB,C,1,\n` }), [
    'faregate_stations.txt:5:stop_id unreachable_station',
  ]);
  const { findings } = check({ ...beijingTables, links: `${LINKS}A,B,1,\nB,C,1,\nC,D,1,0\n` });
  assert.deepEqual(
    findings.list.map(({ line, message }) => [line, message]),
    [[5, 'no way from it to A']],
  );
  assert.deepEqual(found({ stations: 'stop_id\nA\n', links: LINKS }), [
    'faregate_stations.txt:0: number_of_rows_out_of_range',
  ]);
});

test('a link of one way is not used back', () => {
  const { tariff } = check({
    ...beijingTables,
    links: `${LINKS}A,B,10,0\nB,C,10,0\nC,D,10,0\nD,A,10,0\n`,
  });
  const { distances } = tariff!.fares;
  assert.deepEqual([...distances.subarray(0, 8)], [0, 10, 20, 30, 30, 0, 10, 20]);
});

test('a table of distances has every pair', () => {
  const stations = 'stop_id\nA\nB\n';
  const rest = { ...without(beijingTables, 'links'), stations };
  const distances = 'from_stop_id,to_stop_id,metres\n';
  const codes = (text: string) =>
    check({ ...rest, distances: distances + text }).findings.list.map(
      ({ file, line, field, code }) => `${file}:${line}:${field} ${code}`,
    );
  assert.deepEqual(codes('A,B,6099\n'), ['faregate_stations.txt:3:stop_id missing_distance']);
  assert.deepEqual(codes('A,B,6099\nB,A,-1\nA,B,1\n'), [
    'faregate_distances.txt:3:metres number_out_of_range',
    'faregate_distances.txt:4: duplicate_key',
  ]);
  const { tariff } = check({ ...rest, distances: `${distances}A,B,6099\nB,A,6100\nB,B,12100\n` });
  assert.deepEqual([...tariff!.fares.matrix().subarray(0, 4)], [300, 300, 400, 500]);
  assert.deepEqual(found({ distances: `${distances}A,B,1\n` }), [
    'faregate_distances.txt:0: distances_given_twice',
  ]);
});

test('tables that are missing, empty or none of a tariff', () => {
  assert.deepEqual(
    check({ caps: someTerms.caps! }).findings.list.map(({ file, code }) => `${file} ${code}`),
    [
      'faregate_tariff_steps.txt missing_required_file',
      'faregate_tariff_riders.txt missing_required_file',
      'faregate_stations.txt missing_required_file',
      'faregate_links.txt missing_required_file',
      'faregate_settings.txt missing_required_field',
    ],
  );
  assert.deepEqual(found({}, ['readme.md']), ['readme.md:0: unknown_file']);
  assert.deepEqual(found({ stations: '' }), [
    'faregate_stations.txt:0: empty_file',
    ...[2, 3, 4].map((line) => `faregate_links.txt:${line}:from_stop_id foreign_key_violation`),
    ...[2, 3, 4].map((line) => `faregate_links.txt:${line}:to_stop_id foreign_key_violation`),
    'faregate_stations.txt:0: number_of_rows_out_of_range',
  ]);
});

test('a fare that 32 bits cannot hold is refused', () => {
  const tariff_steps = `${STEPS}metro,1,,21474836.47\nmetro,,1,0.01\n`;
  assert.deepEqual(found({ tariff_steps, tariffs: 'tariff_id\nmetro\n' }), [
    'faregate_tariff_riders.txt:2:tariff_id number_out_of_range',
  ]);
  assert.deepEqual(found({ tariff_steps }), []);
});

test('rules beside a tariff are checked with it and are terms', () => {
  const { tariff } = check({ ...beijingTables, ...someTerms });
  assert.equal(tariff?.terms?.caps.length, 2);
  assert.equal(tariff.terms.settings.entryBalanceMinor, 250);
  assert.equal(check(beijingTables).tariff?.terms, null);
  const missing_taps = 'missing,stop_id,charge\nexit,X,maximum\n';
  assert.deepEqual(found({ ...someTerms, missing_taps, stations: 'stop_id\nA\nB\nC\nC\n' }), [
    'faregate_stations.txt:5:stop_id duplicate_key',
    'faregate_links.txt:4:to_stop_id foreign_key_violation',
    'faregate_missing_taps.txt:2:stop_id foreign_key_violation',
  ]);
});

const yuan = (minor: number) => (minor / 100).toFixed(2);

/** Any tariff, the class and distances up to some stretches beyond its steps. */
const tariffs: fc.Arbitrary<TariffTables> = fc.record({
  steps: fc
    .uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 6 })
    .chain((ends) =>
      fc
        .tuple(...ends.map(() => fc.integer({ min: 0, max: 2_000 })))
        .map((fares) =>
          [...ends].sort((a, b) => a - b).map((upto, i) => ({ upto, minor: fares[i]! })),
        ),
    ),
  every: fc.integer({ min: 1, max: 300 }),
  add: fc.integer({ min: 0, max: 300 }),
  grace: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 120 })),
  maximum: fc.option(fc.integer({ min: 0, max: 3_000 })),
  percent: fc.integer({ min: 0, max: 100 }),
  round: fc.constantFrom(1, 5, 10, 50, 100),
});

test('any tariff over any network costs what its tables say, walked step by step', () => {
  const size = 6;
  const station = fc.integer({ min: 0, max: size - 1 });
  const links: fc.Arbitrary<Edge[]> = fc.array(
    fc.record({
      a: station,
      b: station,
      metres: fc.integer({ min: 1, max: 400 }),
      isOneWay: fc.boolean(),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(tariffs, links, (tables, some) => {
      // A ring keeps every station within reach.
      const ring = Array.from({ length: size }, (_, a) => {
        return { a, b: (a + 1) % size, metres: 97 + 31 * a, isOneWay: true };
      });
      const pairs = new Map([...some, ...ring].map((edge) => [`${edge.a}-${edge.b}`, edge]));
      const edges = [...pairs.values()];
      const { steps, every, add, grace, maximum, percent, round } = tables;
      const { tariff, findings } = check({
        tariff_steps: `${STEPS}${steps
          .map(({ upto, minor }) => `t,${upto},,${yuan(minor)}\n`)
          .join('')}t,,${every},${yuan(add)}\n`,
        tariffs: `tariff_id,grace_metres,maximum\nt,${grace},${maximum === null ? '' : yuan(maximum)}\n`,
        tariff_riders: `${RIDERS}all,t,,\nsome,t,${percent},${yuan(round)}\n`,
        stations: `stop_id\n${[...Array(size).keys()].map((i) => `s${i}\n`).join('')}`,
        links: `${LINKS}${edges
          .map(({ a, b, metres, isOneWay }) => `s${a},s${b},${metres},${isOneWay ? 0 : 1}\n`)
          .join('')}`,
      });
      assert.ok(tariff, JSON.stringify(findings.list));
      const distances = floydWarshall(size, edges);
      assert.deepEqual([...tariff.fares.distances], distances);
      const whole = { ...tables, percent: 100, round: 1 };
      assert.deepEqual(
        [...tariff.fares.matrix()],
        [whole, tables].flatMap((of) => distances.map((metres) => slowTariffMinor(of, metres))),
      );
    }),
    { numRuns: 400 },
  );
});
