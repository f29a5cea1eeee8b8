/**
 * The virtual card and the gate's own purse dialogues and keys on one wire: two implementations,
 * written apart, that must agree on every byte.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../../../engine/bytes.ts';
import { type Answer, askMac1, askMac2, type Dialogue } from '../../../../engine/card/dialogue.ts';
import { compileProfile } from '../../../../engine/card/purse/compile.ts';
import {
  debitPurse,
  initializePurchase,
  proveTransaction,
  readBalance,
  readCityCode,
  readJourney,
  readLog,
  updateJourney,
} from '../../../../engine/card/purse/dialogues.ts';
import type { PurchaseKind, PurseProfile } from '../../../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../../../engine/card/purse/profiles.ts';
import { selectPurse } from '../../../../engine/card/purse/select-purse.ts';
import {
  cardNumber,
  issuer,
  keyAsCardSays,
  keyRef,
} from '../../../../engine/card/purse/selected.ts';
import { Keyring } from '../../../../engine/crypto/keyring.ts';
import type { VirtualCard } from '../../../../gate/reader/virtual/card.ts';
import { quirksByName } from '../../../../gate/reader/virtual/personality.ts';
import { KeyringHolder } from '../../../../gate/sam/keyring-holder.ts';
import { StationKeys } from '../../../../gate/sam/station-keys.ts';
import { cardOf, dateTime, journeyRecord, masters, terminalId } from './terminal.ts';

const keyring = new Keyring([
  { use: 'purchase', algorithm: '3des', ...masters.purchase },
  { use: 'purchase', algorithm: '3des', ...masters.purchase, index: 6 },
]);

/** Answers a dialogue's commands by the card and its jobs by the key holder. */
function drive<R>(card: VirtualCard, dialogue: Dialogue<R>): R {
  const keys = new KeyringHolder(new StationKeys(keyring, 8));
  let step = dialogue.next();
  while (!step.done) {
    const ask = step.value;
    let answer: Answer;
    if (ask.ask === 'card') {
      ask.meanwhile?.();
      answer = card.transmit(ask.apdu);
    } else if (ask.ask === 'mac1') {
      answer = keys.mac1(ask);
    } else {
      assert(ask.ask === 'mac2');
      answer = keys.mac2(ask.mac2);
    }
    step = dialogue.next(answer);
  }
  return step.value;
}

/** Narrows away faults: none is expected. */
function sound<T>(value: T): Exclude<T, { readonly fault: string } | string | null> {
  assert(value !== null && typeof value !== 'string', String(value));
  assert(!(typeof value === 'object' && 'fault' in value), JSON.stringify(value));
  return value as Exclude<T, { readonly fault: string } | string | null>;
}

/** One purchase of `amountMinor` by the gate's dialogues; whether MAC2 was the card's. */
function* purchase(
  settings: PurseProfile,
  kind: PurchaseKind,
  amountMinor: number,
): Dialogue<boolean> {
  const profile = compileProfile(settings);
  const purse = sound(yield* selectPurse([profile]));
  if (kind === 'capp') sound(yield* readJourney(profile));
  const cityCode = settings.cityCode ? sound(yield* readCityCode()) : null;
  const key = keyRef(purse);
  const init = sound(
    yield* initializePurchase(profile, kind, key.keyIndex, amountMinor, terminalId),
  );
  if (kind === 'capp')
    yield* updateJourney(profile, (_, out, at) => out.set(journeyRecord(7), at), 0);
  const mac1 = yield* askMac1({
    key: keyAsCardSays(key, init),
    random: init.random,
    offlineCounter: init.offlineCounter,
    terminalSequence: 0x00012345,
    amountMinor,
    transactionType: Number.parseInt(settings.transactionTypes[kind], 16),
    terminalId,
    dateTime,
    cityCode,
  });
  assert('mac1' in mac1, 'the key is known');
  const debited = sound(yield* debitPurse(mac1.terminalSequence, dateTime, mac1.mac1));
  return yield* askMac2(debited.mac2);
}

const schemes = [
  ['jrt0025', 'purchase'],
  ['tunion', 'purchase'],
  ['tunion', 'capp'],
  ['city-union', 'purchase'],
  ['city-union', 'capp'],
] as const;

for (const [name, kind] of schemes) {
  test(`${name}, ${kind}: card and gate accept each other's MAC, and the proof is found`, () => {
    const card = cardOf({ personality: name });
    const settings = builtInProfile(name);
    const profile = compileProfile(settings);
    assert.equal(drive(card, purchase(settings, kind, 300)), true);
    assert.equal(card.state.balanceMinor, 9700);
    assert.deepEqual(card.state.journey[0], kind === 'capp' ? 7 : 0);

    const purse = sound(drive(card, selectPurse([profile])));
    assert.equal(toHex(cardNumber(purse)), toHex(card.state.cardNumber));
    assert.equal(toHex(issuer(purse)), toHex(card.state.issuer));
    assert.equal(drive(card, readBalance(profile)), 9700);
    const record = sound(drive(card, readLog(profile, 1)));
    assert.equal(record.amountMinor, 300);
    const type = Number.parseInt(settings.transactionTypes[kind], 16);
    const proof = sound(drive(card, proveTransaction(profile, type, 0)));
    assert.equal(toHex(proof.tac), toHex(card.state.proof!.tac));
    assert.equal(drive(card, proveTransaction(profile, type, 1)), 'unavailable');
  });
}

test('honest odd cards are debited by a profile that knows them', () => {
  const tunion = builtInProfile('tunion');
  const odd: [names: (keyof typeof quirksByName)[], settings: PurseProfile][] = [
    [['no-fci', 'stale-bytes', 'unknown-aid-6999', 'bad-mac-6982'], tunion],
    [['key-index-06'], { ...tunion, key: { ...tunion.key, index: '06' } }],
    [['counter-restarts', 'capp-without-update-6a80', 'log-oldest-first'], tunion],
  ];
  for (const [names, settings] of odd) {
    const card = cardOf({ quirks: Object.assign({}, ...names.map((n) => quirksByName[n])) });
    assert.equal(drive(card, purchase(settings, 'capp', 300)), true, names.join());
    assert.equal(card.state.balanceMinor, 9700);
  }
});

test('the replayer is refused by its MAC2', () => {
  for (const [name, kind] of schemes) {
    const card = cardOf({ personality: name, quirks: quirksByName.replay });
    assert.equal(drive(card, purchase(builtInProfile(name), kind, 300)), false);
    assert.equal(card.state.balanceMinor, 10_000);
  }
});
