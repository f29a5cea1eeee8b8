/**
 * A disk with no space for the next segment closes the gate, as a journal that is used up does: the
 * station's other gates go on, and it opens once there is space again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaregateError } from '../../engine/errors.ts';
import { openJournal } from '../../gate/journal/journal.ts';
import { StationKit } from '../kit/station-kit.ts';
import { SimDisk } from '../sim-disk.ts';

test('a gate without space on its disk stays closed, takes nothing, and opens again', async () => {
  const disk = new SimDisk();
  let isFull = true;
  disk.hooks.before = (operation, name) => {
    if (operation !== 'preallocate' || !isFull || name.endsWith('1.log')) return;
    throw new FaregateError('DISK_FULL', `${name}: no space`);
  };
  const failures: unknown[] = [];
  const journal = await openJournal({
    disk,
    gateId: 'T1',
    key: new Uint8Array(32),
    random: (length) => new Uint8Array(length).fill(3),
    segmentBytes: 8192,
    failed: (error) => failures.push(error),
  });
  const kit = new StationKit();
  const { tap, gate } = kit.gate('single', 3, { journal });
  const card = kit.card({ balanceMinor: 100_000 });
  let closed = 0;
  for (let n = 0; n < 40; n++) {
    const before = card.state.balanceMinor;
    const { decision } = await tap(card);
    kit.pass(30);
    if (decision.open) continue;
    assert.equal(decision.reason, 'gateClosed');
    assert.match(decision.detail, /no space/);
    assert.equal(card.state.balanceMinor, before);
    closed += 1;
  }
  assert(closed > 0, 'the segment was used up');
  const told: string[] = [];
  const body = () => {
    told.push('written');
    return { event: 'modeChange', modeBefore: 0, modeAfter: 0 } as const;
  };
  gate.note({ instantMs: kit.clock.nowMs(), body });
  assert.deepEqual(told, [], 'an event waits');
  assert.equal(journal.open().length, 0);
  assert.throws(() => journal.reserve(), { code: 'DISK_FULL' });
  isFull = false;
  assert.throws(() => journal.reserve(), { code: 'DISK_FULL' });
  await sleep(20);
  journal.reserve();
  gate.look();
  await gate.finish();
  assert.deepEqual([told, failures], [['written'], []]);
  const { decision } = await tap(card);
  assert.equal(decision.open, true, decision.detail);
});
