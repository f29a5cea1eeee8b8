/**
 * Bank cards in the ledger: a counter that wanders, a balance that moves elsewhere, and what the
 * exact balance says of a debit whose answer was lost. Case by case, then at random.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { writeU32 } from '../../engine/bytes.ts';
import {
  DebitState,
  ECASH_TRANSACTION,
  Evidence,
  OPEN_LOOP_TRANSACTION,
} from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { u48 } from '../../engine/ledger/rows.ts';
import { BATCH_RECORDS_MAX } from '../../engine/limits.ts';
import { anyBankTaps, honestBankTaps, playBank } from './bank-world.ts';
import { byColumns, byRules } from './columns.ts';
import { rule } from './rule.ts';
import { Run } from './run.ts';
import { ISSUER, received, settlement, torn } from './samples.ts';
import { GATES, uploads } from './world.ts';

type Fields = Partial<ReceivedDebit> & { gateSequence: number };

function ecash(fields: Fields): ReceivedDebit {
  return received({ transactionType: ECASH_TRANSACTION, offlineCounter: 100, ...fields });
}

function tornEcash(fields: Fields): ReceivedDebit {
  return torn({ transactionType: ECASH_TRANSACTION, offlineCounter: 100, ...fields });
}

const elsewhere = (offlineCounter: number, balanceBeforeMinor: number, n = 1): ReceivedDebit =>
  ecash({ gateId: 'G02', gateSequence: n, offlineCounter, balanceBeforeMinor });

/** Standing of the first unconfirmed debit, as the ledger lists it. */
function presumed(ledger: Ledger): string | null {
  return ledger.unconfirmed({})[0]!.presumed;
}

rule('bank: gaps, shops and loads between debits are nobody’s fault', async (on) => {
  await on.post(ecash({ gateSequence: 1 }));
  // Adjacent, and less than was left: a shop. Then more: a load. Then late, in between.
  for (const [n, atc, balance] of [
    [1, 101, 100],
    [2, 140, 9000],
    [3, 120, 3],
  ] as const) {
    assert.equal(await on.post(elsewhere(atc, balance, n)), 'posted');
  }
  assert.deepEqual(on.ledger.exceptions({}), []);
  assert.equal(checkLedger(on.store).open.counterGap, 0);
  assert.deepEqual(on.balances(), [800, -800, 0]);
});

rule(
  'bank: the same ATC with another content is a conflict, in another currency too',
  async (on) => {
    await on.post(ecash({ gateSequence: 1 }));
    assert.equal(await on.post(elsewhere(100, 4000)), 'naturalKeyConflict');
    assert.equal(await on.post(received({ gateSequence: 2, offlineCounter: 100 })), 'posted');
    assert.equal(on.ledger.summary().exceptions.naturalKeyConflict, 1);
  },
);

rule('bank: what only the bank can verify is posted, in an account of its own', async (on) => {
  await on.post(ecash({ gateSequence: 1, tac: 'passedThrough' }));
  await on.post(ecash({ gateSequence: 2, offlineCounter: 90, tac: 'passedThrough' }));
  await on.post(ecash({ gateSequence: 3, offlineCounter: 105 }));
  await on.post(ecash({ gateSequence: 4, offlineCounter: 106, tac: 'invalid' }));
  const { accounts, posted, passedThrough, suspended } = on.ledger.summary();
  assert.deepEqual([posted, passedThrough, suspended], [3, 2, 1]);
  const named = new Map(accounts.map((one) => [one.name, one.balanceMinor]));
  assert.equal(named.get(`passedThrough:${ISSUER}`), -400);
  assert.equal(named.get(`clearing:${ISSUER}`), -200);
  assert.equal(named.get(`suspense:${ISSUER}`), -200);
  assert.equal(named.get(`receivable:${ISSUER}`), 800);
});

const words: readonly (readonly [string, number, string | null])[] = [
  ['fell by the amount', 4800, 'posted'],
  ['did not move', 5000, 'voided'],
  ['fell by more', 4700, null],
  ['rose', 9000, null],
];
for (const [what, balanceMinor, expected] of words) {
  rule(`bank: a balance that ${what}`, async (on) => {
    await on.post(tornEcash({ gateSequence: 1 }));
    assert.equal(presumed(on.ledger), null);
    await on.post(elsewhere(117, balanceMinor));
    assert.equal(presumed(on.ledger), expected);
  });
  rule(`bank: the torn debit comes late, and the balance ${what}`, async (on) => {
    await on.post(elsewhere(117, balanceMinor));
    assert.equal(await on.post(tornEcash({ gateSequence: 1 })), 'unconfirmed');
    assert.equal(presumed(on.ledger), expected);
  });
}

rule('bank: only the first balance told above speaks; a void tap tells it as well', async (on) => {
  await on.post(tornEcash({ gateSequence: 1 }));
  await on.post(elsewhere(130, 4800, 1));
  assert.equal(presumed(on.ledger), 'posted');
  const gone = { state: DebitState.void, evidence: Evidence.notSent, tac: 'none' } as const;
  await on.post(ecash({ gateSequence: 2, offlineCounter: 110, balanceBeforeMinor: 5000, ...gone }));
  assert.equal(presumed(on.ledger), 'voided');
  // A card that does not tell its balance, and paid: nothing can be said through it.
  await on.post(elsewhere(105, 0, 2));
  assert.equal(presumed(on.ledger), null);
});

rule('bank: a balance that is told otherwise again and again stops no ledger', async (on) => {
  const first = tornEcash({ gateSequence: 1 });
  await on.post(first);
  const gone = { state: DebitState.void, evidence: Evidence.notSent, tac: 'none' } as const;
  const gateId = 'G02';
  for (let n = 1; n <= 300; n++) {
    const balanceBeforeMinor = n % 2 === 0 ? 5000 : 4800;
    const place = { gateId, gateSequence: n, offlineCounter: 500 - n, balanceBeforeMinor };
    assert.equal(await on.post(ecash({ ...place, ...gone })), 'voided');
  }
  const reading = { evidence: Evidence.cardState, tac: 'none' } as const;
  const word = settlement(first, DebitState.void, { gateSequence: 2, ...reading });
  assert.equal(await on.post(word), 'settled');
  assert.deepEqual(on.balances(), [0, 0, 0], 'a settlement still has the last word');
});

rule('bank: taps without money and without a balance are looked through', async (on) => {
  await on.post(tornEcash({ gateSequence: 1 }));
  const openLoop = { transactionType: 0xe0, amountMinor: 0, balanceBeforeMinor: 0 };
  for (let n = 1; n <= 15; n++) {
    await on.post(
      received({ gateId: 'G03', gateSequence: n, offlineCounter: 100 + n, ...openLoop }),
    );
  }
  await on.post(elsewhere(140, 4800));
  assert.equal(presumed(on.ledger), 'posted');
  await on.post(received({ gateId: 'G03', gateSequence: 16, offlineCounter: 139, ...openLoop }));
  assert.equal(presumed(on.ledger), null, 'one too many');
});

rule('bank: several torn ones each go by the balance the next one read', async (on) => {
  await on.post(tornEcash({ gateSequence: 1 }));
  await on.post(tornEcash({ gateSequence: 2, offlineCounter: 103, balanceBeforeMinor: 4800 }));
  await on.post(tornEcash({ gateSequence: 3, offlineCounter: 104, balanceBeforeMinor: 4800 }));
  await on.post(elsewhere(109, 4000));
  const all = on.ledger.unconfirmed({}).map((one) => one.presumed);
  assert.deepEqual(all, ['posted', 'voided', null]);
  assert.deepEqual(on.balances(), [400, -400, 0]);
});

rule(
  'bank: a debit of 0 stays open whatever is seen of the card, until a gate settles it',
  async (on) => {
    const entry = tornEcash({ gateSequence: 1, amountMinor: 0, tac: 'valid' });
    await on.post(entry);
    assert.equal(presumed(on.ledger), null);
    await on.post(elsewhere(130, 5000));
    assert.equal(presumed(on.ledger), null);
    const reading = { evidence: Evidence.cardState, tac: 'none' } as const;
    const word = settlement(entry, DebitState.confirmed, { gateSequence: 2, ...reading });
    assert.equal(await on.post(word), 'settled');
    assert.equal(presumed(on.ledger), 'posted');
  },
);

rule('bank: an open-loop tap that a crash cut off counts by its evidence', async (on) => {
  const fields = { transactionType: 0xe0, amountMinor: 0, balanceBeforeMinor: 0 };
  await on.post(torn({ gateSequence: 1, offlineCounter: 100, ...fields, tac: 'passedThrough' }));
  assert.equal(presumed(on.ledger), 'posted');
  await on.post(torn({ gateSequence: 2, offlineCounter: 101, ...fields }));
  await on.post(elsewhere(130, 5000));
  const all = on.ledger.unconfirmed({}).map((one) => one.presumed);
  assert.deepEqual(all, ['posted', null], 'without evidence the gate was still closed');
});

rule(
  'bank: a torn debit whose cryptogram is no card’s is void, and has seen nothing',
  async (on) => {
    await on.post(tornEcash({ gateSequence: 1 }));
    const forged = tornEcash({ gateSequence: 2, offlineCounter: 101, tac: 'invalid' });
    assert.equal(await on.post(forged), 'tacInvalid');
    assert.equal(presumed(on.ledger), null, 'its balance would void the debit before');
    await on.post(elsewhere(117, 4800));
    assert.equal(presumed(on.ledger), 'posted');
    const reading = { evidence: Evidence.cardState, tac: 'none' } as const;
    const word = settlement(forged, DebitState.confirmed, { gateSequence: 3, ...reading });
    assert.equal(await on.post(word), 'settled', 'overruled');
    const { voided, exceptions } = on.ledger.summary();
    assert.deepEqual([voided, exceptions.tacInvalid], [1, 1]);
    assert.deepEqual(on.balances(), [400, -400, 0]);
  },
);

rule('bank: a cryptogram that verifies does not say that the card was debited', async (on) => {
  await on.post(tornEcash({ gateSequence: 1, tac: 'valid' }));
  assert.equal(presumed(on.ledger), null);
  await on.post(elsewhere(117, 5000));
  assert.equal(presumed(on.ledger), 'voided');
});

rule('bank: a gate’s settlement has the last word, and a contradiction is one', async (on) => {
  const debit = tornEcash({ gateSequence: 1 });
  await on.post(debit);
  await on.post(elsewhere(117, 4800));
  const reading = { evidence: Evidence.cardState, tac: 'none' } as const;
  const denial = settlement(debit, DebitState.void, { gateSequence: 2, ...reading });
  assert.equal(await on.post(denial), 'settled');
  assert.deepEqual(on.balances(), [200, -200, 0]);
  const shop = tornEcash({ gateSequence: 3, offlineCounter: 118, balanceBeforeMinor: 4600 });
  await on.post(shop);
  const word = settlement(shop, DebitState.confirmed, { gateSequence: 4, ...reading });
  assert.equal(await on.post(word), 'settled');
  assert.equal(presumed(on.ledger), 'posted');
  const wrong = settlement(shop, DebitState.confirmed, {
    gateSequence: 5,
    ...reading,
    amountMinor: 300,
  });
  assert.equal(await on.post(wrong), 'settlementConflict');
});

for (const { name, lane } of [
  { name: 'by rules', lane: byRules },
  { name: 'by columns', lane: byColumns },
]) {
  test(`bank, ${name}: whatever arrives in whatever order: as the twin has it`, async () => {
    await fc.assert(
      fc.asyncProperty(anyBankTaps, uploads, async (taps, plan) => {
        const run = await Run.on(playBank(taps), new MemoryStore(), lane);
        for (const upload of plan) await run.upload(upload);
        await run.finish();
      }),
      { numRuns: 100 },
    );
  });

  test(`bank, ${name}: honest cards end alike in every order, and nothing false is presumed`, async () => {
    let resolved = 0;
    await fc.assert(
      fc.asyncProperty(honestBankTaps, uploads, async (taps, plan) => {
        const { journals, committed } = playBank(taps);
        const run = await Run.on({ journals }, new MemoryStore(), lane);
        for (const upload of plan) await run.upload(upload);
        await run.finish();
        const inOrder = await Run.on({ journals }, new MemoryStore(), lane);
        await inOrder.finish();
        assert.deepEqual(run.standings(), inOrder.standings());
        for (const [id, standing] of run.standings()) {
          const took = committed.get(id);
          const mayBeBoth = standing === 'unconfirmed' || took === undefined;
          const debit = journals.get(id.slice(0, 3))![Number(id.slice(4)) - 1]!;
          if (mayBeBoth || debit.transactionType === OPEN_LOOP_TRANSACTION) continue;
          const saysSo = standing === 'posted' || standing === 'presumedPosted';
          assert.equal(saysSo, took, `${id} ${standing}`);
          if (standing.startsWith('presumed')) resolved++;
        }
        assert.deepEqual(run.ledger.exceptions({}), []);
        assert.equal(checkLedger(run.store).open.counterGap, 0);
      }),
      { numRuns: 100 },
    );
    assert(resolved > 20, `${resolved} torn debits were presumed anything`);
  });
}

test('bank: both lanes give the same outcomes and the same ledger', async () => {
  await fc.assert(
    fc.asyncProperty(anyBankTaps, async (taps) => {
      const { journals } = playBank(taps);
      const sides = [];
      for (const lane of [byRules, byColumns]) {
        const store = new MemoryStore();
        const ledger = await Ledger.open(store, { checkpointRows: 3 });
        const outcomes = [];
        for (const gate of GATES) {
          const debits = journals.get(gate)!.slice(0, BATCH_RECORDS_MAX);
          outcomes.push((await lane(ledger, gate, debits)).outcomes);
        }
        const again = await Ledger.open(store);
        sides.push({
          outcomes,
          summary: ledger.summary(),
          totals: [...again.cardTotals()],
          unconfirmed: again.unconfirmed({}),
          check: checkLedger(store, { passes: 3 }),
        });
      }
      assert.deepEqual(sides[1], sides[0]);
      assert.deepEqual(sides[0]!.check.findings, []);
    }),
    { numRuns: 100 },
  );
});

test('bank: ordinary debits go into blocks, late ones too, torn ones into rows of their own', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  await byColumns(ledger, 'G01', [
    ecash({ gateSequence: 1 }),
    ecash({ gateSequence: 2, offlineCounter: 105, balanceBeforeMinor: 1, tac: 'passedThrough' }),
    ecash({ gateSequence: 3, offlineCounter: 102 }),
    torn({ gateSequence: 4, transactionType: ECASH_TRANSACTION, offlineCounter: 106 }),
  ]);
  const rows = store.read((reader) => [...reader.range('debits', {})]);
  assert.equal(rows.length, 1);
  assert(rows[0]!.value.length > 84, 'its record is kept with it');
});

/** Planted in the store of a sound ledger; each is found. */
const faults: readonly [string, (store: MemoryStore) => Promise<void>, RegExp][] = [
  [
    'a presumption that the balances do not bear out',
    (store) =>
      store.transaction((writer) => {
        for (const { key, value } of [...writer.range('debits', {})]) {
          if (value[0] === 4) writer.put('debits', key, Uint8Array.of(3, ...value.subarray(1)));
        }
      }),
    /presumed: stored 3, computed 4/,
  ],
  [
    'a verdict that moves a claim from one account to the other',
    (store) =>
      store.transaction((writer) => {
        for (const { key, value } of [...writer.range('debits', {})]) {
          if (value[5] === 5) value[5] = 1;
          writer.put('debits', key, value);
        }
      }),
    /count of debits passed through: stored 1, computed 0/,
  ],
  [
    'a count',
    (store) =>
      store.transaction((writer) => {
        const key = Buffer.from('passedThrough');
        writer.put('totals', key, Uint8Array.of(0, 0, 0, 0, 0, 9));
      }),
    /count of debits passed through: stored 9, computed 1/,
  ],
];
for (const [what, plant, finding] of faults) {
  test(`bank: the check finds ${what}`, async () => {
    const store = new MemoryStore();
    const ledger = await Ledger.open(store);
    await byRules(ledger, 'G01', [
      tornEcash({ gateSequence: 1 }),
      ecash({ gateSequence: 2, offlineCounter: 110, balanceBeforeMinor: 4800 }),
      ecash({ gateSequence: 3, offlineCounter: 111, tac: 'passedThrough' }),
    ]);
    assert.deepEqual(checkLedger(store).findings, []);
    await plant(store);
    assert.match(checkLedger(store).findings.join('\n'), finding);
  });
}

test('bank: the check finds a block whose row says that its bank was not asked', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  await byColumns(ledger, 'G01', [
    ecash({ gateSequence: 1, tac: 'passedThrough' }),
    ecash({ gateSequence: 2, offlineCounter: 300, balanceBeforeMinor: 7 }),
  ]);
  assert.deepEqual(checkLedger(store).findings, []);
  await store.transaction((writer) => {
    const bytes = writer.get('blocks', u48(1))!;
    // `evidence` of the first row (`block.ts`).
    bytes[46 + 60]! ^= 0x80;
    writeU32(bytes, 0, crc32(bytes.subarray(4)));
    writer.put('blocks', u48(1), bytes);
  });
  const found = checkLedger(store).findings.join('\n');
  assert.match(found, /count of debits passed through: stored 1, computed 0/);
  assert.match(found, /account passedThrough:\S+: stored -200, computed 0/);
});
