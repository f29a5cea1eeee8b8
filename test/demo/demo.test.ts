/**
 * The main job, as a user runs it, in small: taps with torn cards end with every debit posted once
 * and the books in balance; so they do when the station or the engine is killed in the middle.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemCode } from '../../engine/errors.ts';
import type { DemoResult } from '../../gate/demo/supervisor.ts';
import { type Ran, type Running, run, start } from '../kit/programs.ts';
import { dataPath, noShared } from '../shared.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-demo-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** Ends a test that hangs: on a busy machine a run takes minutes. */
const HANG_MS = 10 * 60_000;

const small = ['--riders', '300', '--gates', '12', '--port', '0', '--json'];

function resultOf(ran: Ran): DemoResult {
  const last = ran.out.trim().split('\n').pop() ?? '';
  return JSON.parse(last) as DemoResult;
}

function assertClean(ran: Ran, taps: number): DemoResult {
  assert.equal(ran.code, 0, ran.err + ran.out);
  const result = resultOf(ran);
  assert.equal(result.unreconciledMinor, 0);
  assert.equal(result.unresolved, 0);
  assert.deepEqual(result.findings, []);
  assert.equal(result.debits, result.posted);
  assert(result.taps >= taps, `${result.taps} taps`);
  assert(result.spentMinor > 0);
  return result;
}

/** In the figures of each kind of card, which come to those of all, and in the ledger's charges. */
function assertEachFamilyRides(result: DemoResult): void {
  const families = Object.entries(result.families);
  for (const [name, { taps, opened, tapMs }] of families) {
    assert(opened > 0 && taps >= opened && tapMs > 0, name);
  }
  for (const key of ['taps', 'denied', 'torn', 'recovered'] as const) {
    const sum = families.reduce((total, [, family]) => total + family[key], 0);
    assert.equal(sum, result[key], key);
  }
  const { ecash, openLoop } = result.families;
  assert(ecash.torn + openLoop.torn > 0, 'no bank card left too early');
  // A citizen card whose purse is locked is charged later, too.
  assert(result.openLoop.taps >= openLoop.opened);
  assert(result.openLoop.charges >= result.openLoop.cards && result.openLoop.cards > 0);
  assert(result.openLoop.chargedMinor > 0 && result.passedThrough > 0);
}

test('a run of taps with torn cards ends in zeroes', { timeout: HANG_MS }, async () => {
  const ran = await run('gate', ['demo', '--taps', '2500', '--seed', '1', ...small]);
  const result = assertClean(ran, 2500);
  assert.equal(result.taps, 2500);
  assert(result.torn > 0 && result.recovered > 0 && result.denied > 0);
  assertEachFamilyRides(result);
  // The model's signature of 120 ms is in one of them alone.
  assert(result.bankTapMs.p50 > result.tapMs.p50);
  for (const key of ['p50', 'p99', 'p999', 'max'] as const) {
    assert(result.tapMs[key] > 0 && result.hostUs[key] > 0);
    assert(result.bankTapMs[key] > 0 && result.bankHostUs[key] > 0);
  }
});

test('the same on the MTR matrix', { skip: noShared, timeout: HANG_MS }, async () => {
  const fares = join(dir, 'mtr');
  const imported = await run('engine', [
    ...['fares', 'import', '--matrix', dataPath('mtr/mtr_lines_fares.csv')],
    ...['--from', 'SRC_STATION_ID', '--to', 'DEST_STATION_ID'],
    ...['--fare', 'adult=OCT_ADT_FARE,student=OCT_STD_FARE', '--currency', 'HKD', '--out', fares],
  ]);
  assert.equal(imported.code, 0, imported.err);
  const ran = await run('gate', [
    'demo',
    '--taps',
    '1500',
    '--seed',
    '1',
    '--fares',
    fares,
    ...small,
  ]);
  assertClean(ran, 1500);
});

for (const victim of ['station', 'engine'] as const) {
  test(`kill -9 of the ${victim}, three times, loses nothing`, { timeout: HANG_MS }, async () => {
    const demo = start('gate', [
      ...['demo', '--taps', '4000', '--seed', '3', '--data', join(dir, victim), ...small],
    ]);
    for (let i = 0; i < 3; i++) await killInTheMiddle(demo, join(dir, victim), victim, i);
    const ran = await demo.ended;
    assertClean(ran, 4000);
    assert.match(ran.err, new RegExp(`${victim} was killed by SIGKILL`));
  });
}

/** Kills once a few hundred more taps are done. */
async function killInTheMiddle(
  demo: Running,
  data: string,
  victim: 'station' | 'engine',
  round: number,
): Promise<void> {
  const wanted = 600 + 900 * round;
  while (demo.child.exitCode === null) {
    const pid = pidOf(demo.child.pid!, victim);
    if (pid > 0 && tapsOf(data) >= wanted && killed(pid)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** False where the process has ended since it was looked for. */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Taps that the run's card file counts. */
function tapsOf(data: string): number {
  try {
    const header = readFileSync(join(data, 'cards.bin')).subarray(0, 64);
    return header.readUIntBE(12, 6);
  } catch {
    return 0;
  }
}

/** The child of the demo that runs the station or the engine; 0 while there is none. */
function pidOf(parent: number, victim: 'station' | 'engine'): number {
  const program = victim === 'station' ? 'demo-station' : ' serve ';
  const lines = execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' }).split('\n');
  for (const line of lines) {
    const [pid, ppid] = line.trim().split(/\s+/).map(Number);
    if (ppid === parent && line.includes(program)) return pid!;
  }
  return 0;
}

test('everything killed at once, then the same command again', { timeout: HANG_MS }, async () => {
  const data = join(dir, 'all');
  const args = ['demo', '--taps', '2000', '--seed', '4', '--data', data, ...small];
  const first = start('gate', args);
  while (tapsOf(data) < 700 && first.child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const pids = [pidOf(first.child.pid!, 'station'), pidOf(first.child.pid!, 'engine')];
  // Held, it starts none of them again, nor do they end because it has gone, before all are killed.
  first.child.kill('SIGSTOP');
  for (const pid of pids) if (pid > 0) killed(pid);
  first.child.kill('SIGKILL');
  await first.ended;
  assertClean(await run('gate', args), 2000);
});

test('Ctrl-C drains and exits 0', { timeout: HANG_MS }, async () => {
  const demo = start('gate', ['demo', '--seed', '5', ...small]);
  await demo.seen(/dashboard: http:\/\/127\.0\.0\.1:\d+/);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  demo.child.kill('SIGINT');
  const ran = await demo.ended;
  assert.equal(ran.code, 0, ran.err + ran.out);
  assert.equal(resultOf(ran).unreconciledMinor, 0);
});

test('a dashboard port in use is named and nothing is left running', {
  timeout: HANG_MS,
}, async () => {
  const { createServer } = await import('node:net');
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
  try {
    const ran = await run('gate', ['demo', '--taps', '10', '--port', String(port)]);
    assert.equal(ran.code, 1);
    assert.match(ran.err, new RegExp(`^PORT_IN_USE: port ${port} .*; --port names another$`, 'm'));
  } finally {
    server.close();
  }
});
