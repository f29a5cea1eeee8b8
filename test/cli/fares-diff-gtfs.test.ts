/** `fares diff` of GTFS feeds and over files of journeys: text, CSV, picture, and what is refused. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fresh, importing, run, SMALL } from '../reference/fare-program.ts';
import type { Texts } from '../reference/gtfs-feeds.ts';
import { small, smallV1 } from '../reference/gtfs-small.ts';

async function add(texts: Texts, out: string): Promise<void> {
  const dir = fresh();
  mkdirSync(dir);
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(dir, `${name}.txt`), text);
  const { code, err } = await run(['fares', 'import', '--gtfs', dir, '--out', out]);
  assert.equal(code, 0, err.join());
}

const dearer: Texts = {
  ...small,
  fare_products: small.fare_products!.replace('card,2.80', 'card,3.00').replace('2.00', '1.90'),
};

async function twoFeeds(before: Texts = small, after: Texts = dearer): Promise<string> {
  const dir = fresh();
  await add(before, dir);
  await add(after, dir);
  return dir;
}

const PEAK = ['--at', '2026-11-26T08:00:00+01:00'];
const diff = (dir: string, ...more: string[]) =>
  run(['fares', 'diff', '--before', `${dir}@1`, '--after', dir, ...more]);

test('each rider category, medium and network is told what changes between all stops', async () => {
  const dir = await twoFeeds();
  const { code, out, err } = await diff(dir, ...PEAK);
  assert.equal(code, 0, err.join());
  assert.deepEqual(out, [
    'adult, card, metro: of 25 pairs of stops 25 dearer (by 0.20 at most), 0 cheaper',
    'adult, card, bus: of 25 pairs of stops 3 dearer (by 0.20 at most), 0 cheaper',
    '6 of 8 combinations of rider category, medium and network: no pair of stops changes',
  ]);
  const late = await diff(dir, '--at', '2026-11-26T12:00:00+01:00', '--network', 'metro', '--json');
  const report = JSON.parse(late.out[0]!);
  assert.equal(report.kindsOfStops, 3);
  assert.deepEqual(
    report.ways.map(({ cheaper, fallMinor }: { cheaper: number; fallMinor: number }) => [
      cheaper,
      fallMinor,
    ]),
    [
      [25, 10],
      [25, 10],
      [25, 10],
      [25, 10],
    ],
  );
});

test('the CSV has a row for each kind of stops, the picture the way that changes most', async () => {
  const dir = await twoFeeds();
  const [csv, svg] = [`${fresh()}.csv`, `${fresh()}.svg`];
  const ran = await diff(dir, ...PEAK, '--rider', 'adult', '--csv', csv, '--svg', svg);
  assert.equal(ran.code, 0, ran.err.join());
  const rows = readFileSync(csv, 'utf8').split('\n');
  assert.equal(rows[0], 'rider,media,network,from,to,pairs,before,after,change');
  assert.equal(rows[1], 'adult,card,metro,hub,hub,9,2.80,3.00,0.20');
  assert(rows.includes('adult,card,bus,hub,east,3,2.80,3.00,0.20'));
  assert.equal(rows.length, 1 + 9 + 1 + 1);
  const picture = readFileSync(svg, 'utf8');
  assert.match(picture, /adult, card, metro: rows are stations of entry/);
  assert.match(picture, />Hub \+2</);
  assert.doesNotMatch(picture, /NaN/);
  // A price that is gone has no amount after it.
  const rules = small.fare_leg_rules!.replace('bus,bus,inner,outer', 'bus,bus,outer,outer');
  const gone = await twoFeeds(small, { ...small, fare_leg_rules: rules });
  const lost = await diff(gone, ...PEAK, '--network', 'bus', '--rider', 'adult', '--csv', csv);
  assert.equal(
    lost.out[0],
    'adult, card, bus: of 25 pairs of stops 0 dearer, 0 cheaper, 3 without a price now, 1 with a price now',
  );
  assert(readFileSync(csv, 'utf8').includes('adult,card,bus,hub,east,3,2.80,,\n'));
});

test('feeds whose fares depend on the time ask for it; what does not fit is refused', async () => {
  const dir = await twoFeeds();
  const usage = async (pattern: RegExp, ...more: string[]) => {
    const { code, err } = await diff(dir, ...more);
    assert.equal(code, 2);
    assert.match(err[0]!, pattern);
  };
  await usage(/depend on the time: --at INSTANT/);
  await usage(/--at takes ISO 8601/, '--at', 'noon');
  await usage(
    /--rider: those that both feeds have and rules name: adult, senior/,
    ...PEAK,
    '--rider',
    'x',
  );
  await usage(/--at does not go with --journeys/, ...PEAK, '--journeys', 'x');
  const v1 = fresh();
  await add(smallV1, v1);
  const mixed = await run(['fares', 'diff', '--before', v1, '--after', dir]);
  assert.match(mixed.err[0]!, /GTFS V1 and V2 are compared over --journeys alone/);
  const matrix = fresh();
  await run(importing(SMALL, matrix).map((word) => (word === 'HKD' ? 'EUR' : word)));
  const kinds = await run(['fares', 'diff', '--before', matrix, '--after', dir]);
  assert.match(
    kinds.err[0]!,
    /a station matrix and a GTFS feed are compared over --journeys alone/,
  );
  const at = await run(['fares', 'diff', '--before', matrix, '--after', matrix, ...PEAK]);
  assert.match(at.err[0]!, /--at is for GTFS feeds/);
});

test('more prices than the bound are not worked out', async () => {
  const riders = Array.from({ length: 400 }, (_, i) => `r${i},R,0\n`).join('');
  const media = Array.from({ length: 400 }, (_, i) => `m${i},,2\n`).join('');
  const many = {
    ...small,
    rider_categories: small.rider_categories! + riders,
    fare_media: small.fare_media! + media,
  };
  const dir = await twoFeeds(many, { ...many, fare_products: dearer.fare_products! });
  const { code, err } = await diff(dir, ...PEAK);
  assert.equal(code, 2);
  assert.match(
    err[0]!,
    /2908872 prices \(3 kinds of stops, 402 rider categories, 402 media, 2 networks\)/,
  );
  assert.equal((await diff(dir, ...PEAK, '--media', 'm7')).code, 0);
});

const ride = (id: number | string, from: string, to: string, more: object = {}) =>
  `${JSON.stringify({ id, legs: [{ from, to, departure: '2026-11-26T08:00:00Z', arrival: '2026-11-26T08:10:00Z' }], ...more })}\n`;

function journeys(...lines: string[]): string {
  const file = `${fresh()}.jsonl`;
  writeFileSync(file, lines.join(''));
  return file;
}

test('two matrices are compared over the journeys of a file', async () => {
  const dir = fresh();
  await run(importing(SMALL, dir));
  const table = SMALL.replace('x,y,10.60,5.3', 'x,y,12,5').replace('y,x,10.60', 'y,x,9.00');
  await run(importing(table, dir, ['--effective', '2030-01-01T00:00:00Z']));
  const file = journeys(
    '\ufeff',
    ride(1, 'x', 'y'),
    '\n',
    ride('b,1', 'x', 'y', { rider: 'child' }),
    ride(3, 'y', 'x'),
    ride(4, 'x', 'x'),
    ride(5, 'x', 'nowhere'),
  );
  const [csv, svg] = [`${fresh()}.csv`, `${fresh()}.svg`];
  const ran = await diff(dir, '--journeys', file, '--csv', csv, '--svg', svg);
  assert.equal(ran.code, 0, ran.err.join());
  assert.deepEqual(ran.out, [
    'of 5 journeys 1 dearer (by 1.40 at most), 2 cheaper (by 1.60 at most)',
    'together 26.50 becomes 26.00 HKD',
    '1 have no price in either',
  ]);
  assert.equal(
    readFileSync(csv, 'utf8'),
    [
      'id,before,after,change,before_error,after_error',
      '1,10.60,12.00,1.40,,',
      '"b,1",5.30,5.00,-0.30,,',
      '3,10.60,9.00,-1.60,,',
      '',
    ].join('\n'),
  );
  const picture = readFileSync(svg, 'utf8');
  assert.match(picture, /Journeys by version 2 against version 1/);
  assert.match(picture, />same</);
  assert.match(picture, />to \+1\.40</);
  assert.doesNotMatch(picture, /NaN|Infinity/);
  const json = JSON.parse((await diff(dir, '--journeys', file, '--json')).out[0]!);
  assert.deepEqual(
    [json.journeys, json.dearer, json.cheaper, json.unpriced, json.beforeMinor, json.afterMinor],
    [5, 1, 2, 1, 2650, 2600],
  );
});

test('feeds are compared over journeys of many legs, and with a matrix', async () => {
  const dir = await twoFeeds();
  const legs = [
    {
      from: 'west',
      to: 'hub',
      network: 'metro',
      departure: '2026-11-26T08:00:00+01:00',
      arrival: '2026-11-26T08:10:00+01:00',
    },
    {
      from: 'hub1',
      to: 'east',
      network: 'bus',
      departure: '2026-11-26T08:15:00+01:00',
      arrival: '2026-11-26T08:30:00+01:00',
    },
  ];
  const file = journeys(`${JSON.stringify({ id: 'two', media: 'card', rider: 'adult', legs })}\n`);
  const csv = `${fresh()}.csv`;
  await diff(dir, '--journeys', file, '--csv', csv);
  assert.match(readFileSync(csv, 'utf8'), /\ntwo,6\.10,6\.50,0\.40,,\n/);
  const matrix = fresh();
  await run(importing(SMALL, matrix).map((word) => (word === 'HKD' ? 'EUR' : word)));
  const argv = ['fares', 'diff', '--before', matrix, '--after', dir, '--journeys'];
  const ran = await run([...argv, journeys(ride(1, 'x', 'y')), '--csv', csv]);
  assert.deepEqual(ran.out.slice(-1), ['1 have no price any more']);
  assert.match(readFileSync(csv, 'utf8'), /\n1,10\.60,,,,FARES_UNKNOWN_STATION\n/);
});

test('a file whose line is no journey is refused by its number, and nothing is written', async () => {
  const dir = await twoFeeds();
  const csv = `${fresh()}.csv`;
  const file = journeys(ride(1, 'hub', 'east'), '{"id":2}\n');
  const ran = await diff(dir, '--journeys', file, '--csv', csv);
  assert.equal(ran.code, 1);
  assert.match(ran.err[0]!, /^JOURNEY_INVALID: .*line 2: field legs/);
  assert.equal(existsSync(csv), false);
  assert.match((await diff(dir, '--journeys', fresh())).err[0]!, /^FILE_UNREADABLE/);
});
