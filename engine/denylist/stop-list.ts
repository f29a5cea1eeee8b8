/**
 * A list in force: its table and the changes beside it, looked up by a card number and its keyed
 * hash. Any thread may look up while one thread, always the same, applies deltas.
 *
 * A delta is written into the state that is not in force; one store of the epoch then puts it in
 * force whole. A reader notes the epoch, looks up in that epoch's state and the table, and looks
 * again where the epoch moved meanwhile, since then its state may be under the writer's hands. So a
 * reader sees the list before a delta or after it, never a mix, and waits for nobody. The thread
 * that applies deltas is never in the middle of one when it looks up, and saves itself the epoch.
 */
import assert from 'node:assert/strict';
import { DENYLIST_SLICE_KEYS } from '../limits.ts';
import type { DenylistForm, KeyCursor, KeyTable } from './key-table.ts';
import { ListMemory, type ListName, type ListShape, type ListState } from './layout.ts';
import { inRanges, RANGE_BYTES } from './ranges.ts';
import { Verdict } from './side-table.ts';

/** A checked delta: what it makes of the list in force. */
export interface Delta {
  readonly to: ListName;
  /** All ranges of the new list. */
  readonly ranges: Uint8Array;
  /** Pairs (high, low) in ascending order. */
  readonly added: Int32Array;
  readonly removed: Int32Array;
}

export class StopList {
  readonly #memory: ListMemory;
  readonly #table: KeyTable;
  /** The state in force where this thread applies the deltas; null where another does. */
  #own: ListState | null;
  readonly #never: boolean;

  /** @param own whether this thread, and no other, applies deltas. */
  constructor(memory: ListMemory, own: boolean) {
    this.#memory = memory;
    this.#table = memory.table;
    this.#own = own ? memory.states[memory.epoch() & 1]! : null;
    const { tableKeys, rangesRoom, changesRoom } = memory.shape;
    this.#never = tableKeys + rangesRoom + changesRoom === 0;
  }

  /** The list in another thread's memory, for looking up only. */
  static attach(buffer: SharedArrayBuffer): StopList {
    return new StopList(ListMemory.attach(buffer), false);
  }

  get buffer(): SharedArrayBuffer {
    return this.#memory.buffer;
  }

  get form(): DenylistForm {
    return this.#memory.shape.form;
  }

  /** Whether it stops nobody, now and ever, so that a card need not be hashed. */
  get never(): boolean {
    return this.#never;
  }

  /** Whether a range, or the key of the number at `bytes[at]`, is listed. */
  stops(bytes: Uint8Array, at: number, high: number, low: number): boolean {
    const own = this.#own;
    if (own) return this.#stopped(own, bytes, at, high, low);
    return this.#read((state) => this.#stopped(state, bytes, at, high, low));
  }

  /** Whether the key is listed. */
  has(high: number, low: number): boolean {
    const own = this.#own;
    if (own) return this.#listed(own, high, low);
    return this.#read((state) => this.#listed(state, high, low));
  }

  /** The version's low 32 bits. Allocates nothing where this thread applies the deltas. */
  get versionLow(): number {
    return this.#own?.versionLow ?? this.#read((state) => state.versionLow);
  }

  name(): ListName {
    return this.#read((state) => state.read());
  }

  /** The ranges, 20 bytes each; a copy. */
  ranges(): Uint8Array {
    return this.#read(
      ({ ranges, rangeCount }) => new Uint8Array(ranges.subarray(0, rangeCount * RANGE_BYTES)),
    );
  }

  /**
   * What keeps the delta from being applied, or null: it adds what is listed or removes what is
   * not. Yields between slices.
   */
  *faultOf({ added, removed }: Delta): Generator<void, string | null> {
    for (const keys of [added, removed]) {
      const verb = keys === added ? 'add' : 'remove';
      for (let i = 0; i < keys.length; i += 2) {
        if (this.has(keys[i]!, keys[i + 1]!) === (keys === added)) {
          const is = keys === added ? 'is listed already' : 'is not listed';
          return `entry ${i / 2 + 1} to ${verb} ${is}`;
        }
        if (i % (2 * DENYLIST_SLICE_KEYS) === 0) yield;
      }
    }
    return null;
  }

  /** Whether the delta fits beside the table; if not, `rebuildList` makes a new one. */
  fits({ added, removed, ranges }: Delta): boolean {
    const { changesRoom, rangesRoom } = this.#memory.shape;
    const changes = this.#inForce().changes + (added.length + removed.length) / 2;
    return changes <= changesRoom && ranges.length <= rangesRoom * RANGE_BYTES;
  }

  /** Applies a delta that fits and has no fault. For one thread only. */
  apply({ to, ranges, added, removed }: Delta): void {
    const before = this.#inForce();
    const state = this.#memory.states[(this.#memory.epoch() + 1) & 1]!;
    state.side.words.set(before.side.words);
    let { changes } = before;
    for (let i = 0; i < removed.length; i += 2) {
      if (state.side.set(removed[i]!, removed[i + 1]!, Verdict.removed)) changes += 1;
    }
    for (let i = 0; i < added.length; i += 2) {
      if (state.side.set(added[i]!, added[i + 1]!, Verdict.listed)) changes += 1;
    }
    state.changes = changes;
    state.write(to, ranges);
    this.#memory.turn();
    this.#own = state;
  }

  /** The table's keys, without the changes beside it. */
  tableKeys(): KeyCursor {
    return this.#memory.table.cursor();
  }

  forEachChange(visit: (high: number, low: number, verdict: Verdict) => void): void {
    if (this.#inForce().changes > 0) this.#inForce().side.forEach(visit);
  }

  get changes(): number {
    return this.#inForce().changes;
  }

  #inForce(): ListState {
    assert(this.#own, 'deltas are applied on one thread');
    return this.#own;
  }

  /** What `look` sees in one state, from before a delta or from after it. */
  #read<T>(look: (state: ListState) => T): T {
    for (;;) {
      const epoch = this.#memory.epoch();
      const seen = look(this.#memory.states[epoch & 1]!);
      if (this.#memory.epoch() === epoch) return seen;
    }
  }

  #stopped(state: ListState, bytes: Uint8Array, at: number, high: number, low: number): boolean {
    const { rangeCount } = state;
    if (rangeCount > 0 && inRanges(state.ranges, 0, rangeCount, bytes, at)) return true;
    return this.#listed(state, high, low);
  }

  #listed(state: ListState, high: number, low: number): boolean {
    if (state.changes > 0) {
      const verdict = state.side.verdictOf(high, low);
      if (verdict !== Verdict.unchanged) return verdict === Verdict.listed;
    }
    return this.#table.has(high, low);
  }
}

/** Fills the table of a new list, key by key in ascending order. */
export class ListFiller {
  readonly #memory: ListMemory;

  constructor(shape: ListShape) {
    this.#memory = ListMemory.make(shape);
  }

  /** False where the table has no room: keys do not spread as those of a MAC do. */
  insert(high: number, low: number): boolean {
    return this.#memory.table.insert(high, low);
  }

  /** @param ranges sorted and apart. */
  finish(name: ListName, ranges: Uint8Array): StopList {
    this.#memory.table.finish();
    this.#memory.states[0].write(name, ranges);
    return new StopList(this.#memory, true);
  }
}
