/**
 * Runs the fare commands as the program would, with both ends held by the test, in a folder of the
 * test's own.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after } from 'node:test';
import { accountCommand } from '../../engine/cli/account.ts';
import { type Io, runProgram } from '../../engine/cli/command.ts';
import { fareCommands } from '../../engine/cli/fares.ts';
import { ledgerCommands } from '../../engine/cli/ledger.ts';
import { quoteCommand } from '../../engine/cli/quote.ts';

export interface Ran {
  readonly code: number;
  readonly out: string[];
  readonly err: string[];
}

/** `input` are the chunks of standard input, as they would arrive. */
export async function run(
  argv: readonly string[],
  input: Iterable<string | Buffer> = [],
  more: Partial<Io> = {},
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (line) => out.push(...line.split('\n')),
    err: (line) => err.push(line),
    input: Readable.from(input, { objectMode: true }),
    env: {},
    terminal: false,
    ...more,
  };
  const commands = [...fareCommands, ...ledgerCommands, quoteCommand, accountCommand];
  const code = await runProgram('faregate-engine', 'the fare engine', commands, argv, io);
  return { code, out, err };
}

/** A folder that is removed when the test file ends. */
export const scratch: string = mkdtempSync(join(tmpdir(), 'faregate-fares-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
let names = 0;

/** A path in it where nothing is yet. */
export function fresh(): string {
  return join(scratch, `d${names++}`);
}

/** Two stations, two riders. */
export const SMALL = 'A,B,full,half\nx,x,0,0\nx,y,10.60,5.3\ny,x,10.60,5.3\ny,y,0,0\n';

/** The command that imports a table with the columns of `SMALL`. */
export function importing(
  csv: string | Buffer,
  out: string,
  more: readonly string[] = [],
): string[] {
  const file = `${fresh()}.csv`;
  writeFileSync(file, csv);
  const currency = more.includes('--currency') ? [] : ['--currency', 'HKD'];
  return [
    ...['fares', 'import', '--matrix', file, '--from', 'A', '--to', 'B'],
    ...['--fare', 'adult=full,child=half', ...currency, '--out', out, ...more],
  ];
}

/** Everything below a folder, as text, to see that nothing changed. */
export function contents(dir: string): string {
  if (!existsSync(dir)) return 'none';
  const files = readdirSync(dir, { recursive: true, withFileTypes: true });
  return files
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => `${file} ${readFileSync(file).toString('base64')}`)
    .join('\n');
}
