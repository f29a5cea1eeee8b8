/**
 * Parameters as an operator sends them: published at a running engine, fetched by a running
 * station, in force from their instant on, rolled back, and found damaged at a start.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fromHex } from '../../engine/bytes.ts';
import { runProgram } from '../../engine/cli/command.ts';
import { denylistCommands } from '../../engine/cli/denylist.ts';
import { gateCommands } from '../../engine/cli/gates.ts';
import { keyCommands } from '../../engine/cli/keys.ts';
import { parameterCommands } from '../../engine/cli/parameters.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { saveFares } from '../../engine/operator/fare-files.ts';
import type { Manifest } from '../../engine/parameters/manifest.ts';
import { readMasterKeys } from '../../gate/cli/virtual-card.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { issueCard } from '../../gate/reader/virtual/card-state.ts';
import { serveVirtualCard } from '../../gate/reader/virtual/program.ts';
import { type DecidedLine, DecidedTaps } from '../kit/decided.ts';
import { freePorts, type Running, start } from '../kit/programs.ts';
import { gateConfig, stationConfig } from '../kit/station-config.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-parameters-'));
const at = (name: string): string => join(dir, name);
const DEARER = 100;
const STOPPED = '03105170000000009999';
let ports: number[] = [];

before(async () => {
  const key = (master: string) => ({ index: 1, version: 1, master });
  const masters = {
    purchase: key('11223344556677888877665544332211'),
    tac: key('0F1E2D3C4B5A69788796A5B4C3D2E1F0'),
  };
  writeFileSync(at('clear.json'), JSON.stringify(masters));
  await engine('keys', 'import', at('clear.json'), '--out', at('keys.sealed'));
  await engine('denylist', 'key', '--out', at('sign.pem'));
  await engine('denylist', 'key', '--out', at('stranger.pem'));
  mkdirSync(at('engine'));
  for (const id of ['IN', 'OUT']) {
    const args = ['--data', at('engine'), '--gate', id, '--out', at(`gates/${id}`)];
    await engine('gates', 'enroll', ...args, '--station', 'Somewhere');
  }
  mkdirSync(at('journals'));
  const set = sampleFareSet();
  const stations = set.stations.map(({ id, name, code }) => ({ id, name, line: code[1]! }));
  const dearer = set.matrix.map((fare) => fare + DEARER);
  await saveFares(at('dearer'), { ...set, version: 2, stations, matrix: dearer });
  writeFileSync(at('stopped.txt'), `${STOPPED}\n`);
  const list = ['--keys', at('keys.sealed'), '--signing-key', at('sign.pem'), '--version', '7'];
  await engine('denylist', 'build', ...list, '--out', at('7.list'), at('stopped.txt'));
  ports = await freePorts(4);
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a command of `faregate-engine` in this process: the test is of what it leaves behind. */
async function command(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const lines: string[] = [];
  const errors: string[] = [];
  const io = {
    out: (line: string) => void lines.push(line),
    err: (line: string) => void errors.push(line),
    input: process.stdin,
    env: process.env,
    terminal: false,
  };
  const all = [...parameterCommands, ...keyCommands, ...denylistCommands, ...gateCommands];
  const code = await runProgram('faregate-engine', '', all, args, io);
  return { code, out: lines.join('\n'), err: errors.join('\n') };
}

async function engine(...args: string[]): Promise<string> {
  const { code, out, err } = await command(...args);
  assert.equal(code, 0, err);
  return out;
}

const signed = () => ['--data', at('engine'), '--signing-key', at('sign.pem'), '--json'];

async function publish(...args: string[]): Promise<Manifest> {
  return JSON.parse(await engine('parameters', 'publish', ...signed(), ...args)) as Manifest;
}

function serve(): Running {
  return start('engine', [
    'serve',
    ...['--data', at('engine'), '--keys', at('keys.sealed'), '--port', String(ports[3])],
    ...['--http-port', '0', '--json'],
  ]);
}

function runStation(): Running {
  const config = stationConfig(ports[3]!, [
    gateConfig('IN', 'entry', '0102', 1, ports[1]!),
    gateConfig('OUT', 'exit', '0105', 2, ports[2]!),
  ]);
  config.parameters = { folder: 'parameters', publicKey: 'sign.pem.pub' };
  writeFileSync(at('gate.json'), JSON.stringify(config));
  return start('gate', ['run', '--config', at('gate.json')]);
}

let cards = 0;

const gates = { IN: 1, OUT: 2 } as const;

function newCard(number: string): VirtualCard {
  const details = { cardNumber: fromHex(number), balanceMinor: 10_000 };
  return new VirtualCard({
    state: issueCard('tunion', readMasterKeys(at('clear.json')), details),
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
  });
}

const taps = new Map<Running, DecidedTaps>();

/** Holds a card to a gate; answers what the station decided. */
function tap(station: Running, gate: keyof typeof gates, card: VirtualCard): Promise<DecidedLine> {
  const decided = taps.get(station) ?? new DecidedTaps(station);
  taps.set(station, decided);
  const link = { host: '127.0.0.1', port: ports[gates[gate]]!, card, once: true };
  return decided.tap(gate, () => serveVirtualCard(link));
}

/** What a ride through both gates costs. */
async function fare(station: Running): Promise<number> {
  cards += 1;
  const card = newCard(`0310517000000000${String(cards).padStart(4, '0')}`);
  const entered = await tap(station, 'IN', card);
  const left = await tap(station, 'OUT', card);
  assert.deepEqual([entered.reason, left.reason], ['open', 'open']);
  return left.amountMinor;
}

async function stop(program: Running): Promise<string> {
  program.child.kill('SIGTERM');
  const { code, err } = await program.ended;
  assert.equal(code, 0, err);
  return err;
}

test('a set is fetched, in force from its instant on, rolled back, and found damaged', async () => {
  const back = serve();
  await back.seen(/\{.*\}/);
  const station = runStation();
  await station.seen(/gates are open/);
  const first = await fare(station);
  const own = await publish('--fares', 'sample');
  assert.deepEqual([own.version, own.items.length], [1, 1]);
  const lists = ['--denylist', at('7.list'), '--mode', 'normal'];
  const dearer = await publish('--base', '1', '--fares', at('dearer'), ...lists);
  assert.deepEqual([dearer.version, dearer.items.length], [2, 3]);
  // The acknowledgement of what this ride uploads tells of the sets.
  await fare(station);
  await station.seen(/"parameters":2,"msg":"a set is in force/);
  assert.equal(await fare(station), first + DEARER);
  assert.equal((await tap(station, 'IN', newCard(STOPPED))).reason, 'denylisted');

  const restored = ['--to', '1', '--keep', 'denylist', '--keep', 'mode'];
  const third = JSON.parse(await engine('parameters', 'rollback', ...signed(), ...restored));
  assert.deepEqual([third.version, third.restores], [3, 1]);
  await fare(station);
  await station.seen(/"parameters":3,"msg":"a set is in force restores set 1/);
  assert.equal(await fare(station), first);
  assert.equal((await tap(station, 'IN', newCard(STOPPED))).reason, 'denylisted', 'kept');
  await stop(station);
  await stop(back);

  // Without the engine, on a damaged disk.
  const path = at('parameters/set-3');
  const bytes = readFileSync(path);
  bytes[100]! ^= 1;
  writeFileSync(path, bytes);
  const again = runStation();
  await again.seen(/gates are open/);
  assert.equal(await fare(again), first + DEARER, 'the set before');
  const engineAgain = serve();
  await again.seen(/"parameters":3,"msg":"a set is in force/);
  assert.equal(await fare(again), first, 'fetched again');
  await publish('--base', '3', '--mode', 'exitOnly');
  await fare(again);
  await again.seen(/"parameters":4,"msg":"a set is in force/);
  // The gate touches no card then, so the card stays until the reader goes.
  const host = { host: '127.0.0.1', port: ports[gates.IN]! };
  const held = serveVirtualCard({ ...host, card: newCard('03105170000000008888') });
  await again.seen(/"gate":"IN","open":false,"reason":"entryClosed"/);
  assert.match(await stop(again), /set-3: not signed by the operator, or damaged/);
  await Promise.allSettled([held]);
  await stop(engineAgain);
});

test('help says which sets are shown and verified where none is named', async () => {
  for (const name of ['show', 'verify']) {
    const { out } = await command('parameters', name, '--help');
    assert.match(out, /--version N +this set \(default: all\)/);
  }
});
