/**
 * What the algorithm byte of a purse selects: how keys are diversified, how session and TAC keys
 * come about, and the MAC. Two implementations, triple DES (PBOC e-purse [R]) and SM4 ([1]
 * diversification, [U] the rest: claim no conformance).
 *
 * Keys are words (four for 16 bytes), schedules are word arrays the caller owns, and a MAC is its
 * left four bytes as one signed word, so that nothing on the tap's path allocates.
 */
import { diversifyEde, diversifySm4 } from './derivation.ts';
import { DES_SCHEDULE_WORDS, EDE_SCHEDULE_WORDS, edeBlock, expandDes, expandEde } from './des.ts';
import { desCbcMac, sm4CbcMac } from './mac.ts';
import { expandSm4, SM4_SCHEDULE_WORDS, sm4Block } from './sm4.ts';

export type PurseAlgorithm = '3des' | 'sm4';

export interface PurseCipher {
  readonly algorithm: PurseAlgorithm;
  /** Words of the schedule of a 16-byte key. */
  readonly keyWords: number;
  /** Words of the schedule of a session or TAC key. */
  readonly macWords: number;
  expandKey(key: Int32Array, out: Int32Array): void;
  /** Diversifies by a factor of 8 bytes, two words; leaves the key in `key`. */
  diversify(schedule: Int32Array, high: number, low: number, key: Int32Array): void;
  /** Encrypts the 8 bytes of a session's input and expands the session key into `out`. */
  expandSession(schedule: Int32Array, high: number, low: number, out: Int32Array): void;
  /** Expands the TAC key of a diversified key into `out`. */
  expandTac(key: Int32Array, out: Int32Array): void;
  /** Left four bytes of the MAC over `bytes[0..length)`, padded with 80 and zeros. */
  mac(schedule: Int32Array, bytes: Uint8Array, length: number): number;
  /** Key check value of a 16-byte key: the left three bytes of E(K, zeros). */
  checkValue(schedule: Int32Array): number;
}

/** Words of the largest schedule of either kind, for scratch space. */
export const KEY_WORDS_MAX: number = Math.max(EDE_SCHEDULE_WORDS, SM4_SCHEDULE_WORDS);
export const MAC_WORDS_MAX: number = Math.max(DES_SCHEDULE_WORDS, SM4_SCHEDULE_WORDS);

const block = new Int32Array(4);

export const tripleDes: PurseCipher = {
  algorithm: '3des',
  keyWords: EDE_SCHEDULE_WORDS,
  macWords: DES_SCHEDULE_WORDS,
  expandKey: expandEde,
  diversify: diversifyEde,
  /** An 8-byte key: 3DES of the input [R]. */
  expandSession(schedule, high, low, out) {
    block[0] = high;
    block[1] = low;
    edeBlock(schedule, block);
    expandDes(block[0], block[1], out);
  },
  /** Left half XOR right half [2]. */
  expandTac(key, out) {
    expandDes(key[0]! ^ key[2]!, key[1]! ^ key[3]!, out);
  },
  mac(schedule, bytes, length) {
    desCbcMac(schedule, bytes, length, block);
    return block[0]!;
  },
  checkValue(schedule) {
    block.fill(0);
    edeBlock(schedule, block);
    return block[0]! >>> 8;
  },
};

export const sm4: PurseCipher = {
  algorithm: 'sm4',
  keyWords: SM4_SCHEDULE_WORDS,
  macWords: SM4_SCHEDULE_WORDS,
  expandKey: expandSm4,
  diversify: diversifySm4,
  /** A 16-byte key: SM4 of the input followed by 80 and seven zeros [U]. */
  expandSession(schedule, high, low, out) {
    block[0] = high;
    block[1] = low;
    block[2] = 0x80 << 24;
    block[3] = 0;
    sm4Block(schedule, block);
    expandSm4(block, out);
  },
  /** The diversified key as it is [U]. */
  expandTac(key, out) {
    expandSm4(key, out);
  },
  mac(schedule, bytes, length) {
    sm4CbcMac(schedule, bytes, length, block);
    return block[0]!;
  },
  checkValue(schedule) {
    block.fill(0);
    sm4Block(schedule, block);
    return block[0]! >>> 8;
  },
};

/** The cipher an algorithm byte selects: 00 is 3DES, any other SM4 [1]. */
export function algorithmOf(byte: number): PurseAlgorithm {
  return byte === 0 ? '3des' : 'sm4';
}

/** The same as a cipher. */
export function cipherOf(byte: number): PurseCipher {
  return algorithmOf(byte) === '3des' ? tripleDes : sm4;
}

const levelOne = new Int32Array(KEY_WORDS_MAX);

/**
 * Derives a card's key from a master key: one diversification for each of `levels` (1 or 2)
 * factors, two words each in `factors`. Leaves four words in `key`.
 */
export function deriveCardKey(
  cipher: PurseCipher,
  master: Int32Array,
  factors: Int32Array,
  levels: number,
  key: Int32Array,
): void {
  cipher.diversify(master, factors[0]!, factors[1]!, key);
  if (levels === 2) {
    cipher.expandKey(key, levelOne);
    cipher.diversify(levelOne, factors[2]!, factors[3]!, key);
  }
}
