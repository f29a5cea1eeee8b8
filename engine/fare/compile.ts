/**
 * Compiles a fare set to what a tap reads: a typed array of fares, and an open-addressed table from
 * station codes to indexes. Lookups on the tap's path allocate nothing.
 */
import assert from 'node:assert/strict';
import type { CardRules } from './card/rules.ts';
import { currencyOf } from './currencies.ts';
import type { CompiledFares, FareRules, FareSet, Station } from './fares.ts';
import { CompiledProducts } from './product.ts';
import { faultOf } from './set.ts';

/** Compiles a set that is known to be sound (`faultOf` is null). */
export function compileFares(set: FareSet): CompiledFares {
  const fault = faultOf(set);
  assert(fault === null, fault ?? '');
  return new Compiled(set);
}

class Compiled implements CompiledFares {
  readonly version: number;
  readonly effectiveMs: number;
  readonly currency: string;
  readonly currencyNumber: number;
  readonly decimals: number;
  readonly stations: readonly Station[];
  readonly riders: readonly string[];
  readonly rules: FareRules;
  readonly card: CardRules | null;
  readonly products: CompiledProducts | null;
  readonly #matrix: Int32Array;
  readonly #size: number;
  readonly #byId: ReadonlyMap<string, number>;
  /** Code of each station as a signed 32-bit number, which the runtime keeps unboxed. */
  readonly #codes: Int32Array;
  /** Station index + 1 at the slot its code hashes to, or the next free one; 0 is free. */
  readonly #slots: Uint16Array;
  readonly #shift: number;

  constructor(set: FareSet) {
    const currency = currencyOf(set.currency)!;
    this.version = set.version;
    this.effectiveMs = set.effectiveMs;
    this.currency = currency.code;
    this.currencyNumber = currency.number;
    this.decimals = currency.decimals;
    this.stations = set.stations;
    this.riders = set.riders;
    this.rules = set.rules;
    this.card = set.card ?? null;
    this.products = set.products ? new CompiledProducts(set.products) : null;
    this.#matrix = set.matrix;
    this.#size = set.stations.length;
    this.#byId = indexById(set.stations);
    this.#codes = Int32Array.from(set.stations, ({ code }) => codeAt(code, 0));
    // At most half full, so that a probe ends soon and always.
    const bits = Math.ceil(Math.log2(set.stations.length)) + 1;
    this.#shift = 32 - bits;
    this.#slots = new Uint16Array(2 ** bits);
    for (const [index, code] of this.#codes.entries()) {
      let slot = this.#slotOf(code);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1);
      this.#slots[slot] = index + 1;
    }
  }

  /** Fibonacci hashing: the top bits of the product. */
  #slotOf(code: number): number {
    return Math.imul(code, 0x9e37_79b1) >>> this.#shift;
  }

  stationByCode(bytes: Uint8Array, at: number): number {
    const code = codeAt(bytes, at);
    let slot = this.#slotOf(code);
    for (;;) {
      const entry = this.#slots[slot]!;
      if (entry === 0) return -1;
      if (this.#codes[entry - 1] === code) return entry - 1;
      slot = (slot + 1) & (this.#slots.length - 1);
    }
  }

  stationById(id: string): number {
    return this.#byId.get(id) ?? -1;
  }

  fareMinor(from: number, to: number, rider: number): number {
    return this.#matrix[(rider * this.#size + from) * this.#size + to]!;
  }
}

function codeAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Ids, then names; an id beats a name, and a name two stations share finds neither. */
function indexById(stations: readonly Station[]): Map<string, number> {
  const names = new Map<string, number>();
  for (const [index, { name }] of stations.entries()) {
    names.set(name, names.has(name) ? -1 : index);
  }
  for (const [index, { id }] of stations.entries()) names.set(id, index);
  return names;
}
