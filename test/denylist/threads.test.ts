/**
 * Gates on other threads look up while deltas are applied: each delta removes card A and adds card
 * B, or the other way round, and every answer must be of one list.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { DenylistForm } from '../../engine/denylist/key-table.ts';
import { growingShape } from '../../engine/denylist/rebuild.ts';
import { sortKeys } from '../../engine/denylist/sorted-keys.ts';
import { type Delta, ListFiller, type StopList } from '../../engine/denylist/stop-list.ts';
import { keysOfCards, range, serial } from '../kit/denylist-kit.ts';

const DELTAS = 1500;
/** After so many deltas the reader must have looked again: a busy machine may not let it run. */
const DELTAS_UNSEEN_MAX = 100;
/** To end a wait for a reader that is gone. */
const LOOK_MS_MAX = 60_000;

interface Seen {
  readonly looks: number;
  readonly versions: number;
  readonly mixed: number;
  readonly both: readonly number[];
}

function nameOf(version: number, entries: number) {
  return { version, entries, digest: Int32Array.of(3 * version, 0, 0, 5 * version) };
}

function faultOf(list: StopList, delta: Delta): string | null {
  const work = list.faultOf(delta);
  let step = work.next();
  while (step.done !== true) step = work.next();
  return step.value;
}

for (const form of ['fast', 'small'] as const satisfies DenylistForm[]) {
  test(`${form}: a reader on another thread never sees half of a delta`, async (t) => {
    const a = keysOfCards([1]);
    const b = keysOfCards([2]);
    const others = keysOfCards(Array.from({ length: 500 }, (_, i) => 1000 + i));
    const keys = sortKeys(Int32Array.of(...others, ...a));
    const filler = new ListFiller(growingShape(form, keys.length / 2));
    for (let i = 0; i < keys.length; i += 2) filler.insert(keys[i]!, keys[i + 1]!);
    const list = filler.finish(nameOf(1, 501), range(50, 60));

    const stop = new Int32Array(new SharedArrayBuffer(8));
    const ranges = new Uint8Array(20);
    ranges.set(serial(55));
    ranges.set(serial(75), 10);
    const workerData = { buffer: list.buffer, stop, keys: Int32Array.of(...a, ...b), ranges };
    const url = new URL('../programs/denylist-reader.js', import.meta.url);
    const worker = new Worker(url, { workerData });
    await once(worker, 'message');
    for (let version = 2; version <= DELTAS; version++) {
      const toA = version % 2 === 1;
      const delta = {
        to: nameOf(version, 501),
        ranges: toA ? range(50, 60) : range(70, 80),
        added: toA ? a : b,
        removed: toA ? b : a,
      };
      assert.equal(faultOf(list, delta), null);
      assert(list.fits(delta));
      list.apply(delta);
      if (version % DELTAS_UNSEEN_MAX === 0) {
        const looks = Atomics.load(stop, 1);
        assert.notEqual(Atomics.wait(stop, 1, looks, LOOK_MS_MAX), 'timed-out');
      }
    }
    const answer = once(worker, 'message') as Promise<[Seen]>;
    Atomics.store(stop, 0, 1);
    const [seen] = await answer;
    await worker.terminate();
    t.diagnostic(`${seen.looks} looks over ${seen.versions} versions`);
    // A look may have begun before the one wait and end in the next.
    const waits = Math.floor(DELTAS / DELTAS_UNSEEN_MAX);
    assert(seen.versions >= Math.floor(waits / 2), `${seen.versions} versions`);
    assert.equal(seen.mixed, 0);
    assert.deepEqual([seen.both[0], seen.both[2]], [0, 0]);
  });
}
