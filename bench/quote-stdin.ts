/**
 * How many journeys a second does `faregate-engine quote` price from its standard input to its
 * standard output? The program is a process of its own, with a pipe at either end; the clock starts
 * when it has answered a first journey, so that its start and the loading of fares do not count.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GtfsSource } from '../engine/operator/gtfs-files.ts';
import type { Contender, Measured, Question } from './harness.ts';

const PROGRAM = fileURLToPath(new URL('../engine/main.js', import.meta.url));
const NEWLINE = 0x0a;

/** The question for lines of JSON, `count` of them in turn, by fares that `open` makes a folder of. */
export function streamed(
  name: string,
  lines: readonly string[],
  count: number,
  open: () => Promise<Fares>,
): Question {
  const contender: Contender = {
    name: 'a process between pipes',
    answer: () => run(open, lines).then(({ output }) => output),
    measure: async () => {
      const all = Array.from({ length: count }, (_, i) => lines[i % lines.length]!);
      return measured(count, (await run(open, all)).elapsedMs);
    },
  };
  return { name: `standard input, ${name}`, operations: 1, contenders: [contender] };
}

/** A folder or name for `--fares`, and what takes the folder away. */
export interface Fares {
  readonly dir: string;
  readonly close: () => Promise<void>;
}

export const sampleFares = async (): Promise<Fares> => ({
  dir: 'sample',
  close: () => Promise.resolve(),
});

/** A feed imported into a folder of its own. */
export async function importedFares({ files }: GtfsSource): Promise<Fares> {
  const root = await mkdtemp(join(tmpdir(), 'faregate-quote-'));
  for (const [file, bytes] of files) await writeFile(join(root, file), bytes);
  const dir = join(root, 'fares');
  const child = spawn(process.execPath, [PROGRAM, 'fares', 'import', '--gtfs', root, '--out', dir]);
  child.stdout.resume();
  child.stderr.resume();
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`the feed was not imported: ${code}`);
  return { dir, close: () => rm(root, { recursive: true }) };
}

/** One pass: the first line alone, and once it is answered all the others. */
async function run(
  open: () => Promise<Fares>,
  lines: readonly string[],
): Promise<{ readonly output: Buffer; readonly elapsedMs: number }> {
  const { dir, close } = await open();
  try {
    const child = spawn(process.execPath, [PROGRAM, 'quote', '--fares', dir], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const rest = Buffer.from(`${lines.slice(1).join('\n')}\n`);
    const chunks: Buffer[] = [];
    let startMs = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (startMs > 0) return;
      startMs = performance.now();
      child.stdin.end(rest);
    });
    child.stdin.write(`${lines[0]}\n`);
    const code = await new Promise((resolve) => child.on('close', resolve));
    const elapsedMs = performance.now() - startMs;
    const output = Buffer.concat(chunks);
    let answers = 0;
    for (let at = output.indexOf(NEWLINE); at >= 0; at = output.indexOf(NEWLINE, at + 1)) answers++;
    if (code !== 0 || answers !== lines.length) throw new Error(`${answers} answers, exit ${code}`);
    return { output, elapsedMs };
  } finally {
    await close();
  }
}

/** One pass has no spread: its mean stands for all. */
function measured(count: number, elapsedMs: number): Measured {
  const meanNs = (elapsedMs * 1e6) / count;
  return { p50Ns: meanNs, p99Ns: meanNs, p999Ns: meanNs, opsPerSec: 1e9 / meanNs };
}
