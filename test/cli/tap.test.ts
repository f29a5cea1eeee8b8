/**
 * `faregate-gate tap` against virtual cards that are programs of their own: honest ones, the
 * field's odd ones, and one that replays.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toHex } from '../../engine/bytes.ts';
import type { TapDescription } from '../../gate/cli/tap-report.ts';
import { testCaKeys, testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import { freePorts, type Ran, run, start } from '../kit/programs.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-tap-'));
const clear = join(dir, 'clear.json');
const keys = join(dir, 'keys.sealed');

before(async () => {
  const key = (master: string, index = 1) => ({ index, version: 1, master });
  const purchase = '11223344556677888877665544332211';
  const tac = '0F1E2D3C4B5A69788796A5B4C3D2E1F0';
  writeFileSync(clear, JSON.stringify({ purchase: key(purchase), tac: key(tac) }));
  // In some cities the same purse is under index 06: the gate holds its keys as well.
  const held = join(dir, 'held.json');
  const both = (master: string) => [key(master), key(master, 6)];
  writeFileSync(held, JSON.stringify({ purchase: both(purchase), tac: both(tac) }));
  const made = await run('engine', ['keys', 'import', held, '--out', keys]);
  assert.equal(made.code, 0, made.err);
});
after(() => rmSync(dir, { recursive: true, force: true }));

function profile(name: string, basis: string, changes: object = {}): string {
  const path = join(dir, `${name}.json`);
  writeFileSync(path, JSON.stringify({ extends: basis, name, ...changes }));
  return path;
}

async function tapWith(
  profileFile: string,
  cardArgs: readonly string[],
  tapArgs: readonly string[] = ['--amount', '200'],
): Promise<{ tap: TapDescription; ran: Ran }> {
  const [port] = await freePorts(1);
  const gate = start('gate', [
    'tap',
    ...['--reader', `tcp-listen:${port}`, '--profile', profileFile, '--keys', keys],
    // A loaded machine is slower than a gate: this test is about answers, not about time.
    ...['--deadline', '20000', '--json', ...tapArgs],
  ]);
  await gate.seen(/waiting for a card/);
  const card = start('gate', [
    'virtual-card',
    ...['--connect', `127.0.0.1:${port}`, '--keys', clear, '--once', ...cardArgs],
  ]);
  const ran = await gate.ended;
  card.child.kill();
  await card.ended;
  const last = ran.out.trim().split('\n').pop() ?? '';
  return { tap: JSON.parse(last) as TapDescription, ran };
}

const honest: readonly [string, string, readonly string[], object?][] = [
  ['plain JR/T 0025', 'jrt0025', ['--personality', 'jrt0025']],
  ['T-Union', 'tunion', ['--personality', 'tunion']],
  ['city union', 'city-union', ['--personality', 'city-union']],
  ['no FCI', 'tunion', ['--personality', 'tunion', '--quirk', 'no-fci']],
  [
    'key index 06',
    'tunion',
    ['--personality', 'tunion', '--quirk', 'key-index-06'],
    { key: { index: '06' } },
  ],
  [
    'other status words',
    'tunion',
    ['--personality', 'tunion', '--quirk', 'unknown-aid-6999', '--quirk', 'bad-mac-6982'],
  ],
  ['log oldest first', 'tunion', ['--personality', 'tunion', '--quirk', 'log-oldest-first']],
  ['stale bytes', 'tunion', ['--personality', 'tunion', '--quirk', 'stale-bytes']],
];

for (const [name, basis, card, changes] of honest) {
  test(`debits an honest card: ${name}`, async () => {
    const { tap, ran } = await tapWith(
      profile(`honest-${honest.findIndex(([n]) => n === name)}`, basis, changes),
      card,
    );
    assert.equal(ran.code, 0, ran.err + ran.out);
    assert.equal(tap.open, true);
    assert.equal(tap.amountMinor, 200);
    assert.equal(tap.balanceMinor, 9800);
    assert.equal(tap.debit?.state, 'confirmed');
    assert.equal(tap.debit?.tacVerdict, 'valid');
    assert.equal(tap.debit?.record.length, 320);
    for (const command of tap.commands) {
      assert.match(command.answer ?? '', /^([0-9A-F]{2}){2,}$/);
      assert(command.cardUs > 0);
    }
  });
}

test('an entry on the sample city writes the journey record', async () => {
  const { tap, ran } = await tapWith('tunion', ['--personality', 'tunion'], ['--side', 'entry']);
  assert.equal(ran.code, 0, ran.err);
  assert.equal(tap.commands.length, 5);
  assert.equal(tap.debit?.amountMinor, 0);
});

test('a product of the fares is sold at its price', async () => {
  const [matrix, terms, fares] = ['m.csv', 'terms', 'fares'].map((name) => join(dir, name));
  writeFileSync(matrix!, 'A,B,fare\nx,x,0\nx,y,2.00\ny,x,2.00\ny,y,0\n');
  mkdirSync(terms!);
  writeFileSync(join(terms!, 'faregate_settings.txt'), 'timezone\nAsia/Shanghai\n');
  const products = 'product_id,product_number,kind,amount\nlunch,258,fixed,12.00\n';
  writeFileSync(join(terms!, 'faregate_products.txt'), products);
  const made = await run('engine', [
    ...['fares', 'import', '--matrix', matrix!, '--from', 'A', '--to', 'B', '--fare', 'adult=fare'],
    ...['--currency', 'CNY', '--terms', terms!, '--out', fares!],
  ]);
  assert.equal(made.code, 0, made.err);
  const sale = ['--fares', fares!, '--product', 'lunch'];
  const { tap, ran } = await tapWith('tunion', ['--personality', 'tunion'], sale);
  assert.equal(ran.code, 0, ran.err + ran.out);
  assert.deepEqual([tap.amountMinor, tap.balanceMinor], [1200, 8800]);
  assert.equal(tap.debit?.tacVerdict, 'valid');
  // Product, place, entry, version: docs/wire.md.
  const record = tap.debit?.record ?? '';
  assert.equal(record.slice(208, 216), '00000102');
  assert.equal(record.slice(224, 244), `${'0'.repeat(12)}00000001`);
});

test('a replayed card is refused, every time', async () => {
  const state = join(dir, 'replayer.card');
  const path = profile('replayer', 'tunion');
  const card = ['--personality', 'tunion', '--state', state];
  assert.equal((await tapWith(path, card)).tap.open, true);
  for (let i = 0; i < 2; i++) {
    const { tap, ran } = await tapWith(path, [...card, '--quirk', 'replay']);
    assert.equal(ran.code, 1);
    assert.equal(tap.open, false);
    assert.equal(tap.reason, 'mac2Invalid');
    assert.notEqual(tap.debit?.state, 'confirmed');
  }
});

test('a card whose key the gate does not hold is refused, naming the key', async () => {
  const path = profile('index-07', 'tunion', { key: { index: '07' } });
  const { tap, ran } = await tapWith(path, [
    ...['--personality', 'tunion', '--quirk', 'key-index-07'],
  ]);
  assert.equal(ran.code, 1);
  assert.equal(tap.reason, 'keyUnknown');
  assert.match(tap.detail ?? '', /index 7 version 1/);
  assert.equal(tap.debit, null);
});

test('too little money is refused and nothing is debited', async () => {
  const { tap, ran } = await tapWith('tunion', ['--personality', 'tunion', '--balance', '150']);
  assert.equal(ran.code, 1);
  assert.equal(tap.reason, 'balanceTooLow');
  assert.equal(tap.debit, null);
});

test('an AES card of the command itself: debited, and its evidence verified', async () => {
  const file = join(dir, 'aes.json');
  const sealed = join(dir, 'aes.sealed');
  const key = (byte: string) => ({ version: 1, master: byte.repeat(16) });
  const desfire = { debit: key('11'), load: key('22'), transactionMac: key('33') };
  writeFileSync(file, JSON.stringify({ desfire }));
  assert.equal((await run('engine', ['keys', 'import', file, '--out', sealed])).code, 0);
  const common = ['--keys', sealed, '--deadline', '20000', '--json'];
  for (const name of ['desfire-ev2', 'desfire-light']) {
    const link = ['--reader', `virtual:${name}`, '--profile', name, '--side', 'single'];
    const ran = await run('gate', ['tap', ...link, ...common]);
    assert.equal(ran.code, 0, ran.err);
    const tap = JSON.parse(ran.out.trim()) as TapDescription;
    assert.equal(tap.debit?.tacVerdict, 'valid');
    assert.equal(tap.debit?.evidenceRecord?.length, 320);
    assert(tap.amountMinor > 0);
  }
  const ev1 = ['--reader', 'virtual:desfire-ev1', '--profile', 'desfire-ev1'];
  const refused = await run('gate', ['tap', ...ev1, ...common]);
  assert.match(refused.err, /PROFILE_INVALID: desfire-ev1: not for gates: field \/transactionMac/);
  const ev2 = ['--reader', 'virtual:desfire-ev2', '--profile', 'desfire-ev2'];
  const bought = await run('gate', ['tap', ...ev2, ...common, '--amount', '5']);
  assert.match(bought.err, /USAGE: --amount/);
});

test('bad input is named, and no card is waited for', async () => {
  const tapArgs = (profileFile: string, keyFile: string, link = 'tcp-listen:0'): string[] => [
    'tap',
    ...['--reader', link, '--profile', profileFile, '--keys', keyFile, '--amount', '200'],
  ];
  const broken = join(dir, 'broken.json');
  writeFileSync(broken, JSON.stringify({ extends: 'tunion', name: 'broken', key: { index: 'X' } }));
  const cases: [string[], RegExp][] = [
    [tapArgs('nowhere.json', keys), /FILE_UNREADABLE: nowhere\.json/],
    [tapArgs(broken, keys), /PROFILE_INVALID: .*broken\.json: .*\/key\/index/],
    [tapArgs('tunion', join(dir, 'no.keys')), /FILE_UNREADABLE: .*no\.keys/],
    [tapArgs('tunion', clear), /KEYS_REFUSED: .*clear\.json/],
    [tapArgs('tunion', keys, 'smoke-signals'), /USAGE: no reader link: smoke-signals/],
  ];
  for (const [args, message] of cases) {
    const ran = await run('gate', args);
    assert.notEqual(ran.code, 0);
    assert.match(ran.err, message);
  }
});

test('a bank card: the published test card, whose e-cash pays a single ride', async () => {
  const caKeys = join(dir, 'ca-keys.json');
  writeFileSync(caKeys, JSON.stringify(testCaKeys));
  const bank = join(dir, 'bank.json');
  const section = {
    caKeys: 'ca-keys.json',
    applications: ['A000000333'],
    country: 156,
    currency: 156,
    ecash: true,
    maxAmountMinor: 5000,
  };
  writeFileSync(bank, JSON.stringify(section));
  const tapArgs = ['--reader', 'virtual:ecash', '--bank', bank, '--keys', keys];
  const more = ['--side', 'single', '--deadline', '20000'];
  const ran = await run('gate', ['tap', ...tapArgs, ...more, '--json']);
  assert.equal(ran.code, 0, ran.err);
  const tap = JSON.parse(ran.out.trim().split('\n').pop()!) as TapDescription;
  assert.equal(tap.reason, 'open');
  assert.equal(tap.balanceMinor, 10_000 - tap.amountMinor);
  assert.deepEqual(
    [tap.debit?.transactionType, tap.debit?.authenticated, tap.debit?.tacVerdict],
    [0xec, 'fddaV01', 'passedThrough'],
  );
  const printed = await run('gate', ['tap', ...tapArgs, ...more]);
  assert.match(
    printed.out,
    /GET PROCESSING OPTIONS[\s\S]*OPEN \(open\)[\s\S]*authenticated: fddaV01/,
  );
  for (const shown of [ran.out, printed.out]) {
    assert(!shown.includes(testCard.pan), 'its number is hidden');
    assert(shown.includes('622800******1117'));
    assert(!shown.includes(toHex(testCard.track2).split('D')[1]!));
  }
  const whole = await run('gate', ['tap', ...tapArgs, ...more, '--json', '--unmasked']);
  const { debit, commands } = JSON.parse(whole.out.trim().split('\n').pop()!) as TapDescription;
  assert(commands.some(({ answer }) => answer?.includes(toHex(testCard.track2))));
  assert(debit?.record.includes(debit.cardNumber));
  const none = await run('gate', ['tap', '--reader', 'virtual:ecash', '--keys', keys]);
  assert.match(none.err, /--profile or --bank is needed/);
  writeFileSync(bank, JSON.stringify({ ...section, currency: 344 }));
  const foreign = await run('gate', ['tap', ...tapArgs]);
  assert.match(
    foreign.err,
    /CONFIG_INVALID: .*bank\.json: field \/currency is 344, but .* CNY, 156/,
  );
  writeFileSync(bank, JSON.stringify({ ...section, caKeys: undefined }));
  const wrong = await run('gate', ['tap', ...tapArgs]);
  assert.match(wrong.err, /CONFIG_INVALID.*caKeys/);
});
