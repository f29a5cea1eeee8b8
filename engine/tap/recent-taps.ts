/**
 * The last tap of each bank card that a gate of this station opened for. A bank card has no journey
 * record, so this is all that tells a rider who hands the card back, or a replayed answer: of this
 * station alone, in memory, bounded.
 */
import { toHex } from '../bytes.ts';
import { RECENT_TAPS_MAX } from '../card-limits.ts';

export interface RecentTap {
  /** What the card's journey record would say. */
  readonly where: 'inside' | 'outside';
  /** 4-byte code. */
  readonly station: Uint8Array;
  readonly instantMs: number;
  /** The card's transaction counter (ATC). */
  readonly counter: number;
}

export class RecentTaps {
  readonly #max: number;
  readonly #byCard = new Map<string, RecentTap>();

  constructor(max: number = RECENT_TAPS_MAX) {
    this.#max = max;
  }

  get size(): number {
    return this.#byCard.size;
  }

  /** @param cardNumber 10 bytes */
  find(cardNumber: Uint8Array): RecentTap | null {
    return this.#byCard.get(toHex(cardNumber)) ?? null;
  }

  /** Remembers a tap in place of the card's last one; over the bound the oldest goes. */
  note(cardNumber: Uint8Array, tap: RecentTap): void {
    const key = toHex(cardNumber);
    this.#byCard.delete(key);
    if (this.#byCard.size === this.#max) this.#byCard.delete(this.#byCard.keys().next().value!);
    this.#byCard.set(key, tap);
  }
}
