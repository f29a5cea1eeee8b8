/** Recorded traces replayed through the dialogues, and the replay itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { type CardFault, type Dialogue, isFault } from '../../engine/card/dialogue.ts';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import {
  debitPurse,
  initializePurchase,
  readBalance,
  readCityCode,
  readJourney,
} from '../../engine/card/purse/dialogues.ts';
import { parseProfile } from '../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import { selectPurse } from '../../engine/card/purse/select-purse.ts';
import {
  cardNumber,
  enableDate,
  expiryDate,
  purseFlagOk,
} from '../../engine/card/purse/selected.ts';
import { noShared, vectors } from '../shared.ts';
import { replay, type Step } from './replay.ts';

interface Trace {
  readonly id: string;
  readonly steps: readonly Step[];
}

function trace(id: string): readonly Step[] {
  const found = vectors<Trace>('traces').find((vector) => vector.id === id);
  assert(found, `no trace ${id}`);
  // Exchanges whose answer was not recorded are of commands no dialogue of ours sends.
  return found.steps.filter((step) => step.r !== null);
}

/** The value of a dialogue that is expected to go well. */
function ok<T>(value: T): Exclude<T, CardFault | string> {
  assert(typeof value !== 'string' && !isFault(value as object), JSON.stringify(value));
  return value as Exclude<T, CardFault | string>;
}

test('a Beijing T-Union card is selected and its balance read', { skip: noShared }, () => {
  const tunion = compileProfile(builtInProfile('tunion'));
  function* dialogue(): Dialogue<void> {
    const purse = ok(yield* selectPurse([tunion]));
    assert.equal(toHex(cardNumber(purse)), '03105170010170000000');
    assert.deepEqual([enableDate(purse), expiryDate(purse)], [20190806, 20401231]);
    assert(purseFlagOk(purse));
    assert.equal(yield* readBalance(tunion), 2850);
  }
  replay(dialogue(), trace('tunion-beijing-dump'), { leLeftOut: true });
});

/** The metro of the relay: a 16-byte record in file 07, whose real fields are not published. */
function relayMetro() {
  const { journeyFile, ...rest } = builtInProfile('city-union');
  const profile = {
    ...rest,
    name: 'relay-metro',
    journeyFile: {
      ...journeyFile,
      sfi: '07',
      length: 16,
      update: { cla: '80', p1: '01', p2: '38' },
      fields: {
        type: { offset: 0, length: 1 },
        station: { offset: 1, length: 4 },
        dateTime: { offset: 9, length: 7 },
      },
    },
  };
  return compileProfile(parseProfile(JSON.stringify(profile), 'relay-metro'));
}

test('a metro gate relayed from a real card: two CAPP purchases', { skip: noShared }, () => {
  const profile = relayMetro();
  const terminal = fromHex('200041599997');
  function* dialogue(): Dialogue<void> {
    const record = yield* readJourney(profile);
    assert.equal(toHex(record as Uint8Array), '01000711C800F75601007E236D396C1A');
    assert.equal(toHex(ok(yield* readCityCode())), '90800960A7F716C6B4');

    const first = ok(yield* initializePurchase(profile, 'capp', 1, 200, terminal));
    assert.deepEqual([first.balanceMinor, first.offlineCounter], [0x15a17, 0x41]);
    assert.deepEqual([first.overdraftMinor, toHex(first.random)], [800, 'F8ADA62B']);
    const debited = ok(yield* debitPurse(0x62, fromHex('20180313210438'), fromHex('3F3F3B5D')));
    assert.deepEqual([toHex(debited.tac), toHex(debited.mac2)], ['570AD7DA', 'DCCDA70D']);

    const second = ok(yield* initializePurchase(profile, 'capp', 1, 200, terminal));
    assert.equal(second.offlineCounter, 0x36);
    ok(yield* debitPurse(0x57, fromHex('20180313164329'), fromHex('66CBC863')));
  }
  replay(dialogue(), trace('metro-capp-relay'), { leLeftOut: true });
});

test('a replay fails at the first byte that differs', () => {
  const tunion = compileProfile(builtInProfile('tunion'));
  const step = (c: string): Step => ({ c, r: '00000B229000' });
  const failing = (steps: readonly Step[], expected: RegExp) =>
    assert.throws(() => replay(readBalance(tunion), steps), expected);
  failing([step('805C010204')], /command 1, GET BALANCE: byte 2 differs/);
  failing([step('805C0002')], /byte 4 differs/);
  failing([step('805C00020400')], /byte 5 differs/);
  failing([], /past the transcript's end/);
  failing([step('805C000204'), step('805C000204')], /never sent/);
});
