/**
 * Six bytes of the journey record with which a gate counts what a rider has spent
 * (docs/card-counters.md), big-endian from the first bit: spent this service day (17 bits), spent
 * this month (20 bits), transfers in a row (3), the transfer the running ride gets (4: row from 1,
 * 0 none), network of the last ride (4: index, 15 none). Which day and month is told by the
 * record's date.
 */
export const COUNTER_BYTES = 6;

/** Largest values of the fields; sums stay at theirs. */
export const DAY_SPENT_MAX = 0x1_ffff;
export const MONTH_SPENT_MAX = 0xf_ffff;
export const TRANSFERS_MAX = 7;

/** Stands for no network. */
export const NO_NETWORK = 15;

/** What the bytes say; one object serves all taps of a gate. */
export interface CardCounters {
  daySpentMinor: number;
  monthSpentMinor: number;
  transfers: number;
  /** From 1; 0: the running ride is no transfer. */
  transferRow: number;
  network: number;
}

export function newCounters(): CardCounters {
  return {
    daySpentMinor: 0,
    monthSpentMinor: 0,
    transfers: 0,
    transferRow: 0,
    network: NO_NETWORK,
  };
}

/** Reads 6 bytes at `bytes[at]`. Allocates nothing. */
export function readCounters(bytes: Uint8Array, at: number, into: CardCounters): void {
  const high = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
  const low = (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!;
  into.daySpentMinor = high >>> 7;
  into.monthSpentMinor = ((high & 0x7f) << 13) | (low >>> 11);
  into.transfers = (low >>> 8) & 7;
  into.transferRow = (low >>> 4) & 15;
  into.network = low & 15;
}

/** Writes 6 bytes at `out[at]`. Allocates nothing. */
export function writeCounters(counters: CardCounters, out: Uint8Array, at: number): void {
  const { monthSpentMinor, transfers, transferRow, network } = counters;
  const high = (counters.daySpentMinor << 7) | (monthSpentMinor >>> 13);
  const low = ((monthSpentMinor & 0x1fff) << 11) | (transfers << 8) | (transferRow << 4) | network;
  out[at] = high >>> 16;
  out[at + 1] = high >>> 8;
  out[at + 2] = high;
  out[at + 3] = low >>> 16;
  out[at + 4] = low >>> 8;
  out[at + 5] = low;
}
