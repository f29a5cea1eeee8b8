/**
 * `faregate-gate run` with a certified kernel's reader, to the clearing file: an approval that is
 * lost with the link, the same card again, and one claim for the one ride.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testCaKeys } from '../../gate/reader/virtual/ecash-test-card.ts';
import { TcpPlug } from '../kit/device-hosts.ts';
import { ecashCard } from '../kit/ecash-cards.ts';
import { KernelDevice } from '../kit/kernel-device.ts';
import { freePorts, postedBy, run, start } from '../kit/programs.ts';
import { gateConfig, stationConfig } from '../kit/station-config.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-kernel-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const data = join(dir, 'engine');
const PAN = '6228000100001117';

async function engine(...args: string[]): Promise<string> {
  const { code, out, err } = await run('engine', args);
  assert.equal(code, 0, err);
  return out;
}

async function setUp(device: KernelDevice, uplinkPort: number): Promise<TcpPlug> {
  const key = { index: 1, version: 1, master: '11'.repeat(16) };
  writeFileSync(join(dir, 'clear.json'), JSON.stringify({ purchase: key, tac: key }));
  await engine('keys', 'import', join(dir, 'clear.json'), '--out', join(dir, 'keys.sealed'));
  mkdirSync(data);
  const bundle = ['--out', join(dir, 'gates', 'BUS'), '--station', 'Bus'];
  await engine('gates', 'enroll', '--data', data, '--gate', 'BUS', ...bundle);
  mkdirSync(join(dir, 'journals'));
  writeFileSync(join(dir, 'ca-keys.json'), JSON.stringify(testCaKeys));
  const plug = await TcpPlug.of(device);
  const gate = gateConfig('BUS', 'entry', '0102', 1, 1);
  const reader = `kernel-tcp:${plug.address}`;
  const bank = {
    caKeys: 'ca-keys.json',
    applications: ['A000000333'],
    ...{ country: 156, currency: 156, ecash: true, maxAmountMinor: 5000 },
  };
  const config = {
    ...stationConfig(uplinkPort, [{ ...gate, side: 'single', reader, kernelCertificate: 'T-1' }]),
    ...{ bank, families: ['bank', 'purse'] },
  };
  writeFileSync(join(dir, 'gate.json'), JSON.stringify(config));
  return plug as TcpPlug;
}

test('from a lost approval to one line for the bank', async () => {
  const device = new KernelDevice();
  const [port] = await freePorts(1);
  const plug = await setUp(device, port!);
  const served = start('engine', [
    'serve',
    ...['--data', data, '--keys', join(dir, 'keys.sealed'), '--port', String(port)],
    ...['--http-port', '0', '--json'],
  ]);
  const http = JSON.parse((await served.seen(/\{.*\}/))[0]).http as string;
  const station = start('gate', ['run', '--config', join(dir, 'gate.json')]);
  await station.seen(/kernel SIM, certificate T-1/);
  await station.seen(/gates are open/);

  const card = ecashCard();
  device.isMute = true;
  void device.present(card);
  while (device.owed.size === 0) await sleep(20);
  await plug.unplug();
  await station.seen(/"open":false,"reason":"cardGone"/);
  await station.seen(/the reader is away/);
  device.isMute = false;
  await plug.replug();
  await station.seen(/the reader is back/);
  while (device.owed.size > 0) await sleep(20);
  await device.present(card);
  await station.seen(/"open":true,"reason":"open"/);
  assert.deepEqual(device.heardOf('show').at(-1)!.light, 'green');

  assert.equal((await postedBy(http, 1)).posted, 1);
  station.child.kill('SIGTERM');
  const ended = await station.ended;
  assert.equal(ended.code, 0, ended.err);
  assert.doesNotMatch(ended.out + ended.err, /622800010000/, 'no card number in lines or log');
  await plug.end();

  const to = new Date(Date.now() + 3_600_000).toISOString();
  await engine('ledger', 'clearing', '--data', data, '--to', to);
  const lines = readFileSync(join(data, 'clearing', 'clearing-000001.jsonl'), 'utf8').trim();
  const [claim, totals, ...more] = lines.split('\n').map((line) => JSON.parse(line));
  assert.deepEqual([claim.tags['5A'], claim.tags['9F36']], [PAN, '020C'], 'the second payment');
  assert.deepEqual([totals.debits, totals.unproved, more], [1, 0, []]);
  served.child.kill('SIGTERM');
  assert.equal((await served.ended).code, 0);
  await engine('ledger', 'check', '--data', data);
});
