/**
 * The purchase keys of a station: the keyring in force and the cards' keys derived from it, shared
 * by the gates of one process. A rider who came in at one gate is known at all the others; one who
 * came in at a station of another process is derived for at the exit, or at hand from yesterday
 * (`card-list.ts`).
 */
import type { Keyring } from '../../engine/crypto/keyring.ts';
import { CARD_KEYS_STATION } from '../../engine/limits.ts';
import { CardKeys } from './card-keys.ts';

export class StationKeys {
  #current: CardKeys;

  /** @param cards whose keys are kept, 8 times a power of two. */
  constructor(keyring: Keyring, cards: number = CARD_KEYS_STATION) {
    this.#current = new CardKeys(keyring, cards);
  }

  /** The keys in force. A tap asks once, and ends with what it got. */
  get current(): CardKeys {
    return this.#current;
  }

  /**
   * Puts another keyring in force from the next tap on, at any gate and without stopping one; taps
   * under way end on the ring they began with. Every card's key derived from the former ring is
   * overwritten at once; resolves when those that the new ring still has are derived anew, between
   * taps. A ring that is to serve cards of two key versions holds both.
   */
  async replace(keyring: Keyring): Promise<void> {
    const former = this.#current;
    const next = new CardKeys(keyring, former.capacity);
    this.#current = next;
    const cards = former.identities();
    former.clear();
    await next.warm(cards);
  }
}
