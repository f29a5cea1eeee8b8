/** One card within one transaction: its rows, and the ways in which they change together. */
import { adjustmentsOf, type Settled } from '../fare/account/adjustments.ts';
import { invariant } from '../invariant.ts';
import { book } from './books.ts';
import {
  amendCharge,
  isAmendable,
  isHopeless,
  isLive,
  isPayable,
  isSpendable,
  newCharge,
  offsetDebt,
  type Step,
  writeOff,
} from './charges.ts';
import type { CardRow, Charge, ChargeReason, DayRow, PricedDay } from './model.ts';
import type { OpenLoopPolicy } from './policy.ts';
import { denialReasons, exposureMinor } from './risk.ts';
import {
  chargeKey,
  dayKey,
  getRow,
  liveCharges,
  type OpenLoopWriter,
  putIndex,
  putRow,
  removeRow,
  rowsOf,
} from './rows.ts';

export class HeldCard {
  readonly writer: OpenLoopWriter;
  readonly nowMs: number;
  readonly #policy: OpenLoopPolicy;
  #row: CardRow;

  /** @param row as the store has it, or of a card that it does not have */
  constructor(writer: OpenLoopWriter, row: CardRow, policy: OpenLoopPolicy, nowMs: number) {
    this.writer = writer;
    this.nowMs = nowMs;
    this.#policy = policy;
    this.#row = row;
  }

  /** A card that the store has. */
  static of(writer: OpenLoopWriter, card: string, policy: OpenLoopPolicy, nowMs: number): HeldCard {
    const row = getRow(writer, 'cards', card);
    invariant(row !== undefined, 'a card of the books');
    return new HeldCard(writer, row, policy, nowMs);
  }

  get row(): CardRow {
    return this.#row;
  }

  get card(): string {
    return this.#row.card;
  }

  change(fields: Partial<CardRow>): void {
    this.#row = { ...this.#row, ...fields };
  }

  live(): Charge[] {
    return liveCharges(this.writer, this.card);
  }

  days(): DayRow[] {
    return rowsOf(this.writer, 'days', this.card);
  }

  /** Takes over what the account engine makes of the card's taps now. */
  price(priced: ReadonlyMap<number, PricedDay>): void {
    const before = new Map(this.days().map((row) => [row.day, row]));
    const { fromDay } = this.#row;
    let openMinor = 0;
    for (const day of new Set([...before.keys(), ...priced.keys()])) {
      const known = before.get(day);
      if (known && fromDay !== null && day < fromDay) continue;
      const now = priced.get(day) ?? emptyDay(day);
      if (now.taps.length === 0 && known?.state !== 'closed') {
        removeRow(this.writer, 'days', dayKey(this.card, day));
        putIndex(this.writer, 'liveDays', dayKey(this.card, day), false);
        continue;
      }
      const fresh = { card: this.card, state: 'open', chargedMinor: 0, charges: 0, settled: [] };
      const row = { ...fresh, ...known, ...now } as DayRow;
      openMinor += row.priceMinor - row.chargedMinor;
      this.#putDay(row);
    }
    this.change({ openMinor, pricedAtMs: this.nowMs });
    putIndex(this.writer, 'dirty', this.card, false);
  }

  #putDay(row: DayRow): void {
    const key = dayKey(this.card, row.day);
    putRow(this.writer, 'days', key, row);
    const isLive = row.state === 'open' || row.priceMinor !== row.chargedMinor;
    putIndex(this.writer, 'liveDays', key, isLive);
  }

  /**
   * Makes the charges of a day come to its price: the day's charge, or an adjustment of what the
   * acquirer has already been told. A day whose last ride is not over waits.
   * @returns what they changed by; null where nothing was to be done
   */
  closeDay(row: DayRow): number | null {
    const changeMinor = row.priceMinor - row.chargedMinor;
    if (row.isRiding || (row.state === 'closed' && changeMinor === 0)) return null;
    const settled = row.journeys.flatMap(({ taps, amountMinor }): Settled[] =>
      amountMinor === null ? [] : [{ taps, amountMinor }],
    );
    const charges = rowsOf(this.writer, 'charges', dayKey(this.card, row.day));
    const last = charges.at(-1);
    let number = charges.length;
    if (last && isAmendable(last)) {
      number -= 1;
      const before = charges.slice(0, -1).reduce((sum, { amountMinor }) => sum + amountMinor, 0);
      const reasons = number === 0 ? journeyReasons(row) : lateReasons(row.settled, settled);
      invariant(before + last.amountMinor === row.chargedMinor, 'charges of a day add up');
      this.apply(amendCharge(last, changeMinor, reasons, this.nowMs));
    } else {
      const reasons = number === 0 ? journeyReasons(row) : lateReasons(row.settled, settled);
      const of = { card: this.card, day: row.day, number };
      this.apply(newCharge(of, changeMinor, reasons, this.nowMs));
    }
    const closed = { state: 'closed', chargedMinor: row.priceMinor, charges: number + 1, settled };
    this.#putDay({ ...row, ...closed } as DayRow);
    this.change({ openMinor: this.#row.openMinor - changeMinor });
    return changeMinor;
  }

  apply({ charge, postings }: Step): void {
    this.put(charge);
    for (const posting of postings) book(this.writer, charge.id, posting, this.nowMs);
  }

  put(charge: Charge): void {
    const key = chargeKey(charge.card, charge.day, charge.number);
    putRow(this.writer, 'charges', key, charge);
    putIndex(this.writer, 'live', key, isLive(charge));
  }

  /** Debts too old are given up. @returns how much */
  giveUp(today: number): number {
    let amountMinor = 0;
    for (const charge of this.live()) {
      if (!isHopeless(charge, today, this.#policy)) continue;
      amountMinor += charge.amountMinor - charge.settledMinor;
      this.apply(writeOff(charge, this.nowMs));
    }
    return amountMinor;
  }

  /** A card in debt gets no money back before its debts are paid out of it. */
  offset(): void {
    for (;;) {
      const live = this.live();
      const debt = live.find(isPayable);
      const refund = live.find(isSpendable);
      if (!debt || !refund) return;
      const steps = offsetDebt(debt, refund, this.nowMs);
      this.apply(steps.debt);
      this.apply(steps.refund);
    }
  }

  /** Writes the card's own row, and whether gates must stop it. Comes last. */
  finish(): void {
    const live = this.live();
    const exposure = exposureMinor(this.#row, live);
    this.change({ peakMinor: Math.max(this.#row.peakMinor, exposure) });
    putRow(this.writer, 'cards', this.card, this.#row);
    const reasons = denialReasons(this.#row, live, this.#policy.riskLimitMinor);
    const known = getRow(this.writer, 'denied', this.card);
    if (reasons.length === 0) removeRow(this.writer, 'denied', this.card);
    else {
      const sinceMs = known?.sinceMs ?? this.nowMs;
      putRow(this.writer, 'denied', this.card, { reasons, sinceMs });
    }
  }
}

function emptyDay(day: number): PricedDay {
  return { day, priceMinor: 0, taps: [], journeys: [], isRiding: false };
}

function journeyReasons({ journeys }: DayRow): ChargeReason[] {
  return journeys.flatMap(({ taps, amountMinor, why }) =>
    amountMinor === null ? [] : [{ taps, amountMinor, why }],
  );
}

/** Their amounts add up to the change since the day was last settled. */
function lateReasons(before: readonly Settled[], after: readonly Settled[]): ChargeReason[] {
  return adjustmentsOf(before, after).map(({ taps, amountMinor, kind, why }) => ({
    taps,
    amountMinor,
    why: [`${kind}: ${why}`],
  }));
}
