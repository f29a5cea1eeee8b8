/**
 * What the two forms of a list's table have in common. A table is filled once, in ascending order,
 * and never changes after: readers on other threads need no lock, and changes go beside it
 * (`side-table.ts`) until a new table is made.
 */

/** How a list is laid out in memory: `fast` for speed, `small` for gates with little of it. */
export type DenylistForm = 'fast' | 'small';

export interface KeyTable {
  has(high: number, low: number): boolean;
  /** All keys in ascending order. */
  cursor(): KeyCursor;
}

export interface KeyCursor {
  /** Writes the next keys, high and low in turn, as many as fit; returns how many, 0 at the end. */
  fill(out: Int32Array): number;
}

export interface KeyTableFiller {
  /** Takes the next key in ascending order; false where the table has no room for it. */
  insert(high: number, low: number): boolean;
  finish(): void;
}
