/** The table of heads against a Map, through growth, and through what is saved of it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  firstOfSegment,
  type Head,
  Heads,
  SEGMENTS,
  segmentOf,
} from '../../engine/ledger/heads.ts';

const CARDS = 10_000;

function cardOf(i: number): Uint8Array {
  const card = new Uint8Array(createHash('sha256').update(`card ${i}`).digest().subarray(0, 16));
  // Some beginnings meet in one place of one segment.
  if (i % 50 === 0) card.set([0xff, 0xff, 0xff, 0xf0]);
  return card;
}

function filled(): { heads: Heads; expected: Map<string, Head> } {
  const heads = new Heads();
  const expected = new Map<string, Head>();
  for (let n = 0; n < 2 * CARDS; n++) {
    const i = (n * 7919) % CARDS;
    const purse = 1 + (i % 3 === 0 ? n & 1 : 0);
    const head = {
      purse,
      block: 0xffff_0000 + n,
      index: 0xffff - (n & 0xff),
      linked: true,
      pending: n % 5 === 0,
      offlineCounter: 0xffff - (n % 1000),
      leftMinor: 0xffff_ffff - n,
      currency: 0xffff - (n % 3),
    };
    heads.seekOrAdd(cardOf(i), 0, purse);
    heads.setLink(head.offlineCounter, head.leftMinor, head.currency);
    heads.setLocation(head.block, head.index);
    heads.setPending(head.pending);
    expected.set(`${i}/${purse}`, head);
  }
  return { heads, expected };
}

function same(heads: Heads, expected: Map<string, Head>): void {
  assert.equal(heads.size, expected.size);
  for (const [name, head] of expected) {
    const [i, purse] = name.split('/').map(Number) as [number, number];
    assert(heads.seek(cardOf(i), 0, purse), name);
    assert.deepEqual(heads.value(), head, name);
  }
  for (let i = CARDS; i < CARDS + 1000; i++) assert(!heads.seek(cardOf(i), 0, 1));
}

test('heads are found again, each with its own, and no others', () => {
  const { heads, expected } = filled();
  same(heads, expected);
  assert(heads.bytes / heads.size < 56, `${heads.bytes / heads.size} bytes a purse`);
});

test('segments give back what was saved of them', () => {
  const { heads, expected } = filled();
  const again = new Heads();
  for (let segment = 0; segment < SEGMENTS; segment++) {
    again.setSegment(segment, heads.segmentBytes(segment, 0));
    assert.deepEqual(again.entries(segment), heads.entries(segment));
  }
  same(again, expected);
});

test('what a debit left is never below nothing, and segments lie in order', () => {
  const heads = new Heads();
  heads.seekOrAdd(cardOf(1), 0, 2);
  heads.setLink(1, -5, 156);
  assert.equal(heads.leftMinor, 0);
  for (const segment of [0, 1, 511, 512, SEGMENTS - 1]) {
    assert.equal(segmentOf(firstOfSegment(segment)), segment);
  }
});

test('reading ahead changes nothing, of empty, growing and full tables', () => {
  const { heads, expected } = filled();
  const cards = new Uint8Array(16 * 1500);
  for (let i = 0; i < 1500; i++) cards.set(cardOf(i), 16 * i);
  const empty = new Heads();
  for (const count of [0, 1, 255, 1024, 1500]) {
    empty.touch(cards, count);
    heads.touch(cards, count);
  }
  assert.equal(empty.size, 0);
  same(heads, expected);
  for (let i = 0; i < 1500; i++) {
    empty.seekOrAdd(cards, 16 * i, 1);
    if (i % 100 === 0) empty.touch(cards, 1500);
  }
  assert.equal(empty.size, 1500);
});
