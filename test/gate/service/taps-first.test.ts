/** A gate's process says truly whether it was let to raise its priority, and goes on either way. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { GATE_NICE } from '../../../engine/limits.ts';

const module = new URL('../../../gate/service/taps-first.js', import.meta.url).href;
const NOBODY = 65_534;
const linux = { skip: process.platform === 'linux' ? false : 'a thread has its priority on Linux' };

/** @param nice what the process begins with. */
function run(nice: number, user: { uid?: number }): { first: boolean; nice: number } {
  const program = [
    "import { getPriority, setPriority } from 'node:os';",
    `if (${nice} !== getPriority()) setPriority(${nice});`,
    `const { putTapsFirst } = await import(${JSON.stringify(module)});`,
    user.uid === undefined ? '' : `process.setuid(${user.uid});`,
    'console.log(JSON.stringify({ first: putTapsFirst(), nice: getPriority() }));',
  ].join('\n');
  const node = [process.execPath, '--input-type=module', '-e', program] as const;
  const { stdout, stderr } = spawnSync(node[0], node.slice(1), { encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as { first: boolean; nice: number };
}

test('whoever is let raises it, and says so', linux, () => {
  const { first, nice } = run(0, {});
  assert.deepEqual({ first, nice }, { first: nice === GATE_NICE, nice: first ? GATE_NICE : 0 });
});

test('whoever is not let keeps what there is, and says so', linux, () => {
  const user = process.getuid?.() === 0 ? { uid: NOBODY } : {};
  assert.deepEqual(run(0, user), { first: false, nice: 0 });
});

test('a unit that asks for more keeps it', linux, () => {
  // Where this test is not let to raise anything, the first one has said all there is.
  if (run(0, {}).first) {
    assert.deepEqual(run(GATE_NICE - 5, {}), { first: true, nice: GATE_NICE - 5 });
  }
});
