/** The MTR's published tables: whole, cut, with rows gone or doubled, and of some pairs only. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
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

/** Every fare column of the MTR's light rail. */
const LIGHT_RAIL = [
  ...['fare_octo_adult', 'fare_octo_child', 'fare_octo_elderly', 'fare_octo_pwd'],
  ...['fare_octo_student', 'fare_octo_joyyou_sixty', 'fare_single_adult', 'fare_single_child'],
  'fare_single_elderly',
];
const AIRPORT = ['OCT_ADT_FARE', 'OCT_CHD_FARE', 'SINGLE_ADT_FARE', 'SINGLE_CHD_FARE'];

/** Imports a table with all its classes and quotes every pair in each, against the slow twin. */
async function quoteAll(
  file: string,
  from: string,
  to: string,
  columns: readonly string[],
  more: readonly string[] = [],
): Promise<number> {
  const dir = fresh();
  const imported = await run([
    ...['fares', 'import', '--matrix', dataPath(file), '--from', from, '--to', to],
    ...['--fare', columns.map((column) => `${column}=${column}`).join()],
    ...['--currency', 'HKD', '--out', dir, ...more],
  ]);
  assert.equal(imported.code, 0, imported.err.join());
  const twin = fareTable(readFileSync(dataPath(file), 'utf8'), from, to, columns);
  const times = { departure: '2026-11-24T08:00:00+08:00', arrival: '2026-11-24T08:40:00+08:00' };
  const lines = twin.flatMap((pair) =>
    columns.map((rider) =>
      JSON.stringify({ id: rider, rider, legs: [{ from: pair.from, to: pair.to, ...times }] }),
    ),
  );
  const { out } = await run(['quote', '--fares', dir], [`${lines.join('\n')}\n`]);
  const answers = out.map((line) => JSON.parse(line));
  const expected = twin.flatMap(({ cents }) => columns.map((column) => cents[column]));
  assert.deepEqual(
    answers.map(({ amountMinor }) => amountMinor),
    expected,
  );
  return answers.length;
}

test('every pair and class of the light rail is quoted exactly', { skip: noShared }, async () => {
  const file = 'mtr/light_rail_fares.csv';
  const quoted = await quoteAll(file, 'from_station_id', 'to_station_id', LIGHT_RAIL);
  assert.equal(quoted, 4624 * 9);
});

test('every pair and class of the Airport Express is quoted exactly', {
  skip: noShared,
}, async () => {
  const names = ['--name-from', 'ST_FROM', '--name-to', 'ST_TO', '--missing-pair', '130'];
  const file = 'mtr/airport_express_fares.csv';
  const quoted = await quoteAll(file, 'ST_FROM_ID', 'ST_TO_ID', AIRPORT, names);
  assert.equal(quoted, 14 * 4);
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
