/**
 * Which list may follow the one in force, and what comes of it: a full list of a higher version, or
 * the delta that builds on exactly this one.
 */
import { FaregateError } from '../errors.ts';
import type { DenylistForm } from './key-table.ts';
import type { ListName, ListShape } from './layout.ts';
import type { ListHead } from './list-head.ts';
import { type KeySink, ListReader } from './list-reader.ts';
import { growingShape, rebuildList } from './rebuild.ts';
import { printDigest, sameDigest } from './set-digest.ts';
import { KeyCollector } from './sorted-keys.ts';
import { type Delta, ListFiller, type StopList } from './stop-list.ts';

export interface SuccessorOptions {
  /** Names the list in errors. */
  readonly source: string;
  readonly verify: (message: Uint8Array, signature: Uint8Array) => boolean;
  /** `hashKeyCheck` of the gate's key; null where no number will be hashed. */
  readonly keyCheck: number | null;
  readonly form: DenylistForm;
}

/** The empty list that a gate starts from: version 0. */
export function emptyList(form: DenylistForm): StopList {
  const name = { version: 0, entries: 0, digest: new Int32Array(4) };
  return new ListFiller(growingShape(form, 0)).finish(name, new Uint8Array(0));
}

/** Receives the list that is to follow `inForce`, in pieces; `end` tells how to put it in force. */
export class Successor {
  readonly #options: SuccessorOptions;
  readonly #inForce: StopList;
  readonly #reader: ListReader;
  #filler: ListFiller | null = null;
  #added = new KeyCollector(0);
  #removed = new KeyCollector(0);

  constructor(inForce: StopList, options: SuccessorOptions) {
    this.#options = options;
    this.#inForce = inForce;
    this.#reader = new ListReader({ ...options, accept: (head) => this.#accept(head) });
  }

  /** The head, once its bytes have come and were found good. */
  get head(): ListHead | null {
    return this.#reader.head;
  }

  /** @throws FaregateError DENYLIST_REFUSED, DENYLIST_GAP; the list in force is as it was. */
  push(piece: Uint8Array): void {
    this.#reader.push(piece);
  }

  /**
   * The list that was received: a new `StopList`, or a delta to be applied to the one in force.
   * Yields between slices; the list in force must see no other change meanwhile.
   * @throws FaregateError DENYLIST_REFUSED.
   */
  *end(): Generator<void, StopList | Delta> {
    const { head, ranges } = this.#reader.end();
    const to = nameOf(head);
    if (this.#filler) return this.#filler.finish(to, ranges);
    const delta = { to, ranges, added: this.#added.keys(), removed: this.#removed.keys() };
    const fault = yield* this.#inForce.faultOf(delta);
    if (fault !== null) throw this.#refuse(fault);
    return delta;
  }

  #accept(head: ListHead): KeySink {
    const { source, keyCheck, form } = this.#options;
    const now = this.#inForce.name();
    if (keyCheck !== null && head.keyCheck !== keyCheck)
      throw this.#refuse('its cards are hashed under another key');
    if (head.version <= now.version) {
      throw this.#refuse(`of version ${head.version}, while ${now.version} is in force`);
    }
    if (head.kind === 'full') {
      const filler = this.#makeFiller(growingShape(form, head.entries));
      this.#filler = filler;
      return { add: (high, low) => filler.insert(high, low), remove: () => false };
    }
    if (head.fromVersion !== now.version || !sameDigest(head.fromDigest, now.digest)) {
      const wanted = `version ${head.fromVersion}, digest ${printDigest(head.fromDigest)}`;
      const there = `version ${now.version}, digest ${printDigest(now.digest)}`;
      const message = `${source}: builds on ${wanted}; in force is ${there}`;
      throw new FaregateError('DENYLIST_GAP', message);
    }
    if (now.entries + head.added - head.removed !== head.entries) {
      throw this.#refuse('its counts disagree');
    }
    this.#added = new KeyCollector(head.added);
    this.#removed = new KeyCollector(head.removed);
    return {
      add: (high, low) => take(this.#added, high, low),
      remove: (high, low) => take(this.#removed, high, low),
    };
  }

  #makeFiller(shape: ListShape): ListFiller {
    try {
      return new ListFiller(shape);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw this.#refuse(`no memory for a list of ${shape.tableKeys} cards`);
    }
  }

  #refuse(why: string): FaregateError {
    return new FaregateError('DENYLIST_REFUSED', `${this.#options.source}: ${why}`);
  }
}

/** Puts the delta in force, in place or in a new table made in slices; returns the list. */
export function* applyDelta(
  list: StopList,
  delta: Delta,
  source: string,
): Generator<void, StopList> {
  if (list.fits(delta)) {
    list.apply(delta);
    return list;
  }
  const rebuilt = yield* rebuildList(list, delta);
  if (rebuilt) return rebuilt;
  throw new FaregateError('DENYLIST_REFUSED', `${source}: its keys do not spread as hashes do`);
}

function nameOf({ version, entries, digest }: ListHead): ListName {
  return { version, entries, digest };
}

function take(keys: KeyCollector, high: number, low: number): boolean {
  keys.add(high, low);
  return true;
}
