/** `fares import --tariff` and `--terms`: tables in, kept as published, and what is refused. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FareVersion } from '../../engine/fare/version.ts';
import { openFareSets } from '../../engine/operator/fare-files.ts';
import { packFares, unpackFares } from '../../engine/parameters/fares-item.ts';
import { contents, fresh, importing, run, SMALL } from '../reference/fare-program.ts';
import {
  beijingTables,
  fileName,
  someTerms,
  type TableTexts,
  without,
  writeTables,
} from '../reference/fare-tables.ts';

function importingTariff(out: string, tables: TableTexts, more: readonly string[] = []): string[] {
  const dir = writeTables(fresh(), tables);
  return ['fares', 'import', '--tariff', dir, '--currency', 'CNY', '--out', out, ...more];
}

async function newest(dir: string): Promise<FareVersion> {
  return (await openFareSets(dir)).at(-1)!;
}

test('the tables of a tariff become a fare set that quotes', async () => {
  const dir = fresh();
  const ran = await run(importingTariff(dir, beijingTables));
  assert.equal(ran.code, 0, ran.err.join());
  assert.match(ran.out[0]!, /wrote version 1: 4 stations, CNY, adult, student;/);
  const at = { departure: '2026-11-24T08:00:00+08:00', arrival: '2026-11-24T08:20:00+08:00' };
  const journeys = [
    { id: 1, legs: [{ from: 'A', to: 'Birch', ...at }] },
    { id: 2, legs: [{ from: 'A', to: 'C', ...at }] },
    { id: 3, rider: 'student', legs: [{ from: 'A', to: 'C', ...at }] },
  ];
  const { out } = await run(
    ['quote', '--fares', dir],
    [journeys.map((j) => `${JSON.stringify(j)}\n`).join('')],
  );
  assert.deepEqual(
    out.map((line) => JSON.parse(line).amount),
    ['3.00', '4.00', '2.00'],
  );
});

test('a version is loaded as it was imported, with its tables, terms and distances', async () => {
  const dir = fresh();
  const tables = { ...beijingTables, ...someTerms };
  const options = ['--max-minutes', '240', '--effective', '2026-12-01T00:00:00Z', '--version', '3'];
  const ran = await run(importingTariff(dir, tables, options));
  assert.equal(ran.code, 0, ran.err.join());
  const version = await newest(dir);
  assert.deepEqual([version.version, version.rules.maxMinutes], [3, 240]);
  assert.equal(version.effectiveMs, Date.parse('2026-12-01T00:00:00Z'));
  assert.deepEqual(
    version.tables.map(({ name, rows }) => [name, rows]),
    [
      ['faregate_caps.txt', 2],
      ['faregate_links.txt', 3],
      ['faregate_settings.txt', 1],
      ['faregate_stations.txt', 4],
      ['faregate_tariff_riders.txt', 2],
      ['faregate_tariff_steps.txt', 5],
      ['faregate_tariffs.txt', 1],
    ],
  );
  for (const [name, text] of Object.entries(tables)) {
    assert.equal(readFileSync(join(dir, 'v3', 'terms', fileName(name)), 'utf8'), text);
  }
  assert.deepEqual(
    version.terms?.caps.map(({ id, amountMinor, rides }) => [id, amountMinor, rides]),
    [
      ['monthly', 15_000, null],
      ['weekly', null, 12],
    ],
  );
  assert.deepEqual([...version.tariff!.matrix()], [...version.matrix]);
  assert.equal(version.tariff!.distanceMetres(0, 2), 6_100);
  const before = contents(dir);
  assert.match((await run(importingTariff(dir, tables, options))).out[0]!, /holds this already/);
  assert.equal(contents(dir), before);
  // A cap that changes is a new version though no fare does.
  const caps = someTerms.caps!.replace('150', '140');
  const later = await run(importingTariff(dir, { ...tables, caps }, options.slice(0, 4)));
  assert.match(later.out[0]!, /wrote version 4/);
});

test('terms stand beside a matrix, and old directories have none', async () => {
  const dir = fresh();
  await run(importing(SMALL, dir));
  assert.deepEqual((await newest(dir)).tables, []);
  assert.equal((await newest(dir)).terms, null);
  const terms = writeTables(fresh(), {
    ...someTerms,
    interchanges: 'from_stop_id,to_stop_id,minutes\nx,y,30\n',
  });
  const ran = await run(importing(SMALL, dir, ['--terms', terms]));
  assert.match(ran.out[0]!, /wrote version 2/);
  const version = await newest(dir);
  assert.equal(version.terms?.interchanges[0]?.limitMs, 30 * 60_000);
  assert.equal(version.tariff, null);
  assert.equal(version.rules.entryBalanceMinor, 250, 'the minimum balance of the settings');
  const show = await run(['fares', 'show', dir]);
  assert(show.out.includes('  faregate_interchanges.txt    1 rows'));
  const json = JSON.parse((await run(['fares', 'show', dir, '--json'])).out[0]!);
  assert.deepEqual(
    json.versions.map(({ tables }: { tables: unknown[] }) => tables.length),
    [0, 3],
  );
});

test('gates get the fare set alone', async () => {
  const dir = fresh();
  await run(importingTariff(dir, { ...beijingTables, ...someTerms }));
  const { tables: _, terms: __, tariff: ___, ...set } = await newest(dir);
  const packed = packFares(await newest(dir));
  assert.deepEqual(unpackFares(packed, 'v1'), set);
  assert(!Buffer.from(packed).includes('faregate_'));
});

test('terms decide a rule of gates where they mean the same', async () => {
  const rulesOf = async (tables: TableTexts, options: readonly string[] = []) => {
    const dir = fresh();
    const argv = importingTariff(
      dir,
      { ...beijingTables, settings: 'timezone\nUTC\n', ...tables },
      options,
    );
    const ran = await run(argv);
    return ran.code === 0 ? (await newest(dir)).rules : ran.err[0]!;
  };
  const missing = (rows: string) => ({ missing_taps: `missing,stop_id,charge,amount\n${rows}` });
  const minorOf = async (rows: string, options: readonly string[] = []) => {
    const rules = await rulesOf(missing(rows), options);
    return typeof rules === 'string' ? rules : rules.missingTapMinor;
  };
  assert.equal(await minorOf('entry,,amount,5\nexit,,amount,5.00\n'), 500);
  assert.equal(await minorOf('exit,,none,\nentry,,none,\n'), 0);
  assert.equal(await minorOf('entry,,amount,5\nexit,,amount,6\n'), 1000, 'they differ');
  assert.equal(await minorOf('entry,,amount,5\n'), 1000, 'of one kind only');
  assert.equal(await minorOf('entry,A,amount,5\nexit,,amount,5\n'), 1000, 'at one station');
  assert.equal(await minorOf('entry,,maximum,\nexit,,maximum,\n'), 1000, 'differs by station');
  assert.equal(await minorOf('entry,,maximum,\nexit,,maximum,\n', ['--missing-tap', '7']), 700);
  assert.equal(await minorOf('entry,,none,\nexit,,none,\n', ['--missing-tap', '0']), 0);
  const both = await minorOf('entry,,none,\nexit,,none,\n', ['--missing-tap', 'refuse']);
  assert.match(String(both), /^USAGE: --missing-tap and faregate_missing_taps\.txt say different/);
  const settings = 'timezone,minimum_balance\nUTC,2\n';
  const rules = await rulesOf({ settings });
  assert(typeof rules !== 'string' && rules.entryBalanceMinor === 200);
  const differ = await rulesOf({ settings }, ['--entry-balance', '3']);
  assert.match(String(differ), /--entry-balance and faregate_settings\.txt say different things/);
});

test('tables with errors are refused by file, line and field, and nothing is written', async () => {
  const dir = fresh();
  const tariff_steps = beijingTables.tariff_steps!.replace('12000', '5000');
  const ran = await run(importingTariff(dir, { ...beijingTables, tariff_steps }));
  assert.equal(ran.code, 1);
  assert.deepEqual(
    ran.err[0],
    'error: faregate_tariff_steps.txt, line 3, field upto_metres: 5000 m is not beyond the 6000 m of line 2 (tariff_steps_out_of_order)',
  );
  assert.match(
    ran.err[1]!,
    /^FARES_CSV_INVALID: .*1 error, 0 warnings; first faregate_tariff_steps/,
  );
  const terms = writeTables(fresh(), { ...someTerms, same_station: 'stop_id,charge\nq,fare\n' });
  const beside = await run(importing(SMALL, dir, ['--terms', terms]));
  assert.match(beside.err[0]!, /faregate_same_station\.txt, line 2, field stop_id: "q" is in no/);
  assert.equal(beside.code, 1);
  const none = await run(importing(SMALL, dir, ['--terms', writeTables(fresh(), {})]));
  assert.match(none.err[0]!, /no table of fares/);
  assert.match(
    (await run(importing(SMALL, dir, ['--terms', fresh()]))).err[0]!,
    /^FILE_UNREADABLE/,
  );
  assert.equal(existsSync(dir), false);
});

test('options that do not belong to a tariff are wrong', async () => {
  const usage = async (...more: string[]) => {
    const ran = await run(importingTariff(fresh(), beijingTables, more));
    assert.equal(ran.code, 2);
    return ran.err[0]!;
  };
  assert.match(await usage('--from', 'A'), /--from is for a station matrix and --tariff for/);
  assert.match(await usage('--missing-pair', '1'), /--missing-pair is for a station matrix/);
  assert.match(await usage('--terms', 'x'), /--terms is for a station matrix/);
  assert.match(await usage('--gtfs', 'x'), /--tariff is for a station matrix and --gtfs/);
  assert.match(await usage('--max-minutes', 'x'), /--max-minutes/);
  const plain = ['fares', 'import', '--tariff', fresh(), '--out', fresh()];
  assert.match((await run(plain)).err[0]!, /--currency is required/);
});

test('the sample city is made again of the tables that it is written with', async () => {
  const dir = fresh();
  await run(['fares', 'sample', '--out', dir]);
  const sample = await newest(dir);
  assert.equal(sample.tables.length, 5);
  const again = fresh();
  const argv = ['fares', 'import', '--tariff', join(dir, 'v1', 'terms'), '--currency', 'CNY'];
  const ran = await run([...argv, '--out', again]);
  assert.equal(ran.code, 0, ran.err.join());
  const made = await newest(again);
  assert.deepEqual(made.matrix, sample.matrix);
  assert.deepEqual(made.riders, sample.riders);
  assert.deepEqual(made.tariff?.distances, sample.tariff?.distances);
  assert.deepEqual(
    made.stations.map(({ id, name }) => [id, name]),
    sample.stations.map(({ id, name }) => [id, name]),
  );
});

test('fares show draws the tariff below the matrix, as one picture without anything outside', async () => {
  const dir = fresh();
  await run(importingTariff(dir, beijingTables));
  const file = `${fresh()}.svg`;
  assert.equal((await run(['fares', 'show', dir, '--svg', file])).code, 0);
  const svg = readFileSync(file, 'utf8');
  assert.match(svg, /^<svg .*<\/svg>\n$/s);
  assert.equal(svg.match(/<svg/g)?.length, 1);
  assert.match(svg, /<title>Fares of version 1; Tariff of version 1<\/title>/);
  assert.match(svg, /at most 10\.00/);
  assert.match(svg, /longest ride 112\.2\u00a0km/);
  assert.match(svg, />student \(50 %\)</);
  const words = svg.replaceAll('\u00a0', ' ').replace(/<\/text>\n<text[^>]*>/g, ' ');
  assert.match(
    words,
    /adult, student: to 6 km 3\.00; to 12 km 4\.00; to 22 km 5\.00; to 32 km 6\.00;/,
  );
  assert.match(words, /beyond 1\.00 more for each begun 20 km; at most 10\.00/);
  assert.match(words, /100 m of grace \(blue\): 6099 m are still of the step to 6000 m/);
  // Ten fares from 3 to 10 yuan: the line of adults goes up seven times.
  const paths = [...svg.matchAll(/<path d="([^"]+)"/g)].map(([, d]) => d!);
  assert.deepEqual(
    paths.map((d) => new Set(d.match(/V[\d.]+/g)).size),
    [7, 7],
  );
  assert.doesNotMatch(svg, /NaN|Infinity|<script|href=|url\(/);
  const named = beijingTables.tariff_riders!.replace('student', '<b>&');
  await run(importingTariff(dir, { ...beijingTables, tariff_riders: named }));
  await run(['fares', 'show', dir, '--svg', file]);
  assert.doesNotMatch(readFileSync(file, 'utf8'), /<b>/);
});

test('tariffs of one step, of a great many, and without an end are drawn too', async () => {
  const steps = (rows: string) => `tariff_id,upto_metres,every_metres,amount\n${rows}`;
  const many = Array.from({ length: 900 }, (_, i) => `metro,${100 + i},,${i}\n`).join('');
  for (const rows of ['metro,100000000,,2\nmetro,,1,0\n', `${many}metro,,1,0.01\n`]) {
    const dir = fresh();
    const tables = { ...without(beijingTables, 'tariffs'), tariff_steps: steps(rows) };
    assert.equal((await run(importingTariff(dir, tables))).code, 0);
    const file = `${fresh()}.svg`;
    assert.equal((await run(['fares', 'show', dir, '--svg', file])).code, 0);
    const svg = readFileSync(file, 'utf8');
    assert.doesNotMatch(svg, /NaN|Infinity/);
    assert(svg.length < 1_000_000);
  }
});

test('tables are checked before they are imported', async () => {
  const dir = fresh();
  await run(importingTariff(dir, beijingTables));
  const terms = writeTables(fresh(), someTerms);
  const beside = await run(['fares', 'check', terms, '--matrix-of', `${dir}@1`]);
  assert.deepEqual(beside.out, ['ok: 0 errors, 0 warnings, 0 notices; 2 tables, 3 rows']);
  const stray = writeTables(fresh(), { ...someTerms, ...without(beijingTables, 'tariffs') });
  const told = await run(['fares', 'check', stray, '--matrix-of', dir]);
  assert.equal(
    told.out[0],
    'notice: faregate_links.txt: no table of fares beside a matrix, and not read (unknown_file)',
  );
  const wrong = writeTables(fresh(), { ...someTerms, zone_sets: 'zone_set_id,zone_id\na,b\n' });
  const refused = await run(['fares', 'check', wrong, '--matrix-of', dir, '--json']);
  assert.equal(refused.code, 1);
  assert.equal(JSON.parse(refused.out[0]!).findings[0].code, 'missing_required_file');
  const tariff = writeTables(fresh(), { ...beijingTables, ...someTerms });
  const whole = await run(['fares', 'check', tariff, '--currency', 'CNY']);
  assert.deepEqual(whole.out, ['ok: 0 errors, 0 warnings, 0 notices; 7 tables, 18 rows']);
  const yen = await run(['fares', 'check', tariff, '--currency', 'JPY']);
  assert.match(yen.out[0]!, /error: faregate_tariff_riders\.txt, line 3, field round_to: "0\.10"/);
  assert.equal(yen.code, 1);
  const both = ['--currency', 'CNY', '--matrix-of', dir];
  assert.equal((await run(['fares', 'check', tariff, ...both])).code, 2);
  const neither = await run(['fares', 'check', tariff]);
  assert.match(neither.err[0]!, /^USAGE: .*--currency checks a tariff, --matrix-of terms/);
});

test('tables and distances that were changed on disk are refused by file', async () => {
  const good = fresh();
  await run(importingTariff(good, { ...beijingTables, ...someTerms }));
  const at = (dir: string, ...path: string[]) => join(dir, 'v1', ...path);
  const cases: [(dir: string) => void, RegExp][] = [
    [
      (dir) =>
        writeFileSync(at(dir, 'terms', 'faregate_caps.txt'), someTerms.caps!.replace('12', '2')),
      /terms\/faregate_caps\.txt: not the file that fares\.json names; it was changed/,
    ],
    [
      (dir) => writeFileSync(at(dir, 'terms', 'faregate_links.txt'), `${beijingTables.links}\n`),
      /terms\/faregate_links\.txt: not the file/,
    ],
    [(dir) => rmSync(at(dir, 'terms', 'faregate_caps.txt')), /faregate_caps\.txt is missing/],
    [(dir) => rmSync(at(dir, 'distances.bin')), /distances\.bin is missing/],
    [
      (dir) =>
        writeFileSync(
          at(dir, 'distances.bin'),
          readFileSync(at(dir, 'distances.bin')).fill(1, 8, 9),
        ),
      /distances\.bin: not the file/,
    ],
    [(dir) => edit(dir, '"rows": 2', '"rows": 3'), /fares\.json: field \/sha256 does not match/],
    [
      (dir) => edit(dir, /"name": "faregate_caps.txt"/, '"name": "../../v1/fares.json"'),
      /tables\/0\/name/,
    ],
    [(dir) => edit(dir, /,\s*"distances": "\w+"/, ''), /field \/sha256 does not match/],
  ];
  const edit = (dir: string, from: string | RegExp, to: string) =>
    writeFileSync(
      at(dir, 'fares.json'),
      readFileSync(at(dir, 'fares.json'), 'utf8').replace(from, to),
    );
  for (const [spoil, message] of cases) {
    const dir = fresh();
    cpSync(good, dir, { recursive: true });
    spoil(dir);
    const { code, err } = await run(['fares', 'check', dir]);
    assert.equal(code, 1);
    assert.match(err[0]!, /^FARES_INVALID: /);
    assert.match(err[0]!, message);
  }
  // What stands there besides is no part of the version.
  writeFileSync(at(good, 'terms', 'faregate_passes.txt'), 'pass_id\n');
  assert.equal((await run(['fares', 'check', good])).code, 0);
  assert.deepEqual(readdirSync(at(good)).sort(), [
    'distances.bin',
    'fares.bin',
    'fares.json',
    'terms',
  ]);
});
