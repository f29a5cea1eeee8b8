/** `fares diff`: what changes between two versions, as text, CSV and picture. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { diffFares } from '../../engine/fare/diff.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { fresh, importing, run, SMALL } from '../reference/fare-program.ts';

const DEARER = SMALL.replace('x,y,10.60,5.3', 'x,y,12,5').replace('y,x,10.60', 'y,x,9.00');

async function twoVersions(second = DEARER): Promise<string> {
  const dir = fresh();
  for (const csv of [SMALL, second]) assert.equal((await run(importing(csv, dir))).code, 0);
  return dir;
}

test('each rider class is told what becomes dearer and cheaper, and by how much at most', async () => {
  const dir = await twoVersions();
  const { code, out } = await run(['fares', 'diff', '--before', `${dir}@1`, '--after', dir]);
  assert.equal(code, 0);
  assert.deepEqual(out, [
    'adult: of 4 pairs 1 dearer (by 1.40 at most), 1 cheaper (by 1.60 at most)',
    'child: of 4 pairs 0 dearer, 1 cheaper (by 0.30 at most)',
    'entryBalance: 10.60 becomes 9.00',
    'overstay: 10.60 becomes 12.00',
    'missingTap: 10.60 becomes 12.00',
  ]);
});

test('the CSV has a row for every fare that differs', async () => {
  const dir = await twoVersions();
  const file = `${fresh()}.csv`;
  const argv = ['fares', 'diff', '--before', `${dir}@1`, '--after', `${dir}@2`, '--csv', file];
  assert.equal((await run(argv)).code, 0);
  assert.equal(
    readFileSync(file, 'utf8'),
    [
      'rider,from,to,before,after,change',
      'adult,x,y,10.60,12.00,1.40',
      'adult,y,x,10.60,9.00,-1.60',
      'child,x,y,5.30,5.00,-0.30',
      '',
    ].join('\n'),
  );
});

test('stations and rider classes of one version only are named, and not compared', async () => {
  const before = fresh();
  const after = fresh();
  await run(importing(SMALL, before));
  const other = SMALL.replaceAll('y', 'z,1').replaceAll('z,1', '"z,1"');
  await run(importing(other, after).map((word) => word.replace('child=half', 'senior=half')));
  const argv = ['fares', 'diff', '--before', before, '--after', after];
  const { out } = await run(argv);
  assert.deepEqual(out, [
    'adult: none of 1 pairs changes',
    'stations no more: y',
    'stations new: z,1',
    'riders no more: child',
    'riders new: senior',
  ]);
  const report = JSON.parse((await run([...argv, '--json'])).out[0]!);
  assert.deepEqual(report.onlyRiders, { before: ['child'], after: ['senior'] });
  assert.deepEqual(report.riders[0], {
    rider: 'adult',
    pairs: 1,
    dearer: 0,
    cheaper: 0,
    riseMinor: 0,
    fallMinor: 0,
  });
});

test('the picture is one SVG of the rider asked for, with names and a scale', async () => {
  const dir = await twoVersions();
  const file = `${fresh()}.svg`;
  const argv = ['fares', 'diff', '--before', `${dir}@1`, '--after', dir, '--svg', file];
  assert.equal((await run(argv)).code, 0);
  const adult = readFileSync(file, 'utf8');
  assert.match(adult, /^<svg .*<\/svg>\n$/s);
  assert.match(adult, /-1\.60 HKD to \+1\.60 HKD/);
  assert.match(adult, /Fares of version 2 against version 1/);
  // One cell red at most strength but one, one blue at full strength.
  assert.equal(
    adult.match(/<rect x="[^"]+" y="[^"]+" width="375" height="375" fill="hsl/g)?.length,
    2,
  );
  assert.doesNotMatch(adult, /<script|href=|url\(/);
  assert.equal((await run([...argv, '--rider', 'child'])).code, 0);
  assert.match(readFileSync(file, 'utf8'), /child: rows are/);
});

test('fares show draws every pair of one rider class', async () => {
  const dir = await twoVersions();
  const file = `${fresh()}.svg`;
  assert.equal((await run(['fares', 'show', dir, '--svg', file, '--rider', 'child'])).code, 0);
  const svg = readFileSync(file, 'utf8');
  assert.match(svg, /Fares of version 2</);
  assert.match(svg, /child: rows are stations of entry/);
  assert.match(svg, /5\.00 HKD to 5\.30 HKD; grey is free/);
  assert.equal(svg.match(/width="375" height="375" fill="hsl/g)?.length, 2);
  const stranger = await run(['fares', 'show', dir, '--svg', file, '--rider', 'nobody']);
  assert.match(stranger.err[0]!, /the classes are adult, child/);
  assert.equal((await run(['fares', 'show', dir, '--rider', 'child'])).code, 2);
});

test('a city whose rides are all free, and one that changes nothing, are drawn too', async () => {
  const dir = fresh();
  await run(importing(SMALL.replaceAll('10.60', '0').replaceAll('5.3', '0'), dir));
  const file = `${fresh()}.svg`;
  assert.equal((await run(['fares', 'show', dir, '--svg', file])).code, 0);
  assert.match(readFileSync(file, 'utf8'), /every ride is free/);
  await run(['fares', 'diff', '--before', dir, '--after', dir, '--svg', file]);
  assert.match(readFileSync(file, 'utf8'), /no fare changes/);
  assert.doesNotMatch(readFileSync(file, 'utf8'), /NaN|Infinity/);
});

test('names cannot break out of the picture', async () => {
  const dir = fresh();
  const named = SMALL.replaceAll('x', '<b>&').replaceAll('ma<b>&', 'max');
  await run(importing(named, dir));
  await run(importing(named.replace('10.60', '11'), dir));
  const file = `${fresh()}.svg`;
  await run(['fares', 'diff', '--before', `${dir}@1`, '--after', dir, '--svg', file]);
  assert.match(readFileSync(file, 'utf8'), /&#60;b&#62;&#38;/);
  assert.doesNotMatch(readFileSync(file, 'utf8'), /<b>/);
});

test('every shared pair is compared, wherever its stations stand in either set', () => {
  const before = sampleFareSet();
  const stations = [...before.stations].reverse();
  const size = stations.length;
  const matrix = new Int32Array(before.matrix.length);
  for (let i = 0; i < matrix.length; i++) {
    const cell = i % size ** 2;
    matrix[i] = before.matrix[i - cell + (size ** 2 - 1 - cell)]!;
  }
  const diff = diffFares(before, { ...before, stations, matrix });
  assert.equal(diff.fares.length, before.riders.length);
  for (const { pairs, dearer, cheaper } of diff.riders) {
    assert.deepEqual([pairs, dearer, cheaper], [size ** 2, 0, 0]);
  }
});

test('what cannot be compared is refused, and nothing is written', async () => {
  const dir = await twoVersions();
  const file = `${fresh()}.csv`;
  const diff = (...more: string[]) => run(['fares', 'diff', '--csv', file, ...more]);
  const missing = await diff('--before', `${dir}@7`, '--after', dir);
  assert.equal(missing.code, 2);
  assert.match(missing.err[0]!, /holds no version 7; there are 1, 2/);
  const euros = fresh();
  await run(importing(SMALL, euros).map((word) => (word === 'HKD' ? 'EUR' : word)));
  const other = await diff('--before', dir, '--after', euros);
  assert.match(other.err[0]!, /^FARES_INVALID: HKD and EUR are not compared/);
  assert.equal((await diff('--before', dir, '--after', fresh())).code, 1);
  const svg = ['--svg', `${fresh()}.svg`, '--rider', 'nobody'];
  const rider = await diff('--before', dir, '--after', dir, ...svg);
  assert.match(rider.err[0]!, /classes that both sets have: adult, child/);
  assert.equal((await diff('--before', dir, '--after', dir, '--rider', 'child')).code, 2);
  assert.equal(existsSync(file), false);
  const nowhere = ['--before', dir, '--after', dir, '--csv', `${fresh()}/no/such`];
  assert.match((await run(['fares', 'diff', ...nowhere])).err[0]!, /^FILE_UNWRITABLE/);
});
