/**
 * What does a denylist of ten million cards cost? Looking up cards that are not on it and cards
 * that are, in both forms, against a `Set` of BigInt, a sorted array and lmdb; making its table of
 * sorted keys; and one signed delta of 10,000 changes, checked and put in force. Keys are at hand
 * but in the look-up by number, which has its CMAC in it. The memory of ours stands behind their
 * names.
 */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cmac } from '@noble/ciphers/aes.js';
import { open, type RootDatabase } from 'lmdb';
import { readU32, writeU32 } from '../engine/bytes.ts';
import { cmacKey } from '../engine/crypto/mac.ts';
import { Denylist } from '../engine/denylist/denylist.ts';
import type { DenylistForm } from '../engine/denylist/key-table.ts';
import { ListReader } from '../engine/denylist/list-reader.ts';
import { writeDelta } from '../engine/denylist/list-writer.ts';
import { growingShape } from '../engine/denylist/rebuild.ts';
import { addToDigest, removeFromDigest } from '../engine/denylist/set-digest.ts';
import { signer, verifier } from '../engine/denylist/signing.ts';
import { digestOf, KeyCollector, sortKeys } from '../engine/denylist/sorted-keys.ts';
import { ListFiller, type StopList } from '../engine/denylist/stop-list.ts';
import { building, wide } from './denylist-table.ts';
import type { Benchmark, Contender, Question } from './harness.ts';

/** Look-ups in one sample: their p99 is of means over so many. */
const BATCH = 256;
const CHANGES = 10_000;
const NO_RANGES = new Uint8Array(0);

export const denylistBenchmark: Benchmark = {
  name: 'denylist',
  async questions(smoke) {
    const cards = smoke ? 20_000 : 10_000_000;
    const probes = smoke ? 2 * BATCH : 1 << 20;
    const keys = sortKeys(noise(2 * cards, 1));
    const fast = fill('fast', keys);
    const small = fill('small', keys);
    const set = bigintSet(keys);
    const stored = await lmdbOf(keys);
    const question = (name: string, probed: Int32Array, last: boolean): Question => ({
      name: `${cards} cards, ${name}`,
      operations: BATCH,
      contenders: [
        listLookup(fast, probed),
        listLookup(small, probed),
        sortedLookup(keys, probed),
        lmdbLookup(stored, probed, last),
        setLookup(set, probed),
      ],
    });
    return [
      question('miss', noise(2 * probes, 2), false),
      question('hit', pick(keys, probes), true),
      byNumber(fast, cards),
      building(keys),
      deltas(keys, [fast, small], set, smoke ? 200 : CHANGES),
    ];
  },
};

/** Words as good as a MAC's, the same at each run; no low half is 0. */
function noise(words: number, seed: number): Int32Array {
  const out = new Int32Array(words);
  let state = seed;
  for (let i = 0; i < words; i++) {
    state = (state + 0x6d2b_79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word ^= word + Math.imul(word ^ (word >>> 7), 61 | word);
    out[i] = word ^ (word >>> 14) || 1;
  }
  return out;
}

/** Keys that are on the list, from all over it. */
function pick(keys: Int32Array, count: number): Int32Array {
  const places = noise(count, 3);
  const out = new Int32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const at = 2 * ((places[i]! >>> 0) % (keys.length / 2));
    out[2 * i] = keys[at]!;
    out[2 * i + 1] = keys[at + 1]!;
  }
  return out;
}

function fill(form: DenylistForm, keys: Int32Array): StopList {
  const filler = new ListFiller(growingShape(form, keys.length / 2));
  for (let i = 0; i < keys.length; i += 2) filler.insert(keys[i]!, keys[i + 1]!);
  const name = { version: 1, entries: keys.length / 2, digest: digestOf(keys) };
  return filler.finish(name, NO_RANGES);
}

function bigintSet(keys: Int32Array): Set<bigint> {
  const set = new Set<bigint>();
  for (let i = 0; i < keys.length; i += 2) set.add(wide(keys, i));
  return set;
}

/** Asks for probes batch by batch. */
function lookup(name: string, probed: Int32Array, ask: (i: number) => boolean): Contender {
  let from = 0;
  let found = 0;
  return {
    name,
    answer: () => {
      const hash = createHash('sha256');
      const count = Math.min(probed.length, 20_000);
      for (let i = 0; i < count; i += 2) hash.update(ask(i) ? 'y' : 'n');
      return hash.digest();
    },
    run: () => {
      const to = from + 2 * BATCH;
      for (let i = from; i < to; i += 2) if (ask(i)) found += 1;
      from = to === probed.length ? 0 : to;
      if (found < 0) throw new Error('never');
    },
  };
}

/** With a loop of its own: the call through `ask` would be a tenth of its time, unlike the others'. */
function listLookup(list: StopList, probed: Int32Array): Contender {
  const megabytes = (list.buffer.byteLength / 1e6).toFixed(1);
  const { run: _, ...rest } = lookup(`${list.form}, ${megabytes} MB`, probed, (i) =>
    list.has(probed[i]!, probed[i + 1]!),
  );
  let from = 0;
  let found = 0;
  const run = () => {
    const to = from + 2 * BATCH;
    for (let i = from; i < to; i += 2) if (list.has(probed[i]!, probed[i + 1]!)) found += 1;
    from = to === probed.length ? 0 : to;
    if (found < 0) throw new Error('never');
  };
  return { ...rest, run };
}

function sortedLookup(keys: Int32Array, probed: Int32Array): Contender {
  const sorted = new BigUint64Array(keys.length / 2);
  const halves = new Int32Array(sorted.buffer);
  for (let i = 0; i < keys.length; i += 2) {
    halves[i] = keys[i + 1]!;
    halves[i + 1] = keys[i]!;
  }
  return lookup('sorted array, binary search', probed, (i) => {
    const high = probed[i]! >>> 0;
    const low = probed[i + 1]! >>> 0;
    let from = 0;
    let to = sorted.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const there = halves[2 * middle + 1]! >>> 0;
      const thereLow = halves[2 * middle]! >>> 0;
      if (there < high || (there === high && thereLow < low)) from = middle + 1;
      else to = middle;
    }
    return halves[2 * from + 1] === (high | 0) && halves[2 * from] === (low | 0);
  });
}

function setLookup(set: Set<bigint>, probed: Int32Array): Contender {
  return lookup('Set of BigInt', probed, (i) => set.has(wide(probed, i)));
}

interface Stored {
  readonly store: RootDatabase<Uint8Array, Uint8Array>;
  readonly dir: string;
}

/**
 * As a user would keep a list of any size: keys of 8 bytes, in key order, without waiting for a
 * sync.
 */
async function lmdbOf(keys: Int32Array): Promise<Stored> {
  const dir = mkdtempSync(join(tmpdir(), 'faregate-bench-'));
  const store = open<Uint8Array, Uint8Array>({
    path: join(dir, 'list'),
    keyEncoding: 'binary',
    encoding: 'binary',
    noSync: true,
  });
  const key = new Uint8Array(8);
  for (let from = 0; from < keys.length; from += 200_000) {
    store.transactionSync(() => {
      for (let i = from; i < Math.min(keys.length, from + 200_000); i += 2) {
        writeU32(key, 0, keys[i]!);
        writeU32(key, 4, keys[i + 1]!);
        store.putSync(key, NO_RANGES);
      }
    });
  }
  return { store, dir };
}

function lmdbLookup({ store, dir }: Stored, probed: Int32Array, last: boolean): Contender {
  const key = new Uint8Array(8);
  const contender = lookup('lmdb', probed, (i) => {
    writeU32(key, 0, probed[i]!);
    writeU32(key, 4, probed[i + 1]!);
    return store.doesExist(key);
  });
  const close = async () => {
    await store.close();
    rmSync(dir, { recursive: true });
  };
  return last ? { ...contender, close } : contender;
}

/** A tap's whole question: the CMAC of the number, then the list. Nobody of these is listed. */
function byNumber(list: StopList, cards: number): Question {
  const key = new Uint8Array(16).fill(0x5a);
  const denylist = new Denylist(cmacKey(key), list);
  const numbers = new Uint8Array(10 * 4096);
  for (let i = 0; i < 4096; i++) writeU32(numbers, 10 * i + 6, 0x9ac8_7503 * i);
  let next = 0;
  const over = (ask: (at: number) => boolean) => () => {
    for (let i = 0; i < BATCH; i++, next = (next + 10) % numbers.length) ask(next);
  };
  const ours = (at: number) => denylist.has(numbers, at);
  const library = (at: number) => {
    const mac = cmac(numbers.subarray(at, at + 10), key);
    return list.has(readU32(mac, 0) | 0, readU32(mac, 4) | 0 || 1);
  };
  const answer = (ask: (at: number) => boolean) => () =>
    Uint8Array.from({ length: 4096 }, (_, i) => Number(ask(10 * i)));
  return {
    name: `${cards} cards, by number`,
    operations: BATCH,
    contenders: [
      { name: 'key schedule at hand', answer: answer(ours), run: over(ours) },
      { name: "the library's one-shot CMAC", answer: answer(library), run: over(library) },
    ],
  };
}

interface Change {
  readonly added: Int32Array;
  readonly removed: Int32Array;
}

/** A delta there and the one back, both read from signed bytes, checked and put in force. */
function deltas(
  keys: Int32Array,
  lists: readonly StopList[],
  set: Set<bigint>,
  changes: number,
): Question {
  const added = sortKeys(noise(changes, 4));
  const removed = sortKeys(pick(keys, changes / 2));
  const both: readonly Change[] = [
    { added, removed },
    { added: removed, removed: added },
  ];
  const contender = (
    name: string,
    apply: readonly (() => void)[],
    has: (of: Int32Array, i: number) => boolean,
  ): Contender => ({
    name,
    answer: () => {
      apply[0]!();
      const ends = [added, removed].flatMap((of) => [has(of, 0), has(of, of.length - 2)]);
      apply[1]!();
      return Uint8Array.from(ends, Number);
    },
    run: () => {
      for (const each of apply) each();
    },
  });
  const signed = signDeltas(keys, both);
  const ofLists = lists.map((list) =>
    contender(
      `${list.form}, signed and checked`,
      signed.map((bytes) => () => receive(list, bytes)),
      (of, i) => list.has(of[i]!, of[i + 1]!),
    ),
  );
  const ofSet = contender(
    'Set of BigInt, unchecked',
    both.map((change) => () => changeSet(set, change)),
    (of, i) => set.has(wide(of, i)),
  );
  return {
    name: `${keys.length / 2} cards, a delta of ${changes}`,
    operations: 2,
    contenders: [...ofLists, ofSet],
  };
}

const operator = generateKeyPairSync('ed25519');
const verify = verifier(operator.publicKey);

function signDeltas(keys: Int32Array, changes: readonly Change[]): Buffer[] {
  const entries = keys.length / 2;
  const from = { version: 1, entries, digest: digestOf(keys) };
  const origin = { issuedMs: 0, keyCheck: 0, sign: signer(operator.privateKey) };
  return changes.map((change) => {
    const { added, removed } = change;
    const digest = from.digest.slice();
    for (let i = 0; i < added.length; i += 2) addToDigest(digest, added[i]!, added[i + 1]!);
    for (let i = 0; i < removed.length; i += 2) {
      removeFromDigest(digest, removed[i]!, removed[i + 1]!);
    }
    const to = { version: 2, entries, digest, ranges: NO_RANGES };
    return Buffer.concat(writeDelta(from, to, change, origin));
  });
}

/** What a station does with a delta, but that its version does not rise. */
function receive(list: StopList, bytes: Uint8Array): void {
  const added = new KeyCollector();
  const removed = new KeyCollector();
  const accept = () => ({
    add: (high: number, low: number) => take(added, high, low),
    remove: (high: number, low: number) => take(removed, high, low),
  });
  const reader = new ListReader({ source: 'delta', verify, accept });
  reader.push(bytes);
  const { ranges } = reader.end();
  const delta = { to: list.name(), ranges, added: added.keys(), removed: removed.keys() };
  const check = list.faultOf(delta);
  let step = check.next();
  while (step.done !== true) step = check.next();
  if (step.value !== null || !list.fits(delta)) throw new Error('the delta is bad');
  list.apply(delta);
}

function changeSet(set: Set<bigint>, { added, removed }: Change): void {
  for (let i = 0; i < removed.length; i += 2) set.delete(wide(removed, i));
  for (let i = 0; i < added.length; i += 2) set.add(wide(added, i));
}

function take(keys: KeyCollector, high: number, low: number): boolean {
  keys.add(high, low);
  return true;
}
