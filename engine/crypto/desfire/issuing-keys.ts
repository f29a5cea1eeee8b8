/**
 * The masters of an operator that issues AES cards, and the key bytes that go into them. Apart from
 * `AesKeyring`, which hands out schedules alone: only who issues cards needs a key itself.
 */
import assert from 'node:assert/strict';
import { KEYS_PER_USE_MAX } from '../../limits.ts';
import { type AesCardKeyName, type AesMasterKey, masterFor } from '../aes-keyring.ts';
import { an10922Aes128 } from '../derivation.ts';
import { cmacKey } from '../mac.ts';
import { type AesCardKey, aesCardKey } from './authentication.ts';

const KEY_BYTES = 16;

export class IssuingKeys {
  readonly #masters: readonly AesMasterKey[];

  /** @param masters no two of one use, version and application. */
  constructor(masters: readonly AesMasterKey[]) {
    assert(masters.length <= KEYS_PER_USE_MAX);
    this.#masters = masters;
  }

  /** A card's key, 16 bytes, the caller's to wipe; null where the master is not here. */
  bytes(name: AesCardKeyName): Uint8Array | null {
    // What a new application has in the place of each of its keys.
    if (name.use === 'factory') return new Uint8Array(KEY_BYTES);
    const master = this.#masterOf(name);
    if (!master) return null;
    if (name.input === null) return master.slice();
    return an10922Aes128(cmacKey(master), name.input, name.padTo32 ? 'to32' : 'cmac');
  }

  #masterOf({ use, version, application }: AesCardKeyName): Uint8Array | undefined {
    const named = this.#masters.filter((each) => each.use === use && each.version === version);
    return masterFor(named, application)?.master;
  }

  /** The same made ready for an authentication. */
  find(name: AesCardKeyName): AesCardKey | null {
    const bytes = this.bytes(name);
    if (bytes === null) return null;
    const key = aesCardKey(bytes);
    bytes.fill(0);
    return key;
  }
}
