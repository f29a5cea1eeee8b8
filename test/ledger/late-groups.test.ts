/**
 * Late debits where batches share a transaction, among records of every kind: sequences that are
 * missing for a while, repeats, copies, torn debits, settlements that wait, counters at both ends
 * of their range, all three purses. Held against the general rules; so are those who read it
 * meanwhile.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DebitState, ECASH_TRANSACTION, Evidence } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { postedBatches, postedMark } from '../../engine/ledger/posted.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import type { LedgerStore, StoreWriter } from '../../engine/ledger/store.ts';
import { byColumns, byRules } from './columns.ts';
import { cardOf, received, settlement, torn } from './samples.ts';
import { compare, type Side } from './sides.ts';
import { GATES } from './world.ts';

/** Transactions begin a turn later, so that posts of one turn share one, as those of a disk do. */
class SharingStore extends MemoryStore {
  override async transaction<R>(work: (writer: StoreWriter) => R): Promise<R> {
    await new Promise((resolve) => setImmediate(resolve));
    return super.transaction(work);
  }
}

async function sharing(): Promise<Side> {
  const store = new SharingStore();
  return { store, ledger: await Ledger.open(store, { checkpointRows: 2 }), lane: byColumns };
}

async function alone(): Promise<Side> {
  const store = new MemoryStore();
  return { store, ledger: await Ledger.open(store), lane: byRules };
}

/**
 * Posts batches of one gate each: to one side in one transaction, to the other each by itself.
 * @param ownRows of late ones too, as an earlier version wrote them.
 */
async function post(
  { fast, slow }: Sides,
  batches: readonly ReceivedDebit[][],
  ownRows = false,
): Promise<void> {
  const lane = ownRows ? byRules : fast.lane;
  const under = batches.map((debits) => lane(fast.ledger, debits[0]!.gateId, debits));
  const expected = [];
  for (const debits of batches) {
    expected.push(await slow.lane(slow.ledger, debits[0]!.gateId, debits));
  }
  const done = await Promise.all(under);
  const outcomes = (all: typeof done) => all.map((one) => one.outcomes);
  assert.deepEqual(outcomes(done), outcomes(expected));
}

interface Sides {
  readonly fast: Side;
  readonly slow: Side;
}

const at = (gateId: string, gateSequence: number, card: string, offlineCounter: number, off = 0) =>
  received({
    gateId,
    gateSequence,
    card: cardOf(card),
    offlineCounter,
    balanceBeforeMinor: 9000 - 200 * offlineCounter + off,
  });

test('a row looked at in one batch is not taken for one of the next of its transaction', async () => {
  const sides = { fast: await sharing(), slow: await alone() };
  await post(sides, [
    [at('G01', 1, 'card', 12), at('G01', 2, 'card', 10), at('G01', 3, 'card', 10, 5)],
    [at('G02', 1, 'other', 30), at('G02', 2, 'another', 1), at('G02', 3, 'card', 11)],
  ]);
  await compare(sides.fast, sides.slow);
});

const COUNTERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xfffd, 0xfffe, 0xffff];
const PURSE_TYPES = [5, 9, ECASH_TRANSACTION];

const anyRecord = fc.record({
  gate: fc.nat(GATES.length - 1),
  card: fc.nat(1),
  type: fc.constantFrom(...PURSE_TYPES),
  counter: fc.constantFrom(...COUNTERS),
  offMinor: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1),
  what: fc.constantFrom('good', 'good', 'good', 'good', 'good', 'good', 'torn', 'void', 'forged'),
  issuer: fc.constantFrom('0000000000001000', '0000000000002000'),
});
type AnyRecord = typeof anyRecord extends fc.Arbitrary<infer T> ? T : never;

/** Which records of a gate's journal are uploaded, and whether with the uploads before. */
const anyUploads = fc.array(
  fc.record({
    gate: fc.nat(GATES.length - 1),
    at: fc.nat(12),
    size: fc.integer({ min: 1, max: 8 }),
    shares: fc.boolean(),
    ownRows: fc.constantFrom(false, false, true),
  }),
  { maxLength: 16 },
);

/** A settlement of every third torn debit is in the next gate's journal, of others in none. */
function journalsOf(records: readonly AnyRecord[]): Map<string, ReceivedDebit[]> {
  const journals = new Map<string, ReceivedDebit[]>(GATES.map((gate) => [gate, []]));
  const next = (gateId: string) => ({ gateId, gateSequence: journals.get(gateId)!.length + 1 });
  for (const [i, one] of records.entries()) {
    const fields = {
      ...next(GATES[one.gate]!),
      card: cardOf(`card ${one.card}`),
      transactionType: one.type,
      offlineCounter: one.counter,
      balanceBeforeMinor: 20_000_000 - 200 * one.counter + one.offMinor,
      issuer: one.issuer,
      instantMs: 1_760_000_000_000 + i,
    };
    const debit = recordOf(one, fields);
    journals.get(debit.gateId)!.push(debit);
    if (one.what !== 'torn' || i % 3 > 0) continue;
    const other = GATES[(one.gate + 1) % GATES.length]!;
    const state = i % 2 === 0 ? DebitState.confirmed : DebitState.void;
    journals.get(other)!.push(settlement(debit, state, next(other)));
  }
  return journals;
}

function recordOf({ what, type }: AnyRecord, fields: Parameters<typeof received>[0]) {
  if (what === 'torn') return torn(fields);
  if (what === 'forged') return received({ ...fields, tac: 'invalid' });
  if (what === 'void') {
    return received({ ...fields, state: DebitState.void, evidence: Evidence.notSent, tac: 'none' });
  }
  return received({ ...fields, tac: type === ECASH_TRANSACTION ? 'passedThrough' : 'valid' });
}

function postedIn(
  store: LedgerStore,
  ...marks: Parameters<typeof postedBatches> extends [LedgerStore, ...infer Rest] ? Rest : never
): string[] {
  return [...postedBatches(store, ...marks)].flatMap(({ gateId, debits }) =>
    debits.map(({ gateSequence }) => `${gateId}/${gateSequence}`),
  );
}

test('batches that share a transaction, records of every kind: as by the rules alone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRecord, { minLength: 20, maxLength: 60 }),
      anyUploads,
      async (records, plan) => {
        const journals = journalsOf(records);
        const sides = { fast: await sharing(), slow: await alone() };
        const { store, ledger } = sides.fast;
        const follower = await Ledger.open(store);
        const told = new Set<string>();
        let mark = postedMark(store)!;
        const all = GATES.map((_, gate) => ({
          gate,
          at: 0,
          size: 1000,
          shares: true,
          ownRows: false,
        }));
        let group: ReceivedDebit[][] = [];
        for (const [i, { gate, at, size, shares, ownRows }] of [...plan, ...all].entries()) {
          const debits = journals.get(GATES[gate]!)!.slice(at, at + size);
          if (debits.length > 0) group.push(debits);
          if (shares && i < plan.length + all.length - 1) continue;
          await post(sides, group, ownRows);
          group = [];
          const now = postedMark(store)!;
          for (const id of postedIn(store, mark, now)) told.add(id);
          mark = now;
          assert.deepEqual([...follower.cardTotals()], [...ledger.cardTotals()]);
          assert.deepEqual(checkLedger(store).findings, []);
        }
        await compare(sides.fast, sides.slow);
        const posted = postedIn(store).sort();
        assert.deepEqual(posted, postedIn(sides.slow.store).sort());
        assert(
          posted.every((id) => told.has(id)),
          'each was told as it came',
        );
      },
    ),
    { numRuns: 40 },
  );
});
