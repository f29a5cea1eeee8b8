/** Batches of TACs made by node:crypto, and one at a time; bitsliced and plain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../../engine/bytes.ts';
import {
  DIFFERENT,
  KEY_REPEATS,
  keyBit,
  keyOffset,
  LANES,
  RECORDS,
  ROWS,
  TAC_KEY,
} from '../../../engine/crypto/bitslice/layout.ts';
import { BitslicedDes } from '../../../engine/crypto/bitslice/module.ts';
import { createTacBatch, type TacBatch } from '../../../engine/crypto/bitslice/tac-batch.ts';
import { webAssembly } from '../../../engine/crypto/bitslice/wasm.ts';
import { Keyring, type MasterKey } from '../../../engine/crypto/keyring.ts';
import { TacVerifier, tacCodes } from '../../../engine/crypto/tac.ts';
import { at } from '../../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../../engine/debit/record.ts';
import { TAC_CHUNK_RECORDS, TAC_LANES_MIN } from '../../../engine/limits.ts';
import { noShared, vectors } from '../../shared.ts';
import { Draw, drawRecord, drawRecords } from './records.ts';

const { valid, invalid, unknownKey } = tacCodes;
const UNTOUCHED = 9;

const draw = new Draw(20261124);
const keys: MasterKey[] = [
  { use: 'tac', index: 1, version: 1, algorithm: '3des', master: draw.fill(new Uint8Array(16)) },
  { use: 'tac', index: 1, version: 2, algorithm: '3des', master: draw.fill(new Uint8Array(16)) },
  { use: 'tac', index: 1, version: 1, algorithm: 'sm4', master: draw.fill(new Uint8Array(16)) },
];
const [first, , chinese] = keys as [MasterKey, MasterKey, MasterKey];
const ring = new Keyring(keys);
const batches: readonly TacBatch[] = [
  createTacBatch(ring),
  createTacBatch(ring, { webAssembly: null }),
];
const [bitsliced] = batches as [TacBatch, TacBatch];

function verdictsOf(batch: TacBatch, records: Uint8Array, count: number): number[] {
  const verdicts = new Uint8Array(count + 1).fill(UNTOUCHED);
  batch.verify(records, count, verdicts);
  assert.equal(verdicts[count], UNTOUCHED);
  return [...verdicts.subarray(0, count)];
}

test('this host bitslices, and does without where there is no SIMD or no room', () => {
  assert.deepEqual(
    batches.map((batch) => batch.bitsliced),
    [true, false],
  );
  const crowded = {
    validate: () => true,
    Module: webAssembly!.Module,
    Instance: class {
      readonly exports = {};
      constructor() {
        throw new RangeError('could not allocate memory');
      }
    },
  };
  const without = { ...crowded, validate: () => false };
  for (const host of [without, crowded]) {
    const batch = createTacBatch(ring, { webAssembly: host });
    assert.equal(batch.bitsliced, false);
    batch.warm();
    assert.deepEqual(verdictsOf(batch, drawRecords(draw, first, 30), 30), Array(30).fill(valid));
  }
});

test('every count up to 300: TACs of node:crypto are valid, forged ones invalid', () => {
  const records = drawRecords(draw, first, 300);
  const expected = new Array<number>(300).fill(valid);
  for (let i = 0; i < 300; i++) {
    if (draw.below(4) > 0) continue;
    records[i * DEBIT_BYTES + at.tac + draw.below(4)]! ^= 1 << draw.below(8);
    expected[i] = invalid;
  }
  for (const batch of batches) {
    for (let count = 0; count <= 300; count++) {
      assert.deepEqual(verdictsOf(batch, records, count), expected.slice(0, count), `${count}`);
    }
  }
});

test('keys, versions, algorithms, levels, strangers and forgeries in any mixture', () => {
  const verifier = new TacVerifier(ring);
  for (const count of [1, TAC_LANES_MIN, 3 * LANES, TAC_CHUNK_RECORDS + 1, 2500]) {
    const records = new Uint8Array(count * DEBIT_BYTES);
    const expected: number[] = [];
    for (let i = 0; i < count; i++) {
      const record = records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
      drawRecord(draw, keys[draw.below(keys.length)]!, 1 + draw.below(2), record);
      expected.push(spoil(record, draw.below(12)));
      const one = tacCodes[verifier.verify(record, 0)];
      assert.equal(one, expected[i]);
    }
    for (const batch of batches) assert.deepEqual(verdictsOf(batch, records, count), expected);
  }
});

/** Makes some records wrong, each in one way; returns the verdict they must get. */
function spoil(record: Uint8Array, way: number): number {
  if (way === 0) {
    record[at.keyIndex] = 7;
    return unknownKey;
  }
  if (way === 1) {
    record[at.keyVersion] = 0;
    return unknownKey;
  }
  if (way === 2) {
    record[at.factorLevels] = 3 * draw.below(80);
    return invalid;
  }
  if (way > 4) return valid;
  record[(way === 3 ? at.tac : at.amountMinor) + draw.below(4)]! ^= 1 << draw.below(8);
  return invalid;
}

/** What a TAC covers, as runs of bytes; with two levels the second factor as well. */
const covered = [
  [at.dateTime, 7],
  [at.terminalId, 6],
  [at.terminalSequence, 4],
  [at.transactionType, 1],
  [at.amountMinor, 4],
  [at.tac, 4],
] as const;
const selecting: readonly number[] = [at.keyIndex, at.keyVersion, at.algorithm, at.factorLevels];

/** Parity bits of a DES key do nothing, but factors are data: each of their bits counts. */
function covers(levels: number, place: number): boolean {
  return [...covered, [at.factors, 8 * levels] as const].some(
    ([from, length]) => place >= from && place < from + length,
  );
}

test('any one bit changed of what the TAC covers makes it invalid, and of nothing else', () => {
  for (const levels of [1, 2]) {
    const original = drawRecords(draw, first, 1, levels);
    const places = [...original.keys()].filter((place) => !selecting.includes(place));
    const records = new Uint8Array(places.length * 8 * DEBIT_BYTES);
    for (const [i, place] of places.entries()) {
      for (let bit = 0; bit < 8; bit++) {
        const start = (8 * i + bit) * DEBIT_BYTES;
        records.set(original, start);
        records[start + place]! ^= 1 << bit;
      }
    }
    const expected = places.flatMap((place) =>
      new Array<number>(8).fill(covers(levels, place) ? invalid : valid),
    );
    for (const batch of batches) {
      assert.deepEqual(verdictsOf(batch, records, expected.length), expected);
    }
  }
});

test('records may lie anywhere: in the middle of a buffer, or in a shared one', () => {
  const records = drawRecords(draw, first, 200);
  records[150 * DEBIT_BYTES + at.tac]! ^= 0x80;
  const expected = Array.from({ length: 200 }, (_, i) => (i === 150 ? invalid : valid));
  const larger = new Uint8Array(records.length + 100).fill(0xa5);
  larger.set(records, 13);
  const shared = new Uint8Array(new SharedArrayBuffer(records.length), 0, records.length);
  shared.set(records);
  const sharedVerdicts = new Uint8Array(new SharedArrayBuffer(200));
  for (const batch of batches) {
    assert.deepEqual(verdictsOf(batch, larger.subarray(13, 13 + records.length), 200), expected);
    batch.verify(shared, 200, sharedVerdicts);
    assert.deepEqual([...sharedVerdicts], expected);
  }
});

test('SM4 records are judged as well, and warming up changes nothing', () => {
  const records = drawRecords(draw, chinese, 40, 2);
  for (const batch of batches) batch.warm();
  for (const batch of batches) {
    assert.deepEqual(verdictsOf(batch, records, 40), Array(40).fill(valid));
  }
  const empty = createTacBatch(new Keyring([]));
  empty.warm();
  assert.deepEqual(verdictsOf(empty, records, 40), Array(40).fill(unknownKey));
});

test('two batches do not disturb each other', () => {
  const other = { ...first, master: draw.fill(new Uint8Array(16)) };
  const others = createTacBatch(new Keyring([other]));
  const ours = drawRecords(draw, first, 130);
  const theirs = drawRecords(draw, other, 130);
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(verdictsOf(bitsliced, ours, 130), Array(130).fill(valid));
    assert.deepEqual(verdictsOf(others, theirs, 130), Array(130).fill(valid));
    assert.deepEqual(verdictsOf(others, ours, 130), Array(130).fill(invalid));
  }
});

test('buffers too short for the count are our own mistake', () => {
  for (const batch of batches) {
    assert.throws(() => batch.verify(new Uint8Array(159), 1, new Uint8Array(1)), /AssertionError/);
    assert.throws(() => batch.verify(new Uint8Array(320), 2, new Uint8Array(1)), /AssertionError/);
  }
});

test('the recorded TAC of a city-union card, in any lane under its own key', {
  skip: noShared,
}, () => {
  const vector = vectors<Record<string, string>>('ep-city-union').find((v) => v.tacInput)!;
  const message = fromHex(vector.tacInput!);
  const record = new Uint8Array(DEBIT_BYTES);
  record.set(message.subarray(0, 4), at.amountMinor);
  record[at.transactionType] = message[4]!;
  record.set(message.subarray(5, 15), at.terminalId);
  record.set(message.subarray(15, 22), at.dateTime);
  record.set(fromHex(vector.tac!), at.tac);
  const key = fromHex(vector.tacKey!);
  const cipher = BitslicedDes.create(webAssembly)!;
  cipher.memory.set(record, RECORDS);
  cipher.words.fill(RECORDS, ROWS / 4, ROWS / 4 + LANES);
  for (let lane = 0; lane < LANES; lane++) {
    // The key in this lane alone; others have another.
    for (let place = 0; place < 56; place++) {
      const bit = (key[keyBit(place) >> 3]! >> (7 - (keyBit(place) & 7))) & 1;
      for (const repeat of [0, KEY_REPEATS]) {
        const slice = cipher.memory.subarray(TAC_KEY + keyOffset(place) + repeat).subarray(0, 16);
        slice.fill(bit === 1 ? 0 : 0xff);
        slice[lane & 15]! ^= 0x80 >> (lane >> 4);
      }
    }
    cipher.mac();
    const same = Array.from({ length: LANES }, (_, i) => i).filter(
      (i) => ((cipher.memory[DIFFERENT + (i & 15)]! >> (7 - (i >> 4))) & 1) === 0,
    );
    assert.deepEqual(same, [lane]);
  }
});
