/**
 * Commands of the two programs: a table of names, options and a function each. Help comes from the
 * table; `node:util` parses. A command returns its exit code; an operating error prints as
 * `CODE: message` and exits 1, a wrong command line exits 2.
 */
import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { FaregateError } from '../errors.ts';

export interface Option {
  readonly type: 'string' | 'boolean';
  /** May be given more than once. */
  readonly multiple?: boolean;
  readonly required?: boolean;
  /** Shown in help: `FILE`, `PORT`. */
  readonly value?: string;
  readonly about: string;
}

/** Where a command reads and writes, so that tests can hold both ends. */
export interface Io {
  readonly out: (line: string) => void;
  /** Resolves once what `out` wrote is taken, for commands that write without end. */
  readonly drained?: () => Promise<void>;
  readonly err: (line: string) => void;
  readonly input: NodeJS.ReadableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether progress may be drawn on `err`. */
  readonly terminal: boolean;
}

/** Parsed options of one call. */
export class Args {
  readonly #values: Record<string, unknown>;
  /** Arguments that are no options. */
  readonly rest: readonly string[];

  constructor(values: Record<string, unknown>, rest: readonly string[]) {
    this.#values = values;
    this.rest = rest;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** An option the table marks as required. */
  need(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new FaregateError('USAGE', `--${name} is required`);
    return value;
  }

  list(name: string): string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** A whole number within bounds, or `otherwise` where the option is absent. */
  whole(name: string, otherwise: number, low: number, high: number): number {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= low && value <= high)) {
      throw new FaregateError(
        'USAGE',
        `--${name} takes a whole number from ${low} to ${high}, not ${text}`,
      );
    }
    return value;
  }
}

export interface Command {
  /** One or two words: `quote`, `fares import`. */
  readonly name: string;
  readonly about: string;
  readonly options: Readonly<Record<string, Option>>;
  /** Names of arguments that are no options, for help. */
  readonly rest?: string;
  readonly run: (args: Args, io: Io) => Promise<number>;
}

/** Runs the command that `argv` names; never throws for what a user can cause. */
export async function runProgram(
  program: string,
  about: string,
  commands: readonly Command[],
  argv: readonly string[],
  io: Io,
): Promise<number> {
  const command = findCommand(commands, argv);
  if (!command) return withoutCommand(program, about, commands, argv, io);
  try {
    const args = parse(command, argv.slice(command.name.split(' ').length));
    if (args.flag('help')) {
      for (const line of commandHelp(program, command)) io.out(line);
      return 0;
    }
    for (const [name, option] of Object.entries(command.options)) {
      if (option.required && !option.multiple) args.need(name);
    }
    return await command.run(args, io);
  } catch (error) {
    if (!(error instanceof FaregateError)) throw error;
    io.err(`${error.code}: ${printable(error.message)}`);
    if (error.code === 'USAGE') io.err(`see ${program} ${command.name} --help`);
    return error.code === 'USAGE' ? 2 : 1;
  }
}

/** Of the package, which lies above the compiled programs. */
function versionOf(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Help of the program or of a group, where it is asked for; else what was wrong, and help. */
function withoutCommand(
  program: string,
  about: string,
  commands: readonly Command[],
  argv: readonly string[],
  io: Io,
): number {
  const [first = 'help', second] = argv;
  if (first === '--version') {
    io.out(`${program} ${versionOf()}`);
    return 0;
  }
  const group = commands.filter((c) => c.name.startsWith(`${first} `));
  const shown = group.length > 0 ? group : commands;
  const asked = HELP.has(first) || (group.length > 0 && HELP.has(second ?? ''));
  const print = asked ? io.out : io.err;
  if (!asked) io.err(`USAGE: no such command: ${argv.slice(0, 2).join(' ')}`);
  for (const line of programHelp(program, about, shown)) print(line);
  return asked ? 0 : 2;
}

const HELP: ReadonlySet<string> = new Set(['help', '--help', '-h']);

function findCommand(commands: readonly Command[], argv: readonly string[]): Command | undefined {
  const two = argv.slice(0, 2).join(' ');
  return commands.find((c) => c.name === two) ?? commands.find((c) => c.name === argv[0]);
}

function parse(command: Command, argv: readonly string[]): Args {
  const options: NonNullable<ParseArgsConfig['options']> = {
    help: { type: 'boolean', short: 'h' },
  };
  for (const [name, option] of Object.entries(command.options)) {
    options[name] = { type: option.type, multiple: option.multiple ?? false };
  }
  try {
    const parsed = parseArgs({
      args: [...argv],
      options,
      strict: true,
      allowPositionals: command.rest !== undefined,
      tokens: true,
    });
    requireOnce(command, parsed.tokens);
    return new Args(parsed.values, parsed.positionals);
  } catch (error) {
    if (error instanceof FaregateError) throw error;
    // Of several lines the first says what is wrong.
    const [message] = (error as Error).message.split('\n');
    throw new FaregateError('USAGE', message!, { cause: error });
  }
}

/** What a shell leaves of a variable without a value, and what would be silently passed over. */
function requireOnce(command: Command, tokens: readonly Token[]): void {
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind === 'positional' && token.value === '') {
      throw new FaregateError('USAGE', `an argument is empty; ${command.rest} is expected`);
    }
    if (token.name === undefined || token.value === undefined) continue;
    if (token.value === '') throw new FaregateError('USAGE', `--${token.name} has an empty value`);
    if (seen.has(token.name) && !command.options[token.name]?.multiple) {
      throw new FaregateError('USAGE', `--${token.name} is given twice`);
    }
    seen.add(token.name);
  }
}

/** Of what `parseArgs` says each argument is, the part that is read here. */
interface Token {
  readonly kind: string;
  readonly name?: string;
  readonly value?: string | undefined;
}

/** Names and texts out of files may hold what a terminal would obey. */
function printable(text: string): string {
  return text.replace(CONTROL, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const CONTROL = /\p{Cc}/gu;

function programHelp(program: string, about: string, commands: readonly Command[]): string[] {
  const width = Math.max(...commands.map((c) => c.name.length));
  return [
    `${program}: ${about}`,
    '',
    ...commands.flatMap((c) => row(c.name, c.about, width)),
    '',
    `${program} COMMAND --help tells a command's options.`,
  ];
}

function commandHelp(program: string, command: Command): string[] {
  const rows = Object.entries(command.options).map(([name, option]) => {
    const value = option.type === 'string' ? ` ${option.value ?? 'TEXT'}` : '';
    const marks = `${option.required ? ' (required)' : ''}${option.multiple ? ' (repeatable)' : ''}`;
    return [`--${name}${value}`, `${option.about}${marks}`] as const;
  });
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  const rest = command.rest ? ` ${command.rest}` : '';
  return [
    `${program} ${command.name}${rows.length ? ' [options]' : ''}${rest}`,
    ...wrapped(command.about, HELP_COLUMNS),
    '',
    ...rows.flatMap(([left, right]) => row(left, right, width)),
  ];
}

/** A terminal's usual width. */
const HELP_COLUMNS = 80;

/** A name and what it is, which goes on under its own column where one line is too short. */
function row(left: string, right: string, width: number): string[] {
  return wrapped(right, HELP_COLUMNS - width - 4).map(
    (line, index) => `  ${(index === 0 ? left : '').padEnd(width)}  ${line}`,
  );
}

/** Breaks between words; a word that is longer than a line has one of its own. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
