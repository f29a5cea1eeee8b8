/**
 * Master keys of AES cards by use, version and application, made ready once. What it hands out are
 * schedules, never key bytes. A master that names an application serves its cards before one that
 * names none.
 */
import assert from 'node:assert/strict';
import { equalBytes } from '../bytes.ts';
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
  /** AID or DF name, 1 to 16 bytes; absent: the key serves any application. */
  readonly application?: Uint8Array;
}

/** Which key of which card. */
export interface AesCardKeyName {
  /** `factory`: what a new application has, all zeros; no master of it is in any ring. */
  readonly use: AesKeyUse | 'factory';
  readonly version: number;
  /** The card's AID or DF name. */
  readonly application: Uint8Array;
  /** Input of AN10922; null: the master key itself. */
  readonly input: Uint8Array | null;
  readonly padTo32: boolean;
}

interface Master {
  readonly cmac: CmacKey;
  /** The key as a card has it that is not diversified. */
  readonly own: AesCardKey;
  readonly application: Uint8Array | null;
}

export class AesKeyring {
  /** By use and version; one that serves any application is last. */
  readonly #masters = new Map<string, Master[]>();

  /** @param keys no two of one use, version and application. */
  constructor(keys: readonly AesMasterKey[]) {
    assert(keys.length <= KEYS_PER_USE_MAX);
    for (const { use, version, master, application = null } of keys) {
      const name = `${use} ${version}`;
      const masters = this.#masters.get(name) ?? [];
      const isRepeated = masters.some((other) => isSame(other.application, application));
      assert(master.length === 16 && version < 256 && !isRepeated, name);
      const own = aesCardKey(master);
      const made = { cmac: own.cmac, own, application };
      if (application === null) masters.push(made);
      else masters.unshift(made);
      this.#masters.set(name, masters);
    }
  }

  /** Derives a card's key for authentication; null where the ring lacks its master. */
  cardKey(name: AesCardKeyName): AesCardKey | null {
    const master = this.#masterOf(name);
    if (!master) return null;
    return name.input === null ? master.own : aesCardKey(derived(master, name));
  }

  /** The same for MACs alone. */
  macKey(name: AesCardKeyName): CmacKey | null {
    const master = this.#masterOf(name);
    if (!master) return null;
    return name.input === null ? master.cmac : cmacKey(derived(master, name));
  }

  #masterOf({ use, version, application }: AesCardKeyName): Master | undefined {
    for (const master of this.#masters.get(`${use} ${version}`) ?? []) {
      if (master.application === null || equalBytes(master.application, application)) return master;
    }
    return undefined;
  }
}

/** Of keys of one use and version, the one that serves an application: its own, or a common one. */
export function masterFor(
  keys: readonly AesMasterKey[],
  application: Uint8Array,
): AesMasterKey | undefined {
  const own = keys.find((key) => key.application && equalBytes(key.application, application));
  return own ?? keys.find((key) => key.application === undefined);
}

function derived(master: Master, { input, padTo32 }: AesCardKeyName): Uint8Array {
  return an10922Aes128(master.cmac, input!, padTo32 ? 'to32' : 'cmac');
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b);
}
