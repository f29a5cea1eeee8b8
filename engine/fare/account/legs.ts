/** The legs of the journey in hand as numbers of `RideRules`, and what rules ask of them. */
import assert from 'node:assert/strict';
import { JOURNEY_LEGS_MAX } from '../../limits.ts';
import type { RideRules } from './rules.ts';

export class RideLegs {
  readonly rules: RideRules;
  count = 0;
  /** The first leg bears the fare of all; the others are no rides of their own to the rules. */
  isWhole = false;
  readonly networks: Int32Array = new Int32Array(JOURNEY_LEGS_MAX);
  readonly from: Int32Array = new Int32Array(JOURNEY_LEGS_MAX);
  readonly to: Int32Array = new Int32Array(JOURNEY_LEGS_MAX);
  readonly departuresMs: Float64Array = new Float64Array(JOURNEY_LEGS_MAX);
  readonly arrivalsMs: Float64Array = new Float64Array(JOURNEY_LEGS_MAX);
  readonly faresMinor: Float64Array = new Float64Array(JOURNEY_LEGS_MAX);
  /** Service day of the first departure, since 1970. */
  day = 0;
  /** Number of the day, the week and the month of it, as `SPANS` has them. */
  readonly spans: Float64Array = new Float64Array(3);
  /** Whether the first departure is in each period: 0 no, 1 yes, 2 not asked yet. */
  readonly #periods: Uint8Array;

  constructor(rules: RideRules) {
    this.rules = rules;
    this.#periods = new Uint8Array(rules.terms.periods.length);
  }

  /** Forgets the last journey. */
  clear(isWhole: boolean): void {
    this.count = 0;
    this.isWhole = isWhole;
    // A few bytes: `fill` would take longer.
    for (let i = 0; i < this.#periods.length; i++) this.#periods[i] = 2;
  }

  /** @param fareMinor 0 or more */
  add(
    network: number,
    from: number,
    to: number,
    departureMs: number,
    arrivalMs: number,
    fareMinor: number,
  ): void {
    if (!(fareMinor >= 0)) assert.fail('a fare is 0 or more');
    const leg = this.count++;
    this.networks[leg] = network;
    this.from[leg] = from;
    this.to[leg] = to;
    this.departuresMs[leg] = departureMs;
    this.arrivalsMs[leg] = arrivalMs;
    this.faresMinor[leg] = fareMinor;
    if (leg > 0) return;
    const { calendar } = this.rules;
    this.day = calendar.dayOf(departureMs);
    this.spans[0] = this.day;
    this.spans[1] = calendar.weekOf(this.day);
    this.spans[2] = calendar.monthOf(this.day);
  }

  /** Whether all legs are on a network, 0 any. */
  areOn(network: number): boolean {
    if (network === 0) return true;
    for (let leg = 0; leg < this.count; leg++) {
      if (this.networks[leg] !== network) return false;
    }
    return true;
  }

  /** Whether all stops are in a set of zones, 0 any. */
  areIn(set: number): boolean {
    if (set === 0) return true;
    for (let leg = 0; leg < this.count; leg++) {
      const isIn =
        this.rules.isInSet(set, this.from[leg]!) && this.rules.isInSet(set, this.to[leg]!);
      if (!isIn) return false;
    }
    return true;
  }

  /** Whether the journey begins in a period, -1 any. */
  begin(period: number): boolean {
    if (period < 0) return true;
    const known = this.#periods[period]!;
    if (known < 2) return known === 1;
    const isIn = this.rules.calendar.isIn(period, this.departuresMs[0]!);
    this.#periods[period] = isIn ? 1 : 0;
    return isIn;
  }

  /** Whether a leg begins in a period, -1 any. */
  beginsIn(leg: number, period: number): boolean {
    return leg === 0
      ? this.begin(period)
      : this.rules.calendar.isIn(period, this.departuresMs[leg]!);
  }
}
