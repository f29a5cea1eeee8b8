/**
 * Taps into charges: takes posted taps, prices the days of their cards, and closes days. A card
 * changes in one transaction, and every step is worked out from what is held, so that a
 * run that was cut off is simply run again.
 */
import type { AccountTap } from '../fare/account/account.ts';
import { invariant } from '../invariant.ts';
import {
  ACCOUNT_TAPS_MAX,
  OPEN_LOOP_CARDS_AT_ONCE,
  OPEN_LOOP_HISTORY_TAPS,
  OPEN_LOOP_HISTORY_TRIES,
} from '../limits.ts';
import { HeldCard } from './held.ts';
import type { CardRow, CardTap, DayRow, TapFault, TapFaultCode } from './model.ts';
import type { OpenLoopSettings } from './policy.ts';
import { type Pricing, priceDays } from './pricing.ts';
import {
  cardOfKey,
  eachRow,
  getRow,
  type OpenLoopStore,
  type OpenLoopWriter,
  putIndex,
  putRow,
  removeRow,
  rowsOf,
  tapKey,
} from './rows.ts';

const MINUTE_MS = 60_000;

/** A tap as it was read. */
export interface ReadTap extends Omit<CardTap, 'stop'> {
  /** null: no fare set has it, or the ledger holds the record no more, which alone names it. */
  readonly stop: string | null;
  readonly isRecordMissing?: boolean;
}

/** A tap that is not posted, or no more. */
export type WithdrawnTap = Pick<ReadTap, 'card' | 'id'>;

export interface WithdrawnTaps {
  readonly withdrawn: number;
  /** They stay charged, and why. */
  readonly faults: readonly TapFault[];
}

export interface TakenTaps {
  readonly taken: number;
  readonly known: number;
  /** Not charged, and why. */
  readonly faults: readonly TapFault[];
}

export interface ClosedDays {
  readonly charges: number;
  readonly chargedMinor: number;
  readonly adjustments: number;
  readonly adjustedMinor: number;
  /** Days that wait: a ride of theirs is not over. */
  readonly riding: number;
  readonly writtenOffMinor: number;
}

export class ChargeBook {
  readonly #store: OpenLoopStore;
  readonly #settings: OpenLoopSettings;
  readonly #pricing: Pricing;
  readonly #atOnce: number;

  /** @param atOnce cards that one transaction changes */
  constructor(
    store: OpenLoopStore,
    settings: OpenLoopSettings,
    pricing: Pricing,
    atOnce: number = OPEN_LOOP_CARDS_AT_ONCE,
  ) {
    this.#atOnce = atOnce;
    this.#store = store;
    this.#settings = settings;
    this.#pricing = pricing;
  }

  /** Takes a batch of taps, each once however often it comes; they are not priced yet. */
  async take(taps: readonly ReadTap[], nowMs: number): Promise<TakenTaps> {
    const fresh = this.#store.read((reader) =>
      taps.filter(
        ({ card, id }) => !getRow(reader, 'taps', tapKey(card, id)) || getRow(reader, 'faults', id),
      ),
    );
    if (fresh.length === 0) return { taken: 0, known: taps.length, faults: [] };
    return this.#store.transaction((writer) => {
      let [taken, known] = [0, taps.length - fresh.length];
      const faults: TapFault[] = [];
      for (const tap of fresh) {
        const done = this.#take(writer, tap, nowMs);
        if (done === 'taken') taken++;
        else if (done === 'known') known++;
        else faults.push(done);
      }
      return { taken, known, faults };
    });
  }

  #take(writer: OpenLoopWriter, tap: ReadTap, nowMs: number): 'taken' | 'known' | TapFault {
    const { card, id, atMs, stop } = tap;
    if (getRow(writer, 'taps', tapKey(card, id))) {
      // Its only fault was that it had been posted no more.
      removeRow(writer, 'faults', id);
      return 'known';
    }
    const row = getRow(writer, 'cards', card) ?? this.#newCard(tap);
    const code = this.#faultOf(row, tap);
    if (code !== null) {
      const fault: TapFault = { code, id, card, atMs };
      putRow(writer, 'faults', id, fault);
      return fault;
    }
    invariant(stop !== null, 'a tap of no fault has a station');
    removeRow(writer, 'faults', id);
    const { kind, network, route } = tap;
    putRow(writer, 'taps', tapKey(card, id), { card, id, atMs, kind, stop, network, route });
    putIndex(writer, 'dirty', card, true);
    const held = new HeldCard(writer, { ...row, taps: row.taps + 1 }, this.#settings, nowMs);
    held.finish();
    return 'taken';
  }

  /**
   * Takes taps back that the ledger has voided since: it had only presumed them. The days of their
   * cards are priced without them, and what was charged for them goes back with the next `close`.
   * Taps that the books do not have are passed over.
   */
  async withdraw(taps: readonly WithdrawnTap[], nowMs: number): Promise<WithdrawnTaps> {
    const known = this.#store.read((reader) =>
      taps.filter(
        ({ card, id }) => getRow(reader, 'taps', tapKey(card, id)) ?? getRow(reader, 'faults', id),
      ),
    );
    if (known.length === 0) return { withdrawn: 0, faults: [] };
    return this.#store.transaction((writer) => {
      let withdrawn = 0;
      const faults: TapFault[] = [];
      for (const tap of known) {
        const done = this.#withdraw(writer, tap, nowMs);
        if (done === 'withdrawn') withdrawn++;
        else if (done !== 'unknown') faults.push(done);
      }
      return { withdrawn, faults };
    });
  }

  #withdraw(
    writer: OpenLoopWriter,
    { card, id }: WithdrawnTap,
    nowMs: number,
  ): 'withdrawn' | 'unknown' | TapFault {
    const tap = getRow(writer, 'taps', tapKey(card, id));
    if (!tap) {
      removeRow(writer, 'faults', id);
      return 'unknown';
    }
    const { atMs } = tap;
    const row = getRow(writer, 'cards', card)!;
    if (row.fromDay !== null && this.#pricing.dayOf(atMs) < row.fromDay) {
      const fault: TapFault = { code: 'finalDay', id, card, atMs };
      putRow(writer, 'faults', id, fault);
      return fault;
    }
    removeRow(writer, 'taps', tapKey(card, id));
    putIndex(writer, 'dirty', card, true);
    const held = new HeldCard(writer, { ...row, taps: row.taps - 1 }, this.#settings, nowMs);
    if (row.firstTap === id) {
      const [next] = rowsOf(writer, 'taps', card).sort((a, b) => a.atMs - b.atMs);
      if (next) held.change({ firstTap: next.id, firstTapMs: next.atMs });
    }
    held.finish();
    return 'withdrawn';
  }

  #newCard({ card, id, atMs }: ReadTap): CardRow {
    const state = this.#settings.verifiesNewCards ? 'due' : 'approved';
    return {
      ...{ card, firstTap: id, firstTapMs: atMs, taps: 0, fromDay: null, pricedAtMs: 0 },
      ...{ openMinor: 0, peakMinor: 0 },
      verification: { state, attempts: 0, firstDeclinedDay: null },
    };
  }

  #faultOf({ fromDay, taps }: CardRow, tap: ReadTap): TapFaultCode | null {
    const { stop, atMs, isRecordMissing } = tap;
    if (stop === null) return isRecordMissing ? 'recordMissing' : 'unknownStation';
    if (fromDay !== null && this.#pricing.dayOf(atMs) < fromDay) return 'tooLate';
    return taps >= ACCOUNT_TAPS_MAX ? 'tooManyTaps' : null;
  }

  /** Prices the days of all cards that have new taps. @returns how many cards */
  async price(nowMs: number): Promise<number> {
    const cards = this.#store.read((reader) => [...eachRow(reader, 'dirty')]);
    const keys = cards.map(({ key }) => key);
    await this.#eachCard(keys, nowMs, (held) => this.#price(held));
    return cards.length;
  }

  /** Changes cards one after another, some in one transaction. */
  async #eachCard(
    cards: readonly string[],
    nowMs: number,
    change: (held: HeldCard) => void,
  ): Promise<void> {
    for (let from = 0; from < cards.length; from += this.#atOnce) {
      const some = cards.slice(from, from + this.#atOnce);
      await this.#store.transaction((writer) => {
        for (const card of some) {
          const held = HeldCard.of(writer, card, this.#settings, nowMs);
          change(held);
          held.finish();
        }
      });
    }
  }

  #price(held: HeldCard): void {
    held.price(priceDays(this.#pricing, tapsOf(held.writer, held.row, this.#pricing), held.nowMs));
  }

  /** The last service day that may be closed at an instant. */
  lastDay(nowMs: number): number {
    return this.#pricing.dayOf(nowMs - this.#settings.graceMinutes * MINUTE_MS) - 1;
  }

  /**
   * Closes the days up to one, adjusts what late taps changed of those closed before, and gives up
   * debts that are too old.
   * @param day at most `lastDay`
   * @param all whether cards without new taps are priced anew too: after a correction of fares
   */
  async close(day: number, nowMs: number, all = false): Promise<ClosedDays> {
    const sums = { charges: 0, chargedMinor: 0, adjustments: 0, adjustedMinor: 0 };
    const rest = { riding: 0, writtenOffMinor: 0 };
    await this.#eachCard(this.#cardsToClose(all), nowMs, (held) => {
      this.#price(held);
      for (const row of held.days()) {
        if (row.day > day) continue;
        if (row.isRiding) rest.riding++;
        const changeMinor = held.closeDay(row);
        if (changeMinor === null) continue;
        sums[row.state === 'open' ? 'charges' : 'adjustments']++;
        sums[row.state === 'open' ? 'chargedMinor' : 'adjustedMinor'] += changeMinor;
      }
      held.offset();
      rest.writtenOffMinor += held.giveUp(this.#pricing.dayOf(nowMs));
      this.#endHistory(held);
    });
    return { ...sums, ...rest };
  }

  #cardsToClose(all: boolean): string[] {
    return this.#store.read((reader) => {
      if (all) return [...eachRow(reader, 'cards')].map(({ key }) => key);
      const cards = new Set([...eachRow(reader, 'dirty')].map(({ key }) => key));
      for (const table of ['liveDays', 'live'] as const) {
        for (const { key } of eachRow(reader, table)) cards.add(cardOfKey(key));
      }
      return [...cards].sort();
    });
  }

  /**
   * A card of so many taps begins anew on a later day, so that what is priced together stays
   * bounded: a day from which on all days cost the same without those before, which are closed.
   */
  #endHistory(held: HeldCard): void {
    if (held.row.taps <= OPEN_LOOP_HISTORY_TAPS) return;
    const taps = tapsOf(held.writer, held.row, this.#pricing);
    const days = held.days().filter(({ day }) => day >= (held.row.fromDay ?? day));
    const candidates: number[] = [];
    let left = taps.length;
    for (const row of days) {
      if (row.state === 'open' || row.priceMinor !== row.chargedMinor) break;
      left -= row.taps.length;
      if (left < OPEN_LOOP_HISTORY_TAPS / 2) break;
      candidates.push(row.day + 1);
    }
    for (const fromDay of candidates.slice(-OPEN_LOOP_HISTORY_TRIES).reverse()) {
      const kept = taps.filter(({ atMs }) => this.#pricing.dayOf(atMs) >= fromDay);
      const priced = priceDays(this.#pricing, kept, held.nowMs);
      const after = days.filter(({ day }) => day >= fromDay);
      const isSame = ({ day, priceMinor, taps: of }: DayRow) => {
        const { priceMinor: minor = 0, taps: now = [] } = priced.get(day) ?? {};
        return minor === priceMinor && now.join() === of.join();
      };
      if (priced.size > after.length || !after.every(isSame)) continue;
      held.change({ fromDay, taps: kept.length });
      return;
    }
  }
}

/** The taps of a card that are priced. */
export function tapsOf(
  reader: Pick<OpenLoopWriter, 'get' | 'range'>,
  { card, fromDay }: CardRow,
  { dayOf }: Pricing,
): AccountTap[] {
  const taps = rowsOf(reader, 'taps', card);
  return fromDay === null ? taps : taps.filter(({ atMs }) => dayOf(atMs) >= fromDay);
}
