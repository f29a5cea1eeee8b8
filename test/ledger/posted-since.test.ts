/**
 * Every posted debit with its record, and from a mark on: whatever arrives in whatever order, with
 * crashes between, against the twin; and ledgers that an earlier version laid out.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DebitState } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import {
  type PostedBatch,
  type PostedMark,
  postedBatches,
  postedDebit,
  postedMark,
  postedWithoutRecord,
} from '../../engine/ledger/posted.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { decodeDebitRow, encodeDebitRow, u48 } from '../../engine/ledger/rows.ts';
import { ReferenceLedger } from '../reference/ledger.ts';
import { byColumns, byRules, type Lane } from './columns.ts';
import { eventColumns, modeChanged } from './event-samples.ts';
import { cardOf, received, settlement, torn } from './samples.ts';
import { anyTaps, GATES, play, uploads } from './world.ts';

const lanes: readonly Lane[] = [byColumns, byRules];

/** Ids of posted debits, each with a record of its own or in its batch. */
function idsOf(batches: Iterable<PostedBatch>, records: ReadonlyMap<string, ReceivedDebit>) {
  const ids: string[] = [];
  for (const { gateId, firstSequence, isOne, sealed, debits } of batches) {
    for (const { gateSequence } of debits) {
      const id = `${gateId}/${gateSequence}`;
      ids.push(id);
      if (isOne) {
        assert.deepEqual(Buffer.from(sealed), Buffer.from(records.get(id)!.sealed), id);
        continue;
      }
      const [, gate, first, count] =
        /^sealed (.*)\/(\d+)\+(\d+)$/.exec(Buffer.from(sealed).toString()) ?? [];
      assert.deepEqual([gate, Number(first)], [gateId, firstSequence]);
      assert(gateSequence < firstSequence + Number(count), id);
    }
  }
  return ids;
}

function recordsIn(debits: Iterable<ReceivedDebit>): Map<string, ReceivedDebit> {
  return new Map([...debits].map((debit) => [`${debit.gateId}/${debit.gateSequence}`, debit]));
}

/** What of a mark a reader keeps, and whom it was told of. */
class Reader {
  readonly told = new Set<string>();
  mark: PostedMark | null = null;
  readonly #store: MemoryStore;
  readonly #records: ReadonlyMap<string, ReceivedDebit>;

  constructor(store: MemoryStore, records: ReadonlyMap<string, ReceivedDebit>) {
    this.#store = store;
    this.#records = records;
  }

  readOn(): string[] {
    const through = postedMark(this.#store);
    const ids = idsOf(postedBatches(this.#store, this.mark, through), this.#records);
    for (const id of ids) this.told.add(id);
    this.mark = through;
    return ids;
  }
}

function isPostedIn(twin: ReferenceLedger): string[] {
  return [...twin.standings()]
    .filter(([, standing]) => standing === 'posted' || standing === 'presumedPosted')
    .map(([id]) => id)
    .sort();
}

test('whatever arrives, a walk from mark to mark misses no posted debit, and each has its record', async () => {
  await fc.assert(
    fc.asyncProperty(anyTaps, uploads, fc.nat(1), async (taps, plan, of) => {
      // Of two records under one identity a name would say which is meant no more.
      const named = taps.filter(({ what }) => what !== 'clash');
      const { journals } = play(named, true);
      const records = recordsIn([...journals.values()].flat());
      const lane = lanes[of]!;
      const store = new MemoryStore();
      const twin = new ReferenceLedger();
      const reader = new Reader(store, records);
      let ledger = await Ledger.open(store, { checkpointRows: 3 });
      const whole = GATES.map((_, gate) => ({ gate, size: 1000, back: 0, crash: false }));
      for (const { gate, size, back, crash } of [...plan, ...whole]) {
        const gateId = GATES[gate]!;
        const from = Math.max(0, ledger.acknowledgedThrough(gateId) - back);
        const debits = journals.get(gateId)!.slice(from, from + size);
        if (debits.length === 0) continue;
        const posting = lane(ledger, gateId, debits).then(
          () => debits,
          () => [],
        );
        if (crash) store.crash();
        for (const debit of await posting) twin.receive(debit);
        if (crash) ledger = await Ledger.open(store, { checkpointRows: 3 });
        if (size % 2 === 0) reader.readOn();
      }
      const posted = isPostedIn(twin);
      assert.deepEqual(idsOf(postedBatches(store), records).sort(), posted, 'all of them, once');
      reader.readOn();
      for (const id of posted) assert(reader.told.has(id), id);
      assert.deepEqual(reader.readOn(), []);
      assert.deepEqual(checkLedger(store).findings, []);
      for (const [id, { gateId, gateSequence }] of records) {
        const one = postedDebit(store, { gateId, gateSequence });
        assert.deepEqual(one ? idsOf([one], records) : [], posted.includes(id) ? [id] : []);
      }
    }),
    { numRuns: 150 },
  );
});

const card = cardOf('late');
const at = (gateId: string, gateSequence: number, offlineCounter: number) =>
  received({
    ...{ gateId, gateSequence, offlineCounter, card },
    balanceBeforeMinor: 9000 - 200 * offlineCounter,
  });

for (const lane of lanes) {
  const name = lane === byColumns ? 'columns' : 'rules';
  test(`by ${name}: batches of late, torn, settling debits only, and of events only`, async () => {
    const store = new MemoryStore();
    const ledger = await Ledger.open(store);
    const late = [at('G02', 1, 1), at('G02', 2, 3)];
    const lost = torn({ gateId: 'G03', gateSequence: 1, card: cardOf('torn') });
    const settled = settlement(lost, DebitState.confirmed, { gateId: 'G04', gateSequence: 1 });
    const reader = new Reader(store, recordsIn([at('G01', 1, 9), ...late, lost, settled]));
    await lane(ledger, 'G01', [at('G01', 1, 9)]);
    assert.deepEqual(reader.readOn(), ['G01/1']);
    await lane(ledger, 'G02', late);
    assert.deepEqual(reader.readOn(), ['G02/1', 'G02/2']);
    await lane(ledger, 'G03', [lost]);
    await ledger.postBatch(eventColumns([modeChanged('G03', 2)]));
    assert.deepEqual(reader.readOn(), []);
    await lane(ledger, 'G04', [settled]);
    assert.deepEqual(reader.readOn(), ['G03/1']);
    assert.deepEqual(reader.readOn(), []);
    assert.deepEqual([...postedWithoutRecord(store)], []);
    assert.deepEqual(checkLedger(store).findings, []);
  });
}

/** Makes a ledger what version 3 left: no log, and no record in the row of a confirmed debit. */
async function lowered(store: MemoryStore): Promise<void> {
  await store.transaction((writer) => {
    for (const { key } of [...writer.range('changes', {})]) writer.remove('changes', key);
    writer.remove('totals', Buffer.from('changes'));
    writer.put('totals', Buffer.from('layout'), u48(3));
    for (const { key, value } of [...writer.range('debits', {})]) {
      const row = decodeDebitRow(value);
      if (row.state !== DebitState.confirmed || row.refersTo !== null) continue;
      writer.put('debits', key, encodeDebitRow({ ...row, sealed: new Uint8Array(0) }));
    }
  });
}

test('an earlier ledger opens; what it kept no record of is named, and its rest is read', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  const mixed = [
    at('G02', 1, 1),
    received({ gateId: 'G02', gateSequence: 2, card: cardOf('other') }),
    at('G02', 3, 3),
  ];
  const rest = [at('G01', 1, 9), at('G03', 1, 5), at('G03', 2, 7), at('G01', 2, 11)];
  const records = recordsIn([...mixed, ...rest]);
  await byColumns(ledger, 'G01', rest.slice(0, 1));
  await byColumns(ledger, 'G02', mixed.slice(0, 2));
  await byRules(ledger, 'G02', mixed);
  await byRules(ledger, 'G03', rest.slice(1, 2));
  await lowered(store);
  assert.equal(postedMark(store), null);
  const known = ['G01/1', 'G02/1', 'G02/2'];
  assert.deepEqual(idsOf(postedBatches(store), records), known);
  const lost = ['G02/3', 'G03/1'];
  const named = [...postedWithoutRecord(store)].map((id) => `${id.gateId}/${id.gateSequence}`);
  assert.deepEqual(named, lost);
  const findings = lost.map((id) => `debit ${id}: posted, and its record is kept nowhere`);
  assert.deepEqual(checkLedger(store).findings, findings);

  const again = await Ledger.open(store);
  const reader = new Reader(store, records);
  assert.deepEqual(reader.readOn(), known);
  await byColumns(again, 'G03', rest.slice(2, 3));
  assert.deepEqual(reader.readOn(), [...known, 'G03/2']);
  await byColumns(again, 'G01', rest.slice(3));
  assert.deepEqual(reader.readOn(), ['G01/2']);
  assert.deepEqual(checkLedger(store).findings, findings);
});

test('a change that the log lacks stops the walk and is found', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  await byColumns(ledger, 'G01', [at('G01', 1, 9)]);
  await byRules(ledger, 'G02', [at('G02', 1, 1), at('G02', 2, 3)]);
  const start = { block: 1, change: 0 };
  await store.transaction((writer) => writer.remove('changes', u48(1)));
  assert.throws(() => [...postedBatches(store, start)], {
    code: 'LEDGER_BROKEN',
    message: 'changes from 1 on are missing',
  });
  assert.match(checkLedger(store).findings.join(), /number of a change.*posted by the log/);
});
