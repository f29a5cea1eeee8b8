/**
 * Late arrivals: debits that others of their card overtook, in any order, among copied cards and
 * balances that do not meet. The fast lane packs them like any other; the general rules, which keep
 * a row for each, are what it is held against.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../engine/bytes.ts';
import { ECASH_TRANSACTION } from '../../engine/debit/record.ts';
import { Blocks } from '../../engine/ledger/blocks.ts';
import { readTotal } from '../../engine/ledger/books.ts';
import { loadHeads } from '../../engine/ledger/checkpoint.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { chainKey, purseOf } from '../../engine/ledger/rows.ts';
import type { Range } from '../../engine/ledger/store.ts';
import { View } from '../../engine/ledger/view.ts';
import { byColumns } from './columns.ts';
import { cardOf, received, torn } from './samples.ts';
import { both, rowsIn, type Side } from './sides.ts';
import { GATES } from './world.ts';

const PURSE_TYPES = [9, ECASH_TRANSACTION];
const COUNTERS = 12;

interface Arrival {
  readonly gate: number;
  readonly card: number;
  readonly type: number;
  readonly counter: number;
  /** 0: as the card's balance was; other numbers break it, or are another amount. */
  readonly offMinor: number;
  readonly torn: boolean;
}

const anyArrivals = fc.array(
  fc.record({
    gate: fc.nat(GATES.length - 1),
    card: fc.nat(1),
    type: fc.constantFrom(...PURSE_TYPES),
    counter: fc.nat(COUNTERS),
    offMinor: fc.constantFrom(0, 0, 0, 0, 0, 1, -1),
    torn: fc.constantFrom(false, false, false, false, false, false, true),
  }),
  { maxLength: 40 },
);

/** Batches in order of arrival, a gate's records in one where nothing comes between. */
function batchesOf(arrivals: readonly Arrival[]): ReceivedDebit[][] {
  const next = new Map<string, number>();
  const batches: ReceivedDebit[][] = [];
  for (const { gate, card, type, counter, offMinor, torn: isTorn } of arrivals) {
    const gateId = GATES[gate]!;
    const gateSequence = (next.get(gateId) ?? 0) + 1;
    next.set(gateId, gateSequence);
    const debit = (isTorn ? torn : received)({
      gateId,
      gateSequence,
      card: cardOf(`card ${card}`),
      transactionType: type,
      offlineCounter: counter,
      balanceBeforeMinor: 50_000 - 200 * counter + offMinor,
    });
    const last = batches.at(-1);
    if (last?.[0]?.gateId === gateId) last.push(debit);
    else batches.push([debit]);
  }
  return batches;
}

/** Every link, and what is next above and below each counter, as the rules ask for them. */
function linksOf({ store }: Side): string[] {
  return store.read((reader) => {
    const view = new View(reader, loadHeads(reader), new Blocks(), readTotal(reader, 'blocks'));
    const found: string[] = [];
    for (const card of [cardOf('card 0'), cardOf('card 1')]) {
      for (const purse of PURSE_TYPES.map(purseOf)) {
        const to = chainKey(card, purse, 0x10000);
        for (let counter = 0; counter <= COUNTERS + 1; counter++) {
          const key = chainKey(card, purse, counter);
          const below = { from: chainKey(card, purse, 0), to: key, reverse: true, limit: 1 };
          const ranges: Range[] = [{ from: key, to }, { from: key, to, limit: 1 }, below];
          for (const range of ranges) {
            const entries = [...view.range('chain', range)];
            found.push(entries.map(({ key, value }) => toHex(key) + toHex(value)).join());
          }
          found.push(toHex(view.get('chain', key) ?? new Uint8Array(0)));
        }
      }
    }
    return found;
  });
}

test('late debits, copies and broken balances in any order end as by the rules alone', async () => {
  let late = 0;
  let own = 0;
  await fc.assert(
    fc.asyncProperty(anyArrivals, async (arrivals) => {
      const { fast, slow } = await both(...batchesOf(arrivals));
      assert.deepEqual(linksOf(fast), linksOf(slow));
      late += fast.store.read((reader) => readTotal(reader, 'rowsLate'));
      own += rowsIn(fast.store).debits;
    }),
    { numRuns: 150 },
  );
  // Some 110 and 180.
  assert(late > 30 && own > 60, `${late} late rows of blocks, ${own} rows of their own`);
});

test('a card’s year that comes backwards lies in blocks, each debit found from the start', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store, { checkpointRows: 50 });
  const count = 700;
  for (let i = 0; i < count; i++) {
    const counter = count - i;
    const balanceBeforeMinor = 500_000 - 200 * counter;
    const fields = { gateSequence: i + 1, offlineCounter: counter, balanceBeforeMinor };
    await byColumns(ledger, 'G01', [received(fields)]);
  }
  assert.deepEqual(rowsIn(store), { blocks: count, debits: 0 });
  assert.equal(
    store.read((reader) => readTotal(reader, 'rowsLate')),
    count - 1,
  );
  const again = await Ledger.open(store);
  const [total] = again.cardTotals();
  assert.deepEqual([total!.debits, total!.postedMinor], [count, 200 * count]);
  const copy = received({ gateId: 'G02', gateSequence: 1, offlineCounter: 1, amountMinor: 1 });
  const { outcomes } = await byColumns(again, 'G02', [copy]);
  assert.deepEqual(outcomes, ['naturalKeyConflict']);
});
