/**
 * Lists and deltas as a gate takes them: good ones, cut anywhere; bad ones, wherever they are bad.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { writeU32 } from '../../engine/bytes.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { hashKeyCheck } from '../../engine/denylist/card-hash.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import type { DenylistForm } from '../../engine/denylist/key-table.ts';
import { SIGNED_BYTES } from '../../engine/denylist/list-head.ts';
import { writeFullList } from '../../engine/denylist/list-writer.ts';
import { keysOf, rebuildList } from '../../engine/denylist/rebuild.ts';
import { signer, verifier } from '../../engine/denylist/signing.ts';
import { StopList } from '../../engine/denylist/stop-list.ts';
import { applyDelta, emptyList, Successor } from '../../engine/denylist/successor.ts';
import {
  DENYLIST_CHANGES_MAX,
  DENYLIST_ENTRIES_MAX,
  DENYLIST_RANGES_MAX,
} from '../../engine/limits.ts';
import {
  deltaFile,
  fullFile,
  hashKey,
  joined,
  keysOfCards,
  operator,
  origin,
  type PlainList,
  pieces,
  range,
  serial,
  stranger,
} from '../kit/denylist-kit.ts';

const verify = verifier(operator.publicKey);

/** Takes a file whole or in pieces; the list in force after it. */
function take(inForce: StopList, file: Iterable<Uint8Array>, key = hashKey): StopList {
  const { form } = inForce;
  const options = { source: 'the list', verify, keyCheck: hashKeyCheck(key), form };
  const successor = new Successor(inForce, options);
  for (const piece of file) successor.push(piece);
  const next = finish(successor.end());
  return next instanceof StopList ? next : finish(applyDelta(inForce, next, 'the list'));
}

function finish<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

function cards(...numbers: number[]): ReadonlySet<number> {
  return new Set(numbers);
}

const first: PlainList = { version: 3, cards: cards(1, 2, 3, 5, 8), ranges: [range(100, 199)] };
const second: PlainList = { version: 4, cards: cards(2, 3, 13), ranges: [range(150, 250)] };
const refused = { code: 'DENYLIST_REFUSED' };

/** That the list stops exactly what `plain` does, among the first 300 cards. */
function assertStops(list: StopList, plain: PlainList): void {
  const denylist = new Denylist(hashKey, list);
  for (let card = 0; card < 300; card++) {
    const ranged = (plain.ranges ?? []).some((r) => {
      const [low, high] = [r.subarray(0, 10), r.subarray(10)];
      const number = serial(card);
      return Buffer.compare(low, number) <= 0 && Buffer.compare(number, high) <= 0;
    });
    assert.equal(denylist.has(serial(card), 0), ranged || plain.cards.has(card), `card ${card}`);
  }
  assert.equal(list.name().version, plain.version);
  assert.equal(list.name().entries, plain.cards.size);
  assert.deepEqual(keysOf(list), keysOfCards(plain.cards));
}

for (const form of ['fast', 'small'] as const satisfies DenylistForm[]) {
  test(`${form}: a full list, a delta, another full list`, () => {
    const list = take(emptyList(form), [fullFile(first)]);
    assertStops(list, first);
    const after = take(list, [deltaFile(first, second)]);
    assert.equal(after, list, 'a small delta is applied in place');
    assertStops(after, second);
    assertStops(take(after, [fullFile({ ...first, version: 5 })]), { ...first, version: 5 });
  });

  test(`${form}: a hundred random deltas equal a Set, applied in place or in a new table`, (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    t.diagnostic(`seed ${seed}`);
    const random = mulberry(seed);
    let plain: PlainList = { version: 1, cards: new Set() };
    let list = take(emptyList(form), [fullFile(plain)]);
    for (let version = 2; version < 100; version++) {
      const next = new Set(plain.cards);
      for (let i = 0; i < 40; i++) {
        const card = Math.floor(random() * 250);
        if (random() < 0.5) next.add(card);
        else next.delete(card);
      }
      const ranges = random() < 0.5 ? [] : [range(260, 260 + Math.floor(random() * 30))];
      const to: PlainList = { version, cards: next, ranges };
      const file = deltaFile(plain, to);
      if (version % 7 === 0) list = rebuilt(list, file);
      else list = take(list, pieces(file, random));
      assertStops(list, to);
      plain = to;
    }
  });
}

/** Puts the delta in force in a new table, as if there were no room beside the old. */
function rebuilt(list: StopList, file: Uint8Array): StopList {
  const options = { source: 'x', verify, keyCheck: origin.keyCheck, form: list.form };
  const successor = new Successor(list, options);
  successor.push(file);
  const delta = finish(successor.end());
  assert(!(delta instanceof StopList));
  const next = finish(rebuildList(list, delta));
  assert(next && next !== list);
  assert.equal(next.changes, 0);
  return next;
}

test('cut into pieces in any way, the list is the same', () => {
  const file = fullFile(first);
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = mulberry(seed);
  for (let i = 0; i < 200; i++) {
    assertStopsFew(take(emptyList('small'), pieces(file, random)), `seed ${seed}`);
  }
  for (let at = 0; at <= file.length; at++) {
    assertStopsFew(take(emptyList('small'), [file.subarray(0, at), file.subarray(at)]), `${at}`);
  }
  assertStopsFew(
    take(
      emptyList('small'),
      [...file].map((byte) => Uint8Array.of(byte)),
    ),
    'bytes',
  );
});

function assertStopsFew(list: StopList, why: string): void {
  const denylist = new Denylist(hashKey, list);
  const stopped = [1, 2, 4, 99, 150].map((card) => denylist.has(serial(card), 0));
  assert.deepEqual(stopped, [true, true, false, false, true], why);
}

for (const [name, make] of [
  ['full list', () => fullFile(second)],
  ['delta', () => deltaFile(first, second)],
] as const) {
  test(`${name}: wrong in any byte, and the list in force stays`, () => {
    const file = make();
    const inForce = take(emptyList('fast'), [fullFile(first)]);
    for (let at = 0; at < file.length; at++) {
      for (const bits of [1, 0x80, 0xff]) {
        const bad = file.slice();
        bad[at]! ^= bits;
        assert.throws(() => take(inForce, [bad]), refused, `byte ${at}`);
      }
    }
    assertStops(inForce, first);
    assertStops(take(inForce, [file]), second);
  });

  test(`${name}: cut off at any length, or too long, and the list in force stays`, () => {
    const file = make();
    const inForce = take(emptyList('fast'), [fullFile(first)]);
    for (let length = 0; length < file.length; length++) {
      assert.throws(() => take(inForce, [file.subarray(0, length)]), refused, `${length} bytes`);
    }
    for (const more of [1, 7, 8, 4096]) {
      assert.throws(() => take(inForce, [file, new Uint8Array(more)]), /longer than/);
    }
    assertStops(inForce, first);
  });
}

test('no size of a list is special', () => {
  const inForce = emptyList('small');
  for (let count = 0; count < 80; count++) {
    const plain = { version: 1, cards: new Set(Array.from({ length: count }, (_, i) => i)) };
    assertStops(take(inForce, [fullFile(plain)]), plain);
  }
  for (const count of [1022, 1023, 1024, 1025, 2047, 2048, 2049, 8192]) {
    const all = new Set(Array.from({ length: count }, (_, i) => i));
    assert.equal(take(inForce, [fullFile({ version: 1, cards: all })]).name().entries, count);
  }
});

test('a missed, repeated or reordered delta is noticed, and both lists are named', () => {
  const third: PlainList = { version: 5, cards: cards(2, 3, 13, 21) };
  const list = take(emptyList('fast'), [fullFile(first)]);
  const missed = deltaFile(second, third);
  assert.throws(() => take(list, [missed]), {
    code: 'DENYLIST_GAP',
    message: /builds on version 4, digest [0-9a-f]{32}; in force is version 3, digest /,
  });
  take(list, [deltaFile(first, second)]);
  assert.throws(() => take(list, [deltaFile(first, second)]), /of version 4, while 4 is in force/);
  assertStops(take(list, [missed]), third);
});

test('a delta on a list of the same version but other content is noticed', () => {
  const twin: PlainList = { ...first, cards: cards(1, 2, 3, 5, 9) };
  const list = take(emptyList('fast'), [fullFile(twin)]);
  assert.throws(() => take(list, [deltaFile(first, second)]), { code: 'DENYLIST_GAP' });
  assertStops(list, twin);
});

test('an older list, a foreign signature and another hashing key are refused', () => {
  const list = take(emptyList('fast'), [fullFile(second)]);
  assert.throws(() => take(list, [fullFile(first)]), /of version 3, while 4 is in force/);
  const newer = { ...first, version: 9 };
  const foreign = fullFile(newer, { sign: signer(stranger.privateKey) });
  assert.throws(() => take(list, [foreign]), /not signed by the operator/);
  assert.throws(
    () => take(list, [fullFile(newer)], cmacKey(new Uint8Array(16))),
    /hashed under another key/,
  );
  assertStops(list, second);
});

/** A file with fields of its head changed, signed again, as a faulty operator's tool would. */
function resigned(file: Uint8Array, change: (head: Uint8Array) => void): Uint8Array {
  const copy = file.slice();
  change(copy);
  copy.set(origin.sign(copy.subarray(0, SIGNED_BYTES)), SIGNED_BYTES);
  return copy;
}

test('a signed list that disagrees with itself is refused all the same', () => {
  const file = fullFile(second);
  const delta = deltaFile(first, second);
  const list = take(emptyList('fast'), [fullFile(first)]);
  for (const [bad, why] of [
    [resigned(file, (h) => writeU32(h, 28, DENYLIST_ENTRIES_MAX + 1)), /cards; \d+ may be/],
    [resigned(file, (h) => writeU32(h, 40, DENYLIST_RANGES_MAX + 1)), /ranges; \d+ may be/],
    [resigned(file, (h) => writeU32(h, 28, 4)), /counts disagree/],
    [resigned(file, (h) => writeU32(h, 36, 1)), /counts disagree/],
    [resigned(file, (h) => writeU32(h, 64, 1)), /digest is wrong/],
    [resigned(file, (h) => h.fill(9, 80, 84)), /content is damaged/],
    [resigned(file, (h) => h.fill(9, 4, 5)), /of layout 9/],
    [resigned(delta, (h) => writeU32(h, 32, DENYLIST_CHANGES_MAX + 1)), /more than \d+ changes/],
    [resigned(delta, (h) => writeU32(h, 28, 77)), /counts disagree/],
    [resigned(delta, (h) => writeU32(h, 10, 2)), /delta from version 3 back to 2/],
  ] as const) {
    assert.throws(() => take(list, [bad]), { code: 'DENYLIST_REFUSED', message: why });
  }
  assertStops(list, first);
});

test('a signed list out of order is refused', () => {
  const keys = keysOfCards([1, 2, 3]);
  const swapped = Int32Array.of(...keys.slice(2, 4), ...keys.slice(0, 2), ...keys.slice(4));
  const twice = Int32Array.of(...keys.slice(0, 2), ...keys.slice(0, 2));
  const nothing = Int32Array.of(5, 0);
  const empty = new Uint8Array(0);
  for (const bad of [swapped, twice, nothing]) {
    const file = joined(writeFullList({ version: 1, keys: bad, ranges: empty }, origin));
    assert.throws(() => take(emptyList('fast'), [file]), /key \d is out of order/);
  }
  for (const [ranges, why] of [
    [[range(5, 4)], /range 1 ends before it begins/],
    [[range(1, 5), range(5, 9)], /range 2 is not behind range 1/],
  ] as const) {
    const content = { version: 1, keys, ranges: joined(ranges) };
    assert.throws(() => take(emptyList('fast'), [joined(writeFullList(content, origin))]), why);
  }
});

test('a signed list whose keys are no hashes is refused, not put in force by halves', () => {
  const keys = new Int32Array(2 * 5000);
  for (let i = 0; i < 5000; i++) {
    keys[2 * i] = -1;
    keys[2 * i + 1] = i + 1;
  }
  const content = { version: 1, keys, ranges: new Uint8Array(0) };
  const file = joined(writeFullList(content, origin));
  assert.throws(() => take(emptyList('fast'), [file]), /do not spread as hashes do/);
  assert.equal(take(emptyList('small'), [file]).name().entries, 5000);
});

test('noise is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (noise) => {
      assert.throws(() => take(emptyList('small'), [noise]), refused);
    }),
  );
});

function mulberry(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
