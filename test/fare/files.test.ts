/** Fare sets on disk: versions side by side, changed or incomplete folders, cut-off imports. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadFareBook } from '../../engine/operator/fare-files.ts';
import { contents, fresh, importing, run, SMALL, scratch } from '../reference/fare-program.ts';

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
