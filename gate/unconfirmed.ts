/**
 * The debits of a station whose card left before it answered: kept until the card is seen again, so
 * that its next tap settles them instead of charging twice. Shared by the gates of a station.
 */
import { toHex } from '../engine/bytes.ts';
import type { Debit } from '../engine/debit/record.ts';
import { UNCONFIRMED_MAX } from '../engine/limits.ts';

export class UnconfirmedDebits {
  readonly #byCard = new Map<string, Debit>();

  get size(): number {
    return this.#byCard.size;
  }

  /** Over the bound the oldest goes: the engine then settles it from the card's next counter. */
  add(debit: Debit): void {
    const key = toHex(debit.cardNumber);
    this.#byCard.delete(key);
    if (this.#byCard.size >= UNCONFIRMED_MAX) {
      this.#byCard.delete(this.#byCard.keys().next().value as string);
    }
    this.#byCard.set(key, debit);
  }

  /** Forgets `debit`, unless a newer one of the card has taken its place. */
  settle(debit: Debit): void {
    const key = toHex(debit.cardNumber);
    const held = this.#byCard.get(key);
    if (held?.gateId === debit.gateId && held.gateSequence === debit.gateSequence) {
      this.#byCard.delete(key);
    }
  }

  /** The unconfirmed debit of a card, by its 10-byte number. */
  find(cardNumber: Uint8Array): Debit | null {
    if (this.#byCard.size === 0) return null;
    return this.#byCard.get(toHex(cardNumber)) ?? null;
  }

  /** Unconfirmed debits that `gateId` made. */
  countOf(gateId: string): number {
    let count = 0;
    for (const debit of this.#byCard.values()) if (debit.gateId === gateId) count += 1;
    return count;
  }

  all(): Iterable<Debit> {
    return this.#byCard.values();
  }
}
