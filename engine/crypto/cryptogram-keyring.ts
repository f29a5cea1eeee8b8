/**
 * Issuers' master keys of application cryptograms, as far as an operator holds them: by the first
 * digits of the PAN and by the key index (DKI) that the card names in 9F10.
 */
import assert from 'node:assert/strict';
import type { PurseAlgorithm } from './purse-cipher.ts';

export interface CryptogramKey {
  /** First digits of the PANs it is for, 1 to 12. */
  readonly prefix: string;
  /** 0 to 255. */
  readonly index: number;
  readonly algorithm: PurseAlgorithm;
  /** 16 bytes. */
  readonly master: Uint8Array;
}

export class CryptogramKeyring {
  readonly #byName = new Map<string, CryptogramKey[]>();
  /** Lengths of prefixes, the longest first. */
  readonly #lengths: readonly number[];

  constructor(keys: readonly CryptogramKey[]) {
    for (const key of keys) {
      assert(key.master.length === 16 && /^\d{1,12}$/.test(key.prefix));
      const name = nameOf(key.prefix, key.index);
      this.#byName.set(name, [...(this.#byName.get(name) ?? []), key]);
    }
    const lengths = new Set(keys.map(({ prefix }) => prefix.length));
    this.#lengths = [...lengths].sort((a, b) => b - a);
  }

  /** The keys of the longest prefix of the PAN that has this index: one of each cipher; or none. */
  find(pan: string, index: number): readonly CryptogramKey[] {
    for (const length of this.#lengths) {
      const keys = this.#byName.get(nameOf(pan.slice(0, length), index));
      if (keys) return keys;
    }
    return [];
  }
}

function nameOf(prefix: string, index: number): string {
  return `${prefix}/${index}`;
}
