/**
 * An account's rides priced one after the other by one fare version: transfers, discounts,
 * cumulative discounts and caps in the order of docs/fare-extensions.md. The state is a few typed
 * arrays that each journey moves on; nothing is allocated after the constructor. How the last
 * journey came by its price can be read from the public arrays.
 */
import { JOURNEY_LEGS_MAX } from '../../limits.ts';
import { CapSums } from './cap-sums.ts';
import { RideLegs } from './legs.ts';
import { reducedMinor } from './reduction.ts';
import { type RideRules, rowsFor } from './rules.ts';
import { SchemeSums } from './scheme-sums.ts';

export class RideCounters {
  readonly rules: RideRules;
  readonly rider: number;
  /** The journey in hand: clear it, add its legs, and ask what it costs. */
  readonly legs: RideLegs;
  /** Of each leg: row of the rule that applied, or -1, and the fare after it. */
  readonly transferRows: Int32Array = new Int32Array(JOURNEY_LEGS_MAX);
  readonly transferredMinor: Float64Array = new Float64Array(JOURNEY_LEGS_MAX);
  readonly discountRows: Int32Array = new Int32Array(JOURNEY_LEGS_MAX);
  readonly discountedMinor: Float64Array = new Float64Array(JOURNEY_LEGS_MAX);
  readonly steps: Int32Array = new Int32Array(JOURNEY_LEGS_MAX);
  readonly cumulatedMinor: Float64Array = new Float64Array(JOURNEY_LEGS_MAX);
  /** What each leg costs in the end; a cap lowers the last legs first. */
  readonly paidMinor: Float64Array = new Float64Array(JOURNEY_LEGS_MAX);

  readonly #transfers: Int32Array;
  readonly #discounts: Int32Array;
  readonly #caps: CapSums;
  readonly #schemes: SchemeSums;
  /** Place of each leg's scheme, or -1. */
  readonly #places: Int32Array = new Int32Array(JOURNEY_LEGS_MAX);

  /** The last leg of the account, of whatever journey; network -1 before the first. */
  #lastNetwork = -1;
  #lastDepartureMs = 0;
  #lastArrivalMs = 0;
  /** Transfers in a row that led to it. */
  #inRow = 0;

  /** @param rider a class of riders and @param media a fare medium, or null as in `Account` */
  constructor(rules: RideRules, rider: string | null, media: string | null) {
    this.rules = rules;
    this.rider = rules.riderOf(rider);
    const medium = rules.mediumOf(media);
    const { transfers, discounts, caps, schemes } = rules;
    this.legs = new RideLegs(rules);
    this.#transfers = rowsFor(transfers, this.rider, medium);
    this.#discounts = rowsFor(discounts, this.rider, medium);
    this.#caps = new CapSums(caps, rowsFor(caps, this.rider, medium));
    this.#schemes = new SchemeSums(schemes, rowsFor(schemes, this.rider, medium));
  }

  /** Row of the cap that lowered the last journey, or -1. */
  get capRow(): number {
    return this.#caps.tightest;
  }

  /**
   * What the journey in hand costs in minor units, and counts it. Its first departure is not
   * before that of the journey charged last.
   */
  chargeMinor(): number {
    const { legs } = this;
    for (let leg = 0; leg < legs.count; leg++) {
      this.#reduce(leg);
      this.#pass(leg, this.transferRows[leg]! >= 0);
    }
    const totalMinor = this.#cap();
    this.#count(totalMinor);
    return totalMinor;
  }

  /** Moves on past a journey that a pass covers: it counts to nothing, and is no transfer. */
  cover(): void {
    for (let leg = 0; leg < this.legs.count; leg++) this.#pass(leg, false);
  }

  /**
   * Counts a journey that another version has priced, so that sums go on where versions change.
   * @param priced of the other version, just after `chargeMinor` with the same legs
   */
  follow(priced: RideCounters): void {
    let totalMinor = 0;
    for (let leg = 0; leg < this.legs.count; leg++) {
      this.paidMinor[leg] = priced.paidMinor[leg]!;
      this.#places[leg] = this.#schemes.placeFor(this.legs, leg);
      totalMinor += this.paidMinor[leg]!;
      this.#pass(leg, priced.transferRows[leg]! >= 0);
    }
    this.#caps.match(this.legs);
    this.#count(totalMinor);
  }

  /** The rules that are for one leg. */
  #reduce(leg: number): void {
    const { legs, rules } = this;
    const { transfers, discounts, schemes } = rules;
    const transfer = this.#transferFor(leg);
    this.transferRows[leg] = transfer;
    let minor = legs.faresMinor[leg]!;
    if (transfer >= 0) minor = reduced(transfers, transfer, minor);
    this.transferredMinor[leg] = minor;
    const discount = this.#discountFor(leg);
    this.discountRows[leg] = discount;
    if (discount >= 0) minor = reduced(discounts, discount, minor);
    this.discountedMinor[leg] = minor;
    const place = this.#schemes.placeFor(legs, leg);
    const step = place < 0 ? -1 : this.#schemes.stepAt(place);
    this.#places[leg] = place;
    this.steps[leg] = step;
    if (step >= 0) {
      minor = reducedMinor(minor, schemes.percents[step]!, 0, schemes.roundMinor[step]!);
    }
    this.cumulatedMinor[leg] = minor;
    this.paidMinor[leg] = minor;
  }

  /** The first row that makes a leg a transfer, or -1. */
  #transferFor(leg: number): number {
    const { transfers } = this.rules;
    if (this.#lastNetwork < 0 || (leg > 0 && this.legs.isWhole)) return -1;
    const network = this.legs.networks[leg]!;
    for (let i = 0; i < this.#transfers.length; i++) {
      const row = this.#transfers[i]!;
      const from = transfers.fromNetworks[row]!;
      const to = transfers.networks[row]!;
      if ((from !== 0 && from !== this.#lastNetwork) || (to !== 0 && to !== network)) continue;
      if (this.#inRow >= transfers.counts[row]!) continue;
      const type = transfers.limitTypes[row]!;
      const fromMs = type < 2 ? this.#lastDepartureMs : this.#lastArrivalMs;
      const toArrival = type === 0 || type === 3;
      const toMs = toArrival ? this.legs.arrivalsMs[leg]! : this.legs.departuresMs[leg]!;
      if (toMs - fromMs <= transfers.limitsMs[row]!) return row;
    }
    return -1;
  }

  #discountFor(leg: number): number {
    const { networks, periods } = this.rules.discounts;
    for (let i = 0; i < this.#discounts.length; i++) {
      const row = this.#discounts[i]!;
      if (networks[row] !== 0 && networks[row] !== this.legs.networks[leg]) continue;
      if (this.legs.beginsIn(leg, periods[row]!)) return row;
    }
    return -1;
  }

  /** Makes a leg the last one of the account. */
  #pass(leg: number, isTransfer: boolean): void {
    const { legs } = this;
    this.#lastNetwork = legs.networks[leg]!;
    this.#lastDepartureMs = legs.departuresMs[leg]!;
    this.#lastArrivalMs = legs.arrivalsMs[leg]!;
    if (leg > 0 && legs.isWhole) return;
    this.#inRow = isTransfer ? this.#inRow + 1 : 0;
  }

  /** Lowers what the legs cost to what caps leave. Minor units of the journey. */
  #cap(): number {
    const { legs, paidMinor } = this;
    this.#caps.match(legs);
    let sumMinor = 0;
    for (let leg = 0; leg < legs.count; leg++) sumMinor += paidMinor[leg]!;
    const totalMinor = this.#caps.leftOf(sumMinor);
    let overMinor = sumMinor - totalMinor;
    for (let leg = legs.count - 1; overMinor > 0; leg--) {
      const off = Math.min(overMinor, paidMinor[leg]!);
      paidMinor[leg]! -= off;
      overMinor -= off;
    }
    return totalMinor;
  }

  #count(totalMinor: number): void {
    this.#caps.count(totalMinor, this.legs.day);
    for (let leg = 0; leg < this.legs.count; leg++) {
      const place = this.#places[leg]!;
      if (place >= 0) this.#schemes.count(place, this.paidMinor[leg]!);
    }
  }
}

function reduced(rows: RideRules['discounts'], row: number, minor: number): number {
  return reducedMinor(minor, rows.percents[row]!, rows.offMinor[row]!, rows.roundMinor[row]!);
}
