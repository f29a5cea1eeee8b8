/** `fares import|check|show|sample`: real tables in, and every way a table or a folder can be bad. */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadFareBook } from '../../engine/operator/fare-files.ts';
import { run } from '../reference/fare-program.ts';
import { fareTable } from '../reference/fare-table.ts';
import { dataPath, noShared } from '../shared.ts';

const scratch = mkdtempSync(join(tmpdir(), 'faregate-fares-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
let names = 0;
const fresh = () => join(scratch, `d${names++}`);

/** Two stations, two riders. */
const SMALL = 'A,B,full,half\nx,x,0,0\nx,y,10.60,5.3\ny,x,10.60,5.3\ny,y,0,0\n';

function importing(csv: string | Buffer, out: string, more: readonly string[] = []): string[] {
  const file = join(scratch, `t${names++}.csv`);
  writeFileSync(file, csv);
  return [
    ...['fares', 'import', '--matrix', file, '--from', 'A', '--to', 'B'],
    ...['--fare', 'adult=full,child=half', '--currency', 'HKD', '--out', out, ...more],
  ];
}

/** Everything below a folder, as text, to see that nothing changed. */
function contents(dir: string): string {
  if (!existsSync(dir)) return 'none';
  const files = readdirSync(dir, { recursive: true, withFileTypes: true });
  return files
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => `${file} ${readFileSync(file).toString('base64')}`)
    .join('\n');
}

test('a small table becomes a fare set', async () => {
  const dir = fresh();
  const { code, out } = await run(importing(SMALL, dir, ['--json']));
  assert.equal(code, 0);
  const report = JSON.parse(out[0]!);
  assert.equal(report.version, 1);
  assert.equal(report.stations, 2);
  assert.equal(report.pairs, 4);
  assert.deepEqual(readdirSync(dir), ['v1']);
  const fares = (await loadFareBook(dir)).at(0)!;
  assert.equal(fares.fareMinor(0, 1, 0), 1060);
  assert.equal(fares.fareMinor(0, 1, 1), 530);
  assert.deepEqual(fares.rules, {
    entryBalanceMinor: 1060,
    sameStationMinor: 0,
    sameStationMinutes: 0,
    overstayMinor: 1060,
    maxMinutes: 0,
    passBackSeconds: 30,
    missingTapMinor: 1060,
  });
});

test('a fare may differ by direction', async () => {
  const dir = fresh();
  await run(importing(SMALL.replace('y,x,10.60', 'y,x,9.00'), dir));
  const fares = (await loadFareBook(dir)).at(0)!;
  const [x, y] = [fares.stationById('x'), fares.stationById('y')];
  assert.deepEqual([fares.fareMinor(x, y, 0), fares.fareMinor(y, x, 0)], [1060, 900]);
});

test('byte-order mark, CRLF, quotes, blank lines, spaces and no last newline are all one', async () => {
  const plain = fresh();
  await run(importing(SMALL, plain));
  const odd = [
    SMALL.replaceAll('\n', '\r\n'),
    `\ufeff${SMALL}`,
    SMALL.trimEnd(),
    SMALL.replace('x,y,10.60', '"x","y","10.60"'),
    SMALL.replace('y,y', '\n\ny,y'),
    SMALL.replace('x,y,10.60', 'x , y, 10.600 ').replace('A,B', ' A ,B'),
    `${SMALL}x,y,10.6,5.30\n`,
    SMALL.replace('x,x,0,0\n', '').replace('y,y,0,0\n', ''),
  ];
  for (const csv of odd) {
    const dir = fresh();
    const ran = await run(importing(csv, dir));
    assert.equal(ran.code, 0, ran.err.join());
    assert.equal(contents(dir).replaceAll(dir, ''), contents(plain).replaceAll(plain, ''));
  }
});

test('rules come from options', async () => {
  const dir = fresh();
  const options = [
    ...['--entry-balance', '3', '--same-station', '2.50', '--same-station-minutes', '20'],
    ...['--max-minutes', '150', '--overstay', '66', '--pass-back-seconds', '15'],
    ...['--missing-tap', 'refuse', '--effective', '2026-12-01T00:00:00+08:00', '--version', '7'],
  ];
  assert.equal((await run(importing(SMALL, dir, options))).code, 0);
  const book = await loadFareBook(dir);
  const fares = book.versions[0]!;
  assert.equal(fares.version, 7);
  assert.equal(fares.effectiveMs, Date.parse('2026-11-30T16:00:00Z'));
  assert.equal(book.at(fares.effectiveMs - 1), null);
  assert.deepEqual(fares.rules, {
    entryBalanceMinor: 300,
    sameStationMinor: 250,
    sameStationMinutes: 20,
    overstayMinor: 6600,
    maxMinutes: 150,
    passBackSeconds: 15,
    missingTapMinor: null,
  });
});

test('a bad table is refused with file, line and column, and nothing is written', async () => {
  const cases: [string, string, RegExp][] = [
    [
      'no such column',
      SMALL.replace('half', 'hlaf'),
      /line 1: no column "half" .*A, B, full, hlaf/,
    ],
    ['a column twice', SMALL.replace('half', 'full'), /line 1: column "full" .* twice/],
    [
      'a short row',
      SMALL.replace('x,y,10.60,5.3', 'x,y,10.60'),
      /line 3: 3 fields .*"half" is miss/,
    ],
    [
      'a long row',
      SMALL.replace('x,y,10.60', 'x,y,10,60'),
      /line 3: 5 fields .*after column "half"/,
    ],
    ['no number', SMALL.replace('10.60', 'ten'), /line 3: column "full": "ten" is not a decimal/],
    ['empty amount', SMALL.replace('10.60', ''), /line 3: column "full": "" is not a decimal/],
    ['negative', SMALL.replace('10.60', '-1'), /line 3: column "full": "-1" is negative/],
    ['too precise', SMALL.replace('10.60', '1.005'), /line 3: column "full": "1.005" has more dec/],
    ['too large', SMALL.replace('10.60', '99999999'), /line 3: column "full": .* is too large/],
    ['no id', SMALL.replace('y,x', ',x'), /line 4: column "A" is empty/],
    ['not UTF-8', SMALL.replace('y,x', '\ufffd,x'), /line 4: column "A" is not UTF-8/],
    [
      'two fares',
      `${SMALL}x,y,10.60,5.40\n`,
      /line 6: column "half": x to y costs 5.40 .*5.30 on line 3/,
    ],
    ['a gap', SMALL.replace('y,x,10.60,5.3\n', ''), /columns "A" and "B": .*1: y to x$/],
    ['one of the diagonal', SMALL.replace('y,y,0,0\n', ''), /1: y to y$/],
    ['nothing', '', /line 1: empty/],
    ['a header only', 'A,B,full,half\n', /names 0 stations/],
    ['one station', 'A,B,full,half\nx,x,0,0\n', /names 1 stations/],
    ['an open quote', SMALL.replace('y,x', '"y,x'), /line 4.*never closed/],
    ['a stray quote', SMALL.replace('y,x', 'y"y,x'), /line 4.*quote/],
  ];
  const dir = fresh();
  for (const [name, csv, message] of cases) {
    const { code, err } = await run(importing(csv, dir));
    assert.equal(code, 1, name);
    assert.match(err[0]!, /^FARES_CSV_INVALID: .*\.csv/, name);
    assert.match(err[0]!, message, name);
    assert(!existsSync(dir), name);
  }
  await run(importing(SMALL, dir));
  const before = contents(dir);
  for (const [name, csv] of cases) {
    await run(importing(csv, dir));
    assert.equal(contents(dir), before, name);
  }
});

test('many missing pairs are counted and the first few named', async () => {
  const rows = ['a', 'b', 'c', 'd'].map((id) => `${id},a,1,1`).join('\n');
  const { err } = await run(importing(`A,B,full,half\n${rows}\n`, fresh()));
  assert.match(err[0]!, /12: a to b, a to c, a to d and 9 more$/);
});

test('over 1,024 stations are refused at the line that brings them', async () => {
  const rows = Array.from({ length: 1025 }, (_, i) => `s${i},s0,1,1`).join('\n');
  const { err } = await run(importing(`A,B,full,half\n${rows}\n`, fresh()));
  assert.match(err[0]!, /line 1026: column "A": over 1024 stations, with "s1024"/);
});

test('a wrong command line exits 2 and writes nothing', async () => {
  const cases: [string[], RegExp][] = [
    [['--currency', 'HKX'], /--currency.*HKX/],
    [['--currency', 'hkd'], /--currency.*capitals.*hkd/],
    [['--fare', 'adult'], /--fare takes RIDER=COL/],
    [['--fare', 'adult=half'], /rider adult twice/],
    [['--effective', '2026-12-01'], /--effective takes ISO 8601 with a zone/],
    [['--version', '0'], /--version takes/],
    [['--same-station', '3'], /go together/],
    [['--name-from', 'A'], /go together/],
    [['--overstay', 'x'], /--overstay: "x" is not a decimal/],
    [['--max-minutes', '-5'], /--max-minutes|max-minutes/],
  ];
  const dir = fresh();
  for (const [more, message] of cases) {
    const { code, err } = await run(importing(SMALL, dir, more));
    assert.equal(code, 2, more.join(' '));
    assert.match(err[0]!, message);
  }
  assert(!existsSync(dir));
  const missing = importing(SMALL, dir).with(3, join(scratch, 'absent.csv'));
  assert.match((await run(missing)).err[0]!, /^FILE_UNREADABLE: .*absent\.csv/);
});

test('versions rise beside each other, keep station codes, and are never rewritten', async () => {
  const dir = fresh();
  await run(importing(SMALL, dir));
  const one = contents(dir);
  assert.match((await run(importing(SMALL, dir))).out[0]!, /holds this already as version 1/);
  assert.equal(contents(dir), one);
  const dearer = `${SMALL.replaceAll('10.60', '11')}z,z,0,0\nz,x,1,1\nz,y,1,1\nx,z,1,1\ny,z,1,1\n`;
  const turned = dearer.split('\n');
  turned.splice(1, 0, 'z,x,1,1');
  const later = ['--effective', '2026-12-01T00:00:00Z'];
  assert.equal((await run(importing(turned.join('\n'), dir, later))).code, 0);
  assert.deepEqual(readdirSync(dir).sort(), ['v1', 'v2']);
  const book = await loadFareBook(dir);
  const [old, now] = book.versions;
  for (const id of ['x', 'y']) {
    const { code } = old!.stations[old!.stationById(id)]!;
    assert.equal(now!.stationByCode(code, 0), now!.stationById(id));
  }
  const switchMs = Date.parse('2026-12-01T00:00:00Z');
  assert.deepEqual(
    [switchMs - 1, switchMs].map((ms) => book.at(ms)!.version),
    [1, 2],
  );
  const both = contents(dir);
  for (const version of ['1', '2']) {
    const { code, err } = await run(importing(dearer, dir, ['--version', version]));
    assert.equal(code, 1);
    assert.match(err[0]!, /^FARES_INVALID: .*holds version 2/);
  }
  assert.equal(contents(dir), both);
  for (let v = 3; v <= 8; v++) {
    assert.equal((await run(importing(dearer, dir, ['--entry-balance', `${v}`]))).code, 0);
  }
  const { err } = await run(importing(dearer, dir, ['--entry-balance', '9']));
  assert.match(err[0]!, /holds 8 versions, the bound/);
});

test('a folder that is incomplete or was changed is refused by file and field', async () => {
  const good = fresh();
  await run(['fares', 'sample', '--out', good]);
  const text = readFileSync(join(good, 'v1', 'fares.json'), 'utf8');
  const bin = readFileSync(join(good, 'v1', 'fares.bin'));
  const edit = (from: string | RegExp, to: string) => (dir: string) =>
    writeFileSync(join(dir, 'v1', 'fares.json'), text.replace(from, to));
  const cases: [(dir: string) => void, RegExp][] = [
    [(dir) => rmSync(join(dir, 'v1', 'fares.bin')), /fares\.bin is missing/],
    [(dir) => rmSync(join(dir, 'v1', 'fares.json')), /fares\.json is missing/],
    [
      (dir) => writeFileSync(join(dir, 'v1', 'fares.bin'), bin.subarray(4)),
      /fares\.bin: 14396 bytes/,
    ],
    [
      (dir) => writeFileSync(join(dir, 'v1', 'fares.bin'), Buffer.concat([bin, bin])),
      /over the 14400/,
    ],
    [
      (dir) => {
        const changed = Buffer.from(bin);
        changed[0]! ^= 1;
        writeFileSync(join(dir, 'v1', 'fares.bin'), changed);
      },
      /fares\.json: field \/sha256 does not match/,
    ],
    [edit('"maxMinutes": 240', '"maxMinutes": 250'), /field \/sha256/],
    [edit('Reed Marsh', 'Reed Mash'), /field \/sha256/],
    [edit('"version": 1', '"version": 2'), /field \/version is 2, not 1/],
    [edit('"maxMinutes": 240', '"maxMinutes": "240"'), /field \/rules\/maxMinutes must be integer/],
    [edit('"00010001"', '"1"'), /field \/stations\/0\/code must match/],
    [edit('"currency"', '"curency"'), /curency|currency/],
    [edit(/\}\s*$/, ''), /not JSON/],
  ];
  for (const [spoil, message] of cases) {
    const dir = fresh();
    cpSync(good, dir, { recursive: true });
    spoil(dir);
    const { code, err } = await run(['fares', 'check', dir]);
    assert.equal(code, 1);
    assert.match(err[0]!, /^FARES_INVALID: /);
    assert.match(err[0]!, message);
    // Nor is a version added beside one that cannot be read.
    const before = contents(dir);
    assert.equal((await run(importing(SMALL, dir))).code, 1);
    assert.equal(contents(dir), before);
  }
  assert.match(
    (await run(['fares', 'check', scratch])).err[0]!,
    /^FARES_INVALID: .*no fare set here/,
  );
  assert.match((await run(['fares', 'check', fresh()])).err[0]!, /^FILE_UNREADABLE: /);
  assert.equal((await run(['fares', 'check'])).code, 2);
});

test('an interrupted import leaves what was there, and the next one clears up', async () => {
  const dir = fresh();
  await run(importing(SMALL, dir));
  cpSync(join(dir, 'v1'), join(dir, '.v2.new'), { recursive: true });
  assert.equal((await loadFareBook(dir)).versions.length, 1);
  assert.equal((await run(importing(SMALL.replaceAll('5.3', '5'), dir))).code, 0);
  assert.deepEqual(readdirSync(dir).sort(), ['v1', 'v2']);
});

test('a place that cannot be written is named', async () => {
  const file = join(scratch, 'plain');
  writeFileSync(file, '');
  const { code, err } = await run(importing(SMALL, join(file, 'below')));
  assert.equal(code, 1);
  assert.match(err[0]!, /^FILE_UN(READ|WRIT)ABLE: .*below/);
});

test('the sample city written to a folder is the built-in one', async () => {
  const dir = fresh();
  assert.equal((await run(['fares', 'sample', '--out', dir])).code, 0);
  const shown = await run(['fares', 'show', dir]);
  assert.deepEqual(shown.out, (await run(['fares', 'show', 'sample'])).out);
  assert(shown.out.some((line) => /^ {2}adult +3\.00 to 8\.00$/.test(line)));
  assert(shown.out.some((line) => /^ {2}Reed Marsh +3\.00 +3\.00/.test(line)));
  const { versions } = JSON.parse((await run(['fares', 'show', dir, '--json'])).out[0]!);
  assert.equal(versions[0].stations.length, 30);
});

test('check warns of what is unusual', async () => {
  const dir = fresh();
  const csv = SMALL.replace('y,x,10.60,5.3', 'y,x,9,0');
  const rules = ['--same-station', '1', '--same-station-minutes', '5', '--overstay', '2'];
  await run(importing(csv, dir, rules));
  const { out } = await run(['fares', 'check', dir]);
  assert.match(out[0]!, /^ok: version 1: 2 stations, HKD, adult, child; in force from 1970/);
  assert.deepEqual(out.slice(1), [
    'warning: version 1: 1 pairs cost more one way than the other: x and y',
    'warning: version 1: rides between two stations that cost nothing: 1 for child',
    'warning: version 1: overstaying costs less than the longest ride',
  ]);
  const { versions } = JSON.parse((await run(['fares', 'check', dir, '--json'])).out[0]!);
  assert.equal(versions[0].asymmetricPairs, 1);
});

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
