/** `faregate-engine keys` through its command table, with real files. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { fromHex } from '../../engine/bytes.ts';
import { runProgram } from '../../engine/cli/command.ts';
import { keyCommands } from '../../engine/cli/keys.ts';
import { KEY_FILE_BYTES_MAX, PASSPHRASE_BYTES_MAX } from '../../engine/limits.ts';
import { loadKeyFile } from '../../engine/operator/key-files.ts';

const AC = '11223344006677881122334455007788';
const MAC = '8B4F854F0831FBF2635A212E4DDDB92A';
const clear = JSON.stringify({
  purchase: { index: 1, version: 1, master: AC },
  tac: [
    { index: 6, version: 2, master: MAC },
    { index: 6, version: 2, master: MAC, algorithm: 'sm4' },
  ],
});

const root = mkdtempSync(join(tmpdir(), 'faregate-keys-'));
after(() => rm(root, { recursive: true }));

function folder(): string {
  const dir = mkdtempSync(join(root, 't-'));
  writeFileSync(join(dir, 'clear.json'), clear);
  return dir;
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `keys ...`; whatever is said, no master key may be in it. */
async function keys(args: string[], env: Record<string, string> = {}): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram('faregate-engine', '', keyCommands, ['keys', ...args], {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    drained: async () => {},
    input: Readable.from([]),
    env,
    terminal: false,
  });
  const said = { code, out: out.join('\n'), err: err.join('\n') };
  for (const secret of [AC, MAC]) {
    assert(!`${said.out}${said.err}`.toUpperCase().includes(secret.slice(0, 12)));
  }
  return said;
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

test('import without a passphrase makes one beside the file, for its owner only', async () => {
  const dir = folder();
  const file = join(dir, 'keys.sealed');
  const { code, out, err } = await keys(['import', join(dir, 'clear.json'), '--out', file]);
  assert.equal(code, 0);
  assert.match(err, /random one is in .*keys\.sealed\.pass/);
  assert.equal(modeOf(file), 0o600);
  assert.equal(modeOf(`${file}.pass`), 0o600);
  assert(!out.includes(readFileSync(`${file}.pass`, 'utf8').trim()), 'tells the passphrase');
  assert.deepEqual(readdirSync(dir).sort(), ['clear.json', 'keys.sealed', 'keys.sealed.pass']);
  const set = await loadKeyFile(file, {});
  assert.deepEqual(
    set.keys.map(({ use, index, version, algorithm }) => ({ use, index, version, algorithm })),
    [
      { use: 'purchase', index: 1, version: 1, algorithm: '3des' },
      { use: 'tac', index: 6, version: 2, algorithm: '3des' },
      { use: 'tac', index: 6, version: 2, algorithm: 'sm4' },
    ],
  );
  assert.deepEqual(set.keys[0]?.master, fromHex(AC));
  assert.equal(set.cardHash.length, 16);
  assert(set.cardHash.some((byte) => byte !== 0));
});

test('show tells indexes, versions and the published check values', async () => {
  const dir = folder();
  const file = join(dir, 'k');
  const env = { FAREGATE_PASSPHRASE: 'from the environment' };
  await keys(['import', join(dir, 'clear.json'), '--out', file], env);
  assert(!readdirSync(dir).includes('k.pass'));
  const { code, out } = await keys(['show', '--keys', file, '--json'], env);
  assert.equal(code, 0);
  const shown = JSON.parse(out) as { keys: object[]; cardHash: { checkValue: string } };
  assert.deepEqual(shown.keys, [
    { use: 'purchase', index: 1, version: 1, algorithm: '3des', checkValue: '97DCB0' },
    { use: 'tac', index: 6, version: 2, algorithm: '3des', checkValue: 'CE4E2C' },
    { use: 'tac', index: 6, version: 2, algorithm: 'sm4', checkValue: '47197E' },
  ]);
  assert.match(shown.cardHash.checkValue, /^[0-9A-F]{6}$/);
  const table = await keys(['show', '--keys', file], env);
  assert.match(table.out, /^purchase +1 +1 +3des +97DCB0$/m);
});

test('masters of one issuer alone are sealed, come back, and are shown with their issuer', async () => {
  const dir = folder();
  const clear = join(dir, 'issuers.json');
  const key = { index: 1, version: 1, master: AC };
  const aes = { version: 1, master: MAC, application: '3042f5' };
  const purchase = [key, { ...key, master: MAC, issuer: '01011000ffffffff' }];
  writeFileSync(clear, JSON.stringify({ purchase, desfire: { debit: aes } }));
  const file = join(dir, 'k');
  const env = { FAREGATE_PASSPHRASE: 'from the environment' };
  assert.equal((await keys(['import', clear, '--out', file], env)).code, 0);
  const set = await loadKeyFile(file, { env });
  assert.deepEqual(set.keys[1]!.issuer, fromHex('01011000FFFFFFFF'));
  assert.deepEqual(set.aes[0]!.application, fromHex('3042F5'));
  const { out } = await keys(['show', '--keys', file], env);
  assert.match(out, /^purchase +1 +1 +3des +97DCB0$/m);
  assert.match(out, /^purchase +1 +1 +3des +CE4E2C +issuer 01011000FFFFFFFF$/m);
  assert.match(out, /^desfire debit +1 +aes +[0-9A-F]{6} +application 3042F5$/m);
  const shown = JSON.parse((await keys(['show', '--keys', file, '--json'], env)).out);
  assert.deepEqual(
    shown.keys.map(({ issuer }: { issuer?: string }) => issuer),
    [undefined, '01011000FFFFFFFF'],
  );
  assert.equal(shown.desfire[0].application, '3042F5');
});

test('masters of AES cards are sealed, come back, and are shown by check values', async () => {
  const dir = folder();
  const clear = join(dir, 'aes.json');
  const key = (version: number) => ({ version, master: '00'.repeat(16) });
  const desfire = { debit: [key(1), key(2)], transactionMac: key(1) };
  writeFileSync(clear, JSON.stringify({ desfire }));
  const file = join(dir, 'k');
  const env = { FAREGATE_PASSPHRASE: 'from the environment' };
  assert.equal((await keys(['import', clear, '--out', file], env)).code, 0);
  const set = await loadKeyFile(file, { env });
  assert.deepEqual(
    set.aes.map(({ use, version }) => `${use} ${version}`),
    ['debit 1', 'debit 2', 'transactionMac 1'],
  );
  const { out } = await keys(['show', '--keys', file], env);
  // AES-128 of zeros under a key of zeros (FIPS 197's cipher; NIST's known answer).
  assert.match(out, /^desfire transactionMac +1 +aes +66E94B$/m);
  writeFileSync(clear, JSON.stringify({ desfire: { debit: [key(1), key(1)] } }));
  const repeated = await keys(['import', clear, '--out', file], env);
  assert.match(repeated.err, /KEYS_INVALID: .*\/desfire\/debit\/1 repeats/);
  writeFileSync(clear, JSON.stringify({ desfire: {} }));
  assert.match((await keys(['import', clear, '--out', file], env)).err, /KEYS_INVALID: .*none of/);
});

test('issuers’ cryptogram masters are sealed, come back, and are shown by check values', async () => {
  const dir = folder();
  const clear = join(dir, 'bank.json');
  const key = { prefix: '622800', index: 1, master: AC };
  writeFileSync(clear, JSON.stringify({ cryptogram: [key, { ...key, algorithm: 'sm4' }] }));
  const file = join(dir, 'k');
  const env = { FAREGATE_PASSPHRASE: 'from the environment' };
  assert.equal((await keys(['import', clear, '--out', file], env)).code, 0);
  const { cryptogram } = await loadKeyFile(file, { env });
  const held = { ...key, master: fromHex(AC) };
  assert.deepEqual(cryptogram, [
    { ...held, algorithm: '3des' },
    { ...held, algorithm: 'sm4' },
  ]);
  const { out } = await keys(['show', '--keys', file], env);
  assert.match(out, /^cryptogram 622800 +1 +3des +97DCB0$/m);
  for (const [wrong, message] of [
    [[key, key], /\/cryptogram\/1 repeats/],
    [{ ...key, prefix: '6228-0' }, /\/cryptogram\/prefix/],
    [{ ...key, version: 1 }, /\/cryptogram .*version/],
  ] as const) {
    writeFileSync(clear, JSON.stringify({ cryptogram: wrong }));
    assert.match((await keys(['import', clear, '--out', file], env)).err, message);
  }
});

test('the environment goes before the file named, and that before FILE.pass', async () => {
  const dir = folder();
  const file = join(dir, 'k');
  const named = join(dir, 'passphrase');
  writeFileSync(named, 'named\r\n');
  const options = ['--passphrase-file', named];
  await keys(['import', join(dir, 'clear.json'), '--out', file, ...options]);
  writeFileSync(`${file}.pass`, 'beside\n');
  assert.equal((await keys(['show', '--keys', file, ...options])).code, 0);
  assert.equal((await keys(['show', '--keys', file], { FAREGATE_PASSPHRASE: 'named' })).code, 0);
  const wrong = await keys(['show', '--keys', file]);
  assert.match(wrong.err, /^KEYS_REFUSED: .*passphrase is wrong/);
  const first = await keys(['show', '--keys', file, ...options], { FAREGATE_PASSPHRASE: 'other' });
  assert.match(first.err, /^KEYS_REFUSED/);
});

test('importing again replaces the keys under the same passphrase', async () => {
  const dir = folder();
  const file = join(dir, 'k');
  await keys(['import', join(dir, 'clear.json'), '--out', file]);
  const passphrase = readFileSync(`${file}.pass`, 'utf8');
  const before = await loadKeyFile(file, {});
  const { err } = await keys(['import', join(dir, 'clear.json'), '--out', file]);
  assert.equal(err, '');
  assert.equal(readFileSync(`${file}.pass`, 'utf8'), passphrase);
  assert.notDeepEqual((await loadKeyFile(file, {})).cardHash, before.cardHash);
});

test('a bad clear file is refused, naming file and field, and what was there stays', async () => {
  const dir = folder();
  const file = join(dir, 'k');
  await keys(['import', join(dir, 'clear.json'), '--out', file]);
  const before = readFileSync(file);
  const bad = join(dir, 'bad.json');
  for (const [text, message] of [
    [clear.replace('"index":1', '"index":"1"'), /bad\.json: field \/purchase\/index/],
    [clear.slice(0, -5), /bad\.json: not JSON at column 235: a text has no closing quote$/],
    [`{\n  "purchase": x${AC}}`, /bad\.json: not JSON at line 2, column 15: a value was/],
    ['', /bad\.json: not JSON: it is empty$/],
    ['faregate-keys 1\nxyz', /bad\.json: sealed already; what is imported is the JSON in clear$/],
    [`${clear}${' '.repeat(KEY_FILE_BYTES_MAX)}`, /bad\.json: larger than/],
  ] as const) {
    writeFileSync(bad, text);
    const { code, err } = await keys(['import', bad, '--out', file]);
    assert.equal(code, 1);
    assert.match(err, /^KEYS_INVALID/);
    assert.match(err, message);
    assert.deepEqual(readFileSync(file), before);
  }
});

test('a tampered, oversized, clear or missing key file is refused by name', async () => {
  const dir = folder();
  const file = join(dir, 'k');
  await keys(['import', join(dir, 'clear.json'), '--out', file]);
  const sealed = readFileSync(file);
  const tampered = Buffer.from(sealed);
  tampered[tampered.length - 1]! ^= 1;
  for (const [bytes, message] of [
    [tampered, /k: the passphrase is wrong or the file was changed/],
    [sealed.subarray(0, 40), /k: cut short/],
    [Buffer.alloc(KEY_FILE_BYTES_MAX + 1), /k: larger than/],
    [Buffer.from(clear), /k: this is JSON, perhaps keys in clear; `faregate-engine keys import`/],
    [Buffer.from(`\ufeff\r\n${clear}`), /k: this is JSON/],
    [Buffer.from('-----BEGIN PRIVATE KEY-----'), /k: not a sealed key file/],
    [Buffer.alloc(0), /k: not a sealed key file/],
  ] as const) {
    writeFileSync(file, bytes);
    const { code, err } = await keys(['show', '--keys', file]);
    assert.equal(code, 1);
    assert.match(err, /^KEYS_REFUSED/);
    assert.match(err, message);
  }
  const missing = await keys(['show', '--keys', join(dir, 'none')]);
  assert.match(
    missing.err,
    /^FILE_UNREADABLE: cannot read .*none: no such file or folder \(ENOENT\)$/,
  );
});

test('a passphrase that is missing, empty or oversized is refused, saying where', async () => {
  const dir = folder();
  const file = join(dir, 'k');
  const clearFile = join(dir, 'clear.json');
  await keys(['import', clearFile, '--out', file]);
  await rm(`${file}.pass`);
  assert.match((await keys(['show', '--keys', file])).err, /no passphrase: set FAREGATE_PASS/);
  writeFileSync(`${file}.pass`, '\n');
  assert.match((await keys(['show', '--keys', file])).err, /k\.pass: empty passphrase/);
  writeFileSync(`${file}.pass`, 'x'.repeat(PASSPHRASE_BYTES_MAX + 1));
  assert.match((await keys(['show', '--keys', file])).err, /k\.pass: larger than/);
  const absent = ['import', clearFile, '--out', file, '--passphrase-file', join(dir, 'absent')];
  assert.match((await keys(absent)).err, /^FILE_UNREADABLE: .*absent/);
});

test('a folder that cannot be written to is an error and leaves nothing', async () => {
  const dir = folder();
  const nowhere = join(dir, 'no', 'such', 'k');
  const { code, err } = await keys(['import', join(dir, 'clear.json'), '--out', nowhere]);
  assert.equal(code, 1);
  assert.match(err, /^FILE_UNWRITABLE: cannot write .*ENOENT/);
  assert.deepEqual(readdirSync(dir), ['clear.json']);
  // A passphrase that was made for it would be taken for that of the next file of this name.
  mkdirSync(join(dir, 'folder'));
  const inTheWay = await keys(['import', join(dir, 'clear.json'), '--out', join(dir, 'folder')]);
  assert.match(inTheWay.err, /^FILE_UNWRITABLE: cannot write .*folder: .*a folder, not a file/);
  assert.deepEqual(readdirSync(dir).sort(), ['clear.json', 'folder']);
});

test('what is no sealed key file is told before a passphrase is asked for', async () => {
  const file = join(folder(), 'clear.json');
  const { code, err } = await keys(['show', '--keys', file]);
  assert.equal(code, 1);
  assert.match(err, /^KEYS_REFUSED: .*clear\.json: this is JSON, perhaps keys in clear; /);
});

test('a key file readable by others is tightened when it is written', async () => {
  const dir = folder();
  const file = join(dir, 'k');
  writeFileSync(file, 'old');
  chmodSync(file, 0o644);
  await keys(['import', join(dir, 'clear.json'), '--out', file]);
  assert.equal(modeOf(file), 0o600);
});

test('a wrong command line exits 2', async () => {
  assert.equal((await keys(['import', '--out', 'x'])).code, 2);
  assert.equal((await keys(['import', 'a.json', 'b.json', '--out', 'x'])).code, 2);
  assert.equal((await keys(['import', 'a.json'])).code, 2);
  assert.equal((await keys(['show'])).code, 2);
});
