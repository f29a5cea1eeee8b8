/** Where tests find the shared vectors and data; they are read in place and never copied. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root, from `dist/test/`. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url));
export const sharedDir: string = join(root, '..', 'shared');

/** For `test(name, { skip: noShared }, ...)`: false, or why the test cannot run. */
export const noShared: string | false = existsSync(sharedDir)
  ? false
  : 'the shared vectors and data are not beside the project';

/** A vector file's `vectors` array. */
export function vectors<T>(name: string): T[] {
  const text = readFileSync(join(sharedDir, 'vectors', `${name}.json`), 'utf8');
  return (JSON.parse(text) as { vectors: T[] }).vectors;
}

/** Path of a data file, such as `mtr/mtr_lines_fares.csv`. */
export function dataPath(name: string): string {
  return join(sharedDir, 'data', name);
}
