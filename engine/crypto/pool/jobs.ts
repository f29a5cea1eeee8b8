/**
 * The kinds of work the pool does, and all that one must say to add another: the sizes of an item
 * and of its result, from how many items on a worker pays, and the function. A job is pure: it
 * reads its input and its parameters, writes its output and nothing else, and may be run again.
 */
import { DEBIT_BYTES } from '../../debit/record.ts';
import { CARD_NUMBER_BYTES, hashCardNumber } from '../../denylist/card-hash.ts';
import { FaregateError } from '../../errors.ts';
import { POOL_CARD_HASHES_MIN, POOL_CARD_KEYS_MIN, POOL_TACS_MIN } from '../../limits.ts';
import type { KeyUse } from '../keyring.ts';
import { loadWord } from '../words.ts';
import type { KeyTools } from './key-tools.ts';

/** One job's data. */
export interface JobData {
  /** `count` items, one after another; read only. */
  readonly input: Uint8Array;
  readonly count: number;
  /** Receives `count` results; starts on a multiple of 8 bytes. */
  readonly output: Uint8Array;
}

export interface JobKind<Parameters> {
  readonly itemBytes: number;
  readonly resultBytes: number;
  /** Fewer items than this cost the caller less time in line than it takes to hand them over. */
  readonly itemsMin: number;
  /** @param parameters plain data, the same for all items */
  run(tools: KeyTools, data: JobData, parameters: Parameters): void;
}

/** Kinds of jobs by name; parameters are whatever each kind's function takes. */
export type JobTable = Readonly<Record<string, JobKind<never>>>;

/** What callers say besides the items of a job of kind `K`. */
export type JobParameters<T extends JobTable, K extends keyof T> = Parameters<T[K]['run']>[2];

/** Which master key the cards' keys come from, and by how many factors. */
export interface CardKeysOf {
  readonly use: KeyUse;
  readonly index: number;
  readonly version: number;
  /** The cards' algorithm byte. */
  readonly algorithm: number;
  /** 1 or 2. */
  readonly levels: number;
  /** 8 bytes; absent: the master that serves any issuer's cards. */
  readonly issuer?: Uint8Array;
}

/** Debit records of 160 bytes (`codec.ts`) in, a verdict of one byte each (`tacCodes`) out. */
const tacs: JobKind<null> = {
  itemBytes: DEBIT_BYTES,
  resultBytes: 1,
  itemsMin: POOL_TACS_MIN,
  run: (tools, { input, count, output }) => tools.tacs.verify(input, count, output),
};

/**
 * Factors of 16 bytes in, keys out: four words of 32 bits each, in the host's order, as
 * `deriveCardKey` leaves them. @throws FaregateError KEYS_MISSING
 */
const cardKeys: JobKind<CardKeysOf> = {
  itemBytes: 16,
  resultBytes: 16,
  itemsMin: POOL_CARD_KEYS_MIN,
  run(tools, { input, count, output }, { use, index, version, algorithm, levels, issuer }) {
    const { keyring } = tools;
    const master = issuer
      ? keyring.find(use, index, version, algorithm, loadWord(issuer, 0), loadWord(issuer, 4))
      : keyring.findCommon(use, index, version, algorithm);
    if (!master) {
      throw new FaregateError(
        'KEYS_MISSING',
        `no ${use} key of index ${index}, version ${version}`,
      );
    }
    tools.cardKeys.derive(master, input, levels, count, wordsOf(output, 4 * count));
  },
};

/**
 * Card numbers of 10 bytes in, their keyed hashes out: two words of 32 bits each, in the host's
 * order, as `hashCardNumber` leaves them.
 */
const cardHashes: JobKind<null> = {
  itemBytes: CARD_NUMBER_BYTES,
  resultBytes: 8,
  itemsMin: POOL_CARD_HASHES_MIN,
  run(tools, { input, count, output }) {
    const hashes = wordsOf(output, 2 * count);
    for (let i = 0; i < count; i++) {
      hashCardNumber(tools.hashKey, input, i * CARD_NUMBER_BYTES, hashes, 2 * i);
    }
  },
};

/** The engine's jobs. */
export const jobs = { tacs, cardKeys, cardHashes } as const;

function wordsOf(bytes: Uint8Array, count: number): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, count);
}
