/** Floats and settlement: a worked book, files, operators, and the debits of a real ledger. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toHex } from '../../engine/bytes.ts';
import { checkFloats, type LedgerSpending } from '../../engine/cards/float.ts';
import { Held } from '../../engine/cards/held.ts';
import { type PostedDebit, type WalkDebits, walkDebits } from '../../engine/cards/ledger-debits.ts';
import { spendingOf } from '../../engine/cards/ledger-spending.ts';
import { operatorsOf, readCardSettings } from '../../engine/cards/open.ts';
import { checkCards } from '../../engine/cards/reconcile.ts';
import { CardRegister } from '../../engine/cards/register.ts';
import { type CardStore, type CardTable, cardTables } from '../../engine/cards/rows.ts';
import {
  allSettlements,
  depositCash,
  type OperatorOf,
  paySettlement,
  settleDebits,
  settlementFile,
} from '../../engine/cards/settle.ts';
import { CardNames } from '../../engine/cards/shown-card.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { startEngine } from '../../engine/operator/engine.ts';
import { readStorageKey } from '../../engine/operator/storage-key.ts';
import { engineOptions, upload } from '../kit/engine-kit.ts';
import { StationKit } from '../kit/station-kit.ts';
import { makeDesks } from './load-world.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-float-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const ISSUER = '01011000FFFFFFFF';
const CNY = 156;
const BOOK = { issuer: ISSUER, currency: CNY };
const NOW = 1_800_000_000_000;
const toOne = () => 'metro';

function newStore(): CardStore {
  return new MemoryStore<CardTable>(undefined, cardTables);
}

/** A card that was loaded with so much, paid at the bank or a counter. */
async function loaded(
  store: CardStore,
  card: string,
  amountMinor: number,
  source: 'bank' | 'cash' = 'bank',
): Promise<void> {
  const said = { lastDigits: '0001', profile: 'tunion', holder: null, ...BOOK };
  await new CardRegister(store, () => NOW).issue({ card, ...said });
  const { orders } = makeDesks(
    store,
    () => NOW,
    (length) => new Uint8Array(length),
  );
  const orderId = `o-${card}`;
  await orders.place(orderId, card, amountMinor);
  await orders.fund(orderId, { source, reference: `R ${card}` });
  await store.transaction((writer) => {
    const held = new Held(writer, NOW);
    held.credit(held.card(card)!, held.order(orderId)!, { by: 'counter' }, 0, 0);
  });
}

function debit(gateId: string, gateSequence: number, amountMinor: number): PostedDebit {
  return { gateId, gateSequence, amountMinor, ...BOOK };
}

/** A ledger that is read whole each time. */
function whole(debits: readonly PostedDebit[]): WalkDebits {
  return () => ({ debits, through: null });
}

/** A ledger of these debits, all of them card AA's. */
function ledgerOf(debits: readonly PostedDebit[]): LedgerSpending {
  const spentMinor = debits.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const none = { debits: 0, postedMinor: 0, head: null };
  return {
    issuers: [{ ...BOOK, spentMinor }],
    spentOf: (card) => (card === 'AA' ? { ...none, postedMinor: spentMinor } : none),
    debits: () => debits,
  };
}

test('a worked book: loads at bank and counter, debits, a run, its payment, tills to the bank', async () => {
  const store = newStore();
  await loaded(store, 'AA', 5000);
  await loaded(store, 'BB', 3000, 'cash');
  const debits = [debit('M1', 1, 300), debit('M1', 2, 0), debit('B1', 7, 200)];
  const seen = () => {
    const { positions, findings } = checkFloats(store, ledgerOf(debits));
    assert.deepEqual([...findings, ...checkCards(store).findings], []);
    const { floatMinor, onCardsMinor, unsettledMinor, dueMinor, bankMinor, shortMinor } =
      positions[0]!;
    return { floatMinor, onCardsMinor, unsettledMinor, dueMinor, bankMinor, shortMinor };
  };
  const before = {
    floatMinor: 8000,
    onCardsMinor: 7500,
    unsettledMinor: 500,
    dueMinor: 0,
    bankMinor: 5000,
    shortMinor: 3000,
  };
  assert.deepEqual(seen(), before);
  const operatorOf = operatorsOf({ operators: [{ id: 'metro', gates: ['M'] }] });
  const run = await settleDebits(store, whole(debits), operatorOf, NOW);
  assert.deepEqual(run.unassigned, [{ gateId: 'B1', debits: 1, amountMinor: 200 }]);
  assert.deepEqual(seen(), { ...before, floatMinor: 7700, unsettledMinor: 200, dueMinor: 300 });
  assert.deepEqual((await settleDebits(store, whole(debits), operatorOf, NOW)).settlements, []);
  const [first] = run.settlements;
  assert(first);
  const paid = await paySettlement(store, first.settlementId, 'P1', NOW);
  assert.deepEqual(await paySettlement(store, first.settlementId, 'P2', NOW), paid, 'paid once');
  const afterwards = { ...before, floatMinor: 7700, unsettledMinor: 200, bankMinor: 4700 };
  assert.deepEqual(seen(), afterwards);
  assert.deepEqual(await depositCash(store, BOOK, 4000, 'D1', NOW), { refused: 'tillsHoldLess' });
  await depositCash(store, BOOK, 3000, 'D1', NOW);
  await depositCash(store, BOOK, 3000, 'D1', NOW);
  assert.deepEqual(await depositCash(store, BOOK, 1, 'D1', NOW), { refused: 'depositDiffers' });
  assert.deepEqual(seen(), { ...afterwards, bankMinor: 7700, shortMinor: 0 });
  assert.deepEqual(await paySettlement(store, 'none', 'P', NOW), { refused: 'unknownSettlement' });
});

test('a debit that arrives after later ones is in the next settlement, also chunks away', async () => {
  const store = newStore();
  await loaded(store, 'AA', 9000);
  const debits = [debit('M1', 5000, 100), debit('M1', 4095, 10)];
  await settleDebits(store, whole(debits), toOne, NOW);
  debits.push(debit('M1', 4096, 1), debit('M1', 1, 1000), debit('M2', 4095, 2));
  const { settlements } = await settleDebits(store, whole(debits), toOne, NOW);
  const [second] = settlements;
  assert.deepEqual(second?.gates, [
    { gateId: 'M1', debits: 2, amountMinor: 1001, firstSequence: 1, lastSequence: 4096 },
    { gateId: 'M2', debits: 1, amountMinor: 2, firstSequence: 4095, lastSequence: 4095 },
  ]);
  assert.deepEqual(checkFloats(store, ledgerOf(debits)).findings, []);
  const { name, text } = settlementFile(second!);
  assert.equal(name, `settlement-2-${ISSUER}-156-metro.csv`);
  assert.equal(
    text,
    'run,issuer,currency,operator,gate_id,debits,amount_minor,first_sequence,last_sequence\n' +
      `2,${ISSUER},156,metro,M1,2,1001,1,4096\n` +
      `2,${ISSUER},156,metro,M2,1,2,4095,4095\n` +
      `2,${ISSUER},156,metro,*,3,1003,,\n`,
  );
});

test('issuers and operators are settled in pairs; a foreign issuer owes what it never lent', async () => {
  const store = newStore();
  await loaded(store, 'AA', 5000);
  const other = { ...debit('B1', 1, 70), issuer: '0202000000000000' };
  const debits = [debit('M1', 1, 100), debit('B1', 2, 50), other];
  const operatorOf = (gateId: string) => (gateId === 'M1' ? 'metro' : 'bus');
  await settleDebits(store, whole(debits), operatorOf, NOW);
  const pairs = store
    .read(allSettlements)
    .map(({ issuer, operator, amountMinor }) => `${issuer} ${operator} ${amountMinor}`);
  assert.deepEqual(pairs, [`${ISSUER} bus 50`, `${ISSUER} metro 100`, '0202000000000000 bus 70']);
  const own = ledgerOf(debits.slice(0, 2));
  const issuers = [...own.issuers, { issuer: other.issuer, currency: CNY, spentMinor: 70 }];
  const report = checkFloats(store, { ...own, issuers, debits: () => debits });
  assert.deepEqual(report.findings, []);
  const foreign = report.positions.find(({ issuer }) => issuer === other.issuer);
  assert.deepEqual([foreign?.floatMinor, foreign?.unissuedMinor], [-70, 70]);
});

test('a run goes on where the last one came to, and stays at debits that no operator has', async () => {
  const store = newStore();
  await loaded(store, 'AA', 9000);
  const debits = [debit('M1', 1, 100)];
  const asked: (number | null)[] = [];
  const walk: WalkDebits = (after) => {
    asked.push(after?.block ?? null);
    const through = { block: debits.length, change: 0 };
    return { debits: debits.slice(after?.block ?? 0), through };
  };
  const settle = async (operatorOf: OperatorOf = toOne, all = false) => {
    const run = await settleDebits(store, walk, operatorOf, NOW, all);
    return run.settlements.map(({ amountMinor }) => amountMinor);
  };
  const metroOnly = (gateId: string) => (gateId === 'M1' ? 'metro' : null);
  assert.deepEqual(await settle(), [100]);
  debits.push(debit('B1', 1, 20), debit('M1', 2, 3));
  assert.deepEqual(await settle(metroOnly), [3]);
  assert.deepEqual(await settle(metroOnly), []);
  assert.deepEqual(await settle(), [20]);
  debits.push(debit('M1', 3, 0));
  assert.deepEqual(await settle(), []);
  assert.deepEqual(await settle(), []);
  assert.deepEqual(await settle(toOne, true), []);
  assert.deepEqual(asked, [null, 1, 1, 1, 3, 4, null]);
});

test('two runs beside each other settle a debit once', async () => {
  const store = newStore();
  await loaded(store, 'AA', 5000);
  const debits = [debit('M1', 1, 100)];
  const runs = await Promise.all(
    [1, 2, 3].map(() => settleDebits(store, whole(debits), toOne, NOW)),
  );
  assert.equal(runs.flatMap(({ settlements }) => settlements).length, 1);
});

test('cards that hold more than their loads, and debits beyond them, are told', async () => {
  const store = newStore();
  await loaded(store, 'AA', 500);
  const debits = [debit('M1', 1, 100)];
  const head = { offlineCounter: 0, balanceAfterMinor: 401 };
  const more = { ...ledgerOf(debits), spentOf: () => ({ debits: 1, postedMinor: 100, head }) };
  const held = checkFloats(store, more).notices;
  assert.deepEqual(held, ['card ..0001: holds 1 more than it was loaded with']);
  const over = checkFloats(store, ledgerOf([debit('M1', 1, 700)])).notices;
  assert.deepEqual(over, ['card ..0001: spent 200 more than its loads']);
});

test('operators have gates by the longest beginning of their ids', async () => {
  const operatorOf = operatorsOf({
    operators: [
      { id: 'metro', gates: ['M', 'B9'] },
      { id: 'bus', gates: ['B'] },
    ],
  });
  assert.deepEqual(['M1', 'B1', 'B91', 'X'].map(operatorOf), ['metro', 'bus', 'metro', null]);
  assert.equal(operatorsOf({ operators: [] })('any'), 'operator');
  const path = join(dir, 'settings');
  mkdirSync(path);
  const twice = [
    { id: 'a', gates: ['M'] },
    { id: 'b', gates: ['M'] },
  ];
  writeFileSync(join(path, 'cards.json'), JSON.stringify({ operators: twice }));
  await assert.rejects(readCardSettings(path), /field \/operators names gates "M" twice/);
  writeFileSync(join(path, 'cards.json'), '{"operators": [{"id": "a b", "gates": ["M"]}]}');
  await assert.rejects(readCardSettings(path), /field \/operators\/0\/id/);
});

test("a real ledger's debits: proved ones are settled, presumed ones wait", async () => {
  const kit = new StationKit();
  const hashKey = cmacKey(new Uint8Array(16).fill(9));
  const card = kit.card();
  const [entry, exit] = [kit.gate('entry', 0), kit.gate('exit', 4)];
  await entry.tap(card);
  kit.pass(20);
  const rode = (await exit.tap(card)).decision.amountMinor;
  kit.pass(20);
  const bus = kit.gate('single', 4);
  await bus.tap(card, { command: 'DEBIT', when: 'after' });
  const spentMinor = 10_000 - card.state.balanceMinor;
  assert(spentMinor > rode);
  const dataDir = join(dir, 'data');
  const engine = await startEngine(engineOptions(kit, dataDir));
  for (const gate of [entry, exit, bus]) await upload(engine, dataDir, gate);
  await engine.stop();

  const ledgerStore = LmdbStore.open(join(dataDir, 'ledger'), { readOnly: true });
  const key = await readStorageKey(dataDir);
  const store = newStore();
  const hash = new CardNames([], hashKey).ofNumber(card.state.cardNumber).card;
  await loaded(store, hash, 10_000);
  const spending = spendingOf(await Ledger.open(ledgerStore), ledgerStore, key);
  const walk = walkDebits(ledgerStore, key);
  const { settlements } = await settleDebits(store, walk, toOne, NOW);
  assert.deepEqual(
    settlements.map(({ debits, amountMinor, issuer }) => ({ debits, amountMinor, issuer })),
    [{ debits: 1, amountMinor: rode, issuer: toHex(card.state.issuer) }],
  );
  const { positions, findings, notices } = checkFloats(store, spending);
  assert.deepEqual([findings, notices], [[], []]);
  const known = spending.issuers[0]!.spentMinor;
  assert.equal(positions[0]!.unsettledMinor, known - rode);
  assert.equal(positions[0]!.onCardsMinor, 10_000 - known);
  await ledgerStore.close();
});
