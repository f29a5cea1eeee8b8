/**
 * What the engine makes of debits of AES closed-loop cards: verified by the evidence behind them,
 * and by nothing else; forged, missing, foreign and repeated evidence end under their own names.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { at } from '../../engine/debit/codec.ts';
import { eventAt } from '../../engine/debit/event.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { tacCodes } from '../../engine/ledger/received.ts';
import type { DesfireScheme } from '../../engine/operator/desfire-evidence.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { createRecordChecks, type RecordChecks } from '../../engine/operator/record-checks.ts';
import { StationKit } from '../kit/station-kit.ts';

const PAYLOAD = DEBIT_BYTES + eventAt.payload;
const place = { tmc: PAYLOAD, tmv: PAYLOAD + 4, before: PAYLOAD + 12, written: PAYLOAD + 60 };

function checksOf(desfire: DesfireScheme | null): RecordChecks {
  return createRecordChecks({
    keyring: new Keyring([]),
    ...(desfire ? { desfire } : {}),
    cardHash: cmacKey(new Uint8Array(16)),
    storageKey: new Uint8Array(32),
    salt: new Uint8Array(16),
  });
}

/** An entry and an exit of one card: two debits, each with its evidence. */
async function ride() {
  const kit = new StationKit();
  const card = kit.desfireCard();
  const journals = [];
  for (const [side, station] of [
    ['entry', 3],
    ['exit', 8],
  ] as const) {
    const gate = kit.gate(side, station, { desfire: 'first' });
    await gate.tap(card);
    kit.pass(20);
    journals.push(gate.journal);
  }
  const exit = (await journals[1]!.read(1, 10)).records;
  const entry = (await journals[0]!.read(1, 10)).records;
  return { kit, card, entry, exit };
}

function verdictOf(checks: RecordChecks, records: Uint8Array, gateId = 'T2'): string {
  const count = records.length / DEBIT_BYTES;
  const batch = { type: 'batch', first: 1, count, records, status: null } as const;
  return tacCodes[receiveBatch(gateId, batch, checks).tacs[0]!]!;
}

test('honest evidence is valid; without it, or cut off, the debit is not', async () => {
  const { kit, exit } = await ride();
  const checks = checksOf(kit.desfireScheme);
  assert.equal(verdictOf(checks, exit), 'valid');
  assert.equal(verdictOf(checks, exit.slice(0, DEBIT_BYTES)), 'noEvidence');
  const empty = exit.slice();
  empty.fill(0, place.tmc, place.tmc + 4);
  assert.equal(verdictOf(checks, empty), 'noEvidence');
  const other = exit.slice();
  other.set(exit.subarray(0, DEBIT_BYTES), DEBIT_BYTES);
  other[DEBIT_BYTES + at.gateSequence + 5] = 2;
  assert.equal(verdictOf(checks, other), 'noEvidence', 'another debit stands behind it');
});

test('an engine without the key or the profile cannot say', async () => {
  const { kit, exit } = await ride();
  assert.equal(verdictOf(checksOf(null), exit), 'unknownKey');
  const { profiles } = kit.desfireScheme;
  const keyless = checksOf({ keyring: new AesKeyring([]), profiles });
  assert.equal(verdictOf(keyless, exit), 'unknownKey');
  const foreign = new StationKit().desfireScheme;
  assert.equal(verdictOf(checksOf(foreign), exit), 'invalid');
});

test('whatever is changed in debit or evidence that money hangs on: invalid', async () => {
  const { kit, exit } = await ride();
  const checks = checksOf(kit.desfireScheme);
  const fields: readonly (readonly [string, number, number])[] = [
    ['amount', at.amountMinor, 4],
    ['balance', at.balanceBeforeMinor, 4],
    ['card number', at.cardNumber, 10],
    ['counter', at.offlineCounter, 2],
    ['date', at.dateTime, 7],
    ['terminal', at.terminalId, 6],
    ['station', at.toStation, 4],
    ['TMC', place.tmc, 4],
    ['TMV', place.tmv, 8],
    ['record before', place.before, 48],
    ['record written', place.written, 48],
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...fields),
      fc.nat(),
      fc.integer({ min: 0, max: 7 }),
      (field, n, b) => {
        const [name, from, length] = field;
        const changed = exit.slice();
        changed[from + (n % length)]! ^= 1 << b;
        const verdict = verdictOf(checks, changed);
        // A TMC of 0 says that nothing was proved.
        assert(verdict === 'invalid' || (name === 'TMC' && verdict === 'noEvidence'), name);
      },
    ),
    { numRuns: 300 },
  );
  const entry = exit.slice();
  entry[at.tapKind] = 1;
  assert.equal(verdictOf(checks, entry), 'invalid', 'an exit is no entry');
});

test('evidence of another debit of the card bears nothing out', async () => {
  const { kit, entry, exit } = await ride();
  const checks = checksOf(kit.desfireScheme);
  const mixed = exit.slice();
  mixed.set(entry.subarray(PAYLOAD, 2 * DEBIT_BYTES), PAYLOAD);
  assert.equal(verdictOf(checks, mixed), 'invalid');
});

test('the ledger posts what is borne out, keeps the rest in suspense, and knows a replay', async () => {
  const { kit, exit } = await ride();
  const checks = checksOf(kit.desfireScheme);
  const ledger = await Ledger.open(new MemoryStore());
  const post = async (gateId: string, records: Uint8Array) => {
    const count = records.length / DEBIT_BYTES;
    const batch = { type: 'batch', first: 1, count, records, status: null } as const;
    return (await ledger.postBatch(receiveBatch(gateId, batch, checks))).outcomes;
  };
  assert.deepEqual(await post('T2', exit), ['posted', 'recorded']);
  // The same proof once more, as another gate's debit: its counter is taken.
  const named = (records: Uint8Array, gateId: string): Uint8Array => {
    const copy = records.slice();
    for (let from = 0; from < copy.length; from += DEBIT_BYTES) {
      for (let i = 0; i < 2; i++) copy[from + at.gateId + i] = gateId.charCodeAt(i);
    }
    return copy;
  };
  assert.deepEqual(await post('T8', named(exit, 'T8')), ['naturalKeyConflict', 'recorded']);
  assert.deepEqual(await post('T9', named(exit.slice(0, DEBIT_BYTES), 'T9')), ['evidenceMissing']);
  const { exceptions } = ledger.summary();
  assert.equal(exceptions.naturalKeyConflict, 1);
  assert.equal(exceptions.evidenceMissing, 1);
});
