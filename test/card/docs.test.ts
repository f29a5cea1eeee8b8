/** docs/cards.md names every command that the card families send, and no other. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../shared.ts';

/** Names in the sources of a family: `name: '...'` of a command, or `desfireCommand('...'`. */
function namesIn(folder: string): string[] {
  const names = new Set<string>();
  const walk = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) walk(path);
      else for (const name of namesOf(path)) names.add(name);
    }
  };
  walk(join(root, 'engine/card', folder));
  return [...names].sort();
}

function namesOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  const wrapped = [...text.matchAll(/desfireCommand\('([^']+)'/g)];
  const own = path.includes('/commands/') ? [...text.matchAll(/^ {2}name: '([^']+)'/gm)] : [];
  return [...wrapped, ...own].map((match) => match[1]!);
}

/** Commands of a section whose row says that they are sent. */
function namesToldOf(family: string): string[] {
  const text = readFileSync(join(root, 'docs/cards.md'), 'utf8');
  const section = text.split(/^## /m).find((part) => part.includes(`\`engine/card/${family}\``))!;
  const [before] = section.split(/^PSAM/m);
  const rows = before!
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| command/.test(line));
  return rows
    .map((line) => line.split(' | '))
    .filter((cells) => cells.some((cell) => /^yes/.test(cell)))
    .map(([name]) => name!.slice(2))
    .sort();
}

for (const family of ['purse', 'desfire', 'qpboc']) {
  test(`the commands of ${family}`, () => {
    assert(namesIn(family).length > 2);
    assert.deepEqual(namesToldOf(family), namesIn(family));
  });
}
