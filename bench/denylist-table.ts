/** The part of the denylist's benchmark that makes its table, card by card. */
import { createHash } from 'node:crypto';
import type { DenylistForm } from '../engine/denylist/key-table.ts';
import { growingShape } from '../engine/denylist/rebuild.ts';
import { addToDigest } from '../engine/denylist/set-digest.ts';
import { ListFiller } from '../engine/denylist/stop-list.ts';
import type { Contender, Question } from './harness.ts';

const NO_RANGES = new Uint8Array(0);

/** Key `i` as a 64-bit number. */
export function wide(keys: Int32Array, i: number): bigint {
  return (BigInt(keys[i]! >>> 0) << 32n) | BigInt(keys[i + 1]! >>> 0);
}

interface Filling {
  /** Puts in the key at `i` of the sorted keys. */
  insert(i: number): void;
  /** Whether the key at `i` was put in. */
  finish(): (i: number) => boolean;
}

/** Makes tables of all keys, a slice a run, over and over: nanoseconds a card. */
export function building(keys: Int32Array): Question {
  const slice = 2 * Math.floor(keys.length / 2 / 64);
  const contender = (name: string, begin: () => Filling): Contender => {
    let from = 0;
    let filling = begin();
    return {
      name,
      // Every second key goes in; then both kinds are asked for.
      answer: () => {
        const { insert, finish } = begin();
        const count = Math.min(keys.length, 20_000);
        for (let i = 0; i < count; i += 4) insert(i);
        const has = finish();
        const hash = createHash('sha256');
        for (let i = 0; i < count; i += 2) hash.update(has(i) ? 'y' : 'n');
        return hash.digest();
      },
      run: () => {
        for (let i = from; i < from + slice; i += 2) filling.insert(i);
        from += slice;
        if (from + slice <= keys.length) return;
        from = 0;
        filling = begin();
      },
    };
  };
  const table = (form: DenylistForm) => () => {
    const filler = new ListFiller(growingShape(form, keys.length / 2));
    const digest = new Int32Array(4);
    let entries = 0;
    return {
      insert: (i: number) => {
        addToDigest(digest, keys[i]!, keys[i + 1]!);
        filler.insert(keys[i]!, keys[i + 1]!);
        entries += 1;
      },
      finish: () => {
        const list = filler.finish({ version: 1, entries, digest }, NO_RANGES);
        return (i: number) => list.has(keys[i]!, keys[i + 1]!);
      },
    };
  };
  return {
    name: `${keys.length / 2} cards, table of sorted keys, a card`,
    operations: slice / 2,
    contenders: [
      contender('fast', table('fast')),
      contender('small', table('small')),
      contender('Set of BigInt', () => {
        const set = new Set<bigint>();
        return {
          insert: (i) => void set.add(wide(keys, i)),
          finish: () => (i) => set.has(wide(keys, i)),
        };
      }),
    ],
  };
}
