/** A station's denylist: received in pieces, kept over restarts, and never lost to a bad list. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { signer } from '../../../engine/denylist/signing.ts';
import { DENYLIST_SIDE_SMALL } from '../../../engine/limits.ts';
import { DenylistStore } from '../../../gate/denylist/denylist-store.ts';
import {
  deltaFile,
  fullFile,
  hashKey,
  operator,
  type PlainList,
  pieces,
  range,
  serial,
  stranger,
} from '../../kit/denylist-kit.ts';

const root = mkdtempSync(join(tmpdir(), 'faregate-denylist-'));
after(() => rmSync(root, { recursive: true }));

function folder(): string {
  return mkdtempSync(join(root, 't-'));
}

function open(dir: string): Promise<DenylistStore> {
  return DenylistStore.open({ dir, hashKey, publicKey: operator.publicKey, form: 'small' });
}

const first: PlainList = { version: 1, cards: new Set([1, 2, 3]), ranges: [range(50, 60)] };
const second: PlainList = { version: 2, cards: new Set([2, 3, 4]) };
const third: PlainList = { version: 3, cards: new Set([3, 4, 5]) };
const fourth: PlainList = { version: 4, cards: new Set([7]) };

function assertInForce(store: DenylistStore, plain: PlainList): void {
  assert.equal(store.inForce.version, plain.version);
  assert.equal(store.inForce.cards, plain.cards.size);
  assert.equal(store.inForce.ranges, plain.ranges?.length ?? 0);
  for (let card = 0; card < 20; card++) {
    assert.equal(store.denylist.has(serial(card), 0), plain.cards.has(card), `card ${card}`);
  }
}

const empty: PlainList = { version: 0, cards: new Set() };

test('a station begins with an empty list, takes lists and deltas, and finds them again', async () => {
  const dir = folder();
  const store = await open(dir);
  assertInForce(store, empty);
  const shared = store.denylist;
  const told = await store.receive([fullFile(first)], 'v1');
  assert.deepEqual(told, store.inForce);
  assertInForce(store, first);
  await store.receive(pieces(deltaFile(first, second), Math.random), 'v2');
  await store.receive([deltaFile(second, third)], 'v3');
  assertInForce(store, third);
  assert.equal(store.denylist, shared, 'gates keep their denylist');

  const again = await open(dir);
  assert.deepEqual(again.faults, []);
  assert.deepEqual(again.inForce, store.inForce);
  assertInForce(again, third);
});

test('a list that is bad in any byte, or cut at any length, changes nothing here or on disk', async () => {
  const dir = folder();
  const store = await open(dir);
  await store.receive([fullFile(first)], 'v1');
  const file = deltaFile(first, second);
  for (let at = 0; at < file.length; at++) {
    const bad = file.slice();
    bad[at]! ^= 0x10;
    await assert.rejects(store.receive([bad], 'bad'), { code: 'DENYLIST_REFUSED' });
    const short = store.receive([file.subarray(0, at)], 'short');
    await assert.rejects(short, { code: 'DENYLIST_REFUSED', message: /^short: / });
  }
  assertInForce(store, first);
  assert.deepEqual(readdirSync(dir), ['full-1.list']);
  assertInForce(await open(dir), first);
});

test('a peer that dies in the middle of a list changes nothing', async () => {
  const dir = folder();
  const store = await open(dir);
  async function* dying(): AsyncGenerator<Uint8Array> {
    yield fullFile(first).subarray(0, 200);
    throw new Error('connection lost');
  }
  await assert.rejects(store.receive(dying(), 'v1'), /connection lost/);
  assertInForce(store, empty);
  assert.deepEqual(readdirSync(dir), []);
  await store.receive([fullFile(first)], 'v1');
  assertInForce(store, first);
});

test('one list at a time; a second is refused, and the first goes on', async () => {
  const store = await open(folder());
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  async function* slow(): AsyncGenerator<Uint8Array> {
    await gate;
    yield fullFile(first);
  }
  const receiving = store.receive(slow(), 'slow');
  await assert.rejects(store.receive([fullFile(first)], 'fast'), /another list is being received/);
  release();
  await receiving;
  assertInForce(store, first);
});

test('a missed delta is told apart from a damaged one', async () => {
  const store = await open(folder());
  await store.receive([fullFile(first)], 'v1');
  await assert.rejects(store.receive([deltaFile(second, third)], 'v3'), { code: 'DENYLIST_GAP' });
  assertInForce(store, first);
});

test('whatever byte of a kept file gets bad, a station opens with what is good', async () => {
  const dir = folder();
  const store = await open(dir);
  await store.receive([fullFile(first)], 'v1');
  await store.receive([deltaFile(first, second)], 'v2');
  await store.receive([fullFile(third)], 'v3');
  await store.receive([deltaFile(third, fourth)], 'v4');
  const names = ['delta-1-2.list', 'delta-3-4.list', 'full-1.list', 'full-3.list'];
  assert.deepEqual(readdirSync(dir).sort(), names);
  for (const [name, left] of [
    ['delta-3-4.list', third],
    ['full-3.list', second],
  ] as const) {
    const path = join(dir, name);
    const good = readFileSync(path);
    for (let at = 0; at < good.length; at += 3) {
      const bad = Buffer.from(good);
      bad[at]! ^= 1;
      writeFileSync(path, bad);
      const again = await open(dir);
      assertInForce(again, left);
      assert.match(again.faults.join('\n'), new RegExp(`^${name}: `));
      writeFileSync(path, good.subarray(0, at));
      assertInForce(await open(dir), left);
    }
    writeFileSync(path, good);
  }
  assertInForce(await open(dir), fourth);
});

test('a folder full of rubbish does not keep a station from opening', async () => {
  const dir = folder();
  writeFileSync(join(dir, 'full-7.list'), '');
  writeFileSync(join(dir, 'full-8.list'), 'rubbish');
  writeFileSync(join(dir, 'full-9.list'), fullFile(first, { sign: signer(stranger.privateKey) }));
  writeFileSync(join(dir, 'incoming.1.tmp'), fullFile(first));
  writeFileSync(join(dir, 'full-x.list'), 'x');
  mkdirSync(join(dir, 'full-10.list'));
  const store = await open(dir);
  assertInForce(store, empty);
  assert.equal(store.faults.length, 4);
  await store.receive([fullFile(first)], 'v1');
  assertInForce(await open(dir), first);
});

test('older files go once two full lists are newer', async () => {
  const dir = folder();
  const store = await open(dir);
  await store.receive([fullFile(first)], 'v1');
  await store.receive([deltaFile(first, second)], 'v2');
  await store.receive([fullFile(third)], 'v3');
  await store.receive([fullFile(fourth)], 'v4');
  assert.deepEqual(readdirSync(dir).sort(), ['full-3.list', 'full-4.list']);
});

test('a delta larger than the room beside the table makes a new table, and a restart finds it', async () => {
  const dir = folder();
  const store = await open(dir);
  const memories: SharedArrayBuffer[] = [];
  store.onMemory = (buffer) => memories.push(buffer);
  const many = new Set(Array.from({ length: DENYLIST_SIDE_SMALL + 100 }, (_, i) => i + 5));
  await store.receive([fullFile(first)], 'v1');
  await store.receive([deltaFile(first, { version: 2, cards: many })], 'v2');
  assert.equal(memories.length, 2, 'other threads are given the new memory');
  assert.equal(store.inForce.cards, many.size);
  assert.equal(store.denylist.list.changes, 0);
  const back: PlainList = { version: 3, cards: new Set([...many].filter((card) => card % 2)) };
  await store.receive([deltaFile({ version: 2, cards: many }, back)], 'v3');
  assert.equal(memories.length, 2, 'a delta with room needs no new memory');
  const again = await open(dir);
  assert.deepEqual(again.inForce, store.inForce);
  for (let card = 0; card < 40; card++) {
    assert.equal(again.denylist.has(serial(card), 0), back.cards.has(card), `card ${card}`);
  }
});

test('a folder that cannot be made is an operating error that names it', async () => {
  const dir = folder();
  writeFileSync(join(dir, 'file'), '');
  const wrong = open(join(dir, 'file', 'lists'));
  await assert.rejects(wrong, { code: 'FILE_UNWRITABLE', message: /file\/lists/ });
});

test('a disk that takes no list leaves the one in force', async () => {
  const dir = folder();
  const store = await open(dir);
  await store.receive([fullFile(first)], 'v1');
  rmSync(dir, { recursive: true });
  await assert.rejects(store.receive([fullFile(second)], 'v2'), { code: 'FILE_UNWRITABLE' });
  assertInForce(store, first);
  assert(!existsSync(dir));
});
