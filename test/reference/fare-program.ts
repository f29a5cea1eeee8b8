/** Runs the fare commands as the program would, with both ends held by the test. */
import { Readable } from 'node:stream';
import { type Io, runProgram } from '../../engine/cli/command.ts';
import { fareCommands } from '../../engine/cli/fares.ts';
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
  const commands = [...fareCommands, quoteCommand];
  const code = await runProgram('faregate-engine', 'the fare engine', commands, argv, io);
  return { code, out, err };
}
