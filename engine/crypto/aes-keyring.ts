/**
 * Master keys of AES cards by use and version, made ready once. What it hands out are schedules,
 * never key bytes.
 */
import assert from 'node:assert/strict';
import { KEYS_PER_USE_MAX } from '../limits.ts';
import { an10922Aes128 } from './derivation.ts';
import { type AesCardKey, aesCardKey } from './desfire/authentication.ts';
import { type CmacKey, cmacKey } from './mac.ts';

/** `card` is the card's own master key, `application` that of the purse's application. */
export type AesKeyUse = 'debit' | 'load' | 'identity' | 'transactionMac' | 'card' | 'application';

export interface AesMasterKey {
  readonly use: AesKeyUse;
  /** 0 to 255. */
  readonly version: number;
  /** 16 bytes. */
  readonly master: Uint8Array;
}

/** Which key of which card. */
export interface AesCardKeyName {
  /** `factory`: what a new application has, all zeros; no master of it is in any ring. */
  readonly use: AesKeyUse | 'factory';
  readonly version: number;
  /** Input of AN10922; null: the master key itself. */
  readonly input: Uint8Array | null;
  readonly padTo32: boolean;
}

interface Master {
  readonly cmac: CmacKey;
  /** The key as a card has it that is not diversified. */
  readonly own: AesCardKey;
}

export class AesKeyring {
  readonly #masters = new Map<string, Master>();

  /** @param keys no two of one use and version. */
  constructor(keys: readonly AesMasterKey[]) {
    assert(keys.length <= KEYS_PER_USE_MAX);
    for (const { use, version, master } of keys) {
      const name = `${use} ${version}`;
      assert(master.length === 16 && version < 256 && !this.#masters.has(name), name);
      const own = aesCardKey(master);
      this.#masters.set(name, { cmac: own.cmac, own });
    }
  }

  /** Derives a card's key for authentication; null where the ring lacks its master. */
  cardKey(name: AesCardKeyName): AesCardKey | null {
    const master = this.#masters.get(`${name.use} ${name.version}`);
    if (!master) return null;
    return name.input === null ? master.own : aesCardKey(derived(master, name));
  }

  /** The same for MACs alone. */
  macKey(name: AesCardKeyName): CmacKey | null {
    const master = this.#masters.get(`${name.use} ${name.version}`);
    if (!master) return null;
    return name.input === null ? master.cmac : cmacKey(derived(master, name));
  }
}

function derived(master: Master, { input, padTo32 }: AesCardKeyName): Uint8Array {
  return an10922Aes128(master.cmac, input!, padTo32 ? 'to32' : 'cmac');
}
