/**
 * The commands from the ledger on: taps uploaded with their evidence become charges in a file,
 * results and payments come back, and the denylist has exactly the cards that owe.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { toHex } from '../../engine/bytes.ts';
import { type CardNumber, cardNumberOf } from '../../engine/card/qpboc/card-data.ts';
import { runProgram } from '../../engine/cli/command.ts';
import { denylistCommands } from '../../engine/cli/denylist.ts';
import { keyCommands } from '../../engine/cli/keys.ts';
import { openLoopCommands } from '../../engine/cli/openloop.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { encodeDebit } from '../../engine/debit/codec.ts';
import { EvidenceFamily, encodeEvent } from '../../engine/debit/event.ts';
import {
  DEBIT_BYTES,
  type Debit,
  DebitKind,
  DebitState,
  Evidence,
  NOTHING_IN_FORCE,
  OPEN_LOOP_TRANSACTION,
  TapKind,
} from '../../engine/debit/record.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { TAC_VALID, tacCodes } from '../../engine/ledger/received.ts';
import { formatDay, parseDay } from '../../engine/openloop/charge-file.ts';
import { openOpenLoop } from '../../engine/openloop/open.ts';
import { readOpenLoopSettings } from '../../engine/openloop/policy.ts';
import { openFareSets } from '../../engine/operator/fare-files.ts';
import { loadKeyFile } from '../../engine/operator/key-files.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { createRecordChecks, type RecordChecks } from '../../engine/operator/record-checks.ts';
import { makeStorageKey } from '../../engine/operator/storage-key.ts';
import { serviceDay } from '../../engine/service-day.ts';
import { Zone } from '../../engine/time.ts';
import { debitOf } from '../gate/uplink/fakes.ts';
import { root } from '../shared.ts';
import { type City, city, payload } from './city.ts';
import { linesOf, MINUTE_MS } from './world.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-openloop-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const data = join(dir, 'engine');
const at = (name: string) => join(dir, name);

const [payer, debtor]: [CardNumber, CardNumber] = [
  { pan: '6221880112345678', panSequence: 1 },
  { pan: '6221880187654321', panSequence: 0 },
];
const hexOf = (card: CardNumber) => toHex(cardNumberOf(card));
const zone = new Zone('Asia/Shanghai');
/** The service day before yesterday, which is over by any clock. */
const day = serviceDay(zone, Date.now()) - 2;
const dayMs = day * 86_400_000 - 5 * 3_600_000;

let lantern: City;
let checks: RecordChecks;
let sequence = 0;
let codes: Map<string, Uint8Array>;

async function run(command: string, ...more: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const commands = [...openLoopCommands, ...denylistCommands, ...keyCommands];
  const argv = [...command.split(' '), ...more];
  const code = await runProgram('faregate-engine', '', commands, argv, {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    input: Readable.from([]),
    env: {},
    terminal: false,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

async function openloop(name: string, ...more: readonly string[]) {
  const fares = ['taps', 'close', 'check'].includes(name) ? ['--fares', lantern.dir] : [];
  const ran = await run(`openloop ${name}`, '--data', data, '--json', ...fares, ...more);
  return { ...ran, json: ran.out === '' ? null : JSON.parse(ran.out) };
}

/** Records of a tap and of what bears it out. @param counter the card's ATC */
function tapRecords(
  card: CardNumber,
  kind: TapKind,
  minutes: number,
  stop: string,
  counter: number = sequence + 1,
  state: Debit['state'] = DebitState.confirmed,
): Uint8Array {
  const records = new Uint8Array(2 * DEBIT_BYTES);
  const debit = debitOf('G01', ++sequence, {
    cardNumber: cardNumberOf(card),
    ...{ state, evidence: state === DebitState.confirmed ? 1 : 0, tapKind: kind },
    instantMs: dayMs + minutes * MINUTE_MS,
    transactionType: OPEN_LOOP_TRANSACTION,
    offlineCounter: counter,
    balanceBeforeMinor: 0,
    amountMinor: 0,
    toStation: codes.get(stop) ?? new Uint8Array(4).fill(0xee),
  });
  encodeDebit(debit, records, 0);
  const { instantMs, dateTime, toStation: station } = debit;
  const head = { gateId: 'G01', gateSequence: ++sequence, instantMs, dateTime, station };
  const evidence = { event: 'evidence', family: EvidenceFamily.bank, payload } as const;
  encodeEvent({ ...head, ...NOTHING_IN_FORCE, ...evidence }, records, DEBIT_BYTES);
  return records;
}

/** What a gate says later of a tap it left unconfirmed: the card did not commit. */
function voidOf(card: CardNumber, gateSequence: number, counter: number): Uint8Array {
  const record = new Uint8Array(DEBIT_BYTES);
  const debit = debitOf('G01', ++sequence, {
    ...{ kind: DebitKind.settlement, state: DebitState.void, evidence: Evidence.cardState },
    cardNumber: cardNumberOf(card),
    ...{ transactionType: OPEN_LOOP_TRANSACTION, offlineCounter: counter },
    ...{ balanceBeforeMinor: 0, amountMinor: 0, refersTo: { gateId: 'G01', gateSequence } },
  });
  encodeDebit(debit, record, 0);
  return record;
}

async function upload(...taps: readonly Uint8Array[]): Promise<void> {
  const records = new Uint8Array(Buffer.concat(taps));
  const count = records.length / DEBIT_BYTES;
  const first = sequence - count + 1;
  const store = LmdbStore.open(join(data, 'ledger'));
  const ledger = await Ledger.open(store);
  const batch = { type: 'batch', first, count, records, status: null } as const;
  await ledger.postBatch(receiveBatch('G01', batch, checks));
  await store.close();
}

async function stopped(version: number, card: CardNumber): Promise<boolean> {
  const signing = ['--signing-key', at('sign.pem')];
  const list = at(`${version}.list`);
  const keys = ['--keys', at('keys')];
  const built = await run(
    ...(['denylist build', '--accounts', data, ...keys, ...signing] as [string, ...string[]]),
    ...['--version', String(version), '--out', list],
  );
  assert.equal(built.code, 0, built.err);
  const lookup = ['--list', list, '--public-key', at('sign.pem.pub'), ...keys, hexOf(card)];
  const found = await run('denylist lookup', ...lookup, '--json');
  return (JSON.parse(found.out) as { stopped: boolean }).stopped;
}

before(async () => {
  lantern = await city();
  const [set] = await openFareSets(lantern.dir);
  codes = new Map(set!.stations.map(({ id, code }) => [id, code]));
  const key = { index: 1, version: 1, master: '11223344556677888877665544332211' };
  writeFileSync(at('clear.json'), JSON.stringify({ purchase: key, tac: key }));
  assert.equal((await run('keys import', at('clear.json'), '--out', at('keys'))).code, 0);
  assert.equal((await run('denylist key', '--out', at('sign.pem'))).code, 0);
  mkdirSync(data);
  const storageKey = await makeStorageKey(data);
  const cardHash = cmacKey((await loadKeyFile(at('keys'), { env: {} })).cardHash);
  const salt = new Uint8Array(16).fill(3);
  const made = createRecordChecks({ keyring: new Keyring([]), cardHash, storageKey, salt });
  const valid = tacCodes.indexOf('valid');
  assert.equal(valid, TAC_VALID);
  checks = { ...made, verifyTacs: (_, count, verdicts) => void verdicts.fill(valid, 0, count) };
});

test('taps of the ledger to charges, a file, results, a debt and back', async () => {
  const [a, b] = lantern.stops as [string, string];
  await upload(
    tapRecords(payer, TapKind.entry, 60, a),
    tapRecords(payer, TapKind.exit, 90, b),
    tapRecords(debtor, TapKind.entry, 100, a),
    tapRecords(debtor, TapKind.exit, 140, b),
    tapRecords(debtor, TapKind.entry, 200, 'nowhere'),
  );
  const taken = await openloop('taps', '--network', 'G=metro');
  assert.equal(taken.code, 0, taken.err);
  assert.equal(taken.json.taken, 4);
  assert.equal(taken.json.faults[0].code, 'unknownStation');
  const again = await openloop('taps');
  assert.deepEqual([again.json.taken, again.json.known], [0, 0]);
  assert.equal(again.json.faults[0].code, 'unknownStation', 'tried again');
  assert.equal((await openloop('taps', '--all')).json.known, 4);

  const nowhere = await openloop('present', '--out', at('no-folder/verify'));
  assert.match(nowhere.err, /^FILE_UNWRITABLE: .*no-folder/, 'before anything is chosen');
  const asked = await openloop('present', '--out', at('verify'));
  assert.equal(asked.code, 0, asked.err);
  const verify = linesOf(readFileSync(at('verify'), 'utf8'));
  assert.deepEqual(
    verify.map(({ kind }) => kind),
    ['verify', 'verify'],
  );
  assert.equal(statSync(at('verify')).mode & 0o777, 0o600);
  const debtorHash = verify.find(({ pan }) => pan === debtor.pan)!.card;
  const answers = verify.map(({ id, pan }) => ({
    id,
    result: pan === debtor.pan ? 'declined' : 'approved',
  }));
  writeFileSync(at('verified'), answers.map((answer) => JSON.stringify(answer)).join('\n'));
  assert.equal((await openloop('results', at('verified'))).json.declined, 1);
  assert.equal(await stopped(1, debtor), true);
  assert.equal(await stopped(2, payer), false);

  // Not today: a midnight may have passed since this file began.
  const early = await openloop('close', '--day', formatDay(day + 3));
  assert.match(early.err, /^OPEN_LOOP_REFUSED: \d{4}-\d\d-\d\d is not over/);
  const closed = await openloop('close');
  assert.equal(closed.json.charges, 2, closed.err);
  assert.equal((await openloop('close')).json.charges, 0);
  const nothing = await openloop('present', '--out', at('verify'));
  assert.match(nothing.err, /^FILE_UNWRITABLE: /);
  assert.equal((await openloop('present', '--out', at('charges'))).json.run.entries.length, 2);
  const charges = linesOf(readFileSync(at('charges'), 'utf8'));
  assert.deepEqual(new Set(charges.map(({ pan }) => pan)), new Set([payer.pan, debtor.pan]));
  assert(charges.every((line) => line.day === formatDay(day) && line.amountMinor > 0));

  const rows = charges.map(({ id, pan, amountMinor }) => {
    return `${id},${pan === debtor.pan ? 'declined' : 'approved'},${amountMinor},05,R-1`;
  });
  writeFileSync(at('bad'), ['id,result,amountMinor,code,reference', rows[0], 'x,,,,'].join('\n'));
  const bad = await openloop('results', at('bad'));
  assert.match(bad.err, /^OPEN_LOOP_RESULTS_INVALID: .*bad:3: field id/);
  writeFileSync(at('good'), ['id,result,amountMinor,code,reference', ...rows].join('\r\n'));
  const heard = await openloop('results', at('good'));
  assert.deepEqual([heard.json.approved, heard.json.declined], [1, 1], 'nothing was taken before');
  assert.equal((await openloop('results', at('good'))).json.known, 2);
  const shown = await openloop('show', '--card', debtorHash);
  assert.deepEqual(shown.json.stopped, ['verificationDeclined', 'debt']);
  assert.equal(await stopped(3, debtor), true);

  const owed = charges.find(({ pan }) => pan === debtor.pan)!.amountMinor;
  const pay = ['pay', '--card', debtorHash, '--reference', 'desk-1'] as const;
  assert.match((await openloop(...pay, '--amount', '999999')).err, /^OPEN_LOOP_REFUSED: tooMuch/);
  assert.equal((await openloop(...pay)).json.amountMinor, owed);
  assert.equal((await openloop(...pay)).json.amountMinor, owed, 'told again');
  assert.equal(await stopped(4, debtor), false);

  const report = await openloop('check', '--network', 'G=metro');
  assert.equal(report.code, 0, report.err);
  assert.deepEqual([report.json.faults, report.json.denied, report.json.taps], [1, 0, 4]);
  assert.equal(report.json.balances.desk, owed);
  const books = readFileSync(join(data, 'openloop', 'data.mdb'));
  for (const { pan } of [payer, debtor]) assert(!books.includes(pan), 'a number is in the books');
  const ofDay = await openloop('show', '--day', formatDay(day));
  assert.equal(ofDay.json.charges.length, 2);
});

test('a tap that comes after its charge was paid makes a supplement', async () => {
  const [, b, c] = lantern.stops as [string, string, string];
  await upload(tapRecords(payer, TapKind.entry, 300, b), tapRecords(payer, TapKind.exit, 330, c));
  const behind = await openloop('check');
  assert.match(behind.err, /^OPEN_LOOP_BROKEN: .*run openloop taps/);
  assert.equal((await openloop('taps', '--network', 'G=metro')).json.taken, 2);
  const closed = await openloop('close');
  assert.equal(closed.json.adjustments, 1, closed.err);
  await openloop('present', '--out', at('late'));
  const lines = linesOf(readFileSync(at('late'), 'utf8'));
  assert.deepEqual(lines.map(({ kind, amountMinor }) => [kind, amountMinor]).sort(), [
    ['supplement', closed.json.adjustedMinor],
    ['verify', 0],
  ]);
  assert.equal((await openloop('check')).code, 0);
});

test('a presumed tap that is voided once it is paid goes back to the rider', async () => {
  const [, b] = lantern.stops as [string, string];
  const torn: CardNumber = { pan: '6221880177777777', panSequence: 2 };
  await upload(tapRecords(torn, TapKind.purchase, 350, b, 700, DebitState.unconfirmed));
  const tapSequence = sequence - 1;
  assert.equal((await openloop('taps')).json.taken, 1);
  const closed = await openloop('close');
  const { chargedMinor } = closed.json;
  assert(closed.json.charges === 1 && chargedMinor > 0, closed.err);
  await openloop('present', '--out', at('torn'));
  const lines = linesOf(readFileSync(at('torn'), 'utf8'));
  writeFileSync(
    at('torn-paid'),
    lines.map(({ id }) => JSON.stringify({ id, result: 'approved' })).join('\n'),
  );
  assert.equal((await openloop('results', at('torn-paid'))).code, 0);

  await upload(voidOf(torn, tapSequence, 700));
  assert.match((await openloop('check')).err, /^OPEN_LOOP_BROKEN: .*taken and is not posted/);
  const taken = await openloop('taps');
  assert.deepEqual([taken.json.taken, taken.json.withdrawn, taken.json.cards], [0, 1, 1]);
  assert.equal((await openloop('taps')).json.withdrawn, 0);
  assert.equal((await openloop('taps', '--all')).json.withdrawn, 0);
  const back = await openloop('close');
  assert.deepEqual([back.json.adjustments, back.json.adjustedMinor], [1, -chargedMinor]);
  assert.equal((await openloop('close')).json.adjustments, 0);
  await openloop('present', '--out', at('torn-back'));
  const [refund, ...more] = linesOf(readFileSync(at('torn-back'), 'utf8'));
  assert.deepEqual(
    [refund!.kind, refund!.amountMinor, refund!.pan, more.length],
    ['refund', -chargedMinor, torn.pan, 0],
  );
  const report = await openloop('check');
  assert.equal(report.code, 0, report.err);
});

test('books that have cards keep their currency, whatever the option file says', async () => {
  const file = join(data, 'openloop.json');
  writeFileSync(file, JSON.stringify({ currency: 344 }));
  for (const command of [['close'], ['present', '--out', at('other')], ['check']] as const) {
    const { code, err } = await openloop(command[0], ...command.slice(1));
    assert.equal(code, 1);
    assert.match(err, /^CONFIG_INVALID: openloop.json: field currency is 344, the books .* in 156/);
  }
  rmSync(file);
  assert.equal((await openloop('check')).code, 0);
  const fresh = at('fresh');
  for (const currency of [156, 344, 344]) await (await openOpenLoop(fresh, currency)).close();
  await (await openOpenLoop(fresh)).close();
});

test('gates upload in any order: a tap of an earlier counter has its proof too', async () => {
  const [, b, c] = lantern.stops as [string, string, string];
  const late: CardNumber = { pan: '6221880199999999', panSequence: 3 };
  await upload(tapRecords(late, TapKind.exit, 430, c, 909));
  await upload(
    tapRecords(late, TapKind.entry, 400, b, 808),
    tapRecords(payer, TapKind.purchase, 410, b),
  );
  assert.equal((await openloop('taps', '--network', 'G=metro')).json.taken, 3);
  await openloop('close');
  await openloop('present', '--out', at('order'));
  const text = readFileSync(at('order'), 'utf8').split('\n');
  const charge = text.find((line) => line.includes('"kind":"charge"'))!;
  const { pan, panSequence, tap } = JSON.parse(charge) as {
    pan: string;
    panSequence: number;
    tap: Record<string, string>;
  };
  assert.deepEqual([pan, panSequence, tap['9F36']], [late.pan, 3, '0328']);
  assert.equal((await openloop('check')).code, 0);
});

test('days are dates, and nothing else is', () => {
  assert.equal(formatDay(parseDay('2026-02-28')), '2026-02-28');
  for (const text of ['2026-02-30', '20260228', '2026-2-8', '']) {
    assert(Number.isNaN(parseDay(text)), text);
  }
});

test('the manual names every command, option file member and its default', async () => {
  const manual = readFileSync(join(root, 'docs', 'open-loop.md'), 'utf8');
  const rows = [...manual.matchAll(/^\| `(openloop \w+)/gm)].map(([, name]) => name);
  assert.deepEqual(
    rows,
    openLoopCommands.map(({ name }) => name),
  );
  const settings = await readOpenLoopSettings(at('nowhere'));
  for (const [name, value] of Object.entries(settings)) {
    const row = manual
      .split('\n')
      .find((line) => line.startsWith('|') && line.includes(`\`${name}\``));
    assert(row?.includes(typeof value === 'string' ? value : JSON.stringify(value)), name);
  }
});

test('an option file that does not fit is refused by its field', async () => {
  const where = mkdtempSync(join(dir, 'settings-'));
  for (const [text, message] of [
    ['{"riskLimitMinor":-1}', /riskLimitMinor/],
    ['{"retryDays":[3,1]}', /retryDays do not rise/],
    ['{"limit":1}', /limit/],
    ['{', /openloop\.json/],
  ] as const) {
    writeFileSync(join(where, 'openloop.json'), text);
    await assert.rejects(readOpenLoopSettings(where), { code: 'CONFIG_INVALID', message });
  }
});
