/** The command table: what help says, what a wrong command line costs, and which code ends it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { type Args, type Command, runProgram } from '../../engine/cli/command.ts';
import { FaregateError } from '../../engine/errors.ts';

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `program ARGV` over a table whose commands hand their options to `work`. */
async function say(argv: string[], work: (args: Args) => number = () => 0): Promise<Said> {
  const command = (name: string, changes: Partial<Command> = {}): Command => ({
    name,
    about: `Does ${name}.`,
    options: {},
    run: async (args) => work(args),
    ...changes,
  });
  const commands = [
    command('serve', {
      options: {
        data: { type: 'string', value: 'DIR', required: true, about: 'the folder' },
        port: { type: 'string', value: 'PORT', about: 'where it listens' },
        tag: { type: 'string', multiple: true, about: 'any mark' },
        json: { type: 'boolean', about: 'as JSON' },
      },
    }),
    command('fares import', { rest: 'FILE...' }),
    command('fares', {}),
  ];
  return ran(commands, argv);
}

async function ran(commands: readonly Command[], argv: string[]): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram('program', 'does things', commands, argv, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    input: Readable.from([]),
    env: {},
    terminal: false,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

test('help lists every command, on standard output, with exit code 0', async () => {
  for (const argv of [[], ['--help'], ['help']]) {
    const { code, out, err } = await say(argv);
    assert.equal(code, 0);
    assert.equal(err, '');
    for (const line of [/^program: does things$/m, /^ {2}serve +Does serve\.$/m]) {
      assert.match(out, line);
    }
    assert.match(out, /^ {2}fares import {2}Does fares import\.$/m);
  }
});

test("a command's help lists its options and needs none of them", async () => {
  const { code, out } = await say(['serve', '--help'], () => assert.fail('ran'));
  assert.equal(code, 0);
  assert.match(out, /^program serve \[options\]$/m);
  assert.match(out, /^ {2}--data DIR +the folder \(required\)$/m);
  assert.match(out, /^ {2}--tag TEXT +any mark \(repeatable\)$/m);
  assert.match(out, /^ {2}--json +as JSON$/m);
  assert.match(
    (await say(['fares', 'import', '--help'])).out,
    /^program fares import FILE\.\.\.$/m,
  );
});

test('a command that does not exist is named, with help on standard error and exit code 2', async () => {
  const { code, out, err } = await say(['fly', 'away', 'now']);
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.match(err, /^USAGE: no such command: fly away$/m);
  assert.match(err, /serve/);
});

test('two words go before one', async () => {
  let rest: readonly string[] = [];
  const keep = (args: Args) => {
    rest = args.rest;
    return 0;
  };
  assert.equal((await say(['fares', 'import', 'a', 'b'], keep)).code, 0);
  assert.deepEqual(rest, ['a', 'b']);
  assert.equal((await say(['fares'], keep)).code, 0);
  assert.deepEqual(rest, []);
});

test('a wrong command line exits 2, names what is wrong and does not run', async () => {
  for (const [argv, message] of [
    [['serve', '--data', 'd', '--colour', 'red'], /^USAGE: Unknown option '--colour'/],
    [['serve'], /^USAGE: --data is required$/m],
    [['serve', '--data'], /^USAGE: .*--data.*argument missing/],
    [['serve', '--data', 'd', '--json=yes'], /^USAGE: .*--json.*does not take an argument/],
    [['serve', '--data', 'd', 'stray'], /^USAGE: .*stray/],
    [['serve', '--data', '--json'], /^USAGE: .*--data.* argument is ambiguous\.$/m],
    [['serve', '--data', ''], /^USAGE: --data has an empty value$/m],
    [['serve', '--data=', '--json'], /^USAGE: --data has an empty value$/m],
    [['serve', '--data', 'd', '--data', 'd'], /^USAGE: --data is given twice$/m],
    [['serve', '--data', 'd', '--tag', 'a', '--tag', ''], /^USAGE: --tag has an empty value$/m],
  ] as [string[], RegExp][]) {
    const { code, out, err } = await say(argv, () => assert.fail('ran'));
    assert.equal(code, 2);
    assert.equal(out, '');
    assert.match(err, message);
    assert.match(err, /^see program serve --help$/m);
  }
});

test('options come as they were given', async () => {
  const argv = ['serve', '--data', 'd', '--tag', 'a', '--tag', 'b', '--json'];
  const { code } = await say(argv, (args) => {
    assert.equal(args.need('data'), 'd');
    assert.deepEqual(args.list('tag'), ['a', 'b']);
    assert.equal(args.flag('json'), true);
    assert.equal(args.text('port'), undefined);
    assert.deepEqual(args.list('port'), []);
    return 7;
  });
  assert.equal(code, 7);
});

test('whole numbers keep their bounds, and only digits are numbers', async () => {
  const port = async (text: string | null) => {
    let value = Number.NaN;
    const given = text === null ? [] : [`--port=${text}`];
    const said = await say(['serve', '--data', 'd', ...given], (args) => {
      value = args.whole('port', 80, 10, 65_535);
      return 0;
    });
    return { ...said, value };
  };
  for (const [text, value] of [
    [null, 80],
    ['10', 10],
    ['65535', 65_535],
    ['0011', 11],
  ] as const) {
    assert.equal((await port(text)).value, value);
  }
  for (const text of ['9', '65536', '-1', '1e3', '0x50', '80.5', ' 80', '9'.repeat(400)]) {
    const { code, err } = await port(text);
    assert.equal(code, 2, text);
    assert(err.startsWith(`USAGE: --port takes a whole number from 10 to 65535, not ${text}`), err);
  }
});

test('an operating error prints its code and exits 1; our own mistake is not caught', async () => {
  const { code, err } = await say(['serve', '--data', 'd'], () => {
    throw new FaregateError('DISK_FULL', 'd: no space');
  });
  assert.equal(code, 1);
  assert.equal(err, 'DISK_FULL: d: no space');
  const mistake = say(['serve', '--data', 'd'], () => {
    throw new TypeError('ours');
  });
  await assert.rejects(mistake, TypeError);
});

test('what a file says cannot move the cursor of a terminal', async () => {
  const { err } = await say(['serve', '--data', 'd'], () => {
    throw new FaregateError('CONFIG_INVALID', 'f: no field \u001b[2J\u0007\r\nOK\u009b1m');
  });
  assert.equal(err, 'CONFIG_INVALID: f: no field \\x1b[2J\\x07\\x0d\\x0aOK\\x9b1m');
});

test('a group of commands has help of its own; what is no command is answered with it', async () => {
  const asked = await sayOf(['cards', '--help']);
  assert.equal(asked.code, 0);
  assert.match(asked.out, /cards show/);
  assert.doesNotMatch(asked.out, /serve/);
  const wrong = await sayOf(['cards', 'shwo']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /^USAGE: no such command: cards shwo$/m);
  assert.match(wrong.err, /cards show/);
  assert.doesNotMatch(wrong.err, /serve/);
});

test('help is no wider than a terminal, and loses no word', async () => {
  const { out } = await sayOf(['cards', 'show', '-h']);
  for (const line of out.split('\n')) assert.ok(line.length <= 80, line);
  assert.equal(out.split(/\s+/).filter((word) => word === 'word').length, 60);
});

test('a program says its version, which is the package’s', async () => {
  const { code, out } = await sayOf(['--version']);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  assert.deepEqual({ code, out }, { code: 0, out: `program ${version}` });
});

/** The same with a group of which no command is the first word alone. */
async function sayOf(argv: string[]): Promise<Said> {
  const about = Array.from({ length: 30 }, () => 'word').join(' ');
  const show = { name: 'cards show', about, options: { a: { type: 'boolean', about } } } as const;
  const serve = { name: 'serve', about: 'Serves.', options: {} };
  const commands = [show, serve].map((command) => ({ ...command, run: async () => 0 }));
  return ran(commands, argv);
}
