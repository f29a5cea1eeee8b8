/**
 * Rides priced one after the other by one fare version, for accounts of one class of riders and one
 * medium: transfers, discounts, cumulative discounts and caps in the order of
 * docs/fare-extensions.md. All that is kept of an account is one array of numbers, its sums, which
 * each of its journeys moves on; nothing is allocated for a journey. How the last one came by its
 * price can be read from the public arrays.
 */
import { JOURNEY_LEGS_MAX } from '../../limits.ts';
import { CapSums } from './cap-sums.ts';
import { RideLegs } from './legs.ts';
import { reducedMinor } from './reduction.ts';
import { type RideRules, rowsFor } from './rules.ts';
import { SchemeSums } from './scheme-sums.ts';

/** Places in the sums: the account's last leg, of whatever journey. */
const LAST_NETWORK = 0;
const LAST_DEPARTURE = 1;
const LAST_ARRIVAL = 2;
/** Transfers in a row that led to it. */
const IN_ROW = 3;
const CAPS = 4;

export class RidePricer {
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

  /** @param rider a class of riders and @param media a fare medium, or null as in `Account` */
  constructor(rules: RideRules, rider: string | null, media: string | null) {
    this.rules = rules;
    this.rider = rules.riderOf(rider);
    const medium = rules.mediumOf(media);
    const { transfers, discounts, caps, schemes } = rules;
    this.legs = new RideLegs(rules);
    this.#transfers = rowsFor(transfers, this.rider, medium);
    this.#discounts = rowsFor(discounts, this.rider, medium);
    this.#caps = new CapSums(caps, rowsFor(caps, this.rider, medium), CAPS);
    const places = rowsFor(schemes, this.rider, medium);
    this.#schemes = new SchemeSums(schemes, places, this.#caps.end);
  }

  /** Sums of an account that never rode. */
  newSums(): Float64Array {
    const sums = new Float64Array(this.#schemes.end);
    sums[LAST_NETWORK] = -1;
    this.#caps.clear(sums);
    this.#schemes.clear(sums);
    return sums;
  }

  /** Row of the cap that lowered the last journey, or -1. */
  get capRow(): number {
    return this.#caps.tightest;
  }

  /**
   * What the journey in hand costs in minor units, and counts it.
   * @param sums of its account, whose last journey did not begin later
   */
  chargeMinor(sums: Float64Array): number {
    const { legs } = this;
    for (let leg = 0; leg < legs.count; leg++) {
      this.#reduce(leg, sums);
      this.#pass(leg, this.transferRows[leg]! >= 0, sums);
    }
    const totalMinor = this.#cap(sums);
    this.#count(totalMinor, sums);
    return totalMinor;
  }

  /** Moves on past a journey that a pass covers: it counts to nothing, and is no transfer. */
  cover(sums: Float64Array): void {
    for (let leg = 0; leg < this.legs.count; leg++) this.#pass(leg, false, sums);
  }

  /**
   * Counts a journey that another version has priced, so that sums go on where versions change.
   * @param priced of the other version, just after `chargeMinor` with the same legs
   */
  follow(priced: RidePricer, sums: Float64Array): void {
    let totalMinor = 0;
    for (let leg = 0; leg < this.legs.count; leg++) {
      this.paidMinor[leg] = priced.paidMinor[leg]!;
      this.#places[leg] = this.#schemes.placeFor(this.legs, leg, sums);
      totalMinor += this.paidMinor[leg]!;
      this.#pass(leg, priced.transferRows[leg]! >= 0, sums);
    }
    this.#caps.match(this.legs, sums);
    this.#count(totalMinor, sums);
  }

  /** The rules that are for one leg. */
  #reduce(leg: number, sums: Float64Array): void {
    const { legs, rules } = this;
    const { transfers, discounts, schemes } = rules;
    const transfer = this.#transferFor(leg, sums);
    this.transferRows[leg] = transfer;
    let minor = legs.faresMinor[leg]!;
    if (transfer >= 0) minor = reduced(transfers, transfer, minor);
    this.transferredMinor[leg] = minor;
    const discount = this.#discountFor(leg);
    this.discountRows[leg] = discount;
    if (discount >= 0) minor = reduced(discounts, discount, minor);
    this.discountedMinor[leg] = minor;
    const place = this.#schemes.placeFor(legs, leg, sums);
    const step = place < 0 ? -1 : this.#schemes.stepAt(place, sums);
    this.#places[leg] = place;
    this.steps[leg] = step;
    if (step >= 0) {
      minor = reducedMinor(minor, schemes.percents[step]!, 0, schemes.roundMinor[step]!);
    }
    this.cumulatedMinor[leg] = minor;
    this.paidMinor[leg] = minor;
  }

  /** The first row that makes a leg a transfer, or -1. */
  #transferFor(leg: number, sums: Float64Array): number {
    const { transfers } = this.rules;
    const lastNetwork = sums[LAST_NETWORK]!;
    if (lastNetwork < 0) return -1;
    const network = this.legs.networks[leg]!;
    for (let i = 0; i < this.#transfers.length; i++) {
      const row = this.#transfers[i]!;
      const from = transfers.fromNetworks[row]!;
      const to = transfers.networks[row]!;
      if ((from !== 0 && from !== lastNetwork) || (to !== 0 && to !== network)) continue;
      if (sums[IN_ROW]! >= transfers.counts[row]!) continue;
      const type = transfers.limitTypes[row]!;
      const fromMs = sums[type < 2 ? LAST_DEPARTURE : LAST_ARRIVAL]!;
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
  #pass(leg: number, isTransfer: boolean, sums: Float64Array): void {
    const { legs } = this;
    sums[LAST_NETWORK] = legs.networks[leg]!;
    sums[LAST_DEPARTURE] = legs.departuresMs[leg]!;
    sums[LAST_ARRIVAL] = legs.arrivalsMs[leg]!;
    if (leg > 0 && legs.isWhole) return;
    sums[IN_ROW] = isTransfer ? sums[IN_ROW]! + 1 : 0;
  }

  /** Lowers what the legs cost to what caps leave. Minor units of the journey. */
  #cap(sums: Float64Array): number {
    const { legs, paidMinor } = this;
    this.#caps.match(legs, sums);
    let sumMinor = 0;
    for (let leg = 0; leg < legs.count; leg++) sumMinor += paidMinor[leg]!;
    const totalMinor = this.#caps.leftOf(sumMinor, sums);
    let overMinor = sumMinor - totalMinor;
    for (let leg = legs.count - 1; overMinor > 0; leg--) {
      const off = Math.min(overMinor, paidMinor[leg]!);
      paidMinor[leg]! -= off;
      overMinor -= off;
    }
    return totalMinor;
  }

  #count(totalMinor: number, sums: Float64Array): void {
    this.#caps.count(totalMinor, this.legs.day, sums);
    for (let leg = 0; leg < this.legs.count; leg++) {
      const place = this.#places[leg]!;
      if (place >= 0) this.#schemes.count(place, this.paidMinor[leg]!, sums);
    }
  }
}

function reduced(rows: RideRules['discounts'], row: number, minor: number): number {
  return reducedMinor(minor, rows.percents[row]!, rows.offMinor[row]!, rows.roundMinor[row]!);
}
