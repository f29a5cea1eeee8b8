/**
 * Caps as one would write them straight from docs/fare-extensions.md: every journey scans all caps
 * with texts, and sums are kept in a Map by account, cap and day, week or month.
 */
import type { FareTerms, Period } from '../engine/fare/terms/terms.ts';
import { isInZones } from '../engine/fare/terms/zones.ts';
import type { ScanLeg } from './quote-scan.ts';

interface Sum {
  spentMinor: number;
  rides: number;
}

export class ScanCaps {
  readonly #terms: FareTerms;
  readonly #sums = new Map<string, Sum>();

  /** @param terms with caps by day, week and month alone, and days that begin at midnight */
  constructor(terms: FareTerms) {
    this.#terms = terms;
  }

  /** What caps leave of a fare. @param day local, since 1970, of the first entry */
  charge(account: number, legs: readonly ScanLeg[], day: number, fareMinor: number): number {
    const matched = this.#terms.caps.filter(
      (cap) =>
        (cap.network === '' || legs.every(({ network }) => network === cap.network)) &&
        legs.every(
          ({ from, to }) =>
            isInZones(this.#terms, cap.zoneSet, from) && isInZones(this.#terms, cap.zoneSet, to),
        ) &&
        (cap.period === '' || this.#isIn(cap.period, day, legs[0]!.local[1])),
    );
    const sums = matched.map((cap) => {
      const date = new Date(day * 86_400_000).toISOString();
      const week = Math.floor((day + 3) / 7);
      const span = { day: date.slice(0, 10), week: `${week}`, month: date.slice(0, 7) };
      const key = `${account}|${cap.id}|${span[cap.span as keyof typeof span]}`;
      const sum = this.#sums.get(key) ?? { spentMinor: 0, rides: 0 };
      this.#sums.set(key, sum);
      return sum;
    });
    let paidMinor = fareMinor;
    for (const [index, { amountMinor, rides }] of matched.entries()) {
      const sum = sums[index]!;
      const left = amountMinor === null ? (sum.rides >= rides! ? 0 : fareMinor) : amountMinor;
      paidMinor = Math.min(paidMinor, amountMinor === null ? left : left - sum.spentMinor);
    }
    for (const sum of sums) {
      sum.spentMinor += paidMinor;
      sum.rides += paidMinor > 0 ? 1 : 0;
    }
    return paidMinor;
  }

  #isIn(period: string, day: number, second: number): boolean {
    const weekday = this.#terms.holidays.get(day) ?? (day + 3) % 7;
    const isWithin = ({ id, weekdays, startMs, endMs }: Period) =>
      id === period && weekdays[weekday] && startMs <= second * 1000 && second * 1000 < endMs;
    return this.#terms.periods.some(isWithin);
  }
}
