/** Runs the compiled tests with node's runner; arguments narrow them to files that contain one. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort()
  .map((name) => join(folder, name));
if (files.length === 0) {
  console.error(`no test file matches: ${wanted.join(' ')}`);
  process.exit(1);
}
/** A file that is not done by then hangs: it fails, its process is ended, and others run. */
const FILE_MS_MAX = 25 * 60_000;
const options = [
  '--enable-source-maps',
  '--test',
  // Node's runner leaves one core to itself, which is half of a machine with two.
  `--test-concurrency=${availableParallelism()}`,
  `--test-timeout=${FILE_MS_MAX}`,
  // A line for each test, and what failed once more at the end, where a long log is still read.
  '--test-reporter=spec',
];
const run = spawnSync(process.execPath, [...options, ...files], { stdio: 'inherit' });
process.exit(run.status ?? 1);
