/** `faregate-engine denylist` through its command table, with real files. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { runProgram } from '../../engine/cli/command.ts';
import { denylistCommands } from '../../engine/cli/denylist.ts';
import { keyCommands } from '../../engine/cli/keys.ts';
import { DENYLIST_LINE_BYTES_MAX } from '../../engine/limits.ts';

const root = mkdtempSync(join(tmpdir(), 'faregate-denylist-'));
after(() => rmSync(root, { recursive: true }));

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function say(line: string, input: readonly string[] = [], env = {}): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const commands = [...denylistCommands, ...keyCommands];
  const argv = line.split(' ').map((word) => word.replace('@', `${root}/`));
  const code = await runProgram('faregate-engine', '', commands, argv, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    input: Readable.from(input),
    env,
    terminal: true,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

async function json(line: string): Promise<Record<string, unknown>> {
  const { code, out, err } = await say(`${line} --json`);
  assert.equal(code, 0, err);
  return JSON.parse(out) as Record<string, unknown>;
}

function write(name: string, text: string | Uint8Array): void {
  writeFileSync(join(root, name), text);
}

function serial(index: number): string {
  return `3104${String(index).padStart(16, '0')}`;
}

const keys = '--keys @keys';
const sign = '--signing-key @sign.pem';
const check = '--public-key @sign.pem.pub';

before(async () => {
  write(
    'clear.json',
    '{"purchase":{"index":1,"version":1,"master":"00112233445566778899AABBCCDDEEFF"}}',
  );
  assert.equal((await say('keys import @clear.json --out @keys')).code, 0);
  assert.equal((await say('denylist key --out @sign.pem')).code, 0);
  const header = ['card,reason', `${serial(1)},lost`, `${serial(2)},stolen`, '', '# more'];
  write('cards.csv', [...header, ` ${serial(3)} ;x`, serial(2), serial(4)].join('\n'));
  write('ranges.txt', `${serial(100)}-${serial(199)}\r\n${serial(150)}-${serial(250)}\r\n`);
  write('newer.txt', `\uFEFF${serial(2)}\r\n${serial(3)}\r\n${serial(9)}\r\n`);
});

test('a signing key is for its owner only, and is never written over', async () => {
  assert.equal(statSync(join(root, 'sign.pem')).mode & 0o777, 0o600);
  const kept = readFileSync(join(root, 'sign.pem'));
  const { code, err } = await say('denylist key --out @sign.pem');
  assert.equal(code, 1);
  assert.match(err, /^FILE_UNWRITABLE: .*sign\.pem is there already/);
  assert.deepEqual(readFileSync(join(root, 'sign.pem')), kept);
});

test('a signing key under a passphrase opens with it and no other', async () => {
  const env = { FAREGATE_SIGNING_PASSPHRASE: 'correct horse' };
  assert.equal((await say('denylist key --out @sealed.pem', [], env)).code, 0);
  assert.match(readFileSync(join(root, 'sealed.pem'), 'utf8'), /ENCRYPTED/);
  const build = `denylist build ${keys} --signing-key @sealed.pem --version 1 --out @x @cards.csv`;
  assert.equal((await say(build, [], env)).code, 0);
  const { code, err } = await say(build, [], { FAREGATE_SIGNING_PASSPHRASE: 'wrong' });
  assert.equal(code, 1);
  assert.match(err, /^KEYS_REFUSED: .*sealed\.pem/);
});

test('build, diff, verify and lookup agree', async () => {
  const cards = '@cards.csv @ranges.txt';
  const one = await json(`denylist build ${keys} ${sign} --version 1 --out @one ${cards}`);
  assert.equal(one.cards, 4);
  assert.equal(one.ranges, 1, 'ranges that overlap are joined');
  assert.equal(one.bytes, statSync(join(root, 'one')).size);
  const two = await json(`denylist build ${keys} ${sign} --version 2 --out @two @newer.txt`);
  const delta = await json(`denylist diff --from @one --to @two ${sign} --out @delta`);
  assert.deepEqual([delta.added, delta.removed, delta.from, delta.version], [1, 2, 1, 2]);
  assert.equal(delta.digest, two.digest);
  const verified = await json(`denylist verify ${check} @one @delta`);
  assert.deepEqual(
    [verified.version, verified.cards, verified.ranges, verified.digest],
    [2, 3, 0, two.digest],
  );
  assert.equal((verified.files as unknown[]).length, 2);

  const { out } = await say(
    `denylist lookup --list @one ${check} ${keys} ${serial(1)} ${serial(5)} ${serial(200)}`,
  );
  assert.deepEqual(out.split('\n'), [
    `${serial(1)} stopped`,
    `${serial(5)} not stopped`,
    `${serial(200)} stopped`,
  ]);
  const lines = [`${serial(1)}\n${serial(9)}\n`];
  const after = await say(`denylist lookup --list @one --list @delta ${check} ${keys}`, lines);
  assert.equal(after.out, `${serial(1)} not stopped\n${serial(9)} stopped`);
});

test('a delta of lists with deltas, of equal lists, and back to an older one', async () => {
  await json(`denylist build ${keys} ${sign} --version 1 --out @a @cards.csv`);
  await json(`denylist build ${keys} ${sign} --version 2 --out @b @newer.txt`);
  await json(`denylist build ${keys} ${sign} --version 3 --out @c @newer.txt @ranges.txt`);
  await json(`denylist diff --from @a --to @b ${sign} --out @ab`);
  const delta = await json(`denylist diff --from @a --from @ab --to @c ${sign} --out @bc`);
  assert.deepEqual([delta.added, delta.removed], [0, 0]);
  assert.equal((await json(`denylist verify ${check} @a @ab @bc`)).ranges, 1);
  const { code, err } = await say(`denylist diff --from @b --to @a ${sign} --out @ba`);
  assert.equal(code, 1);
  assert.match(err, /^DENYLIST_REFUSED: --to is not newer than --from: 2 to 1$/m);
  assert(!existsSync(join(root, 'ba')));
});

test('verify names the file that is foreign, damaged or out of order', async () => {
  await json(`denylist build ${keys} ${sign} --version 1 --out @v1 @cards.csv`);
  await json(`denylist build ${keys} ${sign} --version 2 --out @v2 @newer.txt`);
  await json(`denylist build ${keys} ${sign} --version 3 --out @v3 @cards.csv`);
  await json(`denylist diff --from @v2 --to @v3 ${sign} --out @d23`);
  await say('denylist key --out @other.pem');
  const bad = readFileSync(join(root, 'v1'));
  bad[180]! ^= 4;
  write('damaged', bad);
  for (const [line, message] of [
    [`${check} @damaged`, /^DENYLIST_REFUSED: .*\/damaged: /],
    [`${check} @cards.csv`, /^DENYLIST_REFUSED: .*\/cards\.csv: /],
    [`${check} @v1 @d23`, /^DENYLIST_GAP: .*\/d23: builds on version 2/],
    [`${check} @nothing`, /^FILE_UNREADABLE: .*\/nothing/],
    ['--public-key @other.pem.pub @v1', /^DENYLIST_REFUSED: .*\/v1: not signed by the operator/],
    ['--public-key @cards.csv @v1', /^KEYS_REFUSED: .*\/cards\.csv: no key in PEM/],
  ] as const) {
    const { code, err } = await say(`denylist verify ${line}`);
    assert.equal(code, 1, line);
    assert.match(err, message);
  }
});

test('a bad line is named by file and line, not by its content, and no list is written', async () => {
  const build = `denylist build ${keys} ${sign} --version 1 --out @none @bad.csv`;
  for (const [text, message] of [
    [`${serial(1)}\n${serial(2)}0\n`, /bad\.csv:2: not a card number of 20 .*; it has 21 char/],
    [`${serial(1)}\n\n123\n`, /bad\.csv:3: not a card number .*; it has 3 characters/],
    [`card\ncard\n`, /bad\.csv:2: not a card number/],
    [`${serial(9)}-${serial(8)}`, /bad\.csv:1: the range ends before it begins/],
    [`${serial(9)}-${serial(8).slice(1)}`, /bad\.csv:1: not a card number/],
    [`${serial(1)}\n${'x'.repeat(3_000_000)}`, /bad\.csv:2: a line of more than 4096 bytes/],
    [`${serial(1)}\n${'1'.repeat(DENYLIST_LINE_BYTES_MAX)}\n`, /bad\.csv:2: a line of more than/],
    [`${serial(1).slice(0, 19)}G`, /bad\.csv:1: not a card number/],
  ] as const) {
    write('bad.csv', text);
    const { code, err } = await say(build);
    assert.equal(code, 1, text.slice(0, 50));
    assert.match(err, /^DENYLIST_CARDS_INVALID: /);
    assert.match(err, message);
    assert(!err.includes(serial(2)) && !err.includes(serial(9)));
  }
  assert.deepEqual(
    readdirSync(root).filter((name) => /none|tmp/.test(name)),
    [],
  );
});

test('more lines than one read takes, with progress on a terminal', async () => {
  const all = Array.from({ length: 1_200_000 }, (_, i) => serial(i));
  write('many.txt', all.join('\n'));
  const build = `denylist build ${keys} ${sign} --version 1 --out @many @many.txt --json`;
  const { code, out, err } = await say(build);
  assert.equal(code, 0);
  assert.equal((JSON.parse(out) as { cards: number }).cards, 1_200_000);
  assert.match(err, /^1,\d{3},\d{3} lines read$/m);
  const numbers = [serial(0), serial(1_199_999), serial(1_200_000)].join(' ');
  const found = await say(`denylist lookup --list @many ${check} ${keys} ${numbers} --json`);
  const stopped = found.out.split('\n').map((l) => (JSON.parse(l) as { stopped: boolean }).stopped);
  assert.deepEqual(stopped, [true, true, false]);
});

test('a folder without accounts is refused, and stays as it was', async () => {
  mkdirSync(join(root, 'wrong'));
  const { code, err } = await say(
    `denylist build --accounts @wrong ${keys} ${sign} --version 9 --out @wrong.list`,
  );
  assert.equal(code, 1);
  assert.match(err, /^CARDS_MISSING: .*wrong/m);
  assert.deepEqual(readdirSync(join(root, 'wrong')), []);
  assert.equal(existsSync(join(root, 'wrong.list')), false);
});

test('a wrong command line exits 2', async () => {
  for (const line of [
    `denylist build ${keys} ${sign} --version 0 --out @x @cards.csv`,
    `denylist build ${keys} ${sign} --out @x @cards.csv`,
    `denylist build ${keys} ${sign} --version 1 --out @x`,
    `denylist diff --from @a ${sign} --out @x`,
    `denylist verify ${check}`,
    `denylist lookup ${check} ${keys} ${serial(1)}`,
  ]) {
    assert.equal((await say(line)).code, 2, line);
  }
  const { code, err } = await say(`denylist lookup --list @x ${check} ${keys} 12`);
  assert.equal(code, 1);
  assert.match(err, /^\w+: /);
});
