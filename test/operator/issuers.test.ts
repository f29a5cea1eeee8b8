/**
 * Two issuers' cards in one city whose masters differ under one version: both ride at the same
 * gates and both are posted; a debit that names another issuer than its card's ends under its name.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import { Keyring, type MasterKey } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { at } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { tacCodes } from '../../engine/ledger/received.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { type CheckKeys, createRecordChecks } from '../../engine/operator/record-checks.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { issueCard } from '../../gate/reader/virtual/card-state.ts';
import { type GateKit, StationKit } from '../kit/station-kit.ts';

const CITIZEN = fromHex('0101100000000001');
const PURSE = fromHex('0101100000000002');
const STRANGER = fromHex('0101100000000003');

const random = (length: number) => new Uint8Array(length).fill(5);
const masters = (fill: number) => ({
  purchase: { index: 1, version: 1, master: new Uint8Array(16).fill(fill) },
  tac: { index: 1, version: 1, master: new Uint8Array(16).fill(fill + 1) },
});
const ofCitizen = masters(0x10);
const ofPurse = masters(0x20);
const ofAnybody = masters(0x30);

function keysOf(of: typeof ofCitizen, issuer?: Uint8Array): MasterKey[] {
  return (['purchase', 'tac'] as const).map((use) => {
    return { use, algorithm: '3des', ...of[use], ...(issuer ? { issuer } : {}) };
  });
}

const both = [...keysOf(ofCitizen, CITIZEN), ...keysOf(ofPurse, PURSE)];
const all = new Keyring([...keysOf(ofAnybody), ...both]);

/** Three cards of one number, which their keys come from in a scheme of one factor. */
const cardOf = (of: typeof ofCitizen, issuer: Uint8Array, last: number) =>
  new VirtualCard({
    state: issueCard('tunion', of, {
      issuer,
      cardNumber: Uint8Array.of(3, 0x10, 0x51, 0x70, 0, 0, 0, 0, 0, last),
      balanceMinor: 10_000,
    }),
    randomBytes: random,
  });

const checksOf = (keys: Partial<CheckKeys>) =>
  createRecordChecks({
    keyring: new Keyring([]),
    cardHash: cmacKey(new Uint8Array(16)),
    storageKey: new Uint8Array(32),
    salt: new Uint8Array(16),
    ...keys,
  });

async function recordsOf({ journal }: GateKit) {
  const { records, count } = await journal.read(1, 10);
  return { type: 'batch', first: 1, count, records, status: null } as const;
}

test('two issuers and everybody else ride by one version, and all are posted', async () => {
  const kit = new StationKit();
  await kit.keys.replace(all);
  const cards = [
    cardOf(ofCitizen, CITIZEN, 1),
    cardOf(ofPurse, PURSE, 2),
    cardOf(ofAnybody, STRANGER, 3),
  ];
  const gates = [kit.gate('entry', 3), kit.gate('exit', 8)];
  for (const gate of gates) {
    for (const card of cards) {
      assert.equal((await gate.tap(card)).decision.reason, 'open');
      kit.pass(2);
    }
    kit.pass(20);
  }
  const ledger = await Ledger.open(new MemoryStore());
  for (const gate of gates) {
    const received = receiveBatch(
      gate.gate.gateId,
      await recordsOf(gate),
      checksOf({ keyring: all }),
    );
    assert.deepEqual([...received.tacs], new Array(3).fill(tacCodes.indexOf('valid')));
    const { outcomes } = await ledger.postBatch(received);
    assert.deepEqual(outcomes, ['posted', 'posted', 'posted']);
  }
  const credited = ledger.summary().accounts.map((account) => JSON.stringify(account));
  for (const issuer of [CITIZEN, PURSE, STRANGER]) {
    assert(
      credited.some((account) => account.includes(toHex(issuer))),
      `${credited}`,
    );
  }
});

test('a debit in another issuer’s name is invalid, in an unknown one’s of an unknown key', async () => {
  const kit = new StationKit();
  await kit.keys.replace(new Keyring(both));
  const gate = kit.gate('entry', 3);
  assert.equal((await gate.tap(cardOf(ofCitizen, CITIZEN, 1))).decision.reason, 'open');
  const batch = await recordsOf(gate);
  assert.equal(batch.records.length, DEBIT_BYTES);
  const checks = checksOf({ keyring: new Keyring(both) });
  for (const [issuer, verdict, outcome] of [
    [PURSE, 'invalid', 'tacInvalid'],
    [STRANGER, 'unknownKey', 'tacUnknownKey'],
    [CITIZEN, 'valid', 'posted'],
  ] as const) {
    batch.records.set(issuer, at.issuer);
    const received = receiveBatch(gate.gate.gateId, batch, checks);
    assert.equal(tacCodes[received.tacs[0]!], verdict);
    const ledger = await Ledger.open(new MemoryStore());
    assert.deepEqual((await ledger.postBatch(received)).outcomes, [outcome]);
  }
});

test('a gate debits no card by another issuer’s key, and names a key that it lacks', async () => {
  const kit = new StationKit();
  await kit.keys.replace(new Keyring(both));
  const gate = kit.gate('entry', 3);
  const tap = async (card: VirtualCard) => (await gate.tap(card)).decision;
  // The card finds MAC1 wrong (9302) and keeps its money.
  const wrong = cardOf(ofPurse, CITIZEN, 1);
  assert.equal((await tap(wrong)).open, false);
  assert.equal(wrong.state.balanceMinor, 10_000);
  assert.equal((await tap(cardOf(ofCitizen, STRANGER, 2))).reason, 'keyUnknown');
});

test('AES cards of two schemes with other masters under one version', async () => {
  const kit = new StationKit();
  const { debit, transactionMac } = kit.desfireMasters;
  const { profiles } = kit.desfireScheme;
  const [ev2, light] = profiles.map(({ application }) => application) as [Uint8Array, Uint8Array];
  const foreign = new Uint8Array(16).fill(7);
  const ringOf = (use: 'debit' | 'transactionMac', master: Uint8Array) =>
    new AesKeyring([
      { use, version: 1, master, application: ev2 },
      { use, version: 1, master: foreign, application: light },
    ]);
  kit.aesCards.replace(ringOf('debit', debit));
  const gate = kit.gate('entry', 3, { desfire: 'first' });
  assert.equal((await gate.tap(kit.desfireCard())).decision.reason, 'open');
  const batch = await recordsOf(gate);
  const verdictBy = (keyring: AesKeyring) => {
    const checks = checksOf({ desfire: { keyring, profiles } });
    return tacCodes[receiveBatch(gate.gate.gateId, batch, checks).tacs[0]!];
  };
  assert.equal(verdictBy(ringOf('transactionMac', transactionMac)), 'valid');
  assert.equal(verdictBy(ringOf('transactionMac', foreign)), 'invalid');
  const name = { use: 'transactionMac', version: 1, master: transactionMac } as const;
  assert.equal(verdictBy(new AesKeyring([{ ...name, application: light }])), 'unknownKey');
  // The kept key was the other master's.
  kit.aesCards.replace(ringOf('debit', foreign));
  assert.equal((await gate.tap(kit.desfireCard())).decision.open, false);
});
