/** The steps after SELECT: published commands and answers first, then everything a card may say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { type CardFault, type Dialogue, isFault } from '../../../engine/card/dialogue.ts';
import type { JourneyWriter } from '../../../engine/card/journey-form.ts';
import { compileProfile } from '../../../engine/card/purse/compile.ts';
import {
  debitPurse,
  initializePurchase,
  proveTransaction,
  readBalance,
  readCityCode,
  readJourney,
  readLog,
  updateJourney,
} from '../../../engine/card/purse/dialogues.ts';
import { type PurseProfile, parseProfile } from '../../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../../engine/card/purse/profiles.ts';
import { noShared, vectors } from '../../shared.ts';
import { drive, replay } from '../../transcripts/replay.ts';

const jrt0025 = compileProfile(builtInProfile('jrt0025'));
const tunion = compileProfile(builtInProfile('tunion'));
const terminal = fromHex('000000000001');
const dateTime = fromHex('20110919204812');
const mac1 = fromHex('303D735D');

function variant(change: object) {
  const text = JSON.stringify({ extends: 'tunion', name: 'variant', ...change });
  return compileProfile(parseProfile(text, 'variant'));
}

interface PurchaseVector {
  readonly id: string;
  readonly init: { readonly apdu: string };
  readonly cardResp: { readonly hex: string };
  readonly termSeq: string;
  readonly date: string;
  readonly time: string;
  readonly mac1: string;
  readonly mac2: string;
}

test('the published worked purchase: INITIALIZE and DEBIT byte for byte', {
  skip: noShared,
}, () => {
  const vector = vectors<PurchaseVector>('ep-purchase-load').find((v) => v.id === 'ep-purchase-1')!;
  const init = replay(
    initializePurchase(jrt0025, 'purchase', 1, 0x1000, fromHex('001122334455')),
    [{ c: vector.init.apdu, r: `${vector.cardResp.hex}9000` }],
    { leLeftOut: true },
  );
  assert(init !== 'insufficient' && !isFault(init));
  assert.deepEqual(
    { ...init, random: toHex(init.random) },
    {
      balanceMinor: 0,
      offlineCounter: 0,
      overdraftMinor: 0,
      keyVersion: 1,
      algorithm: 0,
      random: '11223344',
    },
  );
  // The example's TAC was not published; zeros stand for it.
  const debited = replay(
    debitPurse(
      Number.parseInt(vector.termSeq, 16),
      fromHex(vector.date + vector.time),
      fromHex(vector.mac1),
    ),
    [
      {
        c: `805401000F${vector.termSeq}${vector.date}${vector.time}${vector.mac1}08`,
        r: `00000000${vector.mac2}9000`,
      },
    ],
  );
  assert(!isFault(debited));
  assert.equal(toHex(debited.mac2), vector.mac2);
});

interface CappVector {
  readonly amount: string;
  readonly terminal: string;
  readonly termSeq: string;
  readonly date: string;
  readonly time: string;
  readonly random: string;
  readonly offlineSeq: string;
  readonly cityCode9: string;
  readonly mac1: string;
  readonly mac2: string;
  readonly tac: string;
}

test('the recorded city-union CAPP purchase', { skip: noShared }, () => {
  const vector = vectors<CappVector>('ep-city-union')[0]!;
  const cityUnion = compileProfile(builtInProfile('city-union'));
  const code = replay(readCityCode(), [{ c: '80CA000009', r: `${vector.cityCode9}9000` }]);
  assert(!isFault(code));
  assert.equal(toHex(code), vector.cityCode9);
  // Balance, overdraft, key version and algorithm of the answer are ours: the log has none.
  const amountMinor = Number.parseInt(vector.amount, 16);
  const init = replay(
    initializePurchase(cityUnion, 'capp', 1, amountMinor, fromHex(vector.terminal)),
    [
      {
        c: `805003020B01${vector.amount}${vector.terminal}0F`,
        r: `00002710${vector.offlineSeq}0003200100${vector.random}9000`,
      },
    ],
  );
  assert(init !== 'insufficient' && !isFault(init));
  assert.equal(toHex(init.random), vector.random);
  assert.equal(init.overdraftMinor, 0x320);
  const debited = replay(
    debitPurse(
      Number.parseInt(vector.termSeq, 16),
      fromHex(vector.date + vector.time),
      fromHex(vector.mac1),
    ),
    [
      {
        c: `805401000F${vector.termSeq}${vector.date}${vector.time}${vector.mac1}08`,
        r: `${vector.tac}${vector.mac2}9000`,
      },
    ],
  );
  assert(!isFault(debited));
  assert.deepEqual([toHex(debited.tac), toHex(debited.mac2)], [vector.tac, vector.mac2]);
});

test('work given along is done while the command is on the air', () => {
  let done = 0;
  const record = `${'00'.repeat(48)}9000`;
  replay(
    readJourney(tunion, () => done++),
    [{ c: '00B201F430', r: record }],
  );
  assert.equal(done, 1);
});

test('the journey record: read, absent, or of another length', () => {
  const read = (r: string | null) => replay(readJourney(tunion), [{ c: '00B201F430', r }]);
  const record = read(`03${'AB'.repeat(47)}9000`);
  assert(record !== 'absent' && !isFault(record));
  assert.equal(toHex(record), `03${'AB'.repeat(47)}`);
  assert.equal(read('6A83'), 'absent');
  assert.equal(read('6A82'), 'absent');
  assert.deepEqual(read(`${'AB'.repeat(47)}9000`), {
    fault: 'malformed',
    command: 'READ RECORD',
    what: '47 data bytes, expected 48',
  });
});

test('the journey record is sent whole, and nothing may come back', () => {
  const write: JourneyWriter = (balanceMinor, out, at) => out.fill(balanceMinor, at, at + 48);
  const update = (r: string | null) =>
    replay(updateJourney(tunion, write, 0x5a), [{ c: `80DC00F030${'5A'.repeat(48)}`, r }]);
  assert.equal(update('9000'), null);
  assert.deepEqual(update('AA9000'), {
    fault: 'malformed',
    command: 'UPDATE CAPP DATA CACHE',
    what: '1 data bytes, expected 0',
  });
  assert.throws(() => drive(updateJourney(jrt0025, write, 0), () => null), /has a journey file/);
});

test('INITIALIZE: balance too low by the words of the profile, and unknown algorithms', () => {
  const init = (r: string, profile = tunion) =>
    replay(initializePurchase(profile, 'capp', 7, 200, terminal), [
      { c: '805003020B07000000C80000000000010F', r },
    ]);
  assert.equal(init('9401'), 'insufficient');
  assert.equal(init('9301'), 'insufficient');
  const strict = variant({ insufficientStatuses: ['6985'] });
  assert.equal(init('6985', strict), 'insufficient');
  const fault = init('9401', strict);
  assert(isFault(fault as CardFault) && (fault as CardFault).fault === 'status');
  const answer = (algorithm: string) => `00002710000100000001${algorithm}11223344`;
  assert.deepEqual(init(`${answer('07')}9000`), {
    fault: 'malformed',
    command: 'INITIALIZE FOR CAPP PURCHASE',
    what: 'algorithm byte 7 is not in the profile',
  });
  const translated = init(
    `${answer('07')}9000`,
    variant({ key: { algorithms: { '07': '3des' } } }),
  );
  assert(translated !== 'insufficient' && !isFault(translated));
  assert.deepEqual([translated.algorithm, translated.keyVersion], [0, 1]);
});

test('the proof: which counter, which order, or none', () => {
  const prove = (c: string, r: string, change: Partial<PurseProfile['proof']> = {}, counter = 7) =>
    replay(proveTransaction(variant({ proof: change }), 9, counter), [{ c, r }]);
  const proof = prove('805A000902000808', '11223344AABBCCDD9000');
  assert(proof !== 'unavailable' && !isFault(proof));
  assert.deepEqual([toHex(proof.mac2), toHex(proof.tac)], ['11223344', 'AABBCCDD']);
  const reversed = prove('805A000902000708', '11223344AABBCCDD9000', {
    counterOffset: 0,
    order: 'tac-mac2',
  });
  assert(reversed !== 'unavailable' && !isFault(reversed));
  assert.deepEqual([toHex(reversed.mac2), toHex(reversed.tac)], ['AABBCCDD', '11223344']);
  assert.equal(prove('805A000902000808', '9406'), 'unavailable');
  assert.equal(prove('805A000902000008', '9406', {}, 65535), 'unavailable');
});

test('balance and log', () => {
  const balance = (r: string, profile = tunion) =>
    replay(readBalance(profile), [{ c: '805C000204', r }]);
  assert.equal(balance('00000B229000'), 2850);
  assert.equal(balance('80000B229000'), 2850);
  const whole = variant({ balance: { ignoreTopBit: false } });
  assert.equal(balance('80000B229000', whole), 0x8000_0b22);
  const log = (r: string) => replay(readLog(tunion, 1), [{ c: '00B201C417', r }]);
  const record = log('0041000320000000C809200041599997201803132104389000');
  assert(record !== 'absent' && !isFault(record));
  assert.deepEqual([record.serial, record.amountMinor, record.type], [0x41, 200, 9]);
  assert.equal(log('6A83'), 'absent');
});

/** Every step, with the length of the data it takes and its name. */
const steps: readonly [name: string, length: number, dialogue: () => Dialogue<unknown>][] = [
  ['READ RECORD', 48, () => readJourney(tunion)],
  ['INITIALIZE FOR PURCHASE', 15, () => initializePurchase(tunion, 'purchase', 1, 1, terminal)],
  ['INITIALIZE FOR CAPP PURCHASE', 15, () => initializePurchase(tunion, 'capp', 1, 1, terminal)],
  ['UPDATE CAPP DATA CACHE', 0, () => updateJourney(tunion, () => {}, 0)],
  ['DEBIT', 8, () => debitPurse(1, dateTime, mac1)],
  ['GET TRANSACTION PROVE', 8, () => proveTransaction(tunion, 9, 1)],
  ['GET BALANCE', 4, () => readBalance(tunion)],
  ['READ RECORD', 23, () => readLog(tunion, 1)],
  ['GET CITY CODE', 9, () => readCityCode()],
];

test('at every step: gone, refused with a meaning, or of another length', () => {
  const words = `6281 6300 63C2 6400 6581 6700 6900 6901 6981 6982 6983 6984 6985 6986 6987 6988
    6999 6A80 6A81 6A84 6A86 6A88 6B00 6D00 6E00 6F00 9302 9303 9402 9403`.split(/\s+/);
  for (const [command, length, dialogue] of steps) {
    assert.deepEqual(
      drive(dialogue(), () => null),
      { fault: 'gone', command },
    );
    for (const word of words) {
      const sw = Number.parseInt(word, 16);
      const fault = drive(dialogue(), () => fromHex(word)) as CardFault;
      assert(fault.fault === 'status', `${command} ${word}`);
      assert.deepEqual([fault.command, fault.sw], [command, sw]);
      assert.notEqual(fault.meaning, 'not a status word of this command', `${command} ${word}`);
    }
    for (const other of [0, length - 1, length + 1, 256]) {
      if (other === length || other < 0) continue;
      const fault = drive(dialogue(), () => fromHex(`${'01'.repeat(other)}9000`)) as CardFault;
      assert.deepEqual(fault, {
        fault: 'malformed',
        command,
        what: `${other} data bytes, expected ${length}`,
      });
    }
  }
});

test('a command says what a word means to it', () => {
  const meaning = (dialogue: Dialogue<unknown>, word: string) =>
    (drive(dialogue, () => fromHex(word)) as { meaning: string }).meaning;
  assert.equal(meaning(debitPurse(1, dateTime, mac1), '9302'), 'MAC1 is wrong');
  assert.equal(meaning(debitPurse(1, dateTime, mac1), '6982'), 'MAC1 is wrong');
  assert.equal(meaning(debitPurse(1, dateTime, mac1), '9401'), 'the balance is too low');
  assert.equal(meaning(debitPurse(1, dateTime, mac1), '6A80'), 'no CAPP record was sent');
  assert.match(meaning(debitPurse(1, dateTime, mac1), '6985'), /no CAPP record/);
  const init = initializePurchase(tunion, 'capp', 1, 1, terminal);
  assert.match(meaning(init, '9403'), /no purchase key/);
});

test('any answers end in a value', () => {
  const answers = fc.array(
    fc.option(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc
          .tuple(fc.constantFrom(0, 4, 8, 9, 15, 23, 48), fc.nat(255))
          .map(([length, byte]) => fromHex(`${toHex(new Uint8Array(length).fill(byte))}9000`)),
        fc.constantFrom(...['6108', '6C08', '9406', '9401', '6A83'].map(fromHex)),
      ),
    ),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...steps), answers, ([, , dialogue], list) => {
      let i = 0;
      const result = drive(dialogue(), () => list[i++ % list.length]!);
      assert.notEqual(result, undefined);
    }),
    { numRuns: 1000 },
  );
});
