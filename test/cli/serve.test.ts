/** `faregate-engine serve` as a program: what it says, what it refuses, and how it ends. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run, start } from '../kit/programs.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-serve-'));
const keys = join(dir, 'keys.sealed');
let folders = 0;

before(async () => {
  const key = { index: 1, version: 1, master: '11223344556677888877665544332211' };
  const clear = join(dir, 'clear.json');
  writeFileSync(clear, JSON.stringify({ purchase: key, tac: key }));
  const made = await run('engine', ['keys', 'import', clear, '--out', keys]);
  assert.equal(made.code, 0, made.err);
});
after(() => rmSync(dir, { recursive: true, force: true }));

function serveArgs(...more: string[]): string[] {
  folders += 1;
  const data = join(dir, `data-${folders}`);
  return ['serve', '--data', data, '--keys', keys, '--port', '0', '--http-port', '0', ...more];
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends it with exit code 0, after it has served`, async () => {
    const engine = start('engine', serveArgs('--json'));
    const [line] = await engine.seen(/^\{.*\}$/m);
    const { http, uplinkPort } = JSON.parse(line) as { http: string; uplinkPort: number };
    assert(uplinkPort > 0);
    const health = await fetch(new URL('/healthz', http));
    assert.equal(health.status, 200);
    await health.text();
    engine.child.kill(signal);
    const { code, err } = await engine.ended;
    assert.equal(code, 0, err);
    assert.equal(err, '');
  });
}

test('gates and people have addresses of their own, and people none beyond this machine', async () => {
  const engine = start('engine', serveArgs('--json', '--host', '::1'));
  const [line] = await engine.seen(/^\{.*\}$/m);
  const { http } = JSON.parse(line) as { http: string };
  assert.equal(new URL(http).hostname, '127.0.0.1');
  engine.child.kill();
  assert.equal((await engine.ended).code, 0);
  const other = start('engine', serveArgs('--json', '--http-host', '127.0.0.2'));
  const [said] = await other.seen(/^\{.*\}$/m);
  const address = (JSON.parse(said) as { http: string }).http;
  assert.equal(new URL(address).hostname, '127.0.0.2');
  assert.equal((await fetch(new URL('/healthz', address))).status, 200);
  other.child.kill();
  assert.equal((await other.ended).code, 0);
});

test('it stops when its standard input ends, where it is asked to', async () => {
  const { code, out, err } = await run('engine', serveArgs('--until-eof'));
  assert.equal(code, 0, err);
  assert.match(out, /^gates: port \d+; dashboard: http:/);
});

test('a port in use is named, whichever it is, and the exit code is 1', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    for (const option of ['--port', '--http-port']) {
      const { code, out, err } = await run('engine', serveArgs(option, String(port)));
      assert.equal(code, 1, err);
      assert.equal(out, '');
      assert.match(err, new RegExp(`^PORT_IN_USE: port ${port} `));
    }
  } finally {
    taken.close();
  }
});

test('a wrong passphrase opens nothing, and no port', async () => {
  const env = { ...process.env, FAREGATE_PASSPHRASE: 'not this one' };
  const { code, out, err } = await run('engine', serveArgs(), { env });
  assert.equal(code, 1);
  assert.equal(out, '');
  assert.match(err, /^KEYS_REFUSED: .*keys\.sealed/);
  assert(!err.includes('not this one'));
});

test('bad options are refused before anything starts', async () => {
  for (const [more, message] of [
    [['--log-level', 'loud'], /^USAGE: --log-level takes /],
    [['--port', '65536'], /^USAGE: --port takes a whole number from 0 to 65535, not 65536/],
  ] as [string[], RegExp][]) {
    const { code, err } = await run('engine', serveArgs(...more));
    assert.equal(code, 2, err);
    assert.match(err, message);
  }
});
