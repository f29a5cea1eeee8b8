/** `fares import --gtfs`, `check` and `quote` of GTFS feeds: folders, zip files, and bad ones. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { contents, fresh, importing, run, SMALL } from '../reference/fare-program.ts';
import type { Texts } from '../reference/gtfs-feeds.ts';
import { small, smallV1 } from '../reference/gtfs-small.ts';
import { dataPath, noShared } from '../shared.ts';

function folder(texts: Texts): string {
  const dir = fresh();
  mkdirSync(dir);
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(dir, `${name}.txt`), text);
  return dir;
}

interface Entry {
  readonly name: string;
  readonly data: Buffer;
  /** In place of the true ones. */
  readonly crc?: number;
  readonly size?: number;
}

function word(...values: readonly (readonly [value: number, bytes: number])[]): Buffer {
  return Buffer.concat(
    values.map(([value, bytes]) => {
      const buffer = Buffer.alloc(bytes);
      buffer.writeUIntLE(value, 0, bytes);
      return buffer;
    }),
  );
}

/** A zip file (PKWARE APPNOTE 4.3), deflated. */
function zipOf(entries: readonly Entry[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, data, crc = crc32(data), size = data.length } of entries) {
    const packed = deflateRawSync(data);
    const bytes = Buffer.from(name);
    const common = word(
      ...([
        [20, 2],
        [0x800, 2],
        [8, 2],
        [0, 4],
        [crc, 4],
        [packed.length, 4],
        [size, 4],
      ] as const),
      [bytes.length, 2],
      [0, 2],
    );
    const local = Buffer.concat([word([0x04034b50, 4]), common, bytes, packed]);
    const place = word([0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
    central.push(Buffer.concat([word([0x02014b50, 4], [20, 2]), common, place, bytes]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = word(
    ...([
      [0x06054b50, 4],
      [0, 4],
      [entries.length, 2],
      [entries.length, 2],
    ] as const),
    [directory.length, 4],
    [offset, 4],
    [0, 2],
  );
  return Buffer.concat([...locals, directory, end]);
}

function entriesOf(texts: Texts): Entry[] {
  return Object.entries(texts).map(([name, text]) => ({
    name: `${name}.txt`,
    data: Buffer.from(text),
  }));
}

function zipFile(entries: readonly Entry[] | Buffer): string {
  const file = `${fresh()}.zip`;
  writeFileSync(file, Buffer.isBuffer(entries) ? entries : zipOf(entries));
  return file;
}

const add = (gtfs: string, out: string, more: readonly string[] = []) =>
  run(['fares', 'import', '--gtfs', gtfs, '--out', out, ...more]);

const JOURNEY = `${JSON.stringify({
  id: 'x',
  rider: 'senior',
  legs: [
    {
      ...{ from: 'East', to: 'hub', network: 'metro' },
      ...{ departure: '2026-11-26T08:00:00+01:00', arrival: '2026-11-26T08:10:00+01:00' },
    },
  ],
})}\n`;

test('a folder and a zip file become the same fares, which quote', async () => {
  const [a, b] = [fresh(), fresh()];
  assert.equal((await add(folder(small), a)).code, 0);
  const zipped = await add(
    zipFile([...entriesOf(small), { name: 'img/logo.png', data: Buffer.from('x') }]),
    b,
  );
  assert.equal(zipped.code, 0, zipped.err.join());
  assert(zipped.out.some((line) => line.startsWith('notice: img/logo.png')));
  for (const dir of [a, b]) {
    assert.deepEqual(readdirSync(dir), ['v1']);
    const { out } = await run(['quote', '--fares', dir], [JOURNEY]);
    const { items, why, ...answer } = JSON.parse(out[0]!);
    assert.deepEqual(answer, { id: 'x', amount: '1.40', amountMinor: 140, currency: 'EUR' });
    assert.deepEqual(items, [
      {
        ...{ kind: 'leg', leg: 0, lastLeg: 0, from: 'east', to: 'hub', product: 'single' },
        ...{ rider: 'senior', media: 'card', amount: '1.40', amountMinor: 140 },
        rule: 'fare_leg_rules.txt, line 2',
      },
    ]);
    assert.equal(
      why[1],
      'leg 0, East (east) to Hub (hub): fare_leg_rules.txt, line 2, group ride: ' +
        'single, fare_products.txt, line 3: 1.40',
    );
  }
});

test('versions rise, the same feed is no new one, and each counts from its instant', async () => {
  const dir = fresh();
  await add(folder(small), dir);
  const again = await add(zipFile(entriesOf(small)), dir);
  assert.match(again.out[0]!, /holds this already as version 1/);
  const dearer = { ...small, fare_products: small.fare_products!.replace('1.40', '1.60') };
  const next = await add(folder(dearer), dir, ['--effective', '2026-11-26T07:00:00Z', '--json']);
  assert.equal(JSON.parse(next.out[0]!).version, 2);
  const at = (instant: string) => JOURNEY.replaceAll('2026-11-26T08:00:00+01:00', instant);
  const { out } = await run(
    ['quote', '--fares', dir],
    [at('2026-11-26T07:59:59+01:00'), at('2026-11-26T08:00:00+01:00')],
  );
  assert.deepEqual(
    out.map((line) => JSON.parse(line).amount),
    ['1.40', '1.60'],
  );
  const old = await add(folder(small), dir, ['--version', '1']);
  assert.match(old.err[0]!, /versions rise and are never rewritten/);
  const checked = await run(['fares', 'check', dir]);
  assert.equal(checked.code, 0);
  assert.match(checked.out[0]!, /^ok: version 1: GTFS fares v2, EUR, 6 stops, 5 products, 3 leg/);
  const shown = await run(['fares', 'show', dir, '--json']);
  assert.equal(JSON.parse(shown.out[0]!).versions[1].joinRules, 1);
});

test('a feed with errors is refused, file, line and field named, and nothing is written', async () => {
  const dir = fresh();
  const bad = folder({ ...small, stop_areas: small.stop_areas!.replace('outer', 'outr') });
  const refused = await add(bad, dir);
  assert.equal(refused.code, 1);
  assert.match(refused.err[0]!, /^error: stop_areas.txt, line 3, field area_id: "outr" is in no/);
  assert.match(refused.err.at(-1)!, /^FARES_GTFS_INVALID: .*: 1 error, .*stop_areas.txt, line 3/);
  assert(!existsSync(dir));
  await add(folder(small), dir);
  const before = contents(dir);
  await add(bad, dir);
  assert.equal(contents(dir), before);
  const checked = await run(['fares', 'check', bad]);
  assert.equal(checked.code, 1);
  assert.match(checked.out[0]!, /^error: stop_areas.txt, line 3, field area_id/);
  assert.match(checked.out.at(-1)!, /^refused: 1 errors, 3 warnings/);
  const listed = JSON.parse((await run(['fares', 'check', bad, '--json'])).out[0]!);
  assert.deepEqual(
    listed.findings.filter(({ severity }: { severity: string }) => severity === 'error').length,
    1,
  );
});

test('zip files that are cut, changed, lying, nested or too large', async () => {
  const whole = zipOf(entriesOf(small));
  const files = entriesOf(small);
  const [first, ...rest] = files as [Entry, ...Entry[]];
  const cases: [string, Entry[] | Buffer, RegExp][] = [
    ['cut', whole.subarray(0, whole.length - 30), /whole zip file/],
    ['no zip file', Buffer.from('hello'), /whole zip file/],
    ['empty', Buffer.alloc(0), /whole zip file/],
    ['another checksum', [{ ...first, crc: 1 }, ...rest], /agency.txt does not have the checksum/],
    ['longer than it says', [{ ...first, size: 10 }, ...rest], /zip file/],
    ['shorter than it says', [{ ...first, size: 10_000 }, ...rest], /zip file/],
    [
      'an entry of gigabytes',
      [{ ...first, size: 2 ** 31 }, ...rest],
      /agency.txt with .* bytes, over/,
    ],
    ['twice', [first, ...files], /agency.txt is in the zip file twice/],
    [
      'in a folder',
      files.map((entry) => ({ ...entry, name: `feed/${entry.name}` })),
      /feed\/agency.txt is in a folder; the files .* stand at the root/,
    ],
    ['many entries', Array(10_001).fill(first), /10001 entries, over the bound of 10000/],
    ['a path out of it', [{ ...first, name: '../agency.txt' }, ...rest], /zip file/],
  ];
  for (const [what, data, message] of cases) {
    const dir = fresh();
    const { code, err } = await add(zipFile(data), dir);
    assert.equal(code, 1, what);
    assert.match(err.at(-1)!, /^FARES_GTFS_INVALID: .*\.zip: /, what);
    assert.match(err.at(-1)!, message, what);
    assert(!existsSync(dir), what);
  }
  // Three files that unpack to 150 MB together, each within its own bound.
  const zeros = Buffer.alloc(50 * 1024 * 1024, 0x20);
  const bomb = ['areas', 'routes', 'stops'].map((name) => ({ name: `${name}.txt`, data: zeros }));
  assert.match((await add(zipFile(bomb), fresh())).err.at(-1)!, /of fare files, over the bound/);
});

test('a saved feed that was changed is refused by file', async () => {
  const dir = fresh();
  await add(folder(small), dir);
  const file = join(dir, 'v1', 'feed', 'fare_products.txt');
  const manifest = join(dir, 'v1', 'fares.json');
  const texts = [file, manifest].map((path) => readFileSync(path, 'utf8'));
  writeFileSync(file, texts[0]!.replace('2.80', '0.80'));
  const { err } = await run(['quote', '--fares', dir], [JOURNEY]);
  assert.match(err[0]!, /^FARES_INVALID: .*fare_products.txt: not the file/);
  writeFileSync(file, texts[0]!);
  writeFileSync(manifest, texts[1]!.replace('1970', '1971'));
  assert.match((await run(['fares', 'check', dir])).err[0]!, /fares.json: field \/sha256/);
  const gone = fresh();
  cpSync(dir, gone, { recursive: true });
  writeFileSync(join(gone, 'v1', 'fares.json'), '{"kind":"gtfs"}');
  assert.match((await run(['fares', 'show', gone])).err[0]!, /^FARES_INVALID: .*fares.json/);
});

test('one directory holds fares of one kind; a wrong command line exits 2', async () => {
  const [matrix, gtfs] = [fresh(), fresh()];
  await run(importing(SMALL, matrix));
  await add(folder(small), gtfs);
  assert.match((await add(folder(small), matrix)).err[0]!, /^FARES_INVALID: .*station matrix/);
  assert.match((await run(importing(SMALL, gtfs))).err[0]!, /^FARES_INVALID: .*GTFS feed/);
  const mixed = await add(folder(small), fresh(), ['--currency', 'EUR']);
  assert.equal(mixed.code, 2);
  assert.match(mixed.err[0]!, /--currency is for a station matrix/);
  assert.equal((await run(['fares', 'import', '--out', fresh()])).code, 2);
  assert.match((await add(fresh(), fresh())).err[0]!, /^FILE_UNREADABLE/);
});

test('fares of version 1 are quoted where there are no others', async () => {
  const dir = fresh();
  const { out } = await add(folder(smallV1), dir);
  assert.match(out[0]!, /GTFS fares v1, EUR, 4 stops, 4 fares, 7 fare rules/);
  const legs = [
    {
      ...{ from: 'a', to: 'd', route: 'R1' },
      ...{ departure: '2026-11-26T08:00:00+01:00', arrival: '2026-11-26T08:10:00+01:00' },
    },
  ];
  const quoted = await run(['quote', '--fares', dir], [`${JSON.stringify({ id: 1, legs })}\n`]);
  assert.equal(JSON.parse(quoted.out[0]!).amount, '2.00');
});

test('Boston imports and quotes; Lisbon is refused by its missing file', {
  skip: noShared,
}, async () => {
  const [boston, lisbon] = [fresh(), fresh()];
  const imported = await add(dataPath('gtfs-mbta-fares-v2'), boston, ['--json']);
  assert.equal(imported.code, 0);
  assert.equal(JSON.parse(imported.out[0]!).errors, 0);
  const refused = await add(dataPath('gtfs-metro-lisboa'), lisbon);
  assert.equal(refused.code, 1);
  assert.match(
    refused.err.at(-1)!,
    /^FARES_GTFS_INVALID: .*1 error.*stop_areas.txt: the file is mi/,
  );
  assert(!existsSync(lisbon));
});
