/**
 * Which cards a station knows, over a restart: sealed, whole or in part after damage and power
 * cuts, and never in the way of a start.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Keyring } from '../../../engine/crypto/keyring.ts';
import { KEY_WORDS_MAX } from '../../../engine/crypto/purse-cipher.ts';
import { FaregateError } from '../../../engine/errors.ts';
import { CardKeeper } from '../../../gate/sam/card-keeper.ts';
import { IDENTITY_WORDS } from '../../../gate/sam/card-keys.ts';
import { CardList } from '../../../gate/sam/card-list.ts';
import { StationKeys } from '../../../gate/sam/station-keys.ts';
import { SimDisk, seeded } from '../../sim-disk.ts';

const KEY = new Uint8Array(32).fill(7);
const HEAD_BYTES = 32;
const PIECE_CARDS = 63;
const SEALED_BYTES = PIECE_CARDS * 4 * IDENTITY_WORDS + 16;

/** Identities of these cards: 3DES, two levels, key 1 version 1. */
function identities(...cards: readonly number[]): Int32Array {
  return Int32Array.from(cards.flatMap((card) => [0x0310_5170, card, 7, 8, 0x0200_0101, 5, 6]));
}

const upTo = (cards: number) => identities(...Array.from({ length: cards }, (_, i) => i));
const cardsOf = (list: Int32Array) =>
  Array.from({ length: list.length / IDENTITY_WORDS }, (_, i) => list[i * IDENTITY_WORDS + 1]!);

let salts = 0;
function storageOn(disk: SimDisk) {
  const random = (length: number) => new Uint8Array(length).fill(++salts);
  return { disk, key: KEY, random };
}

function open(disk: SimDisk, over: { key?: Uint8Array; capacity?: number } = {}) {
  return CardList.open({ ...storageOn(disk), capacity: 1024, ...over });
}

async function diskWith(list: Int32Array): Promise<SimDisk> {
  const disk = new SimDisk();
  const first = await open(disk);
  await first.keep(list);
  await first.end();
  return disk;
}

test('the next process finds what was kept last, and only that', async () => {
  for (const count of [0, 1, PIECE_CARDS, PIECE_CARDS + 1, 1024]) {
    const disk = await diskWith(upTo(1024));
    const list = await open(disk);
    assert.deepEqual(list.found, upTo(1024));
    await list.keep(upTo(count));
    await list.end();
    assert.deepEqual((await open(disk)).found, upTo(count));
  }
});

test('writes queue, and the last one stays', async () => {
  const disk = new SimDisk();
  const list = await open(disk);
  await Promise.all([list.keep(upTo(900)), list.keep(upTo(10)), list.keep(upTo(300))]);
  await list.end();
  assert.deepEqual((await open(disk)).found, upTo(300));
});

test('no card number is on the disk in clear, nor twice under one nonce', async () => {
  const disk = await diskWith(upTo(500));
  const bytes = Buffer.from(disk.bytesOf('cards'));
  assert.equal(bytes.includes(Buffer.from('03105170', 'hex')), false);
  const list = await open(disk);
  await list.keep(upTo(500));
  await list.end();
  assert.notDeepEqual(Buffer.from(disk.bytesOf('cards')).subarray(HEAD_BYTES), bytes.subarray(32));
});

test('another gate’s list, a damaged head and nonsense are empty lists', async () => {
  const disk = await diskWith(upTo(500));
  const whole = disk.bytesOf('cards');
  assert.equal((await open(disk, { key: new Uint8Array(32).fill(8) })).found.length, 0);
  for (const at of [0, 4, 5, 8, 9, 11, 12, 16, 31]) {
    const bytes = whole.slice();
    bytes[at]! ^= 1;
    disk.put('cards', bytes);
    assert.equal((await open(disk)).found.length, 0, `byte ${at}`);
  }
  for (const bytes of [new Uint8Array(0), whole.slice(0, 31), new Uint8Array(10_000).fill(0xff)]) {
    disk.put('cards', bytes);
    const list = await open(disk);
    assert.equal(list.found.length, 0);
    await list.keep(upTo(3));
    assert.deepEqual((await open(disk)).found, upTo(3));
  }
});

test('a damaged, moved or missing piece costs its cards and no others', async () => {
  const disk = await diskWith(upTo(3 * PIECE_CARDS));
  const whole = disk.bytesOf('cards');
  const outside = upTo(3 * PIECE_CARDS).filter((_, i) => {
    const card = Math.floor(i / IDENTITY_WORDS);
    return card < PIECE_CARDS || card >= 2 * PIECE_CARDS;
  });
  const damaged = whole.slice();
  damaged[HEAD_BYTES + SEALED_BYTES + 100]! ^= 1;
  const moved = whole.slice();
  moved.copyWithin(HEAD_BYTES + SEALED_BYTES, HEAD_BYTES, HEAD_BYTES + SEALED_BYTES);
  for (const bytes of [damaged, moved]) {
    disk.put('cards', bytes);
    assert.deepEqual((await open(disk)).found, outside);
  }
  disk.put('cards', whole.slice(0, HEAD_BYTES + SEALED_BYTES + 5));
  assert.deepEqual((await open(disk)).found, upTo(PIECE_CARDS));
});

test('after a power cut at any write the list opens, with cards that were there', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const choose = seeded(seed);
    const disk = await diskWith(upTo(700));
    let steps = 1 + choose(8);
    let cut: SimDisk | null = null;
    const list = await open(disk);
    disk.hooks.after = () => {
      steps -= 1;
      if (steps === 0) cut = disk.crash(choose);
    };
    await list.keep(upTo(600));
    const found = cardsOf((await open(cut ?? disk.crash(choose))).found);
    assert.equal(new Set(found).size, found.length, `seed ${seed}`);
    assert.ok(
      found.every((card) => card < 700),
      `seed ${seed}`,
    );
  }
});

test('a list for more or fewer cards than before is taken over', async () => {
  const disk = await diskWith(upTo(1000));
  const more = await open(disk, { capacity: 4096 });
  assert.deepEqual(more.found, upTo(1000));
  await more.keep(upTo(4096));
  await more.end();
  const fewer = await open(disk, { capacity: 8 });
  assert.equal(fewer.found.length / IDENTITY_WORDS, 4096);
  await assert.rejects(fewer.keep(upTo(9)), assert.AssertionError);
  await fewer.keep(upTo(8));
  assert.deepEqual((await open(disk)).found, upTo(8));
});

const ring = new Keyring([
  { use: 'purchase', index: 1, version: 1, algorithm: '3des', master: new Uint8Array(16).fill(3) },
]);

function unexpected(error: unknown): never {
  throw error;
}

test('a station that starts again has the keys of the cards that came before', async () => {
  const disk = new SimDisk();
  const schedule = new Int32Array(KEY_WORDS_MAX);
  const evening = new StationKeys(ring, 64);
  const keeper = await CardKeeper.open(evening, storageOn(disk), unexpected);
  for (const card of [1, 2, 3]) evening.current.find(identities(card), schedule);
  await keeper.end();
  const morning = new StationKeys(ring, 64);
  await CardKeeper.open(morning, storageOn(disk), unexpected);
  assert.equal(morning.current.derived, 3);
  for (const card of [1, 2, 3]) morning.current.find(identities(card), schedule);
  assert.equal(morning.current.derived, 3);
});

test('the list is kept every hour, and a write that fails is told, not thrown', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const disk = new SimDisk();
  const told: unknown[] = [];
  const keys = new StationKeys(ring, 64);
  const keeper = await CardKeeper.open(keys, storageOn(disk), (error) => told.push(error));
  keys.current.find(identities(5), new Int32Array(KEY_WORDS_MAX));
  t.mock.timers.tick(60 * 60 * 1000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(cardsOf((await open(disk)).found), [5]);
  const full = new FaregateError('DISK_FAILED', 'cards: gone');
  disk.hooks.before = (operation) => {
    if (operation === 'write') throw full;
  };
  await keeper.end();
  assert.deepEqual(told, [full]);
});
