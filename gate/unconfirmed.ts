/**
 * The debits of a station whose card left before it answered: kept until the card is seen again, so
 * that its next tap settles them instead of charging twice. Shared by the gates of a station; each
 * gate's own are in a file too (`unconfirmed-file.ts`), because the journal lets go of them once
 * they are uploaded.
 */
import { toHex } from '../engine/bytes.ts';
import type { Debit } from '../engine/debit/record.ts';
import { UNCONFIRMED_MAX } from '../engine/limits.ts';
import type { PendingDebit } from '../engine/tap/setting.ts';
import type { Clock } from './clock.ts';

/** Where one gate's unconfirmed debits survive a restart. */
export interface UnconfirmedKeeper {
  /** Makes these, all of the gate's, durable. A failure is the keeper's to report. */
  keep(debits: readonly Debit[]): Promise<void>;
}

/** A debit by its gate and sequence, and the 10-byte number of its card. */
type DebitOfCard = Pick<Debit, 'cardNumber' | 'gateId' | 'gateSequence'>;

interface Entry {
  readonly debit: Debit;
  /** By the monotonic clock: a wall clock that jumps must not make a rider pay twice. */
  readonly addedUs: number;
  readonly ageMs: number;
}

export class UnconfirmedDebits {
  readonly #clock: Clock;
  readonly #byCard = new Map<string, Entry>();
  readonly #keepers = new Map<string, UnconfirmedKeeper>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#byCard.size;
  }

  /** Takes over what a gate's earlier process had kept, and keeps the gate's there from now on. */
  attach(gateId: string, keeper: UnconfirmedKeeper, found: readonly Debit[]): void {
    this.#keepers.set(gateId, keeper);
    const nowMs = this.#clock.nowMs();
    for (const debit of found) this.#put(debit, Math.max(0, nowMs - debit.instantMs));
  }

  /**
   * Remembers a debit; resolves when that is durable. Over the bound the oldest goes: the engine
   * then settles it from the card's next counter.
   */
  add(debit: Debit): Promise<void> {
    const forgotten = this.#put(debit, 0);
    for (const gateId of forgotten) if (gateId !== debit.gateId) void this.#keep(gateId);
    return this.#keep(debit.gateId);
  }

  /**
   * Forgets the debit of that gate and sequence, unless a newer one of the card has taken its
   * place; resolves when that is durable.
   */
  settle({ cardNumber, gateId, gateSequence }: DebitOfCard): Promise<void> {
    const key = toHex(cardNumber);
    const held = this.#byCard.get(key)?.debit;
    if (held?.gateId !== gateId || held.gateSequence !== gateSequence) return Promise.resolve();
    this.#byCard.delete(key);
    return this.#keep(gateId);
  }

  /** The unconfirmed debit of a card, by its 10-byte number. */
  find(cardNumber: Uint8Array): PendingDebit | null {
    if (this.#byCard.size === 0) return null;
    const entry = this.#byCard.get(toHex(cardNumber));
    if (!entry) return null;
    const sinceMs = (this.#clock.monotonicUs() - entry.addedUs) / 1000;
    return { debit: entry.debit, ageMs: entry.ageMs + sinceMs };
  }

  /** Unconfirmed debits that `gateId` made. */
  countOf(gateId: string): number {
    return this.#of(gateId).length;
  }

  *all(): Iterable<Debit> {
    for (const { debit } of this.#byCard.values()) yield debit;
  }

  /** @returns the gates that debits were forgotten of. */
  #put(debit: Debit, ageMs: number): string[] {
    const key = toHex(debit.cardNumber);
    const forgotten: string[] = [];
    const former = this.#byCard.get(key);
    if (former && former.debit.instantMs > debit.instantMs && ageMs > 0) return forgotten;
    if (former) forgotten.push(former.debit.gateId);
    this.#byCard.delete(key);
    if (this.#byCard.size >= UNCONFIRMED_MAX) {
      const [oldest, entry] = this.#byCard.entries().next().value!;
      this.#byCard.delete(oldest);
      forgotten.push(entry.debit.gateId);
    }
    this.#byCard.set(key, { debit, addedUs: this.#clock.monotonicUs(), ageMs });
    return forgotten;
  }

  #of(gateId: string): Debit[] {
    const debits: Debit[] = [];
    for (const { debit } of this.#byCard.values()) if (debit.gateId === gateId) debits.push(debit);
    return debits;
  }

  #keep(gateId: string): Promise<void> {
    return this.#keepers.get(gateId)?.keep(this.#of(gateId)) ?? Promise.resolve();
  }
}
