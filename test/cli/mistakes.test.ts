/**
 * Files that are not what a command asks for: none at all, a folder, one of another kind, one below
 * a file, a link to itself. Every command says so by a code and the file's name, in words, ends
 * with 1 and writes nothing.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { accountCommand } from '../../engine/cli/account.ts';
import { type Command, runProgram } from '../../engine/cli/command.ts';
import { denylistCommands } from '../../engine/cli/denylist.ts';
import { fareCommands } from '../../engine/cli/fares.ts';
import { keyCommands } from '../../engine/cli/keys.ts';
import { parameterCommands } from '../../engine/cli/parameters.ts';
import { quoteCommand } from '../../engine/cli/quote.ts';
import { errorCodes } from '../../engine/errors.ts';
import { lookCommand } from '../../gate/cli/look.ts';
import { modeCommand } from '../../gate/cli/mode.ts';
import { personaliseCommand } from '../../gate/cli/personalise.ts';
import { runCommand } from '../../gate/cli/run.ts';
import { tapCommand } from '../../gate/cli/tap.ts';
import { virtualCardCommand } from '../../gate/cli/virtual-card.ts';

const commands: readonly Command[] = [
  ...[accountCommand, quoteCommand, ...denylistCommands, ...fareCommands, ...keyCommands],
  ...[...parameterCommands, lookCommand, modeCommand, personaliseCommand, runCommand],
  ...[tapCommand, virtualCardCommand],
];

const dir = mkdtempSync(join(tmpdir(), 'faregate-mistakes-'));
after(() => rmSync(dir, { recursive: true, force: true }));

async function say(line: string): Promise<{ code: number; err: string }> {
  const err: string[] = [];
  const code = await runProgram('program', '', commands, line.split(' '), {
    out: () => {},
    err: (text) => err.push(text),
    input: Readable.from([]),
    env: { FAREGATE_PASSPHRASE: 'of the test' },
    terminal: false,
  });
  return { code, err: err.join('\n') };
}

const keys = join(dir, 'keys');
const sign = join(dir, 'sign');
const out = join(dir, 'out');
/** An engine's, that has nothing yet. */
const data = join(dir, 'data');

before(async () => {
  const key = { index: 1, version: 1, master: '11223344556677888877665544332211' };
  writeFileSync(join(dir, 'clear'), JSON.stringify({ purchase: key, tac: key }));
  for (const line of [
    `keys import ${join(dir, 'clear')} --out ${keys}`,
    `denylist key --out ${sign}`,
  ]) {
    const { code, err } = await say(line);
    assert.equal(code, 0, err);
  }
});

/** What is asked for stands as FILE. */
const asks: readonly string[] = [
  'account --fares FILE',
  'account --fares sample --switches FILE',
  'account --fares sample --settled FILE',
  'quote --fares FILE',
  'fares check FILE',
  'fares show FILE',
  'fares diff --before FILE --after sample',
  'fares diff --before sample --after sample --journeys FILE',
  `fares import --matrix FILE --from A --to B --fare a=C --currency CNY --out ${out}`,
  `fares import --tariff FILE --currency CNY --out ${out}`,
  `fares import --gtfs FILE --out ${out}`,
  `keys import FILE --out ${out}`,
  'keys show --keys FILE',
  `denylist build FILE --keys ${keys} --signing-key ${sign} --version 1 --out ${out}`,
  `denylist build ${sign} --keys FILE --signing-key ${sign} --version 1 --out ${out}`,
  `denylist build ${sign} --keys ${keys} --signing-key FILE --version 1 --out ${out}`,
  `denylist diff --from FILE --to ${sign} --signing-key ${sign} --out ${out}`,
  `denylist verify FILE --public-key ${sign}.pub`,
  'denylist verify none --public-key FILE',
  `parameters publish --data ${data} --signing-key FILE --mode normal`,
  `parameters publish --data ${data} --signing-key ${sign} --fares FILE`,
  `parameters publish --data ${data} --signing-key ${sign} --gate-config FILE`,
  'run --check --config FILE',
  'mode --config FILE',
  'look --reader tcp-listen:1 --services FILE',
  'look --reader tcp-listen:1 --profile FILE',
  `personalise --reader tcp-listen:1 --profile FILE --keys ${keys}`,
  `tap --reader virtual --profile FILE --keys ${keys}`,
  'tap --reader virtual --profile tunion --keys FILE',
  `tap --reader virtual --bank FILE --keys ${keys}`,
  `tap --reader virtual --profile tunion --keys ${keys} --fares FILE`,
  'virtual-card --connect 127.0.0.1:1 --personality tunion --keys FILE',
];

/** Nothing settled, no journey, no card: an empty file says that. */
const EMPTY_IS_FINE = /--settled|--journeys|denylist build FILE/;

/** Texts of the system as Node gives them. */
const RAW = /no such file or directory|illegal operation|not a directory,|: E[A-Z]+\b|at position/;

test('a file that is none, or of another kind, is named in words, and nothing is written', async () => {
  const files = join(dir, 'files');
  mkdirSync(join(files, 'folder'), { recursive: true });
  symlinkSync('loop', join(files, 'loop'));
  writeFileSync(join(files, 'empty'), '');
  writeFileSync(join(files, 'text'), 'hello\r\nworld\r\n');
  writeFileSync(join(files, 'cut.json'), '{"purchase": {"index": 1,\n  "ver');
  writeFileSync(
    join(files, 'bytes'),
    Uint8Array.from({ length: 3000 }, (_, i) => (i * 37) % 256),
  );
  const names = [...readdirSync(files), 'none', join('text', 'below')];
  mkdirSync(data);
  const written = () => readdirSync(dir, { recursive: true }).join();
  const before = written();
  const wrong: string[] = [];
  for (const ask of asks) {
    for (const name of names) {
      if (name === 'empty' && EMPTY_IS_FINE.test(ask)) continue;
      const file = join(files, name);
      const line = ask.replace('FILE', file);
      const { code, err } = await say(line);
      const [word = ''] = err.split('\n').at(-1)!.split(':');
      const isNamed = err.includes(file) && word in errorCodes;
      const isClean = !RAW.test(err) && !/[^\P{Cc}\n]/u.test(err);
      const isKept = written() === before;
      if (code !== 1 || !isNamed || !isClean || !isKept) wrong.push(`${line}: ${code}: ${err}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('a journal that cannot be made is an error with its folder', async () => {
  const file = join(dir, 'files', 'text');
  const tap = `tap --reader virtual --profile tunion --keys ${keys} --amount 1`;
  const { code, err } = await say(`${tap} --journal ${file}`);
  assert.equal(code, 1);
  assert.match(err, /^DISK_FAILED: .*text: there is a file or folder of that name already/);
});
