/**
 * The one SharedArrayBuffer of a list, shared by all gates of a station, and on whatever thread:
 *
 *     head    16 words: magic, form, keys in the table, ranges and changes there is room for; epoch
 *     two     states of what a delta changes: the list's name, its ranges, the changes
 *     table   never changes (`fast-table.ts`, `small-table.ts`)
 *
 * The epoch's low bit says which state is in force.
 */
import assert from 'node:assert/strict';
import { FastTable, fastTableBytes } from './fast-table.ts';
import type { DenylistForm, KeyTable, KeyTableFiller } from './key-table.ts';
import { RANGE_BYTES } from './ranges.ts';
import { DIGEST_WORDS } from './set-digest.ts';
import { SideTable, sideWords } from './side-table.ts';
import { SmallTable, smallTableBytes } from './small-table.ts';

const MAGIC = 0x4647_4458;
const HEAD_WORDS = 16;
const forms: readonly DenylistForm[] = ['fast', 'small'];

const at = { magic: 0, form: 1, tableKeys: 2, rangesRoom: 3, changesRoom: 4, epoch: 5 } as const;

/** Words of a state that name the list: version (2), keys, ranges, changes, digest. */
const name = {
  versionHigh: 0,
  versionLow: 1,
  entries: 2,
  ranges: 3,
  changes: 4,
  digest: 5,
} as const;
const NAME_WORDS = 10;

/** What a list is beside its keys. */
export interface ListName {
  /** Up to 2^48. */
  readonly version: number;
  /** Single cards stopped. */
  readonly entries: number;
  /** Of the set of keys, `DIGEST_WORDS`. */
  readonly digest: Int32Array;
}

/** How much room a list is made with. */
export interface ListShape {
  readonly form: DenylistForm;
  readonly tableKeys: number;
  readonly rangesRoom: number;
  /** Changes it can hold beside the table; 0 for a list that never changes. */
  readonly changesRoom: number;
}

/** One of the two states. */
export class ListState {
  readonly name: Int32Array;
  readonly ranges: Uint8Array;
  readonly side: SideTable;

  constructor(buffer: SharedArrayBuffer, byteAt: number, shape: ListShape) {
    this.name = new Int32Array(buffer, byteAt, NAME_WORDS);
    const sideAt = byteAt + 4 * NAME_WORDS;
    const words = sideWords(shape.changesRoom);
    this.side = new SideTable(new Int32Array(buffer, sideAt, words));
    const rangesAt = sideAt + 4 * words;
    this.ranges = new Uint8Array(buffer, rangesAt, shape.rangesRoom * RANGE_BYTES);
  }

  get rangeCount(): number {
    return this.name[name.ranges]!;
  }

  get changes(): number {
    return this.name[name.changes]!;
  }

  set changes(count: number) {
    this.name[name.changes] = count;
  }

  /** The version's low 32 bits, as records carry them. */
  get versionLow(): number {
    return this.name[name.versionLow]! >>> 0;
  }

  read(): ListName {
    const words = this.name;
    const high = words[name.versionHigh]! >>> 0;
    return {
      version: high * 0x1_0000_0000 + (words[name.versionLow]! >>> 0),
      entries: words[name.entries]!,
      digest: new Int32Array(words.subarray(name.digest, name.digest + DIGEST_WORDS)),
    };
  }

  /** @param ranges sorted and apart, no more than there is room for. */
  write(list: ListName, ranges: Uint8Array): void {
    assert(ranges.length <= this.ranges.length);
    this.ranges.set(ranges);
    this.name[name.ranges] = ranges.length / RANGE_BYTES;
    this.name[name.versionHigh] = Math.floor(list.version / 0x1_0000_0000);
    this.name[name.versionLow] = list.version;
    this.name[name.entries] = list.entries;
    this.name.set(list.digest, name.digest);
  }
}

function stateBytes(shape: ListShape): number {
  const bytes = 4 * (NAME_WORDS + sideWords(shape.changesRoom)) + RANGE_BYTES * shape.rangesRoom;
  return 8 * Math.ceil(bytes / 8);
}

function tableBytes({ form, tableKeys }: ListShape): number {
  return form === 'fast' ? fastTableBytes(tableKeys) : smallTableBytes(tableKeys);
}

/** Views of a list's buffer. */
export class ListMemory {
  readonly buffer: SharedArrayBuffer;
  readonly shape: ListShape;
  readonly table: KeyTable & KeyTableFiller;
  readonly states: readonly [ListState, ListState];
  readonly #head: Int32Array;

  private constructor(buffer: SharedArrayBuffer, shape: ListShape) {
    this.buffer = buffer;
    this.shape = shape;
    this.#head = new Int32Array(buffer, 0, HEAD_WORDS);
    const first = 4 * HEAD_WORDS;
    const second = first + stateBytes(shape);
    this.states = [new ListState(buffer, first, shape), new ListState(buffer, second, shape)];
    const tableAt = second + stateBytes(shape);
    const Table = shape.form === 'fast' ? FastTable : SmallTable;
    this.table = new Table(buffer, tableAt, shape.tableKeys);
  }

  static make(shape: ListShape): ListMemory {
    const bytes = 4 * HEAD_WORDS + 2 * stateBytes(shape) + tableBytes(shape);
    const buffer = new SharedArrayBuffer(bytes);
    const head = new Int32Array(buffer, 0, HEAD_WORDS);
    head[at.magic] = MAGIC;
    head[at.form] = forms.indexOf(shape.form);
    head[at.tableKeys] = shape.tableKeys;
    head[at.rangesRoom] = shape.rangesRoom;
    head[at.changesRoom] = shape.changesRoom;
    return new ListMemory(buffer, shape);
  }

  /** The same list on another thread, which was given its buffer. */
  static attach(buffer: SharedArrayBuffer): ListMemory {
    const head = new Int32Array(buffer, 0, HEAD_WORDS);
    assert.equal(head[at.magic], MAGIC, 'not the memory of a denylist');
    return new ListMemory(buffer, {
      form: forms[head[at.form]!]!,
      tableKeys: head[at.tableKeys]!,
      rangesRoom: head[at.rangesRoom]!,
      changesRoom: head[at.changesRoom]!,
    });
  }

  epoch(): number {
    return Atomics.load(this.#head, at.epoch);
  }

  /** Puts the other state in force: from here on every reader sees it. */
  turn(): void {
    Atomics.add(this.#head, at.epoch, 1);
  }
}
