/**
 * A mistyped `--data`: every command that takes one, but `serve`, makes nothing there, nor in a
 * folder of something else, and says what is wrong.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { cardCommands } from '../../engine/cli/cards.ts';
import { runProgram } from '../../engine/cli/command.ts';
import { gateCommands } from '../../engine/cli/gates.ts';
import { keyCommands } from '../../engine/cli/keys.ts';
import { ledgerCommands } from '../../engine/cli/ledger.ts';
import { clearingCommand } from '../../engine/cli/ledger-clearing.ts';
import { openLoopCommands } from '../../engine/cli/openloop.ts';
import { parameterCommands } from '../../engine/cli/parameters.ts';
import { shiftCommands } from '../../engine/cli/shifts.ts';
import { createSigningKey } from '../../engine/operator/denylist-files.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-data-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const at = (name: string) => join(dir, name);

const commands = [
  ...gateCommands,
  ...cardCommands,
  ...parameterCommands,
  ...ledgerCommands,
  clearingCommand,
  ...openLoopCommands,
  ...shiftCommands,
];

/** What is given for the options that a command needs, and for some that it may have. */
const given: Readonly<Record<string, string>> = {
  keys: at('keys'),
  number: '03105170010170000001',
  by: '03105170010170000002',
  issuer: '01011000FFFFFFFF',
  profile: 'tunion',
  order: 'o-1',
  amount: '100',
  refund: 'o-1',
  reference: 'R-1',
  settlement: '1-01011000FFFFFFFF-156-operator',
  gate: 'G01',
  'signing-key': at('sign.pem'),
  'public-key': at('sign.pem.pub'),
  to: '2026-06-02T00:00:00Z',
  from: '2026-06-01T00:00:00Z',
  fares: at('fares'),
  card: 'ab'.repeat(16),
  out: at('out'),
};
/** They tell what there is, which is nothing. */
const lookers = ['gates list', 'parameters show', 'parameters verify'];

async function run(argv: readonly string[]) {
  const err: string[] = [];
  const code = await runProgram('faregate-engine', '', [...commands, ...keyCommands], argv, {
    out: () => {},
    err: (line) => void err.push(line),
    input: Readable.from([]),
    env: {},
    terminal: false,
  });
  return { code, err: err.join('\n') };
}

async function runOn(data: string, name: string) {
  const { options, rest } = commands.find((one) => one.name === name)!;
  const more = name === 'parameters rollback' ? { to: '1' } : {};
  const values = { ...given, ...more };
  const named = Object.entries(options).flatMap(([option, { required, type }]) =>
    type === 'string' && (required || option === 'card') && option !== 'data'
      ? [`--${option}`, values[option as keyof typeof values]!]
      : [],
  );
  const argv = [...name.split(' '), '--data', data, ...named, ...(rest ? [at('results')] : [])];
  return run(argv);
}

before(async () => {
  const key = { index: 1, version: 1, master: '11223344556677888877665544332211' };
  writeFileSync(at('clear.json'), JSON.stringify({ purchase: key, tac: key, load: key }));
  assert.equal((await run(['keys', 'import', at('clear.json'), '--out', at('keys')])).code, 0);
  await createSigningKey(at('sign.pem'), {});
  writeFileSync(at('results'), '');
});

for (const { name } of commands) {
  test(`${name} makes nothing in a folder that is no engine's`, async () => {
    const typo = at('typo');
    const there = at('letters');
    if (!existsSync(there)) mkdirSync(there);
    writeFileSync(join(there, 'letter.txt'), 'Dear Sir');
    for (const data of [typo, there]) {
      const { code, err } = await runOn(data, name);
      if (!lookers.includes(name)) {
        assert.equal(code, 1, err);
        assert.match(err, /^(?!USAGE)[A-Z]+_[A-Z]+: /);
      }
      assert.equal(existsSync(typo), false);
      assert.deepEqual(readdirSync(there), ['letter.txt'], err);
      assert.equal(existsSync(at('out')), false);
    }
  });
}

test('a folder made for a new engine is taken: a disk just mounted, too', async () => {
  for (const name of ['gates enroll', 'cards reconcile']) {
    const data = at(`new ${name}`);
    mkdirSync(join(data, 'lost+found'), { recursive: true });
    assert.equal((await runOn(data, 'cards float')).code, 1);
    assert.deepEqual(readdirSync(data), ['lost+found']);
    const { code, err } = await runOn(data, name);
    assert.equal(code, 0, err);
  }
  assert.match((await runOn(at('new gates enroll'), 'cards float')).err, /^CARDS_MISSING: /);
  assert.equal((await runOn(at('new cards reconcile'), 'cards float')).code, 0);
});
