/**
 * Hashes of the cards of a list, by the batch, on the crypto pool while the list is read on
 * (docs/pool.md). A list of up to CARD_HASHES_IN_LINE_MAX starts no threads; of a longer one cards
 * are hashed in line until the threads are up, which takes as long as half a million cards.
 */

import type { KeySet } from '../crypto/key-set.ts';
import { cmacKey } from '../crypto/mac.ts';
import type { jobs } from '../crypto/pool/jobs.ts';
import { type CryptoPool, openCryptoPool } from '../crypto/pool/pool.ts';
import { CARD_NUMBER_BYTES, hashCardNumber } from '../denylist/card-hash.ts';
import { CARD_HASHES_IN_LINE_MAX } from '../limits.ts';

type Pool = Pick<CryptoPool<typeof jobs>, 'run' | 'close'>;

export class CardHashing {
  readonly #keys: KeySet;
  readonly #openPool: (keys: KeySet) => Promise<Pool>;
  readonly #inLineMax: number;
  #cards = 0;
  #opening: Promise<void> | null = null;
  #pool: Pool | null = null;
  #failure: unknown;

  /** @param openPool resolves once its threads are up. */
  constructor(
    keys: KeySet,
    openPool: (keys: KeySet) => Promise<Pool> = openCryptoPool,
    inLineMax: number = CARD_HASHES_IN_LINE_MAX,
  ) {
    this.#keys = keys;
    this.#openPool = openPool;
    this.#inLineMax = inLineMax;
  }

  /**
   * @param numbers card numbers of 10 bytes, one after another; not to be changed meanwhile.
   * @returns two words for each, as `hashCardNumber` leaves them.
   * @throws FaregateError POOL_FAILED.
   */
  async hash(numbers: Uint8Array): Promise<Int32Array> {
    this.#cards += numbers.length / CARD_NUMBER_BYTES;
    if (this.#cards > this.#inLineMax) this.#opening ??= this.#open();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pool === null) return this.#inLine(numbers);
    const { buffer, byteOffset, length } = await this.#pool.run('cardHashes', numbers, null);
    return new Int32Array(buffer, byteOffset, length / 4);
  }

  async #open(): Promise<void> {
    try {
      this.#pool = await this.#openPool(this.#keys);
    } catch (error) {
      this.#failure = error;
    }
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
    await this.#opening;
    await this.#pool?.close({ abort: true });
  }
}
