/**
 * Makes a station's keys ready for the cards that came before, and writes down from time to time
 * which ones come (`card-list.ts`). A station works without: what the disk fails with is told, and
 * no more (`station-memory.ts`).
 */
import { CARD_LIST_KEEP_MS } from '../../engine/durations.ts';
import { CardList, type CardListOptions } from './card-list.ts';
import type { StationKeys } from './station-keys.ts';

export class CardKeeper {
  readonly #keys: StationKeys;
  readonly #list: CardList;
  readonly #failed: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;

  private constructor(keys: StationKeys, list: CardList, failed: (error: unknown) => void) {
    this.#keys = keys;
    this.#list = list;
    this.#failed = failed;
    this.#timer = setInterval(() => void this.#keep(), CARD_LIST_KEEP_MS);
    this.#timer.unref();
  }

  /**
   * Resolves when the keys of the cards found are derived: 1.5 us each, before the first rider.
   * @param failed told of each write that failed.
   * @throws FaregateError DISK_FULL, DISK_FAILED.
   */
  static async open(
    keys: StationKeys,
    storage: Omit<CardListOptions, 'capacity'>,
    failed: (error: unknown) => void,
  ): Promise<CardKeeper> {
    const { disk, key, random } = storage;
    const { capacity } = keys.current;
    const list = await CardList.open({ disk, key, random, capacity });
    await keys.current.warm(list.found);
    return new CardKeeper(keys, list, failed);
  }

  /** Writes the list a last time. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#keep();
    await this.#list.end();
  }

  async #keep(): Promise<void> {
    try {
      await this.#list.keep(this.#keys.current.identities());
    } catch (error) {
      this.#failed(error);
    }
  }
}
