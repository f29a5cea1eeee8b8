/**
 * `faregate-gate run` as an operator would start it: configuration, self-test, cards at both of its
 * gates, the engine on the other side, health and metrics, and a stop that loses nothing.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fromHex } from '../../engine/bytes.ts';
import { serveVirtualCard } from '../../gate/reader/virtual/program.ts';
import { VIRTUAL_PSAM_TERMINAL_SFI, VirtualPsam } from '../../gate/reader/virtual/psam.ts';
import { T_UNION_PSAM_AID } from '../../gate/sam/psam.ts';
import type { Check } from '../../gate/service/self-test.ts';
import { DecidedTaps } from '../kit/decided.ts';
import { freePorts, postedBy, run, start } from '../kit/programs.ts';
import { gateConfig, type StationConfig, stationConfig } from '../kit/station-config.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-run-'));
const clear = join(dir, 'clear.json');
const data = join(dir, 'engine');
let ports: number[] = [];

before(async () => {
  const key = (master: string) => ({ index: 1, version: 1, master });
  const masters = {
    purchase: key('11223344556677888877665544332211'),
    tac: key('0F1E2D3C4B5A69788796A5B4C3D2E1F0'),
  };
  writeFileSync(clear, JSON.stringify(masters));
  const made = await run('engine', ['keys', 'import', clear, '--out', join(dir, 'keys.sealed')]);
  assert.equal(made.code, 0, made.err);
  mkdirSync(data);
  for (const id of ['IN', 'OUT']) {
    const args = ['--data', data, '--gate', id, '--out', join(dir, 'gates', id)];
    const enrolled = await run('engine', ['gates', 'enroll', ...args, '--station', 'Somewhere']);
    assert.equal(enrolled.code, 0, enrolled.err);
  }
  mkdirSync(join(dir, 'journals'));
  ports = await freePorts(6);
});
after(() => rmSync(dir, { recursive: true, force: true }));

function config(change: (config: StationConfig) => void = () => {}): string {
  const made = stationConfig(ports[3]!, [
    gateConfig('IN', 'entry', '0102', 1, ports[1]!),
    gateConfig('OUT', 'exit', '0105', 2, ports[2]!),
  ]);
  made.health = { host: '127.0.0.1', port: ports[4] };
  change(made);
  const path = join(dir, 'gate.json');
  writeFileSync(path, JSON.stringify(made));
  return path;
}

/** Holds the card of this name once to the reader at the port of that number. */
async function hold(reader: number, name: string): Promise<void> {
  const card = await run('gate', [
    'virtual-card',
    ...['--connect', `127.0.0.1:${ports[reader]}`, '--keys', clear, '--personality', 'tunion'],
    ...['--state', join(dir, `${name}.state`), '--once'],
  ]);
  assert.equal(card.code, 0, card.err);
}

test('a station in service: in, out, uploaded, watched, and stopped', async () => {
  const engine = start('engine', [
    'serve',
    ...['--data', data, '--keys', join(dir, 'keys.sealed'), '--port', String(ports[3])],
    ...['--http-port', '0', '--json'],
  ]);
  const http = JSON.parse((await engine.seen(/\{.*\}/))[0]).http as string;
  const station = start('gate', ['run', '--config', config()]);
  await station.seen(/gates are open/);
  const ready = await fetch(`http://127.0.0.1:${ports[4]}/readyz`);
  assert.equal(ready.status, 200);

  const taps = new DecidedTaps(station);
  const entered = await taps.tap('IN', () => hold(1, 'card'));
  assert.deepEqual([entered.open, entered.reason, entered.amountMinor], [true, 'open', 0]);
  const left = await taps.tap('OUT', () => hold(2, 'card'));
  assert.deepEqual([left.open, left.reason], [true, 'open']);
  assert(left.amountMinor > 0);

  station.child.stdin!.write('{"gate":"NOPE","passed":2}\n{"gate":"OUT","passed":2}\n');
  await station.seen(/barrier's counter: no gate \\"NOPE\\" here/);

  const metrics = await (await fetch(`http://127.0.0.1:${ports[4]}/metrics`)).text();
  assert.match(metrics, /faregate_gate_debits_total\{gate="OUT",station="[^"]+"\} 1/);
  assert.doesNotMatch(metrics, /0310517/, 'no card number');
  assert.equal((await postedBy(http, 2)).posted, 2);

  station.child.kill('SIGTERM');
  const ended = await station.ended;
  assert.equal(ended.code, 0, ended.err);
  assert.doesNotMatch(ended.out + ended.err, /0310517/, 'no card number in lines or log');
  engine.child.kill('SIGTERM');
  assert.equal((await engine.ended).code, 0);
});

test('SIGHUP puts new keys in force; a file that is no key file changes nothing', async () => {
  const sealed = join(dir, 'rolled.sealed');
  const importKeys = async (path: string, out: string): Promise<void> => {
    const made = await run('engine', ['keys', 'import', path, '--out', out]);
    assert.equal(made.code, 0, made.err);
  };
  const turn = async (text: string | null, says: RegExp): Promise<void> => {
    if (text === null) writeFileSync(sealed, 'no key file');
    else {
      const next = join(dir, 'next.json');
      writeFileSync(next, text);
      await importKeys(next, join(dir, 'next.sealed'));
      for (const end of ['', '.pass']) renameSync(join(dir, `next.sealed${end}`), sealed + end);
    }
    station.child.kill('SIGHUP');
    await station.seen(says);
  };
  const key = (version: number) => ({ index: 1, version, master: 'AA'.repeat(16) });
  await importKeys(clear, sealed);
  const station = start('gate', [
    'run',
    '--config',
    config((made) => {
      made.keys = { file: 'rolled.sealed' };
      for (const gate of made.gates) gate.journal = `journals/rolled-${gate.id}`;
    }),
  ]);
  await station.seen(/gates are open/);
  const taps = new DecidedTaps(station);
  const decided = async (gate: string, reader: number): Promise<string> =>
    (await taps.tap(gate, () => hold(reader, 'rolled'))).reason;
  await turn(null, /the keys stay as they were: .*rolled\.sealed/);
  await turn(JSON.stringify({ tac: key(1) }), /as they were: .*it has no purchase key/);
  assert.equal(await decided('IN', 1), 'open');
  await turn(JSON.stringify({ purchase: key(2), tac: key(2) }), /key file are in force/);
  assert.equal(await decided('OUT', 2), 'keyUnknown');
  station.child.kill('SIGTERM');
  const ended = await station.ended;
  assert.equal(ended.code, 0, ended.err);
});

test('a station stops whom its denylist names, and opens although a newer list is damaged', async () => {
  const engine = (words: string) =>
    run(
      'engine',
      words.split(' ').map((word) => word.replace('@', `${dir}/`)),
    );
  writeFileSync(join(dir, 'all.txt'), `${'0'.repeat(20)}-${'F'.repeat(20)}\n`);
  mkdirSync(join(dir, 'denylist'));
  writeFileSync(join(dir, 'denylist', 'full-2.list'), 'damaged');
  const build = '--keys @keys.sealed --signing-key @sign.pem --version 1 @all.txt';
  for (const words of ['key --out @sign.pem', `build ${build} --out @denylist/full-1.list`]) {
    const made = await engine(`denylist ${words}`);
    assert.equal(made.code, 0, made.err);
  }
  const path = config((made) => {
    made.denylist = { folder: 'denylist', publicKey: 'sign.pem.pub', form: 'small' };
    for (const gate of made.gates) gate.journal = `journals/stopped-${gate.id}`;
  });
  const station = start('gate', ['run', '--config', path]);
  await station.seen(/gates are open/);
  const decided = await new DecidedTaps(station).tap('IN', () => hold(1, 'stopped'));
  assert.deepEqual([decided.open, decided.reason], [false, 'denylisted']);
  const metrics = await (await fetch(`http://127.0.0.1:${ports[4]}/metrics`)).text();
  for (const gate of ['IN', 'OUT']) {
    assert.match(metrics, new RegExp(`faregate_gate_denylist{gate="${gate}",[^}]*} 1\\n`));
    assert.match(metrics, new RegExp(`faregate_gate_parameters{gate="${gate}",[^}]*} 0\\n`));
  }
  station.child.kill('SIGTERM');
  const ended = await station.ended;
  assert.equal(ended.code, 0, ended.err);
  assert.match(ended.err, /full-2\.list: .*within its head/);
});

test('gates whose journals lie in one folder share a log, and lose nothing to a kill', async () => {
  const journals = (of: string) => (made: StationConfig) => {
    made.engine = { host: '127.0.0.1', port: ports[0] };
    for (const gate of made.gates) gate.journal = `${of}/${gate.id}`;
  };
  mkdirSync(join(dir, 'sharing'));
  const path = config(journals('sharing'));
  const killed = start('gate', ['run', '--config', path]);
  await killed.seen(/gates are open/);
  const taps = new DecidedTaps(killed);
  assert.equal((await taps.tap('IN', () => hold(1, 'sharing'))).reason, 'open');
  killed.child.kill('SIGKILL');
  await killed.ended;
  assert(existsSync(join(dir, 'sharing', 'shared-log', 'shared-0.log')));

  const without = config((made) => {
    journals('sharing')(made);
    made.sharedLog = false;
  });
  const refused = await run('gate', ['run', '--config', without]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /JOURNAL_REFUSED: .*IN: its last writes are in .*shared log/);

  const again = start('gate', ['run', '--config', config(journals('sharing'))]);
  await again.seen(/gates are open/);
  const metrics = await (await fetch(`http://127.0.0.1:${ports[4]}/metrics`)).text();
  const backlog = Number(/faregate_gate_backlog\{gate="IN",[^}]*\} (\d+)/.exec(metrics)?.[1]);
  assert(backlog >= 1 && backlog <= 1 + taps.vain, `${backlog} records`);
  again.child.kill('SIGTERM');
  const ended = await again.ended;
  assert.equal(ended.code, 0, ended.err);
  const alone = start('gate', ['run', '--config', without]);
  await alone.seen(/gates are open/);
  alone.child.kill('SIGTERM');
  assert.equal((await alone.ended).code, 0, 'an orderly end leaves each journal whole');
});

function withSam(journals: string): string {
  return config((made) => {
    made.gates.pop();
    const gate = made.gates[0]!;
    gate.journal = `journals/${journals}`;
    gate.sam = { link: `tcp-listen:${ports[5]}`, terminalIdSfi: VIRTUAL_PSAM_TERMINAL_SFI };
  });
}

test('a rider pays at a gate whose keys are in a SAM, and the station ends', async () => {
  const given: number[] = [];
  const sam = new VirtualPsam({
    aid: T_UNION_PSAM_AID,
    terminalId: fromHex('040900000001'),
    keys: [{ index: 1, version: 1, master: fromHex('11223344556677888877665544332211') }],
    commit: (terminalSequence) => given.push(terminalSequence),
  });
  const station = start('gate', ['run', '--config', withSam('sam')]);
  const slot = { host: '127.0.0.1', port: ports[5]!, card: sam, retryMs: 300_000 };
  const served = serveVirtualCard(slot);
  await station.seen(/gates are open/);
  const entered = await new DecidedTaps(station).tap('IN', () => {
    given.length = 0;
    return hold(1, 'sam');
  });
  assert.deepEqual([entered.open, entered.reason], [true, 'open']);
  assert.equal(given.length, 1, 'one MAC1 came from the SAM');
  station.child.kill('SIGTERM');
  const ended = await station.ended;
  assert.equal(ended.code, 0, ended.err);
  await served;
});

test('a station whose SAM is not in its slot says so, and ends', async () => {
  const { code, out, err } = await run('gate', ['run', '--config', withSam('no-sam')]);
  assert.equal(code, 1);
  assert.match(err, new RegExp(`SAM_FAILED: SAM in tcp-listen:${ports[5]}: no answer`));
  assert.equal(out, '', 'no gate opened');
});

async function checked(path: string): Promise<{ code: number | null; checks: Check[] }> {
  const { code, out, err } = await run('gate', ['run', '--config', path, '--check', '--json']);
  assert.notEqual(out, '', err);
  return { code, checks: (JSON.parse(out) as { checks: Check[] }).checks };
}

test('--check names what is wrong, and a gate with that does not open', async () => {
  const good = await checked(config());
  assert.equal(good.code, 0);
  assert(good.checks.every(({ state }) => state !== 'failed'));

  const path = config((made) => {
    made.gates[0]!.station = 'Atlantis';
    made.gates[1]!.bundle = 'gates/IN';
  });
  const bad = await checked(path);
  assert.equal(bad.code, 1);
  const failed = bad.checks.filter(({ state }) => state === 'failed');
  assert.deepEqual(
    failed.map(({ what, detail }) => `${what}: ${detail}`),
    ['IN: station: the fares have no station Atlantis', 'OUT: certificate: it is that of gate IN'],
  );
  const refused = await run('gate', ['run', '--config', path]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /SELF_TEST_FAILED: IN: station: .*Atlantis; OUT: certificate/);
  assert.equal(refused.out, '', 'no gate opened');
});

test('a configuration that does not fit is refused by field', async () => {
  const cases: [string, (made: StationConfig) => void, RegExp][] = [
    ['unknown field', (made) => (made.colour = 'red'), /colour/],
    ['no gates', (made) => (made.gates = []), /field \/gates must NOT have fewer/],
    ['terminal', (made) => (made.gates[0]!.terminalId = '04'), /\/gates\/0\/terminalId/],
    [
      'one terminal twice',
      (made) => (made.gates[1]!.terminalId = made.gates[0]!.terminalId),
      /field \/gates\/1\/terminalId is that of \/gates\/0/,
    ],
    ['uplinks', (made) => (made.uplinks = 'pigeon'), /field \/uplinks/],
    ['shared log', (made) => (made.sharedLog = true), /field \/sharedLog/],
    ['zone', (made) => (made.zone = 'Asia/Atlantis'), /field \/zone .*Asia\/Atlantis/],
  ];
  for (const [name, change, says] of cases) {
    const { code, err } = await run('gate', ['run', '--config', config(change)]);
    assert.equal(code, 1, name);
    assert.match(err, /^CONFIG_INVALID: /, name);
    assert.match(err, says, name);
  }
  const keyless = config((made) => (made.keys = { file: 'none.sealed' }));
  assert.match((await run('gate', ['run', '--config', keyless])).err, /^FILE_UNREADABLE: .*none/);
  assert.match((await run('gate', ['run', '--config', 'none.json'])).err, /^FILE_UNREADABLE/);
  const reader = config((made) => (made.gates[0]!.reader = 'telepathy'));
  assert.match(
    (await run('gate', ['run', '--config', reader])).err,
    /SELF_TEST_FAILED: IN: reader: telepathy is no reader link/,
  );
});

test('a port in use is named, and the journals stay as they were', async () => {
  const path = config();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(ports[4], '127.0.0.1', resolve));
  const { code, err } = await run('gate', ['run', '--config', path]);
  taken.close();
  assert.equal(code, 1);
  assert.match(
    err,
    new RegExp(`PORT_IN_USE: 127.0.0.1:${ports[4]}: another .* field /health says it`),
  );
});

test('the example in the documentation fits the schema', () => {
  const text = readFileSync(new URL('../../../docs/gate-config.md', import.meta.url), 'utf8');
  const example = /```json\n([\s\S]*?)```/.exec(text)?.[1];
  assert(example);
  const parsed = JSON.parse(example) as StationConfig;
  assert.equal(parsed.gates.length, 2);
});
