/**
 * Whole dialogues with virtual cards of each generation: debits, loads, identities; and the
 * purse of the shared vectors, byte for byte.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { authenticate } from '../../../engine/card/desfire/authenticate.ts';
import { makeChannel } from '../../../engine/card/desfire/channel.ts';
import { readRecords } from '../../../engine/card/desfire/commands/records.ts';
import { cardKeyRef, compileDesfireProfile } from '../../../engine/card/desfire/compile.ts';
import { desfireProfile, desfireProfileNames } from '../../../engine/card/desfire/profiles.ts';
import {
  abandon,
  commit,
  didNotCommit,
  openPurse,
  prepareCredit,
  prepareDebit,
} from '../../../engine/card/desfire/purse.ts';
import { TransactionInput } from '../../../engine/card/desfire/transaction-input.ts';
import type { Answer } from '../../../engine/card/dialogue.ts';
import { AesKeyring } from '../../../engine/crypto/aes-keyring.ts';
import { transactionMac } from '../../../engine/crypto/desfire/transaction-mac.ts';
import { cmacKey } from '../../../engine/crypto/mac.ts';
import { AesCardKeys } from '../../../gate/sam/aes-card-keys.ts';
import { AesKeyringHolder } from '../../../gate/sam/aes-holder.ts';
import { DesfireKit, UID } from '../../kit/desfire-kit.ts';
import { nodeAn10922, nodeTransactionMac } from '../../reference/desfire-node.ts';
import { noShared, sharedDir } from '../../shared.ts';

interface SharedPurse {
  readonly inputs: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly capdu: string; readonly rapdu: string }[];
  readonly expected: { readonly TMV: string };
}

/** The shared example was made by the rules, not by a card: it shows that two readings agree. */
test('the shared EV2 purse, command for command', { skip: noShared }, () => {
  const file = join(sharedDir, 'vectors', 'selfmade-ev2-purse.json');
  const { inputs, steps, expected } = JSON.parse(readFileSync(file, 'utf8')) as SharedPurse;
  const given = (name: string) => fromHex(inputs[name]!);
  const light = desfireProfile('desfire-light');
  const profile = compileDesfireProfile({
    ...light,
    application: { aid: inputs.aid! },
    chaining: 'native',
    recordFile: { ...light.recordFile, number: 4 },
  });
  const keyring = new AesKeyring([{ use: 'debit', version: 1, master: given('masterKey') }]);
  const holder = new AesKeyringHolder(new AesCardKeys(keyring), (length) => {
    const bytes = new Uint8Array(length);
    bytes.set(given('rndA'));
    return bytes;
  });
  const gate = {
    channel: makeChannel(),
    input: new TransactionInput(),
    prepareKey: () => {},
  };
  const tap = function* () {
    const purse = yield* openPurse(gate, profile, 'debit', given('uid'));
    assert(!('fault' in purse), JSON.stringify(purse));
    assert.equal(purse.valueMinor, 5000);
    const record = fromHex('012026010108000000C8000012880001');
    assert.equal(yield* prepareDebit(purse, 200, record), null);
    return yield* commit(purse);
  };
  const dialogue = tap();
  let at = 0;
  let answer: Answer = null;
  for (;;) {
    const step = dialogue.next(answer);
    if (step.done) {
      assert(step.value !== 'noProof' && !('fault' in step.value));
      assert.equal(step.value.tmc, 42);
      assert.equal(toHex(step.value.tmv), expected.TMV);
      break;
    }
    if (step.value.ask !== 'card') {
      answer = holder.answer(step.value);
      continue;
    }
    assert.equal(toHex(step.value.apdu), steps[at]!.capdu, `step ${at}`);
    answer = fromHex(steps[at]!.rapdu);
    at += 1;
  }
  assert.equal(at, steps.length);
  assert.equal(toHex(gate.input.bytes()), inputs.TMI);
  const key = cmacKey(given('appTransactionMacKey'));
  assert.equal(toHex(transactionMac(key, 42, given('uid'), gate.input.bytes())), expected.TMV);
});

for (const name of desfireProfileNames) {
  test(`${name}: a ride in and a ride out`, () => {
    const kit = new DesfireKit(name);
    const card = kit.card();
    const entry = kit.tap(card, 0, kit.record(3, 1));
    assert.equal(entry.fault, null);
    const exit = kit.tap(card, 300, kit.record(4, 2));
    assert.equal(exit.fault, null);
    assert.equal(card.state.application.value.value, 4700);
    assert.equal(card.state.debitedMinor, 300);
    assert.deepEqual(card.state.application.record.records.at(-1), kit.record(4, 2));
    // Eight APDUs, and one more for each frame where EV1's are too short for a record.
    assert.equal(kit.sent.length, name === 'desfire-ev1' ? 9 : 8);
    if (name === 'desfire-ev1') {
      assert.equal(exit.proof, 'noProof');
    } else {
      assert(exit.proof !== null && exit.proof !== 'noProof');
      assert.equal(exit.proof.tmc, 2);
      const key = nodeAn10922(
        new Uint8Array(16).fill(0x33),
        fromHex(`${toHex(UID)}3042F54E585020416275`),
      );
      const input = kit.gate.input.bytes();
      assert.equal(toHex(exit.proof.tmv), toHex(nodeTransactionMac(key, 2, UID, input)));
    }
  });

  test(`${name}: all visible records, oldest first`, () => {
    const kit = new DesfireKit(name);
    const card = kit.card();
    for (let i = 1; i <= 6; i++) kit.tap(card, 1, kit.record(4, i));
    const purse = kit.open(card);
    assert.deepEqual(purse.newest, kit.record(4, 6));
    const all = kit.run(card, readRecords(purse.channel, kit.profile.recordFile, 0, purse.input));
    assert(!('fault' in all));
    assert.deepEqual(
      all.map((record) => record[7]),
      [3, 4, 5, 6],
    );
  });

  test(`${name}: too little money; nothing is taken and the next tap works`, () => {
    const kit = new DesfireKit(name);
    const card = kit.card({ valueMinor: 100 });
    const purse = kit.open(card);
    const said = kit.run(card, prepareDebit(purse, 101, kit.record(4, 1)));
    assert.equal(said, 'insufficient');
    assert.equal(kit.tap(card, 100, kit.record(4, 2)).fault, null);
    assert.equal(card.state.application.value.value, 0);
  });

  test(`${name}: loads, with the load key alone, and a limited refund`, () => {
    const kit = new DesfireKit(name);
    const card = kit.card();
    const atGate = kit.open(card);
    const denied = kit.run(card, prepareCredit(atGate, 500, false, kit.record(0, 1)));
    assert(denied !== null && denied !== 'outOfBounds' && denied.fault === 'status');
    assert.equal(denied.sw, 0x91ae);
    const load = (amountMinor: number, limited: boolean) => {
      const desk = kit.open(card, 'load');
      const said = kit.run(card, prepareCredit(desk, amountMinor, limited, kit.record(0, 2)));
      return said ?? kit.run(card, commit(desk));
    };
    load(500, false);
    assert.equal(card.state.application.value.value, 5500);
    assert.equal(load(1_000_000, false), 'outOfBounds');
    kit.tap(card, 300, kit.record(4, 3));
    assert.equal(load(301, true), 'outOfBounds');
    load(300, true);
    assert.equal(card.state.application.value.value, 5500);
    assert.equal(load(1, true), 'outOfBounds');
    const { state } = card;
    assert.equal(state.initialMinor + state.creditedMinor - state.debitedMinor, 5500);
  });

  test(`${name}: what was abandoned leaves nothing behind`, () => {
    const kit = new DesfireKit(name);
    const card = kit.card();
    const purse = kit.open(card);
    assert.equal(kit.run(card, prepareDebit(purse, 300, kit.record(4, 1))), null);
    assert.equal(kit.run(card, abandon(purse)), null);
    assert.equal(purse.input.bytes().length, 0);
    const nothing = kit.run(card, commit(purse));
    assert(nothing !== 'noProof' && 'fault' in nothing && nothing.fault === 'status');
    assert.equal(nothing.sw, 0x910c);
    assert.equal(didNotCommit(nothing), true);
    assert.equal(card.state.debitedMinor, 0);
  });

  test(`${name}: the state is durable before the card answers`, () => {
    const kit = new DesfireKit(name);
    const kept: number[] = [];
    const card = kit.card({}, (state) => kept.push(state.application.value.value));
    kit.tap(card, 300, kit.record(4, 1));
    assert.deepEqual(kept, [4700]);
  });
}

test('a link without a UID: GetVersion has it', () => {
  for (const name of desfireProfileNames) {
    const kit = new DesfireKit(name);
    const card = kit.card();
    const dialogue = openPurse(kit.gate, kit.profile, 'debit', new Uint8Array(0));
    const purse = kit.run(card, dialogue);
    assert(!('fault' in purse), JSON.stringify(purse));
    assert.deepEqual(purse.uid, UID);
  }
  const kit = new DesfireKit('desfire-ev2');
  const card = kit.card({ hidesUid: true });
  const hidden = kit.run(card, openPurse(kit.gate, kit.profile, 'debit', card.uid));
  assert.deepEqual(hidden, {
    fault: 'malformed',
    command: 'GetVersion',
    what: 'the card hides its UID',
  });
});

test('a card that hides its UID is asked for it under the common key', () => {
  const settings = desfireProfile('desfire-ev2');
  const profile = compileDesfireProfile({
    ...settings,
    keys: { ...settings.keys, identity: { number: 1, version: 1 } },
  });
  const kit = new DesfireKit('desfire-ev2');
  const card = kit.card({ hidesUid: true, identity: new Uint8Array(16).fill(0x44) });
  assert.equal(card.uid.length, 4);
  const purse = kit.run(card, openPurse(kit.gate, profile, 'debit', card.uid));
  assert(!('fault' in purse), JSON.stringify(purse));
  assert.deepEqual(purse.uid, UID);
  assert.equal(purse.valueMinor, 5000);
  // AuthenticateEV2NonFirst: the counter of the session goes on.
  assert(kit.sent.some((apdu) => apdu[1] === 0x77));
  assert.equal(kit.run(card, prepareDebit(purse, 100, kit.record(4, 1))), null);
  const proof = kit.run(card, commit(purse));
  assert(proof !== 'noProof' && !('fault' in proof));
});

test('a key that the holder or the card does not have', () => {
  const kit = new DesfireKit('desfire-ev2');
  const card = kit.card();
  const settings = desfireProfile('desfire-ev2');
  const other = (number: number, version: number) =>
    compileDesfireProfile({
      ...settings,
      keys: { ...settings.keys, debit: { number, version } },
    });
  const unknown = kit.run(card, openPurse(kit.gate, other(2, 9), 'debit', UID));
  assert.deepEqual(unknown, { fault: 'keyUnknown', command: 'AuthenticateEV2First' });
  card.power();
  const absent = kit.run(card, openPurse(kit.gate, other(9, 1), 'debit', UID));
  assert('fault' in absent && absent.fault === 'status' && absent.sw === 0x9140);
  card.power();
  // Key 3 is of another master: the card notices first.
  const wrong = kit.run(card, openPurse(kit.gate, other(3, 1), 'debit', UID));
  assert('fault' in wrong && wrong.fault === 'status' && wrong.sw === 0x91ae);
});

test('cards of the older generation are refused by a dialogue of the newer', () => {
  const kit = new DesfireKit('desfire-ev1');
  const card = kit.card();
  const channel = makeChannel();
  const key = cardKeyRef(kit.profile, 'debit', UID);
  kit.run(card, openPurse(kit.gate, kit.profile, 'debit', UID));
  const fault = kit.run(card, authenticate(channel, 'ev2First', 2, key));
  assert(fault?.fault === 'status' && fault.sw === 0x911c);
  assert.equal(channel.session, 'none');
});
