/** Turns: in order, few at a time, within a bound; and uplinks that share them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../../engine/log/log.ts';
import { type Release, StationTurns } from '../../../gate/uplink/turns.ts';
import { Uplink } from '../../../gate/uplink/uplink.ts';
import { seeded, Unreliable } from '../../suites/uplink.ts';
import { MemoryJournal, statusOf } from './fakes.ts';
import { InProcessWorld } from './worlds.ts';

test('turns are given in order, only so many at once', () => {
  const turns = new StationTurns(2);
  const begun: number[] = [];
  const ends: Release[] = [];
  for (let i = 0; i < 5; i++) {
    const asked = turns.ask((release) => {
      begun.push(i);
      ends.push(release);
    });
    assert.ok(asked);
  }
  assert.deepEqual([begun, turns.running, turns.waiting], [[0, 1], 2, 3]);
  ends[1]!();
  ends[1]!();
  assert.deepEqual([begun, turns.running, turns.waiting], [[0, 1, 2], 2, 2]);
  for (const i of [0, 2, 3, 4]) ends[i]!();
  assert.deepEqual([begun, turns.running, turns.waiting], [[0, 1, 2, 3, 4], 0, 0]);
});

test('beyond the bound nobody waits', () => {
  const turns = new StationTurns(1, 2);
  const ends: Release[] = [];
  const ask = (): boolean => turns.ask((release) => ends.push(release));
  assert.deepEqual([ask(), ask(), ask(), ask()], [true, true, true, false]);
  ends[0]!();
  assert.deepEqual([ask(), turns.waiting], [true, 2]);
});

test('twenty gates, two turns, one bad line: all arrive, and turns are kept', async () => {
  const world = new InProcessWorld();
  let posting = 0;
  let most = 0;
  world.ledger.before = async () => {
    most = Math.max(most, ++posting);
    await new Promise((resolve) => setTimeout(resolve, 1));
    posting -= 1;
  };
  const turns = new StationTurns(2);
  const uplinks: Uplink[] = [];
  const random = seeded(7);
  const journals: MemoryJournal[] = [];
  for (let i = 1; i <= 20; i++) {
    const journal = new MemoryJournal(`G${i}`, 60);
    journals.push(journal);
    const faults = { drop: 0, repeat: 0, swap: 0, cut: i === 3 ? 0.2 : 0 };
    const uplink = new Uplink({
      gateId: journal.gateId,
      transport: new Unreliable(await world.transport(journal.gateId), random, faults),
      journal,
      random,
      status: () => statusOf(journal.gateId),
      log: silentLog,
      onFailure: (error) => assert.fail(String(error)),
      turns,
      timing: { batchRecords: 10, pollMs: 2, pauseMinMs: 1, pauseMaxMs: 5 },
    });
    uplink.start();
    uplinks.push(uplink);
  }
  await Promise.all(uplinks.map((uplink) => uplink.drained()));
  await Promise.all(uplinks.map((uplink) => uplink.stop()));
  assert.deepEqual([turns.waiting, turns.running], [0, 0], 'every turn came back');
  for (const journal of journals) assert.equal(journal.backlog, 0);
  assert.equal(new Set(world.ledger.order).size, 1200);
  assert.equal(world.ledger.order.length, 1200);
  // A cut connection gives its turn back while its batch is still being posted.
  assert.ok(most <= 4, `${most} posted at once`);
});
