/**
 * Shifts in the ledger: what a gate counted against what is held of it, in rows and in blocks; a
 * lost range is named, a wrong amount is an exception, and events never become debits.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DebitState } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { shiftReports } from '../../engine/ledger/shift-report.ts';
import { byColumns, byRules } from './columns.ts';
import { eventColumns, modeChanged, shiftClosed } from './event-samples.ts';
import { cardOf, received, settlement, torn } from './samples.ts';

/** Eight ordinary debits of 2.00, each of a card of its own. */
const ordinary = (sequence: number): ReceivedDebit =>
  received({ gateSequence: sequence, card: cardOf(`card ${sequence}`) });

async function world() {
  const store = new MemoryStore();
  return { store, ledger: await Ledger.open(store) };
}

const codesOf = (ledger: Ledger): string[] => ledger.exceptions({}).map(({ code }) => code);
const run = (from: number, to: number): ReceivedDebit[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ordinary(from + i));

for (const [name, lane] of [
  ['in blocks', byColumns],
  ['in rows', byRules],
] as const) {
  test(`a shift that agrees is no exception, its records ${name}`, async () => {
    const { store, ledger } = await world();
    await lane(ledger, 'G01', run(1, 5));
    await ledger.postBatch(eventColumns([modeChanged('G01', 6)]));
    const lost = torn({ gateSequence: 7, card: cardOf('torn'), amountMinor: 300 });
    const other = received({ gateSequence: 8, card: cardOf('void'), state: DebitState.void });
    await lane(ledger, 'G01', [lost, { ...other, tac: 'none' }]);
    await lane(ledger, 'G01', [settlement(lost, DebitState.confirmed, { gateSequence: 9 })]);
    const counts = {
      confirmed: { count: 5, amountMinor: 1000 },
      unconfirmed: { count: 1, amountMinor: 300 },
      void: { count: 1, amountMinor: 200 },
      settlement: { count: 1, amountMinor: 300 },
    };
    const { outcomes } = await ledger.postBatch(eventColumns([shiftClosed('G01', 10, counts)]));
    assert.deepEqual(outcomes, ['recorded']);
    assert.deepEqual(codesOf(ledger), []);
    const [report] = shiftReports(store);
    assert.deepEqual(report!.differences, []);
    assert.equal(report!.held.confirmed.amountMinor, 1000);
    assert.equal(ledger.summary().debits, 8, 'an event is no debit');
    assert.equal(ledger.acknowledgedThrough('G01'), 10);
    assert.deepEqual(checkLedger(store).findings, []);
  });
}

test('a lost range of the journal is named, and what is missing of counts and amounts', async () => {
  const { store, ledger } = await world();
  await byColumns(ledger, 'G01', run(1, 3));
  await byColumns(ledger, 'G01', [...run(7, 8), ordinary(10)]);
  const confirmed = { count: 10, amountMinor: 2000 };
  await ledger.postBatch(eventColumns([shiftClosed('G01', 11, { confirmed })]));
  assert.deepEqual(codesOf(ledger), ['shiftMismatch']);
  const [exception] = ledger.exceptions({});
  assert.deepEqual([exception!.gateId, exception!.gateSequence], ['G01', 11]);
  const [report] = shiftReports(store, 'G01');
  assert.deepEqual(report!.missing, [
    { from: 4, to: 6 },
    { from: 9, to: 9 },
  ]);
  assert.deepEqual(report!.differences, [
    'sequences 4 to 6 are missing',
    'sequence 9 is missing',
    'confirmed: the gate counted 10, 6 are held',
    "confirmed: the gate's amount is 2000, 1200 is held",
  ]);
  await byColumns(ledger, 'G01', run(4, 6));
  await byColumns(ledger, 'G01', [ordinary(9)]);
  assert.deepEqual(shiftReports(store)[0]!.differences, [], 'found again');
  assert.equal(ledger.acknowledgedThrough('G01'), 11);
  assert.deepEqual(codesOf(ledger), ['shiftMismatch'], 'an exception is never removed');
  assert.deepEqual(checkLedger(store).findings, []);
});

test('a wrong amount is an exception, once, however often the event is uploaded', async () => {
  const { ledger } = await world();
  await byColumns(ledger, 'G01', run(1, 2));
  const event = shiftClosed('G01', 3, { confirmed: { count: 2, amountMinor: 399 } });
  await ledger.postBatch(eventColumns([event]));
  const again = await ledger.postBatch(eventColumns([event]));
  assert.deepEqual(again.outcomes, ['exists']);
  assert.deepEqual(codesOf(ledger), ['shiftMismatch']);
});

test('sequences between two shifts, and a shift of more than any can have, are named', async () => {
  const { store, ledger } = await world();
  await byColumns(ledger, 'G01', run(1, 4));
  const late = { confirmed: { count: 2, amountMinor: 400 } };
  const far = shiftClosed('G01', 6, {}, { shift: 2, first: 6, last: 999_999 });
  await ledger.postBatch(eventColumns([shiftClosed('G01', 5, late, { first: 3, last: 4 }), far]));
  assert.deepEqual(
    shiftReports(store).map(({ differences }) => differences),
    [
      ['sequences 1 to 2 are in no shift'],
      ['sequences 5 to 5 are in no shift', 'sequences 6 to 999999 are more than a shift has'],
    ],
  );
});

test('an event and a debit under one identity are a conflict, either way round', async () => {
  const { store, ledger } = await world();
  await byColumns(ledger, 'G01', [ordinary(1)]);
  await ledger.postBatch(eventColumns([modeChanged('G01', 2)]));
  const first = await ledger.postBatch(eventColumns([modeChanged('G01', 1)]));
  const second = await byColumns(ledger, 'G01', [ordinary(2)]);
  const third = await ledger.postBatch(eventColumns([modeChanged('G01', 2, 8)]));
  assert.deepEqual(
    [first, second, third].flatMap(({ outcomes }) => outcomes),
    ['identityConflict', 'identityConflict', 'identityConflict'],
  );
  await ledger.postBatch(eventColumns([modeChanged('G01', 2, 8)]));
  assert.deepEqual(codesOf(ledger), ['identityConflict', 'identityConflict', 'identityConflict']);
  assert.deepEqual(checkLedger(store).findings, []);
});
