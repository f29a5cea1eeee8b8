/**
 * What a gate asks of a fare set, compiled: stations and riders are small integers, a fare is one
 * array read. Importers (`matrix.ts`, `tariff.ts`) produce it; `book.ts` holds its versions.
 */
import type { CardRules } from './card/rules.ts';
import type { CompiledProducts, FareProducts } from './product.ts';

export interface Station {
  /** The operator's identifier, as in the source table. */
  readonly id: string;
  readonly name: string;
  /** 4 bytes as the card's journey record carries it, unique in the set. */
  readonly code: Uint8Array;
}

/** Rules of a fare set that are no fare between two stations. Amounts in minor units. */
export interface FareRules {
  /** Balance a rider needs at entry. */
  readonly entryBalanceMinor: number;
  /** Leaving at the station of entry within `sameStationMinutes` costs this. */
  readonly sameStationMinor: number;
  /** 0: no such rule; the matrix then says what a station to itself costs. */
  readonly sameStationMinutes: number;
  /**
   * Leaving there later, or being longer than `maxMinutes` in the paid area, costs this instead.
   */
  readonly overstayMinor: number;
  /** 0: no limit. */
  readonly maxMinutes: number;
  /** A second tap of one card at one station within this time is answered without a debit. */
  readonly passBackSeconds: number;
  /**
   * Leaving without an entry, or entering without having left: what the missing tap costs at the
   * next one; null where the gate refuses and sends the rider to the desk.
   */
  readonly missingTapMinor: number | null;
  /**
   * How far below zero a fare may take a card whose value can be, once: below zero it neither
   * enters nor pays again. Absent: not at all.
   */
  readonly negativeBalanceMinor?: number;
}

/** One version of an operator's fares as importers build it and files hold it. */
export interface FareSet {
  readonly version: number;
  readonly effectiveMs: number;
  readonly currency: string;
  readonly stations: readonly Station[];
  readonly riders: readonly string[];
  readonly rules: FareRules;
  /** What gates count on cards; absent where there is nothing. */
  readonly card?: CardRules;
  /** What is sold beside rides; absent where there is nothing. */
  readonly products?: FareProducts;
  /** Minor units at `(rider * stations + from) * stations + to`. */
  readonly matrix: Int32Array;
}

export interface CompiledFares {
  /** Version number, 1 to 2^32-1; unique and rising within an operator. */
  readonly version: number;
  readonly effectiveMs: number;
  /** ISO 4217: alphabetic code, number, decimals. */
  readonly currency: string;
  readonly currencyNumber: number;
  readonly decimals: number;
  readonly stations: readonly Station[];
  /** Names of the rider classes, by index; the first is the default. */
  readonly riders: readonly string[];
  readonly rules: FareRules;
  /** What gates count on cards; null where there is nothing. */
  readonly card: CardRules | null;
  /** What is sold beside rides; null where there is nothing. */
  readonly products: CompiledProducts | null;
  /** Index of a station by its 4-byte code at `bytes[at]`, or -1. Allocates nothing. */
  stationByCode(bytes: Uint8Array, at: number): number;
  /** Index of a station by its id or name, or -1. */
  stationById(id: string): number;
  /** Fare in minor units between two station indexes for a rider index. Allocates nothing. */
  fareMinor(from: number, to: number, rider: number): number;
}

/** The versions of an operator's fares: the latest effective instant wins, then the number. */
export interface FareBook {
  /** The version in force at an instant, or null before the first. Allocates nothing. */
  at(instantMs: number): CompiledFares | null;
}
