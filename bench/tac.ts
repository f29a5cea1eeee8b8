/**
 * What does it cost to check a batch's TACs from the master keys? Debit records as gates upload
 * them, some forged, with one level of factors, with two, and of SM4 cards: the batch as an engine
 * checks it, one record at a time, and node:crypto. And the keys of many cards at once.
 *
 * Node:crypto is asked twice: with a cipher object for each call, as one would write it; and with
 * the diversification of the whole batch in one call, which leaves one object for each card's MAC,
 * the least its interface allows.
 */
import { createCipheriv } from 'node:crypto';
import { CardKeyBatch } from '../engine/crypto/bitslice/card-keys.ts';
import { createTacBatch } from '../engine/crypto/bitslice/tac-batch.ts';
import { Keyring } from '../engine/crypto/keyring.ts';
import type { PurseAlgorithm } from '../engine/crypto/purse-cipher.ts';
import { tacCodes } from '../engine/crypto/tac.ts';
import { loadKey } from '../engine/crypto/words.ts';
import { at } from '../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../engine/debit/record.ts';
import type { Benchmark, Contender, Question } from './harness.ts';

const MASTER = Buffer.from('11223344556677888877665544332211', 'hex');
const MESSAGE_BYTES = 22;
const GOAL = 25;

export const tacBenchmark: Benchmark = {
  name: 'tac',
  questions(smoke) {
    const few = smoke ? 32 : 1024;
    const many = smoke ? 160 : 8192;
    return [
      tacs('1,024 TACs', makeRecords('3des', 1, few), GOAL),
      tacs('8,192 TACs', makeRecords('3des', 1, many), GOAL),
      tacs('1,024 TACs, two factors', makeRecords('3des', 2, few)),
      tacs('1,024 TACs of SM4', makeRecords('sm4', 1, few)),
      cardKeys('keys of 1,024 cards', few),
    ];
  },
};

interface Records {
  readonly algorithm: PurseAlgorithm;
  readonly levels: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Records that follow from their place; each fifth is forged. */
function makeRecords(algorithm: PurseAlgorithm, levels: number, count: number): Records {
  const bytes = new Uint8Array(count * DEBIT_BYTES);
  for (let i = 0; i < count; i++) {
    const record = recordAt(bytes, i);
    for (const place of record.keys()) record[place] = (i * 89 + place * 57 + (i >> 8) * 31) & 255;
    record[at.keyIndex] = 1;
    record[at.keyVersion] = 1;
    record[at.algorithm] = algorithm === '3des' ? 0 : 4;
    record[at.factorLevels] = levels;
    record.set(nodeTac(algorithm, levels, record), at.tac);
    // So that a contender that says yes to all does not agree.
    if (i % 5 === 3) record[at.tac]! ^= 1;
  }
  return { algorithm, levels, count, bytes };
}

function recordAt(bytes: Uint8Array, i: number): Uint8Array {
  return bytes.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
}

function tacs(name: string, records: Records, goal?: number): Question {
  const { algorithm, levels, count, bytes } = records;
  const ring = new Keyring([{ use: 'tac', index: 1, version: 1, algorithm, master: MASTER }]);
  const batch = createTacBatch(ring);
  const plain = createTacBatch(ring, { webAssembly: null });
  batch.warm();
  const verdicts = new Uint8Array(count);
  const judge = (i: number, tac: Uint8Array) => {
    const equal = Buffer.compare(tac, recordAt(bytes, i).subarray(at.tac, at.tac + 4)) === 0;
    verdicts[i] = equal ? tacCodes.valid : tacCodes.invalid;
  };
  const contender = (who: string, run: () => void): Contender => answering(who, verdicts, run);
  const contenders = [
    contender(batch.bitsliced ? 'batch' : 'batch, no SIMD here', () =>
      batch.verify(bytes, count, verdicts),
    ),
    contender('one at a time', () => plain.verify(bytes, count, verdicts)),
    contender('node:crypto, fewest calls', () => {
      const keys = nodeKeys(algorithm, levels, bytes, count);
      for (let i = 0; i < count; i++) {
        const key = keys.subarray(16 * i, 16 * i + 16);
        judge(i, nodeMac(algorithm, key, tacMessage(recordAt(bytes, i))));
      }
    }),
    contender('node:crypto per call', () => {
      for (let i = 0; i < count; i++) judge(i, nodeTac(algorithm, levels, recordAt(bytes, i)));
    }),
  ];
  return { name, operations: count, contenders, ...(goal === undefined ? {} : { goal }) };
}

/** A contender that leaves its answer in `out`. */
function answering(name: string, out: Uint8Array, run: () => void): Contender {
  return {
    name,
    run,
    answer: () => {
      out.fill(0);
      run();
      return out.slice();
    },
  };
}

function cardKeys(name: string, count: number): Question {
  const ring = new Keyring([
    { use: 'purchase', index: 1, version: 1, algorithm: '3des', master: MASTER },
  ]);
  const [master] = ring.list();
  const factors = Uint8Array.from({ length: 16 * count }, (_, i) => (i * 151 + (i >> 8)) & 255);
  const keys = new Int32Array(4 * count);
  const words = new Int32Array(4);
  const derive = (batch: CardKeyBatch) => () => batch.derive(master!, factors, 1, count, keys);
  const out = new Uint8Array(keys.buffer);
  const contenders = [
    answering('batch', out, derive(new CardKeyBatch())),
    answering('one at a time', out, derive(new CardKeyBatch(null))),
    answering('node:crypto per call', out, () => {
      for (let i = 0; i < count; i++) {
        const factor = factors.subarray(16 * i, 16 * i + 8);
        loadKey(ecb('3des', MASTER, withComplement(factor)), 0, words);
        keys.set(words, 4 * i);
      }
    }),
  ];
  return { name, operations: count, contenders };
}

function tacMessage(record: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(MESSAGE_BYTES);
  message.set(record.subarray(at.amountMinor, at.amountMinor + 4));
  message[4] = record[at.transactionType]!;
  message.set(record.subarray(at.terminalId, at.terminalId + 10), 5);
  message.set(record.subarray(at.dateTime, at.dateTime + 7), 15);
  return message;
}

function nodeTac(algorithm: PurseAlgorithm, levels: number, record: Uint8Array): Uint8Array {
  let key: Buffer = MASTER;
  for (let level = 0; level < levels; level++) {
    const from = at.factors + 8 * level;
    key = ecb(algorithm, key, withComplement(record.subarray(from, from + 8)));
  }
  return nodeMac(algorithm, key, tacMessage(record));
}

/** All cards' keys; the second level needs a cipher object for each card. */
function nodeKeys(
  algorithm: PurseAlgorithm,
  levels: number,
  bytes: Uint8Array,
  count: number,
): Buffer {
  const inputs = Buffer.allocUnsafe(16 * count);
  for (let i = 0; i < count; i++) {
    const record = recordAt(bytes, i);
    for (let j = 0; j < 8; j++) {
      inputs[16 * i + j] = record[at.factors + j]!;
      inputs[16 * i + 8 + j] = ~record[at.factors + j]!;
    }
  }
  const keys = ecb(algorithm, MASTER, inputs);
  for (let i = 0; levels === 2 && i < count; i++) {
    const second = recordAt(bytes, i).subarray(at.factors + 8, at.factors + 16);
    const key = keys.subarray(16 * i, 16 * i + 16);
    key.set(ecb(algorithm, key, withComplement(second)));
  }
  return keys;
}

function withComplement(factor: Uint8Array): Buffer {
  const both = Buffer.allocUnsafe(16);
  for (let i = 0; i < 8; i++) {
    both[i] = factor[i]!;
    both[8 + i] = ~factor[i]!;
  }
  return both;
}

function ecb(algorithm: PurseAlgorithm, key: Uint8Array, data: Uint8Array): Buffer {
  const name = algorithm === '3des' ? 'des-ede-ecb' : 'sm4-ecb';
  return createCipheriv(name, key, null).setAutoPadding(false).update(data);
}

const DES_IV = Buffer.alloc(8);
const SM4_IV = Buffer.alloc(16);

/** OpenSSL 3 has no single DES: triple DES with one key three times is the same. */
function nodeMac(algorithm: PurseAlgorithm, key: Uint8Array, message: Uint8Array): Uint8Array {
  const size = algorithm === '3des' ? 8 : 16;
  const padded = Buffer.alloc((Math.floor(message.length / size) + 1) * size);
  padded.set(message);
  padded[message.length] = 0x80;
  let cipher = null;
  if (algorithm === '3des') {
    const tripled = Buffer.allocUnsafe(24);
    for (let i = 0; i < 24; i++) tripled[i] = key[i & 7]! ^ key[8 + (i & 7)]!;
    cipher = createCipheriv('des-ede3-cbc', tripled, DES_IV);
  } else {
    cipher = createCipheriv('sm4-cbc', key, SM4_IV);
  }
  const chain = cipher.setAutoPadding(false).update(padded);
  return chain.subarray(-size).subarray(0, 4);
}
