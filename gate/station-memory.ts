/**
 * What a station's next process is to know before its first rider: which cards came (their purchase
 * keys are derived ahead), and which banks' issuers (their public keys are recovered ahead). Kept
 * beside the journal of the gate that is added first.
 *
 * Of a bank card itself nothing is kept: its certificate and its signature are its own, and looked
 * at once a tap. Which bank cards tapped last (`RecentTaps`) is no warmth but a fact, and no file.
 */
import type { Issuers } from '../engine/card/qpboc/oda/issuers.ts';
import { FaregateError } from '../engine/errors.ts';
import type { Log } from '../engine/log/log.ts';
import { IssuerKeeper } from './issuer-keeper.ts';
import { CardKeeper } from './sam/card-keeper.ts';
import type { CardListOptions } from './sam/card-list.ts';
import type { StationKeys } from './sam/station-keys.ts';

export class StationMemory {
  readonly #keys: StationKeys;
  readonly #log: Log;
  #cards: Promise<CardKeeper | null> | null = null;
  #issuers: Promise<IssuerKeeper | null> | null = null;

  constructor(keys: StationKeys, log: Log) {
    this.#keys = keys;
    this.#log = log;
  }

  /**
   * Opens what is not open yet; resolves when all that was found is ready. A list that the disk
   * does not give is warned of, and the station goes without it until its next start: it costs
   * warmth, and a gate on a full disk must still open its journal and drain.
   * @param issuers of the gate's setting; null: it takes no bank cards
   */
  async open(storage: Omit<CardListOptions, 'capacity'>, issuers: Issuers | null): Promise<void> {
    this.#cards ??= this.#keeperOf('cards', (failed) =>
      CardKeeper.open(this.#keys, storage, failed),
    );
    await this.#cards;
    if (issuers === null) return;
    this.#issuers ??= this.#keeperOf("banks' issuers", (failed) =>
      IssuerKeeper.open(issuers, storage.disk, failed),
    );
    await this.#issuers;
  }

  /** Writes everything a last time. */
  async end(): Promise<void> {
    const cards = await this.#cards?.catch(() => null);
    await cards?.end();
    const issuers = await this.#issuers?.catch(() => null);
    await issuers?.end();
  }

  async #keeperOf<Keeper>(
    what: string,
    open: (failed: (error: unknown) => void) => Promise<Keeper>,
  ): Promise<Keeper | null> {
    const failed = (error: unknown) =>
      this.#log.warn({}, `the list of ${what} is not kept: ${(error as Error).message}`);
    try {
      return await open(failed);
    } catch (error) {
      if (!(error instanceof FaregateError)) throw error;
      failed(error);
      return null;
    }
  }
}
