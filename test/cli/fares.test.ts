/** `fares import|check|show|sample`: tables in, and every way a table or an option can be bad. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadFareBook } from '../../engine/operator/fare-files.ts';
import { contents, fresh, importing, run, SMALL, scratch } from '../reference/fare-program.ts';

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

test('byte-order mark, CRLF, quotes, blank lines, spaces, no last newline: all one', async () => {
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
