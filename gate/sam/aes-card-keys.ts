/**
 * AES cards' keys, derived from one keyring and kept with their schedules expanded, bounded: the
 * card that came longest ago makes room. To derive and expand a key takes some 3 us, to find it a
 * tenth of that (`npm run bench -- desfire`).
 */
import { equalBytes, readU48 } from '../../engine/bytes.ts';
import type { AesKeyRef } from '../../engine/card/desfire/asks.ts';
import { AES_CARD_KEYS_MAX } from '../../engine/card-limits.ts';
import type { AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import type { AesCardKey } from '../../engine/crypto/desfire/authentication.ts';
import { invariant } from '../../engine/invariant.ts';

interface Kept {
  readonly ref: AesKeyRef;
  readonly key: AesCardKey;
}

const UID_BYTES = 7;

export class AesCardKeys {
  #keyring: AesKeyring;
  readonly #capacity: number;
  /** By the last six bytes of the UID; the first names the maker. Oldest first. */
  readonly #kept = new Map<number, Kept>();

  /** @param capacity cards, at most `AES_CARD_KEYS_MAX`. */
  constructor(keyring: AesKeyring, capacity: number = AES_CARD_KEYS_MAX) {
    invariant(capacity >= 1 && capacity <= AES_CARD_KEYS_MAX, 'a capacity within its bound');
    this.#keyring = keyring;
    this.#capacity = capacity;
  }

  get keyring(): AesKeyring {
    return this.#keyring;
  }

  /** Another ring, from the next card on: whoever holds a key from here keeps it to the end. */
  replace(keyring: AesKeyring): void {
    this.#keyring = keyring;
    this.#kept.clear();
  }

  get size(): number {
    return this.#kept.size;
  }

  /** The card's key, kept or derived now; null where the keyring lacks its master. */
  find(ref: AesKeyRef): AesCardKey | null {
    const { input } = ref;
    if (input === null || input.length < UID_BYTES) return this.#keyring.cardKey(ref);
    const place = readU48(input, 1);
    const kept = this.#kept.get(place);
    if (kept && isSame(kept.ref, ref)) return kept.key;
    const key = this.#keyring.cardKey(ref);
    if (key === null) return null;
    this.#kept.delete(place);
    if (this.#kept.size >= this.#capacity) {
      const [oldest] = this.#kept.keys();
      this.#kept.delete(oldest!);
    }
    this.#kept.set(place, { ref: { ...ref, input: input.slice() }, key });
    return key;
  }
}

function isSame(a: AesKeyRef, b: AesKeyRef): boolean {
  return (
    a.use === b.use &&
    a.version === b.version &&
    equalBytes(a.application, b.application) &&
    a.padTo32 === b.padTo32 &&
    equalBytes(a.input!, b.input!)
  );
}
