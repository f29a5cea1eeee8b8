/**
 * A gate's shift as it counted it, against the records that are held of it: which numbers are
 * missing, and which counts or amounts differ.
 */
import type { ShiftClosed, ShiftTally } from '../debit/event.ts';
import { type DebitId, DebitKind, DebitState } from '../debit/record.ts';
import { SHIFT_GAPS_MAX, SHIFT_SPAN_MAX } from '../limits.ts';
import { decodeDebitRow, idKey, readId } from './rows.ts';
import type { View } from './view.ts';

type RecordKind = 'confirmed' | 'unconfirmed' | 'void' | 'settlement';
const recordKinds: readonly RecordKind[] = ['confirmed', 'unconfirmed', 'void', 'settlement'];

/** A closed shift and whose it is. */
export type Shift = ShiftClosed & DebitId;

export interface MissingRange {
  readonly from: number;
  readonly to: number;
}

/** What is held of a shift. */
export interface HeldShift {
  readonly tallies: Readonly<Record<RecordKind, ShiftTally>>;
  readonly events: number;
  /** The first SHIFT_GAPS_MAX ranges of sequences that are not held. */
  readonly missing: readonly MissingRange[];
  readonly missingCount: number;
  /** The shift says it has more records than any can: nothing was counted. */
  readonly tooLong: boolean;
}

class Tallies {
  readonly #byKind = new Map<RecordKind, { count: number; amountMinor: number }>();
  readonly #seen: Uint8Array;
  readonly #first: number;
  events = 0;

  constructor(first: number, length: number) {
    this.#first = first;
    this.#seen = new Uint8Array(length);
  }

  add(kind: RecordKind | null, sequence: number, amountMinor: number): void {
    this.#seen[sequence - this.#first] = 1;
    if (kind === null) {
      this.events += 1;
      return;
    }
    const tally = this.#byKind.get(kind) ?? { count: 0, amountMinor: 0 };
    tally.count += 1;
    tally.amountMinor += amountMinor;
    this.#byKind.set(kind, tally);
  }

  finish(): HeldShift {
    const missing: { from: number; to: number }[] = [];
    let missingCount = 0;
    for (let i = 0; i < this.#seen.length; i++) {
      if (this.#seen[i] === 1) continue;
      missingCount += 1;
      const sequence = this.#first + i;
      const last = missing.at(-1);
      if (last?.to === sequence - 1) last.to = sequence;
      else if (missing.length < SHIFT_GAPS_MAX) missing.push({ from: sequence, to: sequence });
    }
    const none = { count: 0, amountMinor: 0 };
    const of = (kind: RecordKind): ShiftTally => this.#byKind.get(kind) ?? none;
    return {
      tallies: {
        confirmed: of('confirmed'),
        unconfirmed: of('unconfirmed'),
        void: of('void'),
        settlement: of('settlement'),
      },
      events: this.events,
      missing,
      missingCount,
      tooLong: false,
    };
  }
}

/** Counts what is held of a shift: its rows, its rows in blocks, its events. */
export function tallyHeld(view: View, shift: Shift): HeldShift {
  const { gateId, first, last } = shift;
  const length = Math.max(0, last - first + 1);
  if (length > SHIFT_SPAN_MAX) return { ...new Tallies(first, 0).finish(), tooLong: true };
  const tallies = new Tallies(first, length);
  if (length === 0) return tallies.finish();
  const range = {
    from: idKey({ gateId, gateSequence: first }),
    to: idKey({ gateId, gateSequence: last + 1 }),
  };
  for (const rows of view.blocksOf(gateId, first, last)) {
    for (let i = 0; i < rows.rows; i++) {
      const sequence = rows.sequence(i);
      if (sequence < first || sequence > last) continue;
      tallies.add('confirmed', sequence, rows.amountMinor(i));
    }
  }
  for (const { key, value } of view.range('debits', range)) {
    const row = decodeDebitRow(value);
    const kind = row.kind === DebitKind.settlement ? 'settlement' : nameOf(row.state);
    tallies.add(kind, readId(key, 0).gateSequence, row.amountMinor);
  }
  for (const { key } of view.range('events', range)) {
    tallies.add(null, readId(key, 0).gateSequence, 0);
  }
  return tallies.finish();
}

/** Which kind a debit counts as, by the state it came with. */
export function nameOf(state: DebitState): Exclude<RecordKind, 'settlement'> {
  if (state === DebitState.confirmed) return 'confirmed';
  return state === DebitState.void ? 'void' : 'unconfirmed';
}

/** What differs, as sentences; empty where gate and ledger agree. */
export function differencesOf(shift: Shift, held: HeldShift): string[] {
  const { first, last, counts } = shift;
  if (held.tooLong) return [`sequences ${first} to ${last} are more than a shift has`];
  const found: string[] = [];
  for (const { from, to } of held.missing) {
    found.push(
      from === to ? `sequence ${from} is missing` : `sequences ${from} to ${to} are missing`,
    );
  }
  for (const kind of recordKinds) {
    const told = counts[kind];
    const own = held.tallies[kind];
    if (told.count !== own.count) {
      found.push(`${kind}: the gate counted ${told.count}, ${own.count} are held`);
    }
    if (told.amountMinor !== own.amountMinor) {
      found.push(`${kind}: the gate's amount is ${told.amountMinor}, ${own.amountMinor} is held`);
    }
  }
  return found;
}
