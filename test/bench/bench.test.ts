/**
 * Every benchmark in smoke mode, so that none can rot: contenders agree, and lines are as promised.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../bench/main.js', import.meta.url));

function bench(...args: string[]) {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 600_000 });
}

type Line = Readonly<Record<string, unknown>>;

test('smoke mode prints a result for each contender and a ratio for each comparison', () => {
  const { status, stdout, stderr } = bench('--smoke', '--json');
  assert.equal(status, 0, stderr);
  const [header, ...lines] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  assert.equal(header?.node, process.version);
  const results = lines.filter((line) => 'contender' in line);
  const ratios = lines.filter((line) => 'ratio' in line);
  const figures = lines.filter((line) => 'question' in line);
  assert.equal(results.length + ratios.length + figures.length, lines.length);
  const names = results.map((line) => `${line.bench}/${line.contender}`);
  assert.equal(new Set(names).size, names.length, 'a contender is named once');
  for (const line of results) {
    for (const field of ['p50Ns', 'p99Ns', 'p999Ns', 'opsPerSec']) {
      assert.equal(typeof line[field], 'number', JSON.stringify(line));
    }
    assert.match(String(line.hash), /^[0-9a-f]{16}$/);
  }
  for (const { bench: name, question } of figures) {
    assert(names.includes(`${name}/${question}`), `figures of ${question}`);
  }
  for (const { bench: name, ratio, against, value } of ratios) {
    const pair = [ratio, against].map((who) =>
      results.find((line) => line.bench === name && line.contender === who),
    );
    assert(pair[0] && pair[1], `${ratio} against ${against}`);
    assert.equal(pair[0].hash, pair[1].hash);
    assert.equal(typeof value, 'number');
  }
  assert(ratios.some((line) => line.bench === 'mac' && line.goal === 6));
});

test('benchmarks that take minutes run where they are named', () => {
  const { status, stdout, stderr } = bench('isolation', 'soak', '--smoke', '--json');
  assert.equal(status, 0, stderr);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  assert.equal(lines.filter((line) => 'contender' in line).length, 2);
  const memory = lines.find((line) => 'heapMiBPerHour' in line);
  assert(Number(memory?.taps) > 0 && Number(memory?.rssLastMiB) > 0);
});

test('without --json a table, and an unknown name is refused', () => {
  const table = bench('mac', '--smoke');
  assert.equal(table.status, 0, table.stderr);
  assert.match(table.stdout, /TAC from the master key: faregate +[0-9.]+ (ns|us|ms) .*\/s/);
  const unknown = bench('nonsense');
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /no such benchmark: nonsense/);
});
