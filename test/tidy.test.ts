/**
 * The style of the project as a test: layers, purity, sizes, importers of packages, dead files, and
 * documents that must equal code.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { errorCodes } from '../engine/errors.ts';
import { reasonOrder, reasons } from '../engine/tap/reasons.ts';
import { root } from './shared.ts';

const LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 100;
/** What a line may hold beyond that: an address, a long string, a template, a pattern alone. */
const UNBREAKABLE = /https?:|'[^']{60,}'|"[^"]{60,}"|`|^ +\/.+\/;$/;
const BLOB_BYTES_MAX = 512 * 1024;

/** Folders that compute from what they are given, and nothing else. */
const PURE = ['card', 'crypto', 'fare', 'denylist', 'debit', 'parameters', 'tap'].map(
  (name) => `engine/${name}/`,
);
const PURE_FILES = [
  'engine/ledger/rules.ts',
  'engine/cards/orders.ts',
  'engine/cards/life.ts',
  'engine/openloop/charges.ts',
  'engine/openloop/pricing.ts',
  'engine/openloop/results.ts',
  'engine/openloop/risk.ts',
];
/** Threads; nothing pure may use it. */
const NOT_PURE = 'engine/crypto/pool/';
const IMPURE_MODULES =
  /^node:(fs|fs\/promises|net|tls|http|https|timers|timers\/promises|child_process|worker_threads|os|dns|perf_hooks|process)$/;
const IMPURE_CALLS =
  /\bDate\.now\(|\bnew Date\(\)|\bperformance\.|\bMath\.random\(|\brandomBytes\(|\bprocess\.(env|hrtime|nextTick)|\bset(Timeout|Interval|Immediate)\(/;

const tracked = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\0')
  .filter((name) => name !== '');
const sources = tracked.filter((name) => name.endsWith('.ts'));
const text = new Map(sources.map((name) => [name, readFileSync(join(root, name), 'utf8')]));

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every import, static or dynamic, as (file, file or package). */
const imports: Import[] = sources.flatMap((from) => {
  const found = text
    .get(from)!
    .matchAll(/(?:^|\n)\s*(?:import|export)[^;'"]*?from\s*'([^']+)'|\bimport\(?\s?'([^']+)'/g);
  return [...found].map((match) => {
    const to = match[1] ?? match[2] ?? '';
    return { from, to: to.startsWith('.') ? normalize(join(dirname(from), to)) : to };
  });
});

function broken(rule: (edge: Import) => boolean): string[] {
  return imports.filter(rule).map((edge) => `${edge.from} imports ${edge.to}`);
}

test('engine never imports gate, and nobody imports bench or test', () => {
  assert.deepEqual(
    broken((e) => e.from.startsWith('engine/') && e.to.startsWith('gate/')),
    [],
  );
  const product = (name: string) => name.startsWith('engine/') || name.startsWith('gate/');
  assert.deepEqual(
    broken((e) => product(e.from) && /^(bench|test)\//.test(e.to)),
    [],
  );
});

test('pure folders import nothing of the world and read no clock, chance or environment', () => {
  const pure = (name: string) =>
    PURE_FILES.includes(name) ||
    (PURE.some((folder) => name.startsWith(folder)) && !name.startsWith(NOT_PURE));
  assert.deepEqual(
    broken((e) => pure(e.from) && (IMPURE_MODULES.test(e.to) || e.to.startsWith(NOT_PURE))),
    [],
  );
  const impure = sources.filter((name) => pure(name) && IMPURE_CALLS.test(text.get(name)!));
  assert.deepEqual(impure, []);
});

test('card families and reader links stand alone; fares, denylist and ledger know no cards', () => {
  const family = (name: string) => /^engine\/card\/(\w+)\//.exec(name)?.[1];
  assert.deepEqual(
    broken((e) => !!family(e.from) && !!family(e.to) && family(e.from) !== family(e.to)),
    [],
  );
  const cardless = /^engine\/(fare|denylist|ledger)\//;
  assert.deepEqual(
    broken((e) => cardless.test(e.from) && /^engine\/(card|tap)\//.test(e.to)),
    [],
  );
  assert.deepEqual(
    broken(
      (e) => e.from.startsWith('gate/reader/virtual/') && /^engine\/(crypto|card)\//.test(e.to),
    ),
    [],
    'virtual cards are a second implementation',
  );
});

test('each third-party package has one importing folder on each side', () => {
  const folders = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    const side = from.split('/')[0]!;
    if (to.startsWith('node:') || to.includes('.ts') || !/^(engine|gate|bench)$/.test(side))
      continue;
    const name = to.startsWith('@') ? to.split('/').slice(0, 2).join('/') : to.split('/')[0]!;
    const key = `${name} in ${side}`;
    folders.set(key, (folders.get(key) ?? new Set()).add(dirname(from)));
  }
  const several = [...folders].filter(([, set]) => set.size > 1).map(([key, set]) => [key, ...set]);
  assert.deepEqual(several, []);
});

test('files and functions fit a reader', () => {
  const long = sources.filter((name) => text.get(name)!.split('\n').length > LINES_MAX + 1);
  assert.deepEqual(long, [], `files over ${LINES_MAX} lines`);
  const wide = sources.flatMap((name) =>
    text
      .get(name)!
      .split('\n')
      .map((line, i) => ({ at: `${name}:${i + 1}`, line }))
      .filter(({ line }) => line.length > COLUMNS_MAX && !UNBREAKABLE.test(line))
      .map(({ at }) => at),
  );
  assert.deepEqual(wide, [], `lines over ${COLUMNS_MAX} columns`);
  assert.deepEqual(sources.flatMap(longFunctions), []);
});

/** Biome's layout makes a body end at the first `}` on the opening line's indentation. */
function longFunctions(name: string): string[] {
  // A suite, like a test file, is a list of tests.
  if (name.endsWith('.test.ts') || name.startsWith('test/suites/')) return [];
  const lines = text.get(name)!.split('\n');
  return lines.flatMap((line, i) => {
    const opens =
      /^( *)(?:export |async |static |get |set |override )*(?:function\b|[*#\w]+\()/.exec(line);
    // A call is no definition: its line ends otherwise, or its arguments close before a body.
    if (!opens || !/[{(]$/.test(line)) return [];
    if (/^ *(if|for|while|switch|return|test|assert)\b/.test(line)) return [];
    const end = lines.findIndex((l, j) => j > i && l.startsWith(`${opens[1]}}`));
    return end - i > FUNCTION_LINES_MAX ? [`${name}:${i + 1} spans ${end - i} lines`] : [];
  });
}

test('every source file opens with a comment that says what it is', () => {
  const bare = sources.filter((name) => !/^(#!.*\n)?\/\*\*/.test(text.get(name)!));
  assert.deepEqual(bare, []);
});

test('no file is dead, no file only hands on others', () => {
  const used = new Set(imports.map((edge) => edge.to));
  const roots = /(^|\/)(main|run|worker|program)\.ts$|\.test\.ts$|^test\/programs\//;
  assert.deepEqual(
    sources.filter((name) => !used.has(name) && !roots.test(name)),
    [],
  );
  const barrels = sources.filter((name) => {
    const code = text.get(name)!.replace(/\/\*[\s\S]*?\*\//g, '');
    return (
      /export (\*|\{)[^;]* from/.test(code) && !/(function|class|const|interface|type) /.test(code)
    );
  });
  assert.deepEqual(barrels, []);
});

test('nothing marks unfinished work or escapes the type checker', () => {
  const marks =
    /\b(TO[D]O|FIX[M]E|XX[X])\b|@ts-(ignore|nocheck|expect-error)|\bas [a]ny\b|: [a]ny\b/;
  assert.deepEqual(
    sources.filter((name) => marks.test(text.get(name)!)),
    [],
  );
});

test('docs and tables hold the same error codes and reasons', () => {
  const listed = (file: string) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/^\| `(\w+)` \|/gm)].map((m) => m[1]!);
  assert.deepEqual(listed('docs/errors.md').sort(), Object.keys(errorCodes).sort());
  assert.deepEqual(listed('docs/reasons.md'), reasonOrder);
  for (const reason of reasonOrder) assert(reasons[reason].length > 0);
});

test('the repository stays small and speaks of faregate alone', () => {
  for (const name of tracked) {
    const bytes = readFileSync(join(root, name));
    assert(bytes.length <= BLOB_BYTES_MAX, `${name} is ${bytes.length} bytes`);
    if (!/\.(ts|md|json|html|css|js|yml|sh)$/.test(name) || name === 'package-lock.json') continue;
    const home = ['', 'work', 'main'].join('/');
    assert(!bytes.includes(home), `${name} names a machine's path`);
    assert(!bytes.includes(['registry', 'npmjs'].join('.')), `${name} names a registry`);
  }
});

test('dependencies are pinned exactly', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const all = { ...manifest.dependencies, ...manifest.devDependencies };
  const loose = Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
  assert.deepEqual(loose, []);
});
