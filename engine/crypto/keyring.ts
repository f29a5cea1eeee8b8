/**
 * The keyring: master keys by use, algorithm, index, version and issuer, their schedules expanded
 * once. What it hands out are schedules, never key bytes.
 *
 * Several issuers' cards may be about whose masters differ under one version. A master that names
 * an issuer serves that issuer's cards before one that names none, which serves everybody's.
 */
import assert from 'node:assert/strict';
import { KEYS_PER_USE_MAX } from '../limits.ts';
import {
  algorithmOf,
  type PurseAlgorithm,
  type PurseCipher,
  sm4,
  tripleDes,
} from './purse-cipher.ts';
import { loadKey, loadWord } from './words.ts';

/** `capp`: records of the extended application of e-cash. */
export type KeyUse = 'purchase' | 'tac' | 'load' | 'capp';

export interface MasterKey {
  readonly use: KeyUse;
  /** 0 to 255. */
  readonly index: number;
  /** 0 to 255. */
  readonly version: number;
  readonly algorithm: PurseAlgorithm;
  /** 16 bytes. */
  readonly master: Uint8Array;
  /** 8 bytes, as file 15 of its cards has them; absent: the key serves any issuer's cards. */
  readonly issuer?: Uint8Array;
}

/** A master key ready for use. */
export interface MasterSchedule {
  readonly use: KeyUse;
  readonly index: number;
  readonly version: number;
  readonly cipher: PurseCipher;
  readonly schedule: Int32Array;
  /** 8 bytes; null where the key serves cards of every issuer. */
  readonly issuer: Uint8Array | null;
}

const ISSUER_BYTES = 8;

/** The issuers that keys name, counted from 1. */
class IssuerNumbers {
  /** By the left word, then by the right one. */
  readonly #numbers = new Map<number, Map<number, number>>();
  #count = 0;

  /** 0: no key names this issuer. */
  numberOf(left: number, right: number): number {
    if (this.#count === 0) return 0;
    return this.#numbers.get(left)?.get(right) ?? 0;
  }

  /** Its number, a new one where it has none. */
  add(issuer: Uint8Array): number {
    assert(issuer.length === ISSUER_BYTES);
    const left = loadWord(issuer, 0);
    const right = loadWord(issuer, 4);
    const known = this.numberOf(left, right);
    if (known > 0) return known;
    const byRight = this.#numbers.get(left) ?? new Map<number, number>();
    this.#numbers.set(left, byRight.set(right, ++this.#count));
    return this.#count;
  }

  get count(): number {
    return this.#count;
  }
}

export class Keyring {
  #issuers = new IssuerNumbers();
  readonly #byUse: Readonly<Record<KeyUse, Map<number, MasterSchedule>>> = {
    purchase: new Map(),
    tac: new Map(),
    load: new Map(),
    capp: new Map(),
  };

  /**
   * @param keys no two of one use, algorithm, index, version and issuer; `parseKeySet` sees to it.
   */
  constructor(keys: readonly MasterKey[]) {
    for (const key of keys) {
      assert(key.master.length === 16 && key.index < 256 && key.version < 256);
      const cipher = key.algorithm === '3des' ? tripleDes : sm4;
      const words = new Int32Array(4);
      loadKey(key.master, 0, words);
      const schedule = new Int32Array(cipher.keyWords);
      cipher.expandKey(words, schedule);
      words.fill(0);
      const issuer = key.issuer ?? null;
      const number = issuer === null ? 0 : this.#issuers.add(issuer);
      const name = nameOf(key.algorithm, key.index, key.version, number);
      const keysOfUse = this.#byUse[key.use];
      assert(!keysOfUse.has(name), `two ${key.use} keys ${key.index}/${key.version}`);
      assert(keysOfUse.size < KEYS_PER_USE_MAX);
      const { use, index, version } = key;
      keysOfUse.set(name, { use, index, version, cipher, schedule, issuer });
    }
  }

  /**
   * The key a card asks for, or undefined: not on this ring.
   * @param algorithm the card's algorithm byte
   * @param left first four bytes of the card's issuer as a word, @param right last four
   */
  find(
    use: KeyUse,
    index: number,
    version: number,
    algorithm: number,
    left: number,
    right: number,
  ): MasterSchedule | undefined {
    const keys = this.#byUse[use];
    const named = algorithmOf(algorithm);
    const number = this.#issuers.numberOf(left, right);
    const own = number > 0 ? keys.get(nameOf(named, index, version, number)) : undefined;
    return own ?? keys.get(nameOf(named, index, version, 0));
  }

  /** The key that serves cards of any issuer, or undefined. */
  findCommon(
    use: KeyUse,
    index: number,
    version: number,
    algorithm: number,
  ): MasterSchedule | undefined {
    return this.#byUse[use].get(nameOf(algorithmOf(algorithm), index, version, 0));
  }

  /** The issuers, 8 bytes each, that have a key of this name of their own. */
  issuersOf(use: KeyUse, index: number, version: number, algorithm: number): Uint8Array[] {
    const named = algorithmOf(algorithm);
    return [...this.#byUse[use].values()]
      .filter((key) => key.index === index && key.version === version)
      .flatMap(({ cipher, issuer }) => (cipher.algorithm === named && issuer ? [issuer] : []));
  }

  /** Whether any key names an issuer. */
  get namesIssuers(): boolean {
    return this.#issuers.count > 0;
  }

  /** Whether there is a key for this use. */
  has(use: KeyUse): boolean {
    return this.#byUse[use].size > 0;
  }

  /** A ring of those of the keys that `wanted` says. */
  restrictedTo(wanted: (key: MasterSchedule) => boolean): Keyring {
    const ring = new Keyring([]);
    ring.#issuers = this.#issuers;
    for (const use of ['purchase', 'tac', 'load', 'capp'] as const) {
      for (const [name, key] of this.#byUse[use]) {
        if (wanted(key)) ring.#byUse[use].set(name, key);
      }
    }
    return ring;
  }

  /** All keys, for tables of indexes, versions and check values. */
  list(): MasterSchedule[] {
    return Object.values(this.#byUse).flatMap((keys) => [...keys.values()]);
  }
}

/** The left three bytes of zeros encrypted under `master`, 16 bytes. */
export function keyCheckValue(algorithm: PurseAlgorithm, master: Uint8Array): number {
  const cipher = algorithm === '3des' ? tripleDes : sm4;
  const words = new Int32Array(4);
  loadKey(master, 0, words);
  const schedule = new Int32Array(cipher.keyWords);
  cipher.expandKey(words, schedule);
  return cipher.checkValue(schedule);
}

/** @param issuer its number on the ring, 0 for none. */
function nameOf(
  algorithm: PurseAlgorithm,
  index: number,
  version: number,
  issuer: number,
): number {
  return (issuer << 17) | (algorithm === '3des' ? 0 : 0x10000) | (index << 8) | version;
}
