/** Loads: published commands and answers first, then everything a card may say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { isFault } from '../../../engine/card/dialogue.ts';
import { compileProfile } from '../../../engine/card/purse/compile.ts';
import {
  creditLoad,
  initializeLoad,
  proveLoad,
} from '../../../engine/card/purse/load-dialogues.ts';
import { parseProfile } from '../../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../../engine/card/purse/profiles.ts';
import { Keyring } from '../../../engine/crypto/keyring.ts';
import { LoadKeys } from '../../../engine/crypto/load-keys.ts';
import { VirtualCard } from '../../../gate/reader/virtual/card.ts';
import { issueCard } from '../../../gate/reader/virtual/card-state.ts';
import { personalities } from '../../../gate/reader/virtual/personality.ts';
import { noShared, vectors } from '../../shared.ts';
import { drive, replay } from '../../transcripts/replay.ts';

const deposit = compileProfile(
  parseProfile(
    JSON.stringify({
      extends: 'jrt0025',
      name: 'deposit',
      purseId: '01',
      load: { transactionType: '01' },
    }),
    'deposit',
  ),
);
const tunion = compileProfile(builtInProfile('tunion'));
const terminal = fromHex('001122334455');
const dateTime = fromHex('20111221214822');

interface LoadVector {
  readonly id: string;
  readonly init: { readonly apdu: string };
  readonly cardResp: { readonly hex: string; readonly mac1: string };
  readonly date: string;
  readonly time: string;
  readonly mac2: string;
  readonly creditApdu: string;
}

test('the published worked load: INITIALIZE and CREDIT byte for byte', { skip: noShared }, () => {
  const vector = vectors<LoadVector>('ep-purchase-load').find((v) => v.id === 'ed-load-1')!;
  const init = replay(
    initializeLoad(deposit, 0x1000, terminal),
    [{ c: vector.init.apdu, r: `${vector.cardResp.hex}9000` }],
    { leLeftOut: true },
  );
  assert(!isFault(init));
  assert.deepEqual(
    { ...init, random: toHex(init.random), mac1: toHex(init.mac1), bytes: toHex(init.bytes) },
    {
      balanceMinor: 0,
      onlineCounter: 0,
      keyVersion: 2,
      algorithm: 0,
      random: '11223344',
      mac1: vector.cardResp.mac1,
      bytes: vector.cardResp.hex,
    },
  );
  // The example's TAC was not published; zeros stand for it.
  const tac = replay(
    creditLoad(fromHex(vector.date + vector.time), fromHex(vector.mac2)),
    [{ c: vector.creditApdu, r: '000000009000' }],
    { leLeftOut: true },
  );
  assert(!isFault(tac) && toHex(tac) === '00000000');
});

const master = fromHex('11223344556677888877665544332211');
const masters = {
  purchase: { index: 1, version: 1, master },
  tac: { index: 1, version: 1, master },
};
const keyring = new Keyring(
  (['load', 'tac'] as const).map((use) => ({
    use,
    index: 1,
    version: 1,
    algorithm: '3des',
    master,
  })),
);

/** The card's issuer has masters of its own; another's are common, or of a third's. */
const issuers = new Keyring(
  (['load', 'tac'] as const).flatMap((use) => {
    const name = { use, index: 1, version: 1, algorithm: '3des' } as const;
    return [
      { ...name, master: new Uint8Array(16).fill(1) },
      { ...name, master, issuer: personalities.tunion.issuer },
      { ...name, master: new Uint8Array(16).fill(2), issuer: new Uint8Array(8).fill(2) },
    ];
  }),
);

test('a virtual card takes the MAC2 of the engine, which takes its MAC1, TAC and proof', () => {
  for (const ring of [keyring, issuers]) loads(ring);
});

test('a load by another issuer’s masters is invalid, and by none unknown', () => {
  const load = loads(issuers);
  const keys = new LoadKeys(issuers);
  const of = (issuer: Uint8Array) => ({ ...load, key: { ...load.key, issuer } });
  for (const issuer of [new Uint8Array(8).fill(2), new Uint8Array(8).fill(9)]) {
    assert.equal(keys.verifyMac1(of(issuer), load.mac1), 'invalid');
    assert.equal(keys.verifyTac(of(issuer), load.tac), 'invalid');
  }
  const alone = new LoadKeys(issuers.restrictedTo(({ issuer }) => issuer !== null));
  assert.equal(alone.verifyTac(load, load.tac), 'valid');
  assert.equal(alone.verifyTac(of(new Uint8Array(8).fill(9)), load.tac), 'unknownKey');
  assert.equal(alone.mac2(of(new Uint8Array(8).fill(9))), null);
});

/** A card's load, checked step by step. */
function loads(ring: Keyring) {
  const state = issueCard('tunion', masters, { balanceMinor: 700, onlineCounter: 5 });
  const card = new VirtualCard({ state, randomBytes: (n) => new Uint8Array(n).fill(9) });
  const ask = <R>(dialogue: Parameters<typeof drive<R>>[0]): R =>
    drive(dialogue, (one) => {
      assert(one.ask === 'card');
      return card.transmit(one.apdu);
    });
  card.transmit(tunion.selects[0]!);
  const init = ask(initializeLoad(tunion, 5000, terminal));
  assert(!isFault(init));
  const factors = new Uint8Array(16);
  factors.set(state.cardNumber.subarray(2));
  factors.set(state.issuer, 8);
  const { keyVersion, algorithm, random, onlineCounter, balanceMinor } = init;
  const { issuer } = state;
  const load = {
    key: { keyIndex: 1, tacKeyIndex: 1, keyVersion, algorithm, factors, factorLevels: 2, issuer },
    random,
    onlineCounter,
    balanceMinor,
    amountMinor: 5000,
    transactionType: 2,
    terminalId: terminal,
    dateTime,
  };
  const keys = new LoadKeys(ring);
  assert.equal(keys.verifyMac1(load, init.mac1), 'valid');
  assert.equal(keys.verifyMac1({ ...load, balanceMinor: 701 }, init.mac1), 'invalid');
  assert.equal(
    keys.verifyMac1({ ...load, key: { ...load.key, keyIndex: 2 } }, init.mac1),
    'unknownKey',
  );
  assert.deepEqual(ask(proveLoad(tunion, 5)), 'unavailable');
  card.transmit(tunion.selects[0]!);
  const again = ask(initializeLoad(tunion, 5000, terminal));
  assert(!isFault(again));
  const tac = ask(creditLoad(dateTime, keys.mac2(load)!));
  assert(!isFault(tac), JSON.stringify(tac));
  assert.equal(card.state.balanceMinor, 5700);
  assert.equal(keys.verifyTac(load, tac), 'valid');
  assert.equal(keys.verifyTac({ ...load, onlineCounter: 6 }, tac), 'invalid');
  assert.deepEqual(ask(proveLoad(tunion, 5)), tac);
  return { ...load, mac1: init.mac1, tac };
}

test('a card may answer anything: the dialogues end in a value', () => {
  const answer = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: null });
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 8 }), (answers) => {
      for (const start of [
        () => initializeLoad(tunion, 1, terminal),
        () => creditLoad(dateTime, new Uint8Array(4)),
        () => proveLoad(tunion, 0xffff),
      ]) {
        let at = 0;
        const end = drive<unknown>(start(), () => answers[at++ % answers.length]!);
        assert(end !== undefined);
      }
    }),
  );
});

test('a refusal is named, an unknown algorithm is malformed', () => {
  const refused = replay(initializeLoad(tunion, 1, terminal), [
    { c: '805000020B010000000100112233445510', r: '9402' },
  ]);
  assert(isFault(refused) && refused.fault === 'status' && refused.sw === 0x9402);
  const foreign = replay(initializeLoad(tunion, 1, terminal), [
    { c: '805000020B010000000100112233445510', r: `${'00'.repeat(7)}07${'00'.repeat(8)}9000` },
  ]);
  assert(isFault(foreign) && foreign.fault === 'malformed');
});
