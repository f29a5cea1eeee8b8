/**
 * What do keys and MACs of a purse cost? Checking a TAC from the master key (diversify by one
 * factor, XOR the halves, CBC-MAC of 22 bytes), a TAC with the card's TAC key at hand, what a gate
 * computes between INITIALIZE and DEBIT (session key, MAC1, MAC2), and the keyed hash of a card
 * number; each against node:crypto, or the library's one-shot function, as one would call it.
 */
import { createCipheriv } from 'node:crypto';
import { cmac } from '@noble/ciphers/aes.js';
import { Keyring } from '../engine/crypto/keyring.ts';
import { cmac16, cmacKey } from '../engine/crypto/mac.ts';
import { tripleDes } from '../engine/crypto/purse-cipher.ts';
import {
  type Purchase,
  purchaseMac1,
  purchaseMac2,
  purchaseSession,
  purchaseTac,
} from '../engine/crypto/purse-mac.ts';
import { TacVerifier } from '../engine/crypto/tac.ts';
import { loadKey, storeWord } from '../engine/crypto/words.ts';
import { at } from '../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../engine/debit/record.ts';
import type { Benchmark, Question } from './harness.ts';

const MASTER = Buffer.from('11223344556677888877665544332211', 'hex');
const ZERO_IV = Buffer.alloc(8);

export const macBenchmark: Benchmark = {
  name: 'mac',
  questions(smoke) {
    const cards = makeCards(smoke ? 8 : 128);
    return [tacFromMaster(cards), tacOfCard(cards), gateMacs(cards), cardHash(cards)];
  },
};

/** One card and one purchase with it. */
interface Card extends Purchase {
  readonly factor: Buffer;
  readonly cardKey: Buffer;
  readonly tacKey: Buffer;
  readonly random: Buffer;
  readonly offlineCounter: number;
  readonly terminalSequence: number;
  readonly tac: Buffer;
}

/** Cards with numbers that follow from their place, computed with node:crypto. */
function makeCards(count: number): Card[] {
  return Array.from({ length: count }, (_, i) => {
    const factor = Buffer.from(`1051700101${String(i).padStart(6, '0')}`, 'hex');
    const cardKey = nodeDiversify(MASTER, factor);
    const card = {
      factor,
      cardKey,
      tacKey: xorHalves(cardKey),
      random: Buffer.from((0x9ac87503 - i).toString(16), 'hex'),
      offlineCounter: i,
      terminalSequence: 1000 + i,
      amountMinor: 200 + i,
      transactionType: 9,
      terminalId: Buffer.from('040900010001', 'hex'),
      dateTime: Buffer.from('20240821185844', 'hex'),
    };
    return { ...card, tac: nodeDesMac(card.tacKey, tacMessage(card)) };
  });
}

function tacFromMaster(cards: readonly Card[]): Question {
  const records = new Uint8Array(cards.length * DEBIT_BYTES);
  for (const [i, card] of cards.entries()) {
    const record = records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
    record[at.keyIndex] = 1;
    record[at.keyVersion] = 1;
    record[at.factorLevels] = 1;
    record.set(card.factor, at.factors);
    record.set(tacMessage(card).subarray(0, 4), at.amountMinor);
    record[at.transactionType] = card.transactionType;
    record.set(card.terminalId, at.terminalId);
    storeWord(card.terminalSequence, record, at.terminalSequence);
    record.set(card.dateTime, at.dateTime);
    record.set(card.tac, at.tac);
    // Some are forged, so that a contender that says yes to all does not agree.
    if (i % 5 === 3) record[at.tac]! ^= 1;
  }
  const verifier = new TacVerifier(
    new Keyring([{ use: 'tac', index: 1, version: 1, algorithm: '3des', master: MASTER }]),
  );
  const verdicts = new Uint8Array(cards.length);
  const ours = () => {
    for (let i = 0; i < verdicts.length; i++) {
      verdicts[i] = verifier.verify(records, i * DEBIT_BYTES) === 'valid' ? 1 : 0;
    }
  };
  const nodes = () => {
    for (let i = 0; i < verdicts.length; i++) {
      const record = records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
      const factor = record.subarray(at.factors, at.factors + 8);
      const message = Buffer.allocUnsafe(22);
      message.set(record.subarray(at.amountMinor, at.amountMinor + 4));
      message[4] = record[at.transactionType]!;
      message.set(record.subarray(at.terminalId, at.terminalId + 10), 5);
      message.set(record.subarray(at.dateTime, at.dateTime + 7), 15);
      const tac = nodeDesMac(xorHalves(nodeDiversify(MASTER, factor)), message);
      verdicts[i] = tac.equals(record.subarray(at.tac, at.tac + 4)) ? 1 : 0;
    }
  };
  return question('TAC from the master key', cards.length, verdicts, ours, nodes, 6);
}

function tacOfCard(cards: readonly Card[]): Question {
  const schedules = cards.map(({ tacKey }) => {
    const schedule = new Int32Array(tripleDes.macWords);
    const whole = Int32Array.of(tacKey.readInt32BE(0), tacKey.readInt32BE(4), 0, 0);
    tripleDes.expandTac(whole, schedule);
    return schedule;
  });
  const out = new Uint8Array(cards.length * 4);
  const ours = () => {
    for (const [i, card] of cards.entries()) {
      const tac = purchaseTac(tripleDes, schedules[i]!, card, card.terminalSequence);
      storeWord(tac, out, 4 * i);
    }
  };
  const nodes = () => {
    for (const [i, card] of cards.entries()) {
      out.set(nodeDesMac(card.tacKey, tacMessage(card)), 4 * i);
    }
  };
  return question("TAC with the card's key at hand", cards.length, out, ours, nodes);
}

function gateMacs(cards: readonly Card[]): Question {
  const schedules = cards.map(({ cardKey }) => {
    const words = new Int32Array(4);
    loadKey(cardKey, 0, words);
    const schedule = new Int32Array(tripleDes.keyWords);
    tripleDes.expandKey(words, schedule);
    return schedule;
  });
  const session = new Int32Array(tripleDes.macWords);
  const out = new Uint8Array(cards.length * 8);
  const ours = () => {
    for (const [i, card] of cards.entries()) {
      const { random, offlineCounter, terminalSequence } = card;
      const key = schedules[i]!;
      purchaseSession(tripleDes, key, random, offlineCounter, terminalSequence, session);
      storeWord(purchaseMac1(tripleDes, session, card, null), out, 8 * i);
      storeWord(purchaseMac2(tripleDes, session, card.amountMinor), out, 8 * i + 4);
    }
  };
  const nodes = () => {
    for (const [i, card] of cards.entries()) {
      const input = Buffer.allocUnsafe(8);
      input.set(card.random);
      input.writeUInt16BE(card.offlineCounter, 4);
      input.writeUInt16BE(card.terminalSequence & 0xffff, 6);
      const sessionKey = nodeEde(card.cardKey, input);
      const message = tacMessage(card);
      const mac1 = Buffer.concat([message.subarray(0, 11), message.subarray(15)]);
      out.set(nodeDesMac(sessionKey, mac1), 8 * i);
      out.set(nodeDesMac(sessionKey, message.subarray(0, 4)), 8 * i + 4);
    }
  };
  return question('session key, MAC1 and MAC2', cards.length, out, ours, nodes);
}

function cardHash(cards: readonly Card[]): Question {
  const key = new Uint8Array(MASTER);
  const numbers = cards.map(({ factor }) => new Uint8Array([3, 0x10, ...factor]));
  const ready = cmacKey(key);
  const out = new Uint8Array(cards.length * 16);
  const hash = new Uint8Array(16);
  const ours = () => {
    for (const [i, number] of numbers.entries()) {
      cmac16(ready, number, 0, number.length, hash);
      out.set(hash, 16 * i);
    }
  };
  const nobles = () => {
    for (const [i, number] of numbers.entries()) out.set(cmac(number, key), 16 * i);
  };
  const asked = question('AES-CMAC of a card number', cards.length, out, ours, nobles);
  const [first, last] = asked.contenders;
  return { ...asked, contenders: [first!, { ...last!, name: 'noble one-shot cmac' }] };
}

/** A question between faregate and node:crypto, both of which leave their answers in `out`. */
function question(
  name: string,
  operations: number,
  out: Uint8Array,
  ours: () => void,
  nodes: () => void,
  goal?: number,
): Question {
  const contender = (who: string, run: () => void) => ({
    name: who,
    run,
    answer: () => {
      out.fill(0);
      run();
      return out.slice();
    },
  });
  const contenders = [contender('faregate', ours), contender('node:crypto per call', nodes)];
  return { name, operations, contenders, ...(goal === undefined ? {} : { goal }) };
}

function tacMessage(card: Purchase & { readonly terminalSequence: number }): Buffer {
  const message = Buffer.allocUnsafe(22);
  message.writeUInt32BE(card.amountMinor, 0);
  message[4] = card.transactionType;
  message.set(card.terminalId, 5);
  message.writeUInt32BE(card.terminalSequence, 11);
  message.set(card.dateTime, 15);
  return message;
}

function nodeEde(key: Uint8Array, data: Uint8Array): Buffer {
  return createCipheriv('des-ede-ecb', key, null).setAutoPadding(false).update(data);
}

function nodeDiversify(key: Uint8Array, factor: Uint8Array): Buffer {
  const both = Buffer.allocUnsafe(16);
  for (let i = 0; i < 8; i++) {
    both[i] = factor[i]!;
    both[8 + i] = ~factor[i]!;
  }
  return nodeEde(key, both);
}

function xorHalves(key: Buffer): Buffer {
  const half = Buffer.allocUnsafe(8);
  for (let i = 0; i < 8; i++) half[i] = key[i]! ^ key[8 + i]!;
  return half;
}

/** OpenSSL 3 has no single DES: triple DES with one key three times is the same. */
function nodeDesMac(key: Uint8Array, message: Uint8Array): Buffer {
  const padded = Buffer.alloc((Math.floor(message.length / 8) + 1) * 8);
  padded.set(message);
  padded[message.length] = 0x80;
  const cipher = createCipheriv('des-ede3-cbc', Buffer.concat([key, key, key]), ZERO_IV);
  return cipher.setAutoPadding(false).update(padded).subarray(-8).subarray(0, 4);
}
