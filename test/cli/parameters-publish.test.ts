/** `faregate-engine parameters`: what is published, what is refused, and what is left behind. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runProgram } from '../../engine/cli/command.ts';
import { parameterCommands } from '../../engine/cli/parameters.ts';
import { createSigningKey } from '../../engine/operator/denylist-files.ts';
import { enrolGate } from '../../engine/operator/enrolment.ts';
import { ParameterShelf } from '../../engine/operator/parameter-shelf.ts';
import type { Manifest } from '../../engine/parameters/manifest.ts';
import { deltaFile, fullFile, operator } from '../kit/denylist-kit.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-publish-'));
const at = (name: string): string => join(dir, name);
const data = at('data');

before(async () => {
  for (const name of ['sign.pem', 'other.pem']) await createSigningKey(at(name), {});
  const enrol = (gateId: string, station: string) =>
    enrolGate(data, { gateId, station, outDir: at(gateId) });
  await enrol('G1', 'Xidan');
  await enrol('G2', 'Xidan');
  await enrol('G3', 'Dongdan');
});
after(() => rmSync(dir, { recursive: true, force: true }));

async function command(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    input: process.stdin,
    env: {},
    terminal: false,
  };
  const all = ['parameters', args[0]!, '--data', data, ...args.slice(1)];
  const code = await runProgram('faregate-engine', '', parameterCommands, all, io);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

async function signed(...args: string[]): Promise<Manifest> {
  const key = ['--signing-key', at('sign.pem'), '--json'];
  const { code, out, err } = await command(args[0]!, ...key, ...args.slice(1));
  assert.equal(code, 0, err);
  return JSON.parse(out) as Manifest;
}

test('sets are published, carried over, shown, verified and gone back to', async () => {
  const list = { version: 9, cards: new Set([1]) };
  const next = { version: 10, cards: new Set([1, 2]) };
  writeFileSync(at('9.list'), fullFile(list));
  writeFileSync(at('9-10.list'), deltaFile(list, next));
  const pem = operator.publicKey.export({ type: 'spki', format: 'pem' });
  writeFileSync(at('lists.pub'), pem);
  writeFileSync(at('keys.json'), '{"purchase":[{"index":1,"versions":[1]}]}');
  writeFileSync(at('city.json'), '{"extends":"tunion","name":"city"}');
  const lists = ['--denylist', at('9.list'), '--denylist', at('9-10.list')];
  const first = await signed(
    'publish',
    ...['--fares', 'sample', '--list-key', at('lists.pub'), ...lists],
    ...['--key-versions', at('keys.json'), '--profile', at('city.json')],
  );
  assert.deepEqual(
    first.items.map(({ kind, name, version }) => `${kind} ${name} ${version}`),
    [
      'fares v1 1',
      'denylist full-9 9',
      'denylistDelta delta-9-10 10',
      'profile city 1',
      'keys keys 1',
    ],
  );
  const second = await signed('publish', '--base', '1', '--mode', 'fareFree', '--station', 'Xidan');
  assert.deepEqual(second.gates, ['G1', 'G2']);
  assert.deepEqual(
    second.items.map(({ kind, version }) => `${kind} ${version}`),
    ['mode 2', 'fares 1', 'denylist 9', 'denylistDelta 10', 'profile 1', 'keys 1'],
  );
  const third = await signed('rollback', '--to', '1', '--keep', 'mode');
  assert.deepEqual([third.version, third.restores, third.gates], [3, 1, ['G1', 'G2']]);
  assert.deepEqual(third.items.at(-1)?.kind, 'mode');

  const always = () => true;
  const shelf = new ParameterShelf(join(data, 'parameters'), assert.fail, Date.now, always);
  assert.deepEqual(
    ['G1', 'G3'].map((id) => shelf.newestFor(id)),
    [3, 1],
  );
  const { items } = first;
  assert.equal((await shelf.piece(1, 3, 0, 65_536)).length, items[3]!.bytes);
  assert.equal((await shelf.piece(1, 0, 10, 100)).length, 100);
  assert.equal((await shelf.piece(1, 9, 0, 100)).length, 0);
  const shown = await command('show');
  assert.match(shown.out, /set 3 {2}for some gates .* 2 gates {2}restores 1/);
  const verified = await command('verify', '--public-key', at('sign.pem.pub'));
  assert.match(verified.out, /3 sets are whole and signed: 1, 2, 3/);
  await signed('publish', '--fares', 'sample');
  assert.equal(shelf.newestFor('G3'), 4, 'a running engine sees it');
});

test('what does not fit is named, and nothing is published', async () => {
  const there = readdirSync(join(data, 'parameters/sets')).length;
  writeFileSync(at('bad.json'), '{"purchase":[{"index":1}]}');
  writeFileSync(at('forged.list'), fullFile({ version: 1, cards: new Set([1]) }));
  const sign = ['--signing-key', at('sign.pem')];
  const cases: [string[], RegExp][] = [
    [['publish', ...sign, '--fares', at('none')], /FILE_UNREADABLE: .*none/],
    [
      ['publish', ...sign, '--key-versions', at('bad.json')],
      /PARAMETERS_REFUSED: .*bad\.json: field/,
    ],
    [['publish', ...sign, '--gate-config', at('bad.json')], /PARAMETERS_REFUSED: .*purchase/],
    [['publish', ...sign, '--profile', at('bad.json')], /PROFILE_INVALID: .*bad\.json/],
    [['publish', ...sign, '--denylist', at('forged.list')], /DENYLIST_REFUSED: .*not signed/],
    [['publish', ...sign, '--mode', 'no such mode'], /PARAMETERS_REFUSED: --mode: field \/0/],
    [['publish', ...sign, '--gate', 'G9'], /USAGE: --gate G9 is not enrolled/],
    [['publish', ...sign, '--station', 'Atlantis'], /USAGE: --station Atlantis has no gate/],
    [['publish', ...sign, '--version', '4'], /set 4 is published; versions rise/],
    [['publish', ...sign, '--effective', 'tomorrow'], /USAGE: --effective is no instant/],
    [['publish', ...sign, '--base', '99'], /FILE_UNREADABLE: .*99\.set/],
    [['publish', '--signing-key', at('other.pem')], /4\.set: not signed by the operator/],
    [['rollback', ...sign, '--to', '4'], /set 4 is no older set: 4 is the newest/],
    [['rollback', ...sign, '--to', '1', '--keep', 'colour'], /USAGE: --keep takes fares, /],
    [['verify', '--public-key', at('other.pem.pub')], /1\.set: not signed by the operator/],
  ];
  for (const [args, says] of cases) {
    const { code, err } = await command(...args);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(err, says);
  }
  assert.equal(readdirSync(join(data, 'parameters/sets')).length, there);
});

test('a set is not built on one of which an item is missing or damaged', async () => {
  const { items, version } = await signed('publish', '--mode', 'fareFree');
  const path = join(data, 'parameters/items', items[0]!.sha256);
  const good = readFileSync(path);
  writeFileSync(path, 'damaged');
  const sign = ['--signing-key', at('sign.pem')];
  const built = await command(
    'publish',
    ...sign,
    '--base',
    String(version),
    '--profile',
    at('city.json'),
  );
  assert.notEqual(built.code, 0);
  assert.match(built.err, /PARAMETERS_REFUSED: .*mode mode is damaged/);
  writeFileSync(path, good);
});

test('a gate that comes late begins with the set in force, and then hears of those to come', async () => {
  const day = 86_400_000;
  const publish = (mode: string, atMs: number) =>
    signed('publish', '--mode', mode, '--effective', new Date(atMs).toISOString());
  const { version } = await publish('emergency', Date.now() - 2 * day);
  await publish('normal', Date.now() - day);
  await publish('exitOnly', Date.now() + day);
  const fail = (error: Error) => assert.fail(error.message);
  const shelf = (nowMs: number) => new ParameterShelf(join(data, 'parameters'), fail, () => nowMs);
  const versionsFrom = async (nowMs: number) => {
    const found: number[] = [];
    for (let after = 0; ; after = found.at(-1)!) {
      const next = await shelf(nowMs).nextFor('G1', after);
      if (!next) return found;
      found.push(next.version);
    }
  };
  assert.deepEqual(await versionsFrom(Date.now()), [version + 1, version + 2]);
  assert.deepEqual(await versionsFrom(Date.now() + 2 * day), [version + 2]);
});

test('a damaged set or item is found by verify, and passed over by an engine', async () => {
  const { items, version } = await signed('publish', '--mode', 'closed');
  const path = join(data, 'parameters/items', items[0]!.sha256);
  const good = readFileSync(path);
  writeFileSync(path, 'damaged');
  const found = await command('verify', '--public-key', at('sign.pem.pub'));
  assert.match(found.err, /PARAMETERS_REFUSED: .*mode mode is damaged/);
  writeFileSync(path, good);
  writeFileSync(join(data, `parameters/sets/${version}.set`), 'damaged');
  const told: string[] = [];
  const shelf = new ParameterShelf(join(data, 'parameters'), (error) => told.push(error.message));
  assert.equal(shelf.newestFor('G1'), version - 1);
  assert.equal(shelf.newestFor('G1'), version - 1);
  assert.equal(told.length, 1, 'told once');
  assert.match(told[0]!, /no parameter set/);
});
