/**
 * A shift's counters as a fold over the gate's journal: each record adds to its kind, and the event
 * that closed a shift takes away what it told. So the counters are those of the journal whatever
 * died in between, and a shift is closed by its event and nothing else.
 */
import { readU32, readU48 } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import {
  decodeEvent,
  EVENT_MODES,
  isEvent,
  type ShiftClosed,
  type ShiftCounts,
} from '../../engine/debit/event.ts';
import { DebitKind, DebitState } from '../../engine/debit/record.ts';

/** In the order of the event record. */
export const tallyNames = ['confirmed', 'unconfirmed', 'void', 'settlement'] as const;

export interface ShiftState {
  /** Of the shift that is open, from 1. */
  readonly shift: number;
  readonly openedMs: number;
  /** Sequence of its first record. */
  readonly first: number;
  /** Everything up to here is counted. */
  readonly through: number;
  readonly counts: ShiftCounts;
}

export class ShiftFold {
  #shift: number;
  #openedMs: number;
  #first: number;
  #through: number;
  /** Count and amount by place in `tallyNames`. */
  readonly #tallies: { count: number; amountMinor: number }[];
  #denied: number;
  readonly #underMode: number[];

  constructor(state: ShiftState) {
    this.#shift = state.shift;
    this.#openedMs = state.openedMs;
    this.#first = state.first;
    this.#through = state.through;
    this.#tallies = tallyNames.map((name) => ({ ...state.counts[name] }));
    this.#denied = state.counts.denied;
    this.#underMode = [...state.counts.underMode];
  }

  get through(): number {
    return this.#through;
  }

  get openedMs(): number {
    return this.#openedMs;
  }

  get shift(): number {
    return this.#shift;
  }

  /** Records counted in the open shift. */
  get records(): number {
    return this.#through - this.#first + 1;
  }

  state(): ShiftState {
    const [confirmed, unconfirmed, voided, settlement] = this.#tallies.map((one) => ({ ...one }));
    return {
      shift: this.#shift,
      openedMs: this.#openedMs,
      first: this.#first,
      through: this.#through,
      counts: {
        confirmed: confirmed!,
        unconfirmed: unconfirmed!,
        void: voided!,
        settlement: settlement!,
        denied: this.#denied,
        underMode: [...this.#underMode],
      },
    };
  }

  /** What the event says that closes the shift with what is counted now. */
  closing(): ShiftClosed {
    const { shift, openedMs, first, through, counts } = this.state();
    return { event: 'shiftClosed', shift, openedMs, first, last: through, counts };
  }

  /** Counts the record at `records[offset]`, whose sequence is `through` + 1. */
  add(records: Uint8Array, offset: number): void {
    this.#through = readU48(records, offset + at.gateSequence);
    if (isEvent(records, offset)) {
      const event = decodeEvent(records, offset);
      if (event.event === 'shiftClosed' && event.shift === this.#shift) {
        this.#close(event, event.instantMs);
      }
      return;
    }
    const tally = this.#tallies[placeOf(records, offset)]!;
    tally.count += 1;
    tally.amountMinor += readU32(records, offset + at.amountMinor);
  }

  /** A tap that left no record: refused, or let through under modes. */
  tapped(denied: boolean, people: number, mode: number): void {
    if (denied) this.#denied += 1;
    for (let bit = 0; bit < EVENT_MODES; bit++) {
      if (((mode >>> bit) & 1) === 1) this.#underMode[bit]! += people;
    }
  }

  #close({ counts, last }: ShiftClosed, closedMs: number): void {
    this.#shift += 1;
    this.#openedMs = closedMs;
    this.#first = last + 1;
    for (const [i, name] of tallyNames.entries()) {
      this.#tallies[i]!.count -= counts[name].count;
      this.#tallies[i]!.amountMinor -= counts[name].amountMinor;
    }
    // After a crash fewer refusals may be remembered than the event told: they leave no record.
    this.#denied = Math.max(0, this.#denied - counts.denied);
    for (const [i, people] of counts.underMode.entries()) {
      this.#underMode[i] = Math.max(0, this.#underMode[i]! - people);
    }
  }
}

function placeOf(records: Uint8Array, offset: number): number {
  if (records[offset + at.kind] === DebitKind.settlement) return 3;
  const state = records[offset + at.state];
  if (state === DebitState.confirmed) return 0;
  return state === DebitState.void ? 2 : 1;
}

/** A first shift, or the next one after counters were lost. */
export function newShift(shift: number, first: number, openedMs: number): ShiftState {
  const none = { count: 0, amountMinor: 0 };
  return {
    shift,
    openedMs,
    first,
    through: first - 1,
    counts: {
      confirmed: none,
      unconfirmed: none,
      void: none,
      settlement: none,
      denied: 0,
      underMode: new Array<number>(EVENT_MODES).fill(0),
    },
  };
}
