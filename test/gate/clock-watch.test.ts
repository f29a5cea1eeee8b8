/** The watch on the wall clock: jumps, slow drift, and what is known of its quality. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClockQuality, clockQualityText } from '../../engine/clock-quality.ts';
import { CLOCK_FRESH_MS } from '../../engine/limits.ts';
import { ClockWatch } from '../../gate/clock-watch.ts';

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
