/**
 * What the engine makes of debits of bank cards: by the issuer's key where it is held, passed
 * through where not; evidence that is forged, missing, another's or of no genuine card.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex } from '../../engine/bytes.ts';
import { emptyBankPayload } from '../../engine/card/qpboc/evidence-payload.ts';
import { type CryptogramKey, CryptogramKeyring } from '../../engine/crypto/cryptogram-keyring.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { at } from '../../engine/debit/codec.ts';
import { eventAt } from '../../engine/debit/event.ts';
import { DEBIT_BYTES, DebitState, OPEN_LOOP_TRANSACTION } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { tacCodes } from '../../engine/ledger/received.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { createRecordChecks, type RecordChecks } from '../../engine/operator/record-checks.ts';
import { bankRecords, cardOfIssuer, purchaseRecords } from '../kit/bank-records.ts';
import { buy, ecashCard } from '../kit/ecash-cards.ts';

const GATE = 'T2';
const master = fromHex('0123456789ABCDEFFEDCBA9876543210');
const other = fromHex('00112233445566778899AABBCCDDEEFF');
const PAYLOAD = DEBIT_BYTES + eventAt.payload;

function checksOf(...keys: Partial<CryptogramKey>[]): RecordChecks {
  const held = { prefix: '622800', index: 1, algorithm: '3des', master } as const;
  return createRecordChecks({
    keyring: new Keyring([]),
    cryptograms: new CryptogramKeyring(keys.map((key) => ({ ...held, ...key }))),
    cardHash: cmacKey(new Uint8Array(16)),
    storageKey: new Uint8Array(32),
    salt: new Uint8Array(16),
  });
}

function verdictsOn(checks: RecordChecks, records: Uint8Array): string[] {
  const count = records.length / DEBIT_BYTES;
  const batch = { type: 'batch', first: 1, count, records, status: null } as const;
  return [...receiveBatch(GATE, batch, checks).tacs].map((code) => tacCodes[code]!);
}

function verdictOn(checks: RecordChecks, records: Uint8Array): string {
  return verdictsOn(checks, records)[0]!;
}

for (const algorithm of ['3des', 'sm4'] as const) {
  for (const cryptogramVersion of [0x01, 0x17] as const) {
    test(`an issuer's key verifies version ${cryptogramVersion.toString(16)} by ${algorithm}`, () => {
      const card = cardOfIssuer(master, { algorithm, cryptogramVersion });
      const records = purchaseRecords(GATE, 1, card, 250);
      assert.equal(verdictOn(checksOf({ algorithm }), records), 'valid');
      assert.equal(verdictOn(checksOf({ algorithm, master: other }), records), 'invalid');
      const both = checksOf({ algorithm: '3des' }, { algorithm: 'sm4' });
      assert.equal(verdictOn(both, records), 'valid', 'whichever cipher it is of');
    });
  }
}

test('without a key of the issuer, index or version the evidence is passed through', () => {
  const records = purchaseRecords(GATE, 1, cardOfIssuer(master), 250);
  assert.equal(verdictOn(checksOf(), records), 'passedThrough');
  assert.equal(verdictOn(checksOf({ prefix: '622801', master: other }), records), 'passedThrough');
  assert.equal(verdictOn(checksOf({ index: 2, master: other }), records), 'passedThrough');
  const longest = checksOf({ prefix: '62', master: other }, { prefix: '62280001' });
  assert.equal(verdictOn(longest, records), 'valid', 'the longest prefix has it');
  const unknown = records.slice();
  unknown[PAYLOAD + 60 + 2] = 0x02;
  assert.equal(verdictOn(checksOf({}), unknown), 'passedThrough', 'another cryptogram version');
});

test('no evidence: missing, empty, cut off, another family’s', () => {
  const records = purchaseRecords(GATE, 1, cardOfIssuer(master), 250);
  for (const checks of [checksOf(), checksOf({})]) {
    assert.equal(verdictOn(checks, records.slice(0, DEBIT_BYTES)), 'noEvidence');
    const empty = records.slice();
    empty.set(emptyBankPayload(), PAYLOAD);
    assert.equal(verdictOn(checks, empty), 'noEvidence');
    const desfire = records.slice();
    desfire[DEBIT_BYTES + eventAt.family] = 1;
    assert.equal(verdictOn(checks, desfire), 'noEvidence');
  }
});

test('whatever is changed of what the cryptogram covers: invalid where the key is held', () => {
  const records = purchaseRecords(GATE, 1, cardOfIssuer(master), 250);
  const checks = checksOf({});
  const fields: readonly (readonly [string, number, number])[] = [
    ['amount', at.amountMinor, 4],
    ['currency', at.currency, 2],
    ['PAN', at.cardNumber + 2, 6],
    ['sequence', at.cardNumber + 9, 1],
    ['ATC', at.offlineCounter, 2],
    ['date', at.dateTime + 1, 3],
    ['cryptogram', PAYLOAD + 1, 8],
    ['unpredictable number', PAYLOAD + 9, 4],
    ['AIP', PAYLOAD + 13, 2],
    ['TVR', PAYLOAD + 15, 5],
    ['9C and country', PAYLOAD + 20, 3],
    ['CVR', PAYLOAD + 63, 4],
  ];
  fc.assert(
    fc.property(fc.constantFrom(...fields), fc.nat(), fc.nat(7), ([name, from, length], n, b) => {
      const changed = records.slice();
      changed[from + (n % length)]! ^= 1 << b;
      // A PAN of another prefix is another issuer's, whose key is not held.
      const expected = name === 'PAN' ? ['invalid', 'passedThrough'] : ['invalid'];
      assert(expected.includes(verdictOn(checks, changed)), name);
    }),
    { numRuns: 300 },
  );
});

test('bytes of any kind in the payload end in a verdict', () => {
  const records = purchaseRecords(GATE, 1, cardOfIssuer(master), 250);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 109, maxLength: 109 }), (payload) => {
      const changed = records.slice();
      changed.set(payload, PAYLOAD);
      assert.notEqual(verdictOn(checksOf({}), changed), 'valid');
    }),
  );
});

test('evidence swapped between two debits bears neither out', () => {
  const card = cardOfIssuer(master);
  const first = purchaseRecords(GATE, 1, card, 250);
  const second = purchaseRecords(GATE, 3, card, 250);
  const checks = checksOf({});
  const both = Buffer.concat([first, second]);
  assert.deepEqual(verdictsOn(checks, both), ['valid', 'none', 'valid', 'none']);
  const swapped = both.slice();
  const payload = (records: Uint8Array) => records.subarray(PAYLOAD, PAYLOAD + 109);
  swapped.set(payload(second), PAYLOAD);
  swapped.set(payload(first), 2 * DEBIT_BYTES + PAYLOAD);
  const plain = new Uint8Array(swapped);
  assert.deepEqual(verdictsOn(checks, plain), ['invalid', 'none', 'invalid', 'none']);
});

test('what no gate may let through is invalid, with or without the key', () => {
  const card = cardOfIssuer(master);
  const none = { method: 'none', algorithm: 'none' } as const;
  const unknownCard = purchaseRecords(GATE, 1, card, 250, { authenticated: none });
  const online = ecashCard({ quirks: { decision: 'ARQC' } });
  const result = buy(online, 250);
  assert(result.result === 'online');
  const askedFor = bankRecords(GATE, 1, result.transaction);
  const odd = (change: (records: Uint8Array) => void) => {
    const records = purchaseRecords(GATE, 1, card, 250);
    change(records);
    return records;
  };
  const cases: readonly Uint8Array[] = [
    unknownCard,
    askedFor,
    odd((records) => {
      records[PAYLOAD] = 0x00;
    }),
    odd((records) => {
      records[PAYLOAD] = 0x80;
    }),
    odd((records) => {
      records[PAYLOAD + 20] = 0x01;
    }),
    odd((records) => {
      records[at.dateTime + 2] = 0x13;
    }),
    odd((records) => {
      records.fill(0xff, at.cardNumber, at.cardNumber + 10);
    }),
    odd((records) => {
      records[at.transactionType] = OPEN_LOOP_TRANSACTION;
    }),
  ];
  for (const [i, records] of cases.entries()) {
    for (const checks of [checksOf(), checksOf({})]) {
      assert.equal(verdictOn(checks, records), 'invalid', `case ${i}`);
    }
  }
});

test('of a torn debit the cryptogram is judged, and nothing that came with the last record', () => {
  const card = cardOfIssuer(master);
  const none = { method: 'none', algorithm: 'none' } as const;
  const debit = { state: DebitState.unconfirmed };
  const records = purchaseRecords(GATE, 1, card, 250, { authenticated: none, debit });
  assert.equal(verdictOn(checksOf({}), records), 'valid');
  assert.equal(verdictOn(checksOf({ master: other }), records), 'invalid');
  assert.equal(verdictOn(checksOf(), records), 'passedThrough');
  assert.equal(verdictOn(checksOf({}), records.slice(0, DEBIT_BYTES)), 'none');
  const empty = records.slice();
  empty.set(emptyBankPayload(), PAYLOAD);
  assert.equal(verdictOn(checksOf({}), empty), 'none');
  const odd = records.slice();
  odd[PAYLOAD] = 0x80;
  assert.equal(verdictOn(checksOf(), odd), 'invalid');
  const later = { ...debit, transactionType: OPEN_LOOP_TRANSACTION, balanceBeforeMinor: 0 };
  const unknown = purchaseRecords(GATE, 1, card, 0, { authenticated: none, debit: later });
  assert.equal(verdictOn(checksOf({}), unknown), 'invalid', 'authenticated before its intent');
});

test('a made-up card that was torn away neither pays nor speaks where the key is held', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  const none = { method: 'none', algorithm: 'none' } as const;
  const torn = { authenticated: none, debit: { state: DebitState.unconfirmed } };
  const card = cardOfIssuer(master, {}, { atc: 10, balanceMinor: 5000 });
  const clone = cardOfIssuer(other, {}, { atc: 11, balanceMinor: 5000 });
  const genuine = purchaseRecords(GATE, 1, card, 250, torn);
  const made = purchaseRecords(GATE, 3, clone, 250, torn);
  const next = cardOfIssuer(master, {}, { atc: 12, balanceMinor: 4750 });
  const records = Buffer.concat([genuine, made, purchaseRecords(GATE, 5, next, 300)]);
  const count = records.length / DEBIT_BYTES;
  const batch = { type: 'batch', first: 1, count, records, status: null } as const;
  const { outcomes } = await ledger.postBatch(receiveBatch(GATE, batch, checksOf({})));
  const debits = outcomes.filter((_, i) => i % 2 === 0);
  assert.deepEqual(debits, ['unconfirmed', 'tacInvalid', 'posted']);
  assert.equal(ledger.unconfirmed({})[0]!.presumed, 'posted');
  assert.deepEqual(checkLedger(store).findings, []);
});

test('open loop: an amount of 0 under TC or ARQC', () => {
  const debit = { transactionType: OPEN_LOOP_TRANSACTION, balanceBeforeMinor: 0 };
  const approved = purchaseRecords(GATE, 1, cardOfIssuer(master), 0, { debit });
  assert.equal(verdictOn(checksOf({}), approved), 'valid');
  const result = buy(ecashCard({ quirks: { decision: 'ARQC' } }), 0);
  assert(result.result === 'online');
  const records = bankRecords(GATE, 1, result.transaction, { debit });
  assert.equal(verdictOn(checksOf(), records), 'passedThrough');
});

test('the ledger posts both, keeps them apart, and holds the evidence of each', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  const card = cardOfIssuer(master);
  const post = async (records: Uint8Array, first: number, checks: RecordChecks) => {
    const count = records.length / DEBIT_BYTES;
    const batch = { type: 'batch', first, count, records, status: null } as const;
    return (await ledger.postBatch(receiveBatch(GATE, batch, checks))).outcomes;
  };
  const known = await post(purchaseRecords(GATE, 1, card, 250), 1, checksOf({}));
  assert.deepEqual(known, ['posted', 'recorded']);
  const passed = await post(purchaseRecords(GATE, 3, card, 300), 3, checksOf());
  assert.deepEqual(passed, ['posted', 'recorded']);
  const wrong = await post(purchaseRecords(GATE, 5, card, 200), 5, checksOf({ master: other }));
  assert.deepEqual(wrong, ['tacInvalid', 'recorded']);
  const missing = purchaseRecords(GATE, 7, card, 200).slice(0, DEBIT_BYTES);
  assert.deepEqual(await post(missing, 7, checksOf({})), ['evidenceMissing']);
  const { accounts, passedThrough } = ledger.summary();
  assert.equal(passedThrough, 1);
  assert.deepEqual(
    accounts.map(({ name, balanceMinor }) => [name.split(':')[0], balanceMinor]),
    [
      ['receivable', 950],
      ['suspense', -400],
      ['passedThrough', -300],
      ['clearing', -250],
    ],
  );
  assert.deepEqual(checkLedger(store).findings, []);
});
