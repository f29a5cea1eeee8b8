/**
 * `faregate-gate upload`: a station that was never online is killed, its journal and bundle are
 * carried away, and the engine gets every debit once.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePorts, run, start } from '../kit/programs.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-upload-'));
const data = join(dir, 'engine');
const keys = join(dir, 'keys.sealed');
const clear = join(dir, 'clear.json');

before(async () => {
  const key = { index: 1, version: 1, master: '11223344556677888877665544332211' };
  writeFileSync(clear, JSON.stringify({ purchase: key, tac: key }));
  assert.equal((await run('engine', ['keys', 'import', clear, '--out', keys])).code, 0);
  const args = ['--data', data, '--gate', 'LOST', '--out', join(dir, 'bundle')];
  assert.equal((await run('engine', ['gates', 'enroll', ...args])).code, 0);
});
after(() => rmSync(dir, { recursive: true, force: true }));

test('a journal carried away from its gate is uploaded once, and again without harm', async () => {
  const [readerPort, uplinkPort] = (await freePorts(2)) as [number, number];
  const gate = {
    id: 'LOST',
    side: 'entry',
    station: '0102',
    reader: `tcp-listen:${readerPort}`,
    terminalId: '040900000001',
    bundle: 'bundle',
    journal: 'journal',
  };
  const config = {
    engine: { host: '127.0.0.1', port: uplinkPort },
    keys: { file: 'keys.sealed' },
    zone: 'Asia/Shanghai',
    fares: 'sample',
    profiles: ['tunion'],
    city: '1000',
    institution: '01011000FFFFFFFF',
    journalSegments: 2,
    gates: [gate],
  };
  writeFileSync(join(dir, 'gate.json'), JSON.stringify(config));
  const station = start('gate', ['run', '--config', join(dir, 'gate.json')]);
  await station.seen(/gates are open/);
  for (const card of ['0310517001700000000A', '0310517001700000000B', '0310517001700000000C']) {
    const number = card.replace(/[A-F]$/, (letter) => String(letter.charCodeAt(0) % 10));
    const tapped = await run('gate', [
      'virtual-card',
      ...['--connect', `127.0.0.1:${readerPort}`, '--keys', clear, '--personality', 'tunion'],
      ...['--card-number', number, '--once'],
    ]);
    assert.equal(tapped.code, 0, tapped.err);
  }
  station.child.kill('SIGKILL');
  await station.ended;

  mkdirSync(join(dir, 'carried'));
  for (const folder of ['journal', 'bundle']) {
    cpSync(join(dir, folder), join(dir, 'carried', folder), { recursive: true });
  }
  const from = (journal: string, port: number) => [
    'upload',
    ...['--journal', join(dir, journal), '--bundle', join(dir, 'carried', 'bundle')],
    ...['--engine', `127.0.0.1:${port}`, '--wait', '20', '--json'],
  ];
  const alone = await run('gate', [...from('carried/journal', uplinkPort), '--wait', '1']);
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
  assert.equal(told.uploaded, 3);
  // The original, which knows nothing of the copy.
  const again = await run('gate', from('journal', uplinkPort));
  assert.equal(again.code, 0, again.err);
  const ledger = (await (await fetch(`${http}/api/ledger`)).json()) as Record<string, unknown>;
  assert.equal(ledger.debits, 3);
  engine.child.kill('SIGTERM');
  await engine.ended;

  const folders = ['--journal', join(dir, 'journal'), '--bundle', join(dir, 'bundle')];
  const wrong = await run('gate', ['upload', ...folders, '--engine', 'here']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /--engine takes HOST:PORT/);
});
