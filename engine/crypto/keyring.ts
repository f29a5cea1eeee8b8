/**
 * The keyring: master keys by use, algorithm, index and version, their schedules expanded once.
 * What it hands out are schedules, never key bytes.
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
import { loadKey } from './words.ts';

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
}

/** A master key ready for use. */
export interface MasterSchedule {
  readonly use: KeyUse;
  readonly index: number;
  readonly version: number;
  readonly cipher: PurseCipher;
  readonly schedule: Int32Array;
}

export class Keyring {
  readonly #byUse: Readonly<Record<KeyUse, Map<number, MasterSchedule>>> = {
    purchase: new Map(),
    tac: new Map(),
    load: new Map(),
    capp: new Map(),
  };

  /** @param keys no two of one use, algorithm, index and version; `parseKeySet` sees to it. */
  constructor(keys: readonly MasterKey[]) {
    for (const key of keys) {
      assert(key.master.length === 16 && key.index < 256 && key.version < 256);
      const cipher = key.algorithm === '3des' ? tripleDes : sm4;
      const words = new Int32Array(4);
      loadKey(key.master, 0, words);
      const schedule = new Int32Array(cipher.keyWords);
      cipher.expandKey(words, schedule);
      words.fill(0);
      const name = nameOf(key.algorithm, key.index, key.version);
      const keysOfUse = this.#byUse[key.use];
      assert(!keysOfUse.has(name), `two ${key.use} keys ${key.index}/${key.version}`);
      assert(keysOfUse.size < KEYS_PER_USE_MAX);
      const { use, index, version } = key;
      keysOfUse.set(name, { use, index, version, cipher, schedule });
    }
  }

  /**
   * The key a card asks for (`algorithm` is its algorithm byte), or undefined: not on this ring.
   */
  find(use: KeyUse, index: number, version: number, algorithm: number): MasterSchedule | undefined {
    return this.#byUse[use].get(nameOf(algorithmOf(algorithm), index, version));
  }

  /** Whether there is a key for this use. */
  has(use: KeyUse): boolean {
    return this.#byUse[use].size > 0;
  }

  /** A ring of those of the keys that `wanted` says. */
  restrictedTo(wanted: (key: MasterSchedule) => boolean): Keyring {
    const ring = new Keyring([]);
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

function nameOf(algorithm: PurseAlgorithm, index: number, version: number): number {
  return (algorithm === '3des' ? 0 : 0x10000) | (index << 8) | version;
}
