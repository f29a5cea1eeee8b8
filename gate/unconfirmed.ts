/**
 * The debits of a station whose card left before it answered: kept until the card is seen again, so
 * that its next tap settles them instead of charging twice. Shared by the gates of a station; each
 * gate's own are in a file too (`unconfirmed-file.ts`), because the journal lets go of them once
 * they are uploaded. A debit whose card has not answered yet is found here as well: a reader may
 * take seconds to tell that the card has gone, and its rider is at the next gate by then.
 */
import { equalBytes, toHex } from '../engine/bytes.ts';
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
  /** By gate, the debit whose end it waits for. */
  readonly #inHand = new Map<string, Entry>();
  /**
   * Debits that were settled before the gate that made them was here, or was over with them. Few:
   * of open settlements at a start, or in hand.
   */
  readonly #settledAhead = new Set<string>();

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
    let isLess = false;
    for (const debit of found) {
      if (this.#settledAhead.has(nameOf(debit))) isLess = true;
      else this.#put(debit, this.#entry(debit, Math.max(0, nowMs - debit.instantMs)));
    }
    if (isLess) void this.#keep(gateId);
  }

  /** The card is about to be debited: until `end` or `add` it is not known whether it was. */
  begin(debit: Debit): void {
    this.#inHand.set(debit.gateId, this.#entry(debit, 0));
  }

  /** What became of a debit is known. */
  end(debit: Debit): void {
    this.#settledAhead.delete(nameOf(debit));
    if (isOf(this.#inHand.get(debit.gateId), debit)) this.#inHand.delete(debit.gateId);
  }

  /**
   * Remembers a debit, unless it was settled while it was in hand; resolves when that is durable.
   * Over the bound the oldest goes: the engine then settles it from the card's next counter.
   */
  async add(debit: Debit): Promise<void> {
    const begun = this.#inHand.get(debit.gateId);
    const entry = isOf(begun, debit) ? { ...begun!, debit } : this.#entry(debit, 0);
    const isSettled = this.#settledAhead.has(nameOf(debit));
    this.end(debit);
    if (isSettled) return;
    const gates = new Set([debit.gateId, ...this.#put(debit, entry)]);
    await Promise.all([...gates].map((gateId) => this.#keep(gateId)));
  }

  /**
   * Forgets the debit of that gate and sequence, unless a newer one of the card has taken its
   * place; resolves when that is durable.
   */
  settle({ cardNumber, gateId, gateSequence }: DebitOfCard): Promise<void> {
    const key = toHex(cardNumber);
    const named = { gateId, gateSequence };
    if (isOf(this.#byCard.get(key), named)) {
      this.#byCard.delete(key);
      return this.#keep(gateId);
    }
    const isInHand = isOf(this.#inHand.get(gateId), named);
    if (isInHand) this.#inHand.delete(gateId);
    if (isInHand || !this.#keepers.has(gateId)) this.#settledAhead.add(nameOf(named));
    return Promise.resolve();
  }

  /** The unconfirmed debit of a card, by its 10-byte number. */
  find(cardNumber: Uint8Array): PendingDebit | null {
    if (this.#byCard.size === 0 && this.#inHand.size === 0) return null;
    const entry = this.#newestOf(cardNumber);
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

  #newestOf(cardNumber: Uint8Array): Entry | undefined {
    let newest = this.#byCard.get(toHex(cardNumber));
    const last = cardNumber[cardNumber.length - 1];
    for (const entry of this.#inHand.values()) {
      // Numbers of one issuer begin alike, and every tap of a busy station comes through here.
      if (entry.debit.cardNumber[cardNumber.length - 1] !== last) continue;
      const isOfCard = equalBytes(entry.debit.cardNumber, cardNumber);
      if (isOfCard && (!newest || entry.addedUs >= newest.addedUs)) newest = entry;
    }
    return newest;
  }

  /** @returns the gates that debits were forgotten of. */
  #put(debit: Debit, entry: Entry): string[] {
    const key = toHex(debit.cardNumber);
    const forgotten: string[] = [];
    const former = this.#byCard.get(key);
    if (former && isNewer(former, entry)) return forgotten;
    if (former) forgotten.push(former.debit.gateId);
    this.#byCard.delete(key);
    if (this.#byCard.size >= UNCONFIRMED_MAX) {
      const [oldest, { debit: dropped }] = this.#byCard.entries().next().value!;
      this.#byCard.delete(oldest);
      forgotten.push(dropped.gateId);
    }
    this.#byCard.set(key, entry);
    return forgotten;
  }

  #entry(debit: Debit, ageMs: number): Entry {
    return { debit, addedUs: this.#clock.monotonicUs(), ageMs };
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

type Named = Pick<Debit, 'gateId' | 'gateSequence'>;

function nameOf({ gateId, gateSequence }: Named): string {
  return `${gateSequence} of ${gateId}`;
}

function isOf(entry: Entry | undefined, { gateId, gateSequence }: Named): boolean {
  return entry?.debit.gateId === gateId && entry.debit.gateSequence === gateSequence;
}

/** Whether `held` is of a later tap: of two that were found, by their instants. */
function isNewer(held: Entry, { debit, addedUs, ageMs }: Entry): boolean {
  if (ageMs > 0) return held.debit.instantMs > debit.instantMs;
  return held.addedUs > addedUs;
}
