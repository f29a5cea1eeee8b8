/**
 * Control of a station over HTTP and by `faregate-gate mode`: who may, what is refused, and that a
 * refused order changes nothing.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLog } from '../../../engine/log/log.ts';
import { Mode } from '../../../engine/tap/modes.ts';
import { systemClock } from '../../../gate/clock.ts';
import { ModesInForce } from '../../../gate/modes.ts';
import { readServiceConfig } from '../../../gate/service/config.ts';
import { Control, readToken } from '../../../gate/service/control.ts';
import { type Health, serveHealth } from '../../../gate/service/health.ts';
import { run } from '../../kit/programs.ts';

const TOKEN = 'a token of some length';
const dir = mkdtempSync(join(tmpdir(), 'faregate-control-'));
const modes = new ModesInForce(systemClock, null, null);
modes.serve(Uint8Array.of(1, 2, 3, 4));
let health: Health;
let config: string;

function writeConfig(changes: object): string {
  const path = join(dir, `gate-${Object.keys(changes).join('-')}.json`);
  const gate = {
    id: 'G1',
    side: 'entry',
    station: '0102',
    reader: 'x',
    terminalId: '040900000001',
  };
  const made = {
    engine: { host: '127.0.0.1', port: 1 },
    keys: { file: 'keys' },
    zone: 'Asia/Shanghai',
    fares: 'sample',
    profiles: ['tunion'],
    city: '1000',
    institution: '01011000FFFFFFFF',
    health: { host: '127.0.0.1', port: Number(new URL(health.address).port) },
    control: { folder: 'control', tokenFile: 'token' },
    gates: [{ ...gate, bundle: 'bundle', journal: 'journal' }],
    ...changes,
  };
  writeFileSync(path, JSON.stringify(made));
  return path;
}

before(async () => {
  const view = { ready: () => true, gates: () => [] };
  health = await serveHealth(view, '127.0.0.1', 0, new Control(modes, TOKEN, silentLog));
  writeFileSync(join(dir, 'token'), `${TOKEN}\n`);
  config = writeConfig({});
});
after(async () => {
  await health.close();
  rmSync(dir, { recursive: true });
});

async function ask(body: string | null, token = TOKEN): Promise<[number, Record<string, unknown>]> {
  const response = await fetch(`${health.address}/mode`, {
    headers: { authorization: `Bearer ${token}` },
    ...(body === null ? {} : { method: 'POST', body }),
  });
  return [response.status, (await response.json()) as Record<string, unknown>];
}

const period = (station: string) => ({
  station,
  mode: ['emergency'],
  from: '2026-06-01T08:00:00Z',
  to: null,
});

test('orders are taken from who has the token, and answered with what is in force', async () => {
  assert.deepEqual((await ask(null))[1].mode, []);
  const [code, answer] = await ask('{"mode":["orderFree","offline"]}');
  assert.deepEqual([code, answer.mode], [200, ['offline', 'orderFree']]);
  assert.equal(modes.mode, Mode.orderFree | Mode.offline);
  const history = [period('0A000001'), period('01020304')];
  const [, learnt] = await ask(JSON.stringify({ history }));
  assert.equal(learnt.periods, 2, 'its own station it knows best');
  assert.equal((await fetch(`${health.address}/healthz`)).status, 200);
});

test('what is wrong is named, and changes nothing', async () => {
  await modes.set(Mode.timeFree);
  const state = modes.history.periods;
  const mode = ['emergency'];
  for (const [body, token, code, says] of [
    [null, 'another token', 401, /bearer token/],
    [JSON.stringify({ mode }), '', 401, /bearer token/],
    ['{"mode":', TOKEN, 400, /JSON/],
    ['{}', TOKEN, 400, /the order/],
    [JSON.stringify({ mode, why: 1 }), TOKEN, 400, /why/],
    [JSON.stringify({ mode: ['closed', 'fareFree'] }), TOKEN, 400, /closed does not combine/],
    [JSON.stringify({ mode, history: [{ ...period('00000001'), from: 'x' }] }), TOKEN, 400, /from/],
    [
      JSON.stringify({ mode, history: [{ ...period('00000001'), to: '1999-01-01T00:00:00Z' }] }),
      TOKEN,
      400,
      /period 0/,
    ],
    [' '.repeat(1024 * 1024 + 1), TOKEN, 400, /over 1048576 bytes/],
  ] as const) {
    const [status, answer] = await ask(body, token);
    assert.equal(status, code, JSON.stringify(answer));
    assert.match(String(answer.message), says);
    assert.equal(modes.mode, Mode.timeFree);
    assert.equal(modes.history.periods, state);
  }
  const deleted = await fetch(`${health.address}/mode`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assert.equal(deleted.status, 405);
});

test('faregate-gate mode says and sets', async () => {
  const set = await run('gate', ['mode', '--config', config, '--set', 'emergency', '--json']);
  assert.equal(set.code, 0, set.err);
  assert.deepEqual(JSON.parse(set.out).mode, ['emergency']);
  assert.equal(modes.mode, Mode.emergency);
  const said = await run('gate', ['mode', '--config', config]);
  assert.match(said.out, /^emergency since 20/);
  const wrong = await run('gate', ['mode', '--config', config, '--set', 'emergency,closed']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /MODE_INVALID.*emergency does not combine with closed/);
  assert.equal(modes.mode, Mode.emergency);
  const away = writeConfig({ health: { host: '127.0.0.1', port: 1 } });
  const gone = await run('gate', ['mode', '--config', away]);
  assert.match(gone.err, /CONTROL_FAILED.*is the station running/);
});

test('control does not leave the machine, and wants a token worth the name', async () => {
  for (const changes of [{ health: { host: '0.0.0.0', port: 1 } }, { health: undefined }]) {
    await assert.rejects(readServiceConfig(writeConfig(changes)), {
      code: 'CONFIG_INVALID',
      message: /field \/control needs \/health\/host/,
    });
  }
  writeFileSync(join(dir, 'short'), 'short\n');
  await assert.rejects(readToken(join(dir, 'short')), { code: 'CONFIG_INVALID' });
  await assert.rejects(readToken(join(dir, 'none')), { code: 'FILE_UNREADABLE' });
});
