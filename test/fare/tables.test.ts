/** The MTR's published tables: whole, cut, with rows gone or doubled, and of some pairs only. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadFareBook } from '../../engine/operator/fare-files.ts';
import { fresh, importing, run } from '../reference/fare-program.ts';
import { fareTable } from '../reference/fare-table.ts';
import { dataPath, noShared } from '../shared.ts';

test('a real table cut anywhere is refused', { skip: noShared }, async () => {
  const csv = readFileSync(dataPath('mtr/mtr_lines_fares.csv'));
  const args = (cut: number, dir: string) =>
    importing(csv.subarray(0, cut), dir)
      .with(5, 'SRC_STATION_ID')
      .with(7, 'DEST_STATION_ID')
      .with(9, 'adult=OCT_ADT_FARE,child=SINGLE_CON_ELDERLY_FARE');
  const dir = fresh();
  let seed = 0x5eed;
  for (let i = 0; i < 25; i++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    // The last row ends in "0.00": cut within that field it still says the same.
    const cut = seed % (csv.length - 6);
    const { code, err } = await run(args(cut, dir));
    assert.equal(code, 1, `cut at ${cut}`);
    assert.match(err[0]!, /^FARES_CSV_INVALID: .*\.csv.*(line \d+|columns? ")/, `cut at ${cut}`);
  }
  assert(!existsSync(dir));
});

test('a real table with a row gone, doubled, or a column swapped', { skip: noShared }, async () => {
  const lines = readFileSync(dataPath('mtr/mtr_lines_fares.csv'), 'utf8').trimEnd().split('\n');
  const attempt = async (table: readonly string[], fare = 'adult=OCT_ADT_FARE') => {
    const argv = importing(table.join('\n'), fresh())
      .with(5, 'SRC_STATION_ID')
      .with(7, 'DEST_STATION_ID')
      .with(9, fare);
    return (await run(argv)).err[0] ?? 'imported';
  };
  assert.match(await attempt(lines.toSpliced(499, 1)), /without a row, 1: 6 to 24$/);
  assert.equal(await attempt(lines.toSpliced(700, 0, lines[499]!)), 'imported');
  const other = lines[499]!.replace(/,[\d.]+,/, ',6,').replace(/(\d+),[\d.]+,/, '$1,999,');
  assert.match(
    await attempt([...lines, other]),
    /line 9218: column "OCT_ADT_FARE": .* on line \d+$/,
  );
  assert.match(
    await attempt(lines, 'adult=SRC_STATION_NAME'),
    /line 2: column "SRC_STATION_NAME": "Central" is not a decimal number/,
  );
});

test('the light rail table, whose ids are quoted, comes through whole', {
  skip: noShared,
}, async () => {
  const file = dataPath('mtr/light_rail_fares.csv');
  const dir = fresh();
  const ran = await run([
    ...['fares', 'import', '--matrix', file, '--from', 'from_station_id', '--to', 'to_station_id'],
    ...['--fare', 'adult=fare_octo_adult', '--fare', 'child=fare_single_child'],
    ...['--currency', 'HKD', '--out', dir],
  ]);
  assert.equal(ran.code, 0, ran.err.join());
  const fares = (await loadFareBook(dir)).at(0)!;
  const columns = ['fare_octo_adult', 'fare_single_child'];
  const twin = fareTable(readFileSync(file, 'utf8'), 'from_station_id', 'to_station_id', columns);
  assert.equal(twin.length, 4624);
  for (const { from, to, cents } of twin) {
    for (const [rider, column] of columns.entries()) {
      const minor = fares.fareMinor(fares.stationById(from), fares.stationById(to), rider);
      assert.equal(minor, cents[column], `${from} to ${to}, ${column}`);
    }
  }
});

test('a table of some pairs only is refused, not filled in', { skip: noShared }, async () => {
  const { code, err } = await run([
    ...['fares', 'import', '--matrix', dataPath('mtr/airport_express_fares.csv')],
    ...['--from', 'ST_FROM_ID', '--to', 'ST_TO_ID', '--name-from', 'ST_FROM', '--name-to', 'ST_TO'],
    ...['--fare', 'adult=OCT_ADT_FARE', '--currency', 'HKD', '--out', fresh()],
  ]);
  assert.equal(code, 1);
  assert.match(err[0]!, /without a row, 6: HongKong \(44\) to Kowloon \(45\), .* and 3 more$/);
});
