/**
 * A broken card, or records made up for one: very many debits of one purse that nobody settles. All
 * are kept and listed; what each later record of the purse costs stays bounded.
 */
import assert from 'node:assert/strict';
import { DebitState } from '../../engine/debit/record.ts';
import type { StoreWriter } from '../../engine/ledger/store.ts';
import { LEDGER_RIVALS_MAX, LEDGER_SIGHTINGS_MAX } from '../../engine/limits.ts';
import { type Case, rule } from './rule.ts';
import { received, settlement, torn } from './samples.ts';

const seen = { state: DebitState.void, tac: 'none' } as const;

/** What is presumed of the debit of gate G01 with a sequence. */
function presumedOf(on: Case, gateSequence: number): unknown {
  return [...on.ledger.unconfirmed({})].find((one) => one.gateSequence === gateSequence)!.presumed;
}

rule(
  'beyond so many rivals of a counter nothing more is presumed, and all are kept',
  async (on) => {
    const above = { offlineCounter: 8, balanceBeforeMinor: 4800 };
    await on.post(received({ gateId: 'G02', gateSequence: 1, ...seen, ...above }));
    for (let gateSequence = 1; gateSequence <= LEDGER_RIVALS_MAX + 2; gateSequence++) {
      assert.equal(await on.post(torn({ gateSequence })), 'unconfirmed');
    }
    assert.deepEqual(on.balances(), [200, -200, 0]);
    assert.equal(presumedOf(on, LEDGER_RIVALS_MAX), 'posted', 'the latest of those judged');
    assert.equal(presumedOf(on, LEDGER_RIVALS_MAX + 1), null);
    const voids = [1, 2].map((gateSequence) =>
      settlement(torn({ gateSequence }), DebitState.void, {
        ...{ gateId: 'G03', gateSequence, tac: 'none' },
      }),
    );
    for (const one of voids) assert.equal(await on.post(one), 'settled');
    assert.equal(presumedOf(on, LEDGER_RIVALS_MAX + 2), 'posted', 'few enough to be judged again');
    const proved = settlement(torn({ gateSequence: 3 }), DebitState.confirmed, {
      ...{ gateId: 'G03', gateSequence: 3 },
    });
    assert.equal(await on.post(proved), 'settled');
    const { posted, unconfirmed, voided, debits } = on.ledger.summary();
    assert.deepEqual([posted, unconfirmed, voided], [1, 0, LEDGER_RIVALS_MAX + 2]);
    assert.equal(debits, LEDGER_RIVALS_MAX + 6);
    assert.deepEqual(on.balances(), [200, -200, 0]);
  },
);

rule('of very many sightings at a counter the first are heard', async (on) => {
  await on.post(torn({ gateSequence: 1 }));
  const unmoved = { ...seen, offlineCounter: 8, balanceBeforeMinor: 5000 };
  for (let gateSequence = 1; gateSequence <= LEDGER_SIGHTINGS_MAX; gateSequence++) {
    await on.post(received({ gateId: 'G02', gateSequence, ...unmoved }));
  }
  assert.equal(presumedOf(on, 1), null);
  const moved = { ...unmoved, balanceBeforeMinor: 4800 };
  await on.post(received({ gateId: 'G03', gateSequence: 1, ...moved }));
  assert.equal(presumedOf(on, 1), null, 'not heard');
  await on.post(received({ gateId: 'G01', gateSequence: 2, ...moved }));
  assert.equal(presumedOf(on, 1), 'posted');
});

for (const [name, transactionType, readsMax] of [
  ['a purse', 9, 8],
  ['a bank card', 0xec, 24],
] as const) {
  rule(`a sighting is weighed against the debits next below it alone: ${name}`, async (on) => {
    const many = 60;
    for (let gateSequence = 1; gateSequence <= many; gateSequence++) {
      await on.post(torn({ gateSequence, transactionType, offlineCounter: gateSequence }));
    }
    let reads = 0;
    const transaction = on.store.transaction.bind(on.store);
    on.store.transaction = (work) =>
      transaction((writer) => {
        const get: StoreWriter['get'] = (table, key) => {
          if (table === 'debits') reads++;
          return writer.get(table, key);
        };
        const { range, put, remove } = writer;
        return work({ get, range, put, remove });
      });
    const above = { offlineCounter: many + 9, transactionType };
    await on.post(received({ gateId: 'G02', gateSequence: 1, ...seen, ...above }));
    assert(reads > 0 && reads <= readsMax, `${reads} reads`);
  });
}
