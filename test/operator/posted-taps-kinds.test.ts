/** Which posted debits are taps for accounts: purses, e-cash; open loop where it is asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { encodeDebit } from '../../engine/debit/codec.ts';
import {
  DEBIT_BYTES,
  type Debit,
  DebitKind,
  DebitState,
  ECASH_TRANSACTION,
  OPEN_LOOP_TRANSACTION,
  TapKind,
} from '../../engine/debit/record.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { TAC_VALID } from '../../engine/ledger/received.ts';
import { decodeDebitRow, encodeDebitRow, idKey } from '../../engine/ledger/rows.ts';
import { lostTaps, postedTaps } from '../../engine/operator/posted-taps.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { createRecordChecks } from '../../engine/operator/record-checks.ts';
import { debitOf } from '../gate/uplink/fakes.ts';

const storageKey = new Uint8Array(32).fill(5);
const set = sampleFareSet();
const names = { sets: [set], networkOf: () => 'metro' };
const always = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, shard: 0, shards: 1, openLoop: false };

/** A ledger of one debit for each of these, of one gate and a batch each. */
async function ledgerOf(debits: readonly Partial<Debit>[]): Promise<MemoryStore> {
  const made = createRecordChecks({
    keyring: new Keyring([]),
    cardHash: cmacKey(new Uint8Array(16)),
    storageKey,
    salt: new Uint8Array(16),
  });
  const checks = {
    ...made,
    verifyTacs: (_: Uint8Array, count: number, verdicts: Uint8Array) =>
      void verdicts.fill(TAC_VALID, 0, count),
  };
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  for (const [i, fields] of debits.entries()) {
    const records = new Uint8Array(DEBIT_BYTES);
    const sound = { kind: DebitKind.debit, state: DebitState.confirmed, tapKind: TapKind.exit };
    const place = {
      cardNumber: new Uint8Array(10).fill(7),
      fareVersion: set.version,
      toStation: set.stations[0]!.code,
    };
    encodeDebit(debitOf('G01', i + 1, { ...sound, ...place, ...fields }), records, 0);
    const batch = { type: 'batch', first: i + 1, count: 1, records, status: null } as const;
    const { outcomes } = await ledger.postBatch(receiveBatch('G01', batch, checks));
    assert.deepEqual(outcomes, ['posted']);
  }
  return store;
}

const purse = { offlineCounter: 9, balanceBeforeMinor: 1000, amountMinor: 200 };
const late = { offlineCounter: 5, balanceBeforeMinor: 5000, amountMinor: 300 };
const ecash = { transactionType: ECASH_TRANSACTION, amountMinor: 400, offlineCounter: 40 };
const openLoop = { transactionType: OPEN_LOOP_TRANSACTION, amountMinor: 0, offlineCounter: 41 };

test('purses and e-cash are taps, late ones too; open loop is where it is asked for', async () => {
  const store = await ledgerOf([purse, late, ecash, openLoop]);
  const told = (more: object) =>
    [...postedTaps(store, storageKey, { ...always, ...more }, names)].map(
      ({ id, paidMinor, kind, stop }) => {
        assert.deepEqual([kind, stop], ['exit', set.stations[0]!.id]);
        return `${id} ${paidMinor}`;
      },
    );
  const rides = ['G01-1 200', 'G01-2 300', 'G01-3 400'];
  assert.deepEqual(told({}).sort(), rides);
  assert.deepEqual(told({ openLoop: true }).sort(), [...rides, 'G01-4 0']);
  assert.deepEqual([...lostTaps(store, always)], []);
});

test('a debit whose record is kept nowhere is named where it is asked for', async () => {
  // A break of balance has a row of its own.
  const store = await ledgerOf([purse, { ...late, offlineCounter: 10, balanceBeforeMinor: 1 }]);
  await store.transaction((writer) => {
    const key = idKey({ gateId: 'G01', gateSequence: 2 });
    const row = decodeDebitRow(writer.get('debits', key)!);
    writer.put('debits', key, encodeDebitRow({ ...row, sealed: new Uint8Array(0) }));
  });
  assert.deepEqual([...lostTaps(store, always)], ['G01-2']);
  assert.deepEqual([...lostTaps(store, { ...always, toMs: 1 })], []);
  assert.equal([...postedTaps(store, storageKey, always, names)].length, 1);
});
