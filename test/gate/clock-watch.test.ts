/** The watch on the wall clock: jumps, slow drift, and what is known of its quality. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClockQuality, clockQualityText } from '../../engine/clock-quality.ts';
import { decodeEvent } from '../../engine/debit/event.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { CLOCK_FRESH_MS } from '../../engine/durations.ts';
import { ClockWatch } from '../../gate/clock-watch.ts';
import type { Gate } from '../../gate/controller.ts';
import { MemoryJournal } from '../../gate/journal/memory.ts';
import { ShiftJournal } from '../../gate/shift/shift-journal.ts';
import { StationWatch } from '../../gate/station-watch.ts';
import { StationKit } from '../kit/station-kit.ts';
import { SimDisk } from '../sim-disk.ts';

class HandClock {
  wallMs = Date.UTC(2026, 0, 1);
  monotonicMs = 5;
  readonly nowMs = (): number => this.wallMs;
  readonly monotonicUs = (): number => this.monotonicMs * 1000;

  pass(ms: number, wallMs: number = ms): void {
    this.monotonicMs += ms;
    this.wallMs += wallMs;
  }
}

test('a wall clock that is set is a jump, with its size and the time since the last look', () => {
  for (const jumpMs of [1500, -1500, 3_600_000, -86_400_000, 10 * 365 * 86_400_000]) {
    const clock = new HandClock();
    const watch = new ClockWatch(clock);
    clock.pass(1000);
    assert.equal(watch.look(), null);
    clock.pass(1000, 1000 + jumpMs);
    assert.deepEqual(watch.look(), { event: 'clockJump', jumpMs, sinceMs: 1000 });
    clock.pass(1000);
    assert.equal(watch.look(), null, 'told once');
  }
});

test('a station writes a jump into the journal of each gate, and ends a shift with the day', async () => {
  const kit = new StationKit();
  const failed = (error: unknown): never => {
    throw error;
  };
  const clock = kit.clock;
  const shifts = await ShiftJournal.open(new MemoryJournal(), {
    disk: new SimDisk(),
    clock,
    failed,
  });
  const { gate } = kit.gate('entry', 0, { journal: shifts });
  const clockWatch = new ClockWatch(clock);
  const gates = () => [{ gate, shifts, zone: kit.zone }];
  const watch = new StationWatch({ clock, clockWatch, gates, failed });
  kit.pass(1 / 60);
  watch.look();
  assert.equal(shifts.nextSequence, 1, 'nothing to tell');
  kit.clock.jump(-90);
  watch.look();
  kit.pass(24 * 60);
  watch.look();
  await gate.finish();
  watch.look();
  await shifts.look();
  const { records, count } = await shifts.read(1, 10);
  const events = Array.from({ length: count }, (_, i) => decodeEvent(records, i * DEBIT_BYTES));
  assert.deepEqual(
    events.map(({ event }) => event),
    ['clockJump', 'shiftClosed'],
  );
  const [jump] = events;
  assert(jump?.event === 'clockJump' && jump.jumpMs === -90 * 60_000);
  assert.equal(shifts.state.shift, 2);
  await shifts.end();
});

test('each gate is told of a jump at its own instant, however long those before it took', async () => {
  const clock = new HandClock();
  const failed = (error: unknown): never => {
    throw error;
  };
  const shifts = await ShiftJournal.open(new MemoryJournal(), {
    disk: new SimDisk(),
    clock,
    failed,
  });
  const { zone } = new StationKit();
  const notedMs: number[] = [];
  const gate: Pick<Gate, 'note' | 'look'> = {
    note: ({ instantMs }) => void notedMs.push(instantMs),
    look: () => {},
  };
  function* gates() {
    yield { gate, shifts, zone };
    clock.pass(700);
    yield { gate, shifts, zone };
  }
  const clockWatch = new ClockWatch(clock);
  clock.pass(1000, 61_000);
  const nowMs = clock.nowMs();
  new StationWatch({ clock, clockWatch, gates, failed }).look();
  assert.deepEqual(notedMs, [nowMs, nowMs + 700]);
  await shifts.end();
});

test('drift and a process that slept are no jump', () => {
  const clock = new HandClock();
  const watch = new ClockWatch(clock);
  for (let second = 0; second < 3600; second++) {
    // 500 ppm, the most that a clock is slewed by; and small steps of its adjustment.
    clock.pass(1000, 1000.5 + (second % 2 === 0 ? 90 : -90));
    assert.equal(watch.look(), null);
  }
  clock.pass(8 * 3_600_000);
  assert.equal(watch.look(), null, 'stopped for a night: both clocks went on');
});

test('the quality is what the engine last said, and ages', () => {
  const clock = new HandClock();
  const watch = new ClockWatch(clock);
  assert.equal(watch.quality, ClockQuality.unknown);
  watch.compared(0, 5000);
  assert.equal(watch.quality, ClockQuality.unknown, 'an answer that slow says nothing');
  watch.compared(-1900, 20);
  assert.equal(watch.quality, ClockQuality.synchronised);
  clock.pass(CLOCK_FRESH_MS);
  assert.equal(watch.quality, ClockQuality.synchronised);
  clock.pass(1);
  assert.equal(watch.quality, ClockQuality.freeRunning);
  assert.equal(clockQualityText(watch.quality), 'free-running for 0 h');
  clock.pass(30 * 3_600_000);
  assert.equal(clockQualityText(watch.quality), 'free-running for 30 h');
  clock.pass(400 * 3_600_000);
  assert.equal(clockQualityText(watch.quality), 'free-running for more than 252 h');
  watch.compared(2500, 20);
  assert.equal(clockQualityText(watch.quality), 'wrong');
  watch.compared(100, 20);
  watch.look();
  clock.pass(1000, 61_000);
  assert(watch.look());
  assert.equal(watch.quality, ClockQuality.unknown, 'a jump makes the last word void');
});
