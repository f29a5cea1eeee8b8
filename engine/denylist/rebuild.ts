/**
 * A new table of a list and its changes, when they outgrow the room beside the old one. It is made
 * in slices, between which taps go on against the old list.
 */
import assert from 'node:assert/strict';
import {
  DENYLIST_RANGES_MAX,
  DENYLIST_SIDE_FAST,
  DENYLIST_SIDE_SMALL,
  DENYLIST_SLICE_KEYS,
} from '../limits.ts';
import { keyBefore } from './card-hash.ts';
import type { DenylistForm } from './key-table.ts';
import type { ListShape } from './layout.ts';
import { SideTable, sideWords, Verdict } from './side-table.ts';
import { KeyCollector, sortKeys } from './sorted-keys.ts';
import { type Delta, ListFiller, type StopList } from './stop-list.ts';

/** Room for a list that will see deltas. */
export function growingShape(form: DenylistForm, tableKeys: number): ListShape {
  const changesRoom = form === 'fast' ? DENYLIST_SIDE_FAST : DENYLIST_SIDE_SMALL;
  return { form, tableKeys, rangesRoom: DENYLIST_RANGES_MAX, changesRoom };
}

/**
 * The list that `delta`, which has no fault, makes of `list`; yields between slices. Null where the
 * keys do not spread as those of a MAC do. The list must see no other change meanwhile.
 */
export function* rebuildList(list: StopList, delta: Delta): Generator<void, StopList | null> {
  const changes = collectChanges(list, delta);
  const filler = new ListFiller(growingShape(list.form, delta.to.entries));
  const cursor = list.tableKeys();
  const keys = new Int32Array(2 * DENYLIST_SLICE_KEYS);
  let next = 0;
  let entries = 0;
  /** Takes the changes before a key of the table, or the rest. */
  const insertAdded = (high: number, low: number, all: boolean): boolean => {
    const { added } = changes;
    for (; next < added.length; next += 2) {
      const ahead = keyBefore(added[next]!, added[next + 1]!, high, low);
      if (!all && !ahead) return true;
      if (!filler.insert(added[next]!, added[next + 1]!)) return false;
      entries += 1;
    }
    return true;
  };
  for (let count = cursor.fill(keys); count > 0; count = cursor.fill(keys)) {
    for (let i = 0; i < 2 * count; i += 2) {
      const high = keys[i]!;
      const low = keys[i + 1]!;
      if (!insertAdded(high, low, false)) return null;
      // What is added though the table has it comes with the changes.
      if (changes.side.verdictOf(high, low) !== Verdict.unchanged) continue;
      if (!filler.insert(high, low)) return null;
      entries += 1;
    }
    yield;
  }
  if (!insertAdded(0, 0, true)) return null;
  assert.equal(entries, delta.to.entries, 'a delta without fault ends at the count it names');
  return filler.finish(delta.to, delta.ranges);
}

/** All keys of the list, ascending: a copy. */
export function keysOf(list: StopList): Int32Array {
  const all = new KeyCollector(list.name().entries);
  const cursor = list.tableKeys();
  const keys = new Int32Array(2 * DENYLIST_SLICE_KEYS);
  for (let count = cursor.fill(keys); count > 0; count = cursor.fill(keys)) {
    for (let i = 0; i < 2 * count; i += 2) {
      if (list.changes === 0 || list.has(keys[i]!, keys[i + 1]!)) all.add(keys[i]!, keys[i + 1]!);
    }
  }
  if (list.changes === 0) return all.keys();
  list.forEachChange((high, low, verdict) => {
    if (verdict === Verdict.listed) all.add(high, low);
  });
  return sortKeys(all.keys());
}

interface Changes {
  readonly side: SideTable;
  /** Pairs in ascending order of all that is listed by a change. */
  readonly added: Int32Array;
}

/** The changes beside the table and those of the delta, the later going before the earlier. */
function collectChanges(list: StopList, { added, removed }: Delta): Changes {
  const most = list.changes + (added.length + removed.length) / 2;
  const side = new SideTable(new Int32Array(sideWords(Math.max(1, most))));
  list.forEachChange((high, low, verdict) => side.set(high, low, verdict));
  for (let i = 0; i < removed.length; i += 2) {
    side.set(removed[i]!, removed[i + 1]!, Verdict.removed);
  }
  for (let i = 0; i < added.length; i += 2) side.set(added[i]!, added[i + 1]!, Verdict.listed);
  const listed = new Int32Array(2 * most);
  let count = 0;
  side.forEach((high, low, verdict) => {
    if (verdict !== Verdict.listed) return;
    listed[2 * count] = high;
    listed[2 * count + 1] = low;
    count += 1;
  });
  return { side, added: sortKeys(listed.subarray(0, 2 * count)) };
}
