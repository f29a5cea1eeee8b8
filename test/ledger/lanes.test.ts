/**
 * The fast lane against the general rules: the same records into a ledger by columns and into one
 * by the rules alone; outcomes, books, exceptions, chains and what `ledger check` recomputes are
 * equal.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { BATCH_RECORDS_MAX } from '../../engine/limits.ts';
import { byColumns, byRules, columnsOf } from './columns.ts';
import { cardOf, received, settlement, torn } from './samples.ts';
import { both, compare, rowsIn, sideOf } from './sides.ts';
import { anyTaps, GATES, play } from './world.ts';

/** Parts of a journal as they arrive: in any order, so that sequences are missing for a while. */
const arrivals = fc.array(
  fc.record({
    gate: fc.nat(GATES.length - 1),
    at: fc.nat(30),
    size: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 20 },
);

test('whatever arrives, both lanes end the same', async () => {
  await fc.assert(
    fc.asyncProperty(anyTaps, arrivals, async (taps, plan) => {
      const { journals } = play(taps, true);
      const fast = await sideOf(byColumns);
      const slow = await sideOf(byRules);
      const all = GATES.map((_, gate) => ({ gate, at: 0, size: BATCH_RECORDS_MAX }));
      for (const { gate, at, size } of [...plan, ...all]) {
        const gateId = GATES[gate]!;
        const debits = journals.get(gateId)!.slice(at, at + size);
        const outcomes = [];
        for (const { ledger, lane } of [fast, slow]) {
          outcomes.push((await lane(ledger, gateId, debits)).outcomes);
        }
        assert.deepEqual(outcomes[0], outcomes[1]);
      }
      await compare(fast, slow);
    }),
    { numRuns: 250 },
  );
});

test('ordinary debits have no rows of their own, not even after a pending one is settled', async () => {
  const lost = torn({ gateSequence: 3, offlineCounter: 9, balanceBeforeMinor: 4600 });
  const { fast } = await both(
    [
      received({ gateSequence: 1 }),
      received({ gateSequence: 2, offlineCounter: 8, balanceBeforeMinor: 4800 }),
      lost,
    ],
    [settlement(lost, 1, { gateId: 'G02', gateSequence: 1 })],
    [received({ gateSequence: 4, offlineCounter: 10, balanceBeforeMinor: 4400 })],
  );
  assert.deepEqual(rowsIn(fast.store), { blocks: 2, debits: 2 });
});

test('a settlement that waits for a debit of the batch, or of this very batch, is heard', async () => {
  const [first, second] = [1, 4].map((gateSequence) =>
    received({ gateSequence, card: cardOf(`card ${gateSequence}`) }),
  ) as [ReceivedDebit, ReceivedDebit];
  await both(
    [settlement(first, 1, { gateId: 'G02', gateSequence: 1, amountMinor: 1 })],
    [
      first,
      received({ gateSequence: 2, card: cardOf('other') }),
      settlement(second, 1, { gateId: 'G01', gateSequence: 3, amountMinor: 1 }),
      second,
    ],
  );
});

test('more issuers and currencies than a block takes', async () => {
  const debits = Array.from({ length: 600 }, (_, i) =>
    received({
      gateSequence: i + 1,
      card: cardOf(`card ${i}`),
      issuer: (i % 300).toString(16).padStart(16, '0'),
      currency: 100 + (i % 7),
    }),
  );
  const { fast } = await both(debits);
  // The 45 issuers from the 256th on, twice.
  assert.deepEqual(rowsIn(fast.store), { blocks: 1, debits: 90 });
});

test('an amount above the balance, a balance of 32 bits, and amounts of 0', async () => {
  const top = 0xffff_ffff;
  const card = cardOf('rich');
  await both([
    received({ gateSequence: 1, balanceBeforeMinor: 100, amountMinor: 5000 }),
    received({ gateSequence: 2, offlineCounter: 8, balanceBeforeMinor: 0, amountMinor: 0 }),
    received({ gateSequence: 3, card, balanceBeforeMinor: top, amountMinor: 1 }),
    received({ gateSequence: 4, card, offlineCounter: 8, balanceBeforeMinor: top - 1 }),
    received({ gateSequence: 5, card, offlineCounter: 9, balanceBeforeMinor: top - 300 }),
    received({ gateSequence: 6, card, offlineCounter: 0xffff, balanceBeforeMinor: 1 }),
  ]);
});

test('a batch again, in other splits, and a late arrival among the rows of blocks', async () => {
  const card = cardOf('busy');
  const debit = (gateSequence: number, offlineCounter: number) =>
    received({
      gateSequence,
      card,
      offlineCounter,
      balanceBeforeMinor: 9000 - 200 * offlineCounter,
    });
  const debits = [debit(1, 1), debit(2, 2), debit(3, 4), debit(4, 5), debit(5, 9)];
  const late = { ...debit(1, 3), gateId: 'G02' };
  const clone = { ...debit(2, 4), gateId: 'G02', amountMinor: 7 };
  await both(debits.slice(0, 3), debits, debits.slice(1, 2), [late, clone], debits);
});

test('the sealed batch of an ordinary debit is kept with it', async () => {
  const { fast } = await both(
    [received({ gateSequence: 1 }), torn({ gateSequence: 2, card: cardOf('torn') })],
    [received({ gateSequence: 3, card: cardOf('c') })],
  );
  const { ledger } = fast;
  const { sealed, ...batch } = ledger.sealedBatchOf({ gateId: 'G01', gateSequence: 1 })!;
  assert.deepEqual(batch, { gateId: 'G01', firstSequence: 1, count: 2 });
  assert.equal(Buffer.from(sealed).toString(), 'sealed G01/1+2');
  assert.equal(ledger.sealedBatchOf({ gateId: 'G01', gateSequence: 3 })!.firstSequence, 3);
  assert.equal(ledger.sealedBatchOf({ gateId: 'G01', gateSequence: 2 }), null, 'has its own');
  assert.equal(ledger.sealedBatchOf({ gateId: 'G01', gateSequence: 4 }), null);
});

test('columns that cannot be are refused', async () => {
  const { ledger } = await sideOf(byColumns);
  const batch = columnsOf([received({ gateSequence: 1 })]);
  await assert.rejects(ledger.postBatch({ ...batch, gateId: 'no gate' }), {
    code: 'UPLOAD_MALFORMED',
  });
  await assert.rejects(ledger.postBatch({ ...batch, firstSequence: 0 }), {
    code: 'UPLOAD_MALFORMED',
    message: 'gate G01: the batch begins at sequence 0',
  });
  await assert.rejects(ledger.postBatch({ ...batch, count: BATCH_RECORDS_MAX + 1 }), {
    code: 'UPLOAD_TOO_LARGE',
  });
  await assert.rejects(ledger.postBatch({ ...batch, cards: new Uint8Array(15) }), {
    code: 'ERR_ASSERTION',
  });
  assert.equal(ledger.summary().debits, 0);
});
