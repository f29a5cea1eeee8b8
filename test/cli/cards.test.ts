/**
 * The life of a card by the commands: issued, loaded by a machine over mutual TLS, stopped, given
 * back. The load host is a program of its own, so that two processes write the accounts; all other
 * commands run here.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import type { LoadHost } from '../../engine/cards/host-port.ts';
import { cardCommands } from '../../engine/cli/cards.ts';
import { type Command, runProgram } from '../../engine/cli/command.ts';
import { denylistCommands } from '../../engine/cli/denylist.ts';
import { gateCommands } from '../../engine/cli/gates.ts';
import { keyCommands } from '../../engine/cli/keys.ts';
import { loadCommand } from '../../gate/cli/load.ts';
import { virtualCardCommand } from '../../gate/cli/virtual-card.ts';
import { EngineHost } from '../../gate/load/engine-host.ts';
import { serveCard } from '../../gate/load/load-machine.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { decodeCardState } from '../../gate/reader/virtual/card-state.ts';
import { VirtualReader } from '../../gate/reader/virtual/reader.ts';
import { readBundle, TlsTransport } from '../../gate/uplink/tls.ts';
import { freePorts, type Running, start } from '../kit/programs.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-cards-'));
const data = join(dir, 'engine');
const keys = join(dir, 'keys.sealed');
const clear = join(dir, 'clear.json');
const number = '03105170010170000001';
const office = ['--data', data, '--keys', keys, '--json'];
const ofCard = ['--number', number];
let engine: Running;
let loadPort = 0;
let readerPort = 0;

const commands: Readonly<Record<'engine' | 'gate', readonly Command[]>> = {
  engine: [...cardCommands, ...denylistCommands, ...gateCommands, ...keyCommands],
  gate: [loadCommand, virtualCardCommand],
};

/** Runs a command in this process; `heard` is told each line of its standard error. */
async function run(
  program: 'engine' | 'gate',
  args: readonly string[],
  heard: (line: string) => void = () => {},
) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runProgram(program, '', commands[program], args, {
    out: (line) => void out.push(line),
    err: (line) => {
      err.push(line);
      heard(line);
    },
    input: Readable.from([]),
    env: {},
    terminal: false,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

async function cards(...args: readonly string[]) {
  const done = await run('engine', ['cards', ...args, ...office]);
  return { ...done, json: done.out === '' ? null : JSON.parse(done.out) };
}

async function serveLoads(): Promise<void> {
  engine = start('engine', ['cards', 'serve', ...office, '--port', '0', '--until-eof']);
  loadPort = JSON.parse((await engine.seen(/\{.*\}/))[0]).loadPort as number;
}

/** A machine and the card at it; answers what the machine says. */
async function load(bundle: string, ...args: readonly string[]) {
  let ready: () => void = () => {};
  const waiting = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const machine = run(
    'gate',
    [
      'load',
      ...['--reader', `tcp-listen:${readerPort}`, '--profile', 'tunion'],
      ...['--bundle', join(dir, bundle), '--engine', `127.0.0.1:${loadPort}`, '--json', ...args],
    ],
    (line) => line.endsWith('waiting for a card') && ready(),
  );
  await waiting;
  await run('gate', [
    'virtual-card',
    ...['--connect', `127.0.0.1:${readerPort}`, '--keys', clear, '--personality', 'tunion'],
    ...['--card-number', number, '--balance', '0', '--state', join(dir, 'card.bin'), '--once'],
  ]);
  return machine;
}

before(async () => {
  const key = { index: 1, version: 1, master: '11223344556677888877665544332211' };
  writeFileSync(clear, JSON.stringify({ purchase: key, tac: key, load: key }));
  assert.equal((await run('engine', ['keys', 'import', clear, '--out', keys])).code, 0);
  mkdirSync(data);
  for (const id of ['TOPUP', 'GATE1']) {
    const args = ['--data', data, '--gate', id, '--out', join(dir, id)];
    assert.equal((await run('engine', ['gates', 'enroll', ...args])).code, 0);
  }
  writeFileSync(
    join(data, 'cards.json'),
    JSON.stringify({ machines: ['TOPUP'], perLoadMinor: 9000 }),
  );
  readerPort = (await freePorts(1))[0]!;
  await serveLoads();
});
after(async () => {
  engine.child.stdin?.end();
  await engine.ended;
  rmSync(dir, { recursive: true, force: true });
});

test('a card is issued once, and ordered within its limits', async () => {
  const args = [...ofCard, '--issuer', '01011000FFFFFFFF', '--profile', 'tunion'];
  const issued = await cards('issue', ...args);
  assert.equal(issued.code, 0, issued.err);
  assert.equal(issued.json.standing, 'issued');
  assert.deepEqual((await cards('issue', ...args)).json, issued.json);
  const other = await cards('issue', ...args, '--holder', 'C-17');
  assert.match(other.err, /^CARD_REFUSED: cardExists/);
  const much = await cards('order', ...ofCard, '--order', 'o-0', '--amount', '9001');
  assert.match(much.err, /^CARD_REFUSED: loadLimit/);
});

test('an order is paid, loaded and proved by its TAC; nothing is loaded twice', async () => {
  const placed = await cards(
    'order',
    ...ofCard,
    '--order',
    'o-1',
    '--amount',
    '5000',
    '--bank',
    'B1',
  );
  assert.equal(placed.json?.state, 'funded', placed.err);
  const first = await load('TOPUP', '--order', 'o-1');
  assert.equal(first.code, 0, first.err);
  const { outcome, proved, balanceMinor } = JSON.parse(first.out);
  assert.deepEqual([outcome, proved, balanceMinor], ['credited', true, 0]);
  const again = await load('TOPUP', '--order', 'o-1');
  assert.equal(again.code, 1);
  assert.equal(JSON.parse(again.out).refused, 'alreadyCredited');
  const late = await cards('refund', '--order', 'o-1');
  assert.match(late.err, /^CARD_REFUSED: alreadyCredited/);
  const shown = await cards('show', ...ofCard);
  assert.equal(shown.json.loadedMinor, 5000);
  assert.equal(shown.json.orders[0].proof, 'tac');
});

test('a gate that is no load machine is refused', async () => {
  const refused = await load('GATE1');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /GATE_REFUSED: GATE1 is no load machine/);
});

test('a debit that only the bank knows of is found in its statement, and adds up', async () => {
  assert.equal((await cards('order', ...ofCard, '--order', 'o-2', '--amount', '700')).code, 0);
  const statement = join(dir, 'bank.csv');
  writeFileSync(statement, 'order,amount,reference\no-1,5000,B1\no-2,700,B2\no-9,1,B3\n');
  const { json, code } = await cards('reconcile', '--bank', statement);
  assert.equal(code, 0);
  assert.equal(json.statement.known, 1);
  assert.deepEqual(json.statement.told, [{ orderId: 'o-2', amountMinor: 700, reference: 'B2' }]);
  assert.equal(json.statement.disputed[0].orderId, 'o-9');
  const [position] = json.positions;
  assert.deepEqual(
    [position.balances.bank, position.onCardsMinor, position.balances.orders],
    [5700, 5000, -700],
  );
  assert.equal((await cards('refund', '--order', 'o-2')).json.state, 'refundDue');
  const paid = await cards('paid', '--refund', 'o-2', '--reference', 'R1');
  assert.equal(paid.json.state, 'paid');
  const settled = await cards('reconcile', '--bank', statement);
  assert.equal(settled.json.positions[0].balances.bank, 5000);
});

test('a blocked card is on the denylist, an unblocked one is not', async () => {
  const signing = join(dir, 'signing.pem');
  assert.equal((await run('engine', ['denylist', 'key', '--out', signing])).code, 0);
  const stopped = async (version: string): Promise<boolean> => {
    const list = join(dir, `list-${version}`);
    const built = await run('engine', [
      'denylist',
      'build',
      ...['--keys', keys, '--signing-key', signing, '--version', version, '--out', list],
      ...['--accounts', data],
    ]);
    assert.equal(built.code, 0, built.err);
    const args = ['--list', list, '--public-key', `${signing}.pub`, '--keys', keys, '--json'];
    return JSON.parse((await run('engine', ['denylist', 'lookup', number, ...args])).out).stopped;
  };
  assert.equal((await cards('block', ...ofCard)).json.standing, 'blocked');
  assert.equal(await stopped('1'), true);
  assert.equal((await cards('unblock', ...ofCard)).json.standing, 'issued');
  assert.equal(await stopped('2'), false);
});

test('an anonymous card is given back for what was read from it, and goes to its next rider', async () => {
  assert.match((await cards('lost', ...ofCard)).err, /^CARD_REFUSED: notNamed/);
  const looked = await load('TOPUP');
  assert.equal(JSON.parse(looked.out).outcome, 'looked', looked.err);
  const returned = await cards('return', ...ofCard);
  assert.equal(returned.json.standing, 'returned', returned.err);
  const next = await cards('reissue', ...ofCard);
  assert.deepEqual([next.json.generation, next.json.initialMinor], [2, 5000]);
  assert.deepEqual((await cards('show', ...ofCard)).json.orders, [], 'its history is another');
  const { json } = await cards('reconcile');
  assert.deepEqual([json.findings, json.positions[0].balances.stock], [[], 0]);
});

test('an engine killed the moment its MAC2 is out knows of it when it is back', async () => {
  const args = [...ofCard, '--order', 'o-3', '--amount', '900', '--cash', 'C1'];
  assert.equal((await cards('order', ...args)).json.state, 'funded');
  const bundle = await readBundle(join(dir, 'TOPUP'));
  const connect = () =>
    new EngineHost(new TlsTransport({ host: '127.0.0.1', port: loadPort, bundle }));
  let host = connect();
  const mortal: LoadHost = {
    begin: (...asked) => host.begin(...asked),
    async present(...asked) {
      const answer = await host.present(...asked);
      engine.child.kill('SIGKILL');
      await engine.ended;
      host.close();
      await serveLoads();
      host = connect();
      return answer;
    },
    confirm: (...asked) => host.confirm(...asked),
    unknown: (...asked) => host.unknown(...asked),
  };
  const state = decodeCardState(readFileSync(join(dir, 'card.bin')));
  const reader = new VirtualReader();
  const gone = reader.present(new VirtualCard({ state, randomBytes }), { kbitps: 106 });
  const parts = { profiles: [compileProfile(builtInProfile('tunion'))], host: mortal };
  for await (const card of reader.cards()) {
    const report = await serveCard({ ...parts, terminalId: new Uint8Array(6) }, card, 'o-3');
    assert(report.outcome === 'credited' && report.proved, JSON.stringify(report));
    break;
  }
  await gone;
  host.close();
  const { json } = await cards('reconcile');
  assert.deepEqual([json.findings, json.positions[0].balances.cash], [[], 900]);
});

test('a float adds up in the shell: till money to the bank, nothing to settle, wrong asks', async () => {
  const issuer = ['--issuer', '01011000FFFFFFFF'];
  const before = await cards('float');
  assert.equal(before.code, 0, before.err);
  const [position] = before.json.positions;
  assert.deepEqual(
    [position.floatMinor, position.bankMinor, position.tillsMinor],
    [5900, 5000, 900],
  );
  assert.deepEqual([position.shortMinor, before.json.findings], [900, []]);
  const deposit = [...issuer, '--amount', '900', '--reference', 'D1'];
  assert.equal((await cards('deposit', ...deposit)).code, 0);
  assert.equal((await cards('deposit', ...deposit)).code, 0, 'told again');
  const more = await cards('deposit', ...issuer, '--amount', '1', '--reference', 'D2');
  assert.match(more.err, /^CARD_REFUSED: tillsHoldLess/);
  assert.equal((await cards('float')).json.positions[0].shortMinor, 0);
  const out = join(dir, 'settlements');
  const settled = await cards('settle', '--out', out);
  assert.deepEqual(settled.json, { settlements: [], unassigned: [], files: [] }, settled.err);
  const paid = await cards('payout', '--settlement', '1-x', '--reference', 'P1');
  assert.match(paid.err, /^CARD_REFUSED: unknownSettlement/);
});
