/**
 * `faregate-gate upload`: a station that was never online is killed, its journal and bundle are
 * carried away, and the engine gets every debit once.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DecidedTaps } from '../kit/decided.ts';
import { freePorts, type LedgerCounts, run, start } from '../kit/programs.ts';
import { gateConfig, stationConfig } from '../kit/station-config.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-upload-'));
const data = join(dir, 'engine');
const keys = join(dir, 'keys.sealed');
const clear = join(dir, 'clear.json');

before(async () => {
  const key = { index: 1, version: 1, master: '11223344556677888877665544332211' };
  writeFileSync(clear, JSON.stringify({ purchase: key, tac: key }));
  assert.equal((await run('engine', ['keys', 'import', clear, '--out', keys])).code, 0);
  mkdirSync(data);
  const args = ['--data', data, '--gate', 'LOST', '--out', join(dir, 'bundle')];
  assert.equal((await run('engine', ['gates', 'enroll', ...args])).code, 0);
});
after(() => rmSync(dir, { recursive: true, force: true }));

/**
 * A station of one gate that was never online, killed after `cards` were debited; answers how many
 * taps beside theirs ended in nothing.
 */
async function killedStation(
  [readerPort, uplinkPort]: [number, number],
  { id, bundle, journal, ...station }: Record<'id' | 'bundle' | 'journal', string>,
  cards: readonly string[],
): Promise<number> {
  const gate = { ...gateConfig(id, 'entry', '0102', 1, readerPort), bundle, journal };
  const config = { ...stationConfig(uplinkPort, [gate]), ...station };
  writeFileSync(join(dir, 'gate.json'), JSON.stringify(config));
  const running = start('gate', ['run', '--config', join(dir, 'gate.json')]);
  await running.seen(/gates are open/);
  const taps = new DecidedTaps(running);
  for (const number of cards) {
    const tapped = await taps.tap(id, async () => {
      const card = await run('gate', [
        'virtual-card',
        ...['--connect', `127.0.0.1:${readerPort}`, '--keys', clear, '--personality', 'tunion'],
        ...['--card-number', number, '--once'],
      ]);
      assert.equal(card.code, 0, card.err);
    });
    assert.equal(tapped.reason, 'open');
  }
  running.child.kill('SIGKILL');
  await running.ended;
  return taps.vain;
}

async function ledgerOf(http: string): Promise<LedgerCounts> {
  return (await (await fetch(`${http}/api/ledger`)).json()) as LedgerCounts;
}

test('a journal carried away from its gate is uploaded once, and again without harm', async () => {
  const [readerPort, uplinkPort] = (await freePorts(2)) as [number, number];
  const cards = ['03105170017000000005', '03105170017000000006', '03105170017000000007'];
  const lost = { id: 'LOST', bundle: 'bundle', journal: 'journal' };
  const vain = await killedStation([readerPort, uplinkPort], lost, cards);
  mkdirSync(join(dir, 'carried'));
  for (const folder of ['journal', 'bundle']) {
    cpSync(join(dir, folder), join(dir, 'carried', folder), { recursive: true });
  }
  const from = (journal: string, port: number, waitS = 120) => [
    'upload',
    ...['--journal', join(dir, journal), '--bundle', join(dir, 'carried', 'bundle')],
    ...['--engine', `127.0.0.1:${port}`, '--wait', String(waitS), '--json'],
  ];
  const alone = await run('gate', from('carried/journal', uplinkPort, 1));
  assert.equal(alone.code, 1);
  assert.match(alone.err, /^UPLINK_FAILED/, 'no engine, and it says so');

  const engine = start('engine', [
    'serve',
    ...['--data', data, '--keys', keys, '--port', String(uplinkPort), '--http-port', '0'],
    '--json',
  ]);
  const http = JSON.parse((await engine.seen(/\{.*\}/))[0]).http as string;
  const first = await run('gate', from('carried/journal', uplinkPort));
  assert.equal(first.code, 0, first.err);
  const told = JSON.parse(first.out) as { uploaded: number; interrupted: number };
  assert(told.uploaded >= 3 && told.uploaded <= 3 + vain, `${told.uploaded} records`);
  // The original, which knows nothing of the copy.
  const again = await run('gate', from('journal', uplinkPort));
  assert.equal(again.code, 0, again.err);
  const ledger = await ledgerOf(http);
  assert.equal(ledger.debits, told.uploaded);
  assert.equal(ledger.debits - ledger.voided, 3);
  engine.child.kill('SIGTERM');
  await engine.ended;

  const folders = ['--journal', join(dir, 'journal'), '--bundle', join(dir, 'bundle')];
  const wrong = await run('gate', ['upload', ...folders, '--engine', 'here']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /--engine takes HOST:PORT/);
});

test('a journal that shared a log is carried with the log, and refused without it', async () => {
  const [readerPort, uplinkPort] = (await freePorts(2)) as [number, number];
  const bundle = join(dir, 'bundle-shared');
  const enrol = ['gates', 'enroll', '--data', data, '--gate', 'KILLED', '--out', bundle];
  assert.equal((await run('engine', enrol)).code, 0);
  const cards = ['03105170017000000008', '03105170017000000009'];
  mkdirSync(join(dir, 'shared'));
  const killed = { id: 'KILLED', bundle, journal: 'shared/journal', sharedLog: 'shared/log' };
  const vain = await killedStation([readerPort, uplinkPort], killed, cards);
  cpSync(join(dir, 'shared'), join(dir, 'carried-shared'), { recursive: true });

  const engine = start('engine', [
    'serve',
    ...['--data', data, '--keys', keys, '--port', String(uplinkPort), '--http-port', '0'],
    '--json',
  ]);
  const http = JSON.parse((await engine.seen(/\{.*\}/))[0]).http as string;
  const before = await ledgerOf(http);
  const words = [
    'upload',
    ...['--journal', join(dir, 'carried-shared', 'journal'), '--bundle', bundle],
    ...['--engine', `127.0.0.1:${uplinkPort}`, '--wait', '120', '--json'],
  ];
  const without = await run('gate', words);
  assert.equal(without.code, 1);
  assert.match(without.err, /^JOURNAL_REFUSED: .*shared log/);
  const log = join(dir, 'carried-shared', 'log');
  const uploaded = await run('gate', [...words, '--shared-log', log]);
  assert.equal(uploaded.code, 0, uploaded.err);
  const told = JSON.parse(uploaded.out) as { uploaded: number };
  assert(told.uploaded >= 2 && told.uploaded <= 2 + vain, `${told.uploaded} records`);
  const ledger = await ledgerOf(http);
  assert.equal(ledger.debits - before.debits, told.uploaded);
  assert.equal(ledger.debits - ledger.voided - (before.debits - before.voided), 2);
  engine.child.kill('SIGTERM');
  await engine.ended;
});
