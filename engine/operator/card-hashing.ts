/**
 * Hashes of the cards of a list, by the batch: the first in line, those after it on the crypto
 * pool, so that a short list starts no threads and a long one is read meanwhile (docs/pool.md).
 */

import type { KeySet } from '../crypto/key-set.ts';
import { cmacKey } from '../crypto/mac.ts';
import type { jobs } from '../crypto/pool/jobs.ts';
import { type CryptoPool, openCryptoPool } from '../crypto/pool/pool.ts';
import { CARD_NUMBER_BYTES, hashCardNumber } from '../denylist/card-hash.ts';

export class CardHashing {
  readonly #keys: KeySet;
  #isFirst = true;
  #pool: Promise<CryptoPool<typeof jobs>> | null = null;

  constructor(keys: KeySet) {
    this.#keys = keys;
  }

  /**
   * @param numbers card numbers of 10 bytes, one after another; not to be changed meanwhile.
   * @returns two words for each, as `hashCardNumber` leaves them.
   * @throws FaregateError POOL_FAILED.
   */
  async hash(numbers: Uint8Array): Promise<Int32Array> {
    if (this.#isFirst) {
      this.#isFirst = false;
      return this.#inLine(numbers);
    }
    this.#pool ??= openCryptoPool(this.#keys);
    const { buffer, byteOffset, length } = await (await this.#pool).run(
      'cardHashes',
      numbers,
      null,
    );
    return new Int32Array(buffer, byteOffset, length / 4);
  }

  #inLine(numbers: Uint8Array): Int32Array {
    const key = cmacKey(this.#keys.cardHash);
    const hashes = new Int32Array((2 * numbers.length) / CARD_NUMBER_BYTES);
    for (let at = 0, to = 0; at < numbers.length; at += CARD_NUMBER_BYTES, to += 2) {
      hashCardNumber(key, numbers, at, hashes, to);
    }
    return hashes;
  }

  /** Ends the threads; drops what is not done. */
  async close(): Promise<void> {
    const pool = await this.#pool?.catch(() => null);
    await pool?.close({ abort: true });
  }
}
