/**
 * The view: rates, totals, latencies, gates and books as the dashboard shows them, whatever gates
 * report late, twice or after a restart.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from '../../engine/histogram.ts';
import { RATE_LAG_S, RATE_MEAN_S, RateMeter, Telemetry } from '../../engine/operator/telemetry.ts';
import {
  buildState,
  formatMinor,
  type GateInput,
  latencyView,
  ledgerView,
  maskNumbers,
  type StateInput,
} from '../../engine/operator/view.ts';
import type { GateStatus } from '../../engine/wire/gate-status.ts';

const T0 = Date.UTC(2026, 0, 5, 8);
const CNY = { code: 'CNY', decimals: 2 };

function histogram(...values: number[]): Histogram {
  const made = new Histogram();
  for (const value of values) made.add(value);
  return made;
}

function status(change: Partial<GateStatus> = {}): GateStatus {
  return {
    gateId: 'A1',
    station: 'North',
    startedMs: T0,
    taps: 0,
    opened: 0,
    debits: 0,
    torn: 0,
    recovered: 0,
    denied: {},
    backlog: 0,
    unconfirmed: 0,
    tapMs: histogram().data(),
    hostUs: histogram().data(),
    ...change,
  };
}

function gate(report: GateStatus | null, change: Partial<GateInput> = {}): GateInput {
  return {
    gateId: report?.gateId ?? 'A1',
    station: 'North',
    status: report,
    connected: true,
    lastSeenMs: T0,
    acknowledgedThrough: 0,
    ...change,
  };
}

function input(change: Partial<StateInput> = {}): StateInput {
  return {
    nowMs: T0 + 10_000,
    startedMs: T0,
    city: 'Test',
    currency: CNY,
    gates: [],
    ledger: {
      debits: 0,
      posted: 0,
      passedThrough: 0,
      unconfirmed: 0,
      voided: 0,
      suspended: 0,
      refused: 0,
      exceptions: {},
      accounts: [],
    },
    recentExceptions: [],
    ...change,
  };
}

test('a steady gate shows its rate, second by second', () => {
  const telemetry = new Telemetry();
  for (let s = 1; s <= 60; s++) telemetry.observe(status({ taps: 7 * s }), T0 + s * 1000);
  const { rate } = buildState(input({ nowMs: T0 + 60_000 }), telemetry);
  assert.equal(rate.tapsPerSecond, 7);
  assert.equal(rate.peak, 7);
  assert.equal(rate.history.length, 120);
  assert.deepEqual(rate.history.slice(-50), new Array(50).fill(7));
  assert.equal(rate.history[0], 0);
});

test('the rate falls to zero when no report comes any more, and old seconds leave the ring', () => {
  const meter = new RateMeter(20);
  meter.add(100, T0, T0 + 5000);
  assert.equal(meter.perSecond(T0 + 5000 + RATE_LAG_S * 1000 - 1), 20);
  assert.equal(meter.perSecond(T0 + 60_000), 0);
  meter.add(1, T0 + 60_000, T0 + 60_000);
  assert.deepEqual(meter.history(T0 + 62_000, 20), [...new Array(19).fill(0), 1]);
  meter.add(50, T0, T0 + 5000);
  assert.equal(
    meter.history(T0 + 62_000, 20).reduce((a, b) => a + b, 0),
    1,
  );
});

test('taps reported late are spread over the time they happened in', () => {
  const telemetry = new Telemetry();
  telemetry.observe(status({ taps: 10 }), T0 + 10_000);
  telemetry.observe(status({ taps: 3610 }), T0 + 3_610_000);
  const { rate } = buildState(input({ nowMs: T0 + 3_612_000 }), telemetry);
  assert.equal(rate.peak, 1);
});

test('however a span falls on the ring, every tap is counted once', () => {
  const spans = fc.array(
    fc.record({ count: fc.integer({ min: 1, max: 50 }), from: fc.nat(30_000), long: fc.nat(9000) }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(spans, (list) => {
      const meter = new RateMeter(60);
      for (const { count, from, long } of list) meter.add(count, T0 + from, T0 + from + long);
      const counted = meter.history(T0 + 45_000, 60).reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(counted - list.reduce((sum, { count }) => sum + count, 0)) < 1e-6);
    }),
  );
});

test('totals never fall when gates restart, whatever their clocks say', () => {
  const process = fc.array(fc.nat(20), { minLength: 1, maxLength: 5 });
  const run = fc.array(process, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(run, fc.boolean(), (processes, clockRunsBack) => {
      const telemetry = new Telemetry();
      let now = T0;
      let expected = 0;
      for (const [p, steps] of processes.entries()) {
        const startedMs = T0 + (clockRunsBack ? -p : p) * 100_000;
        let taps = 0;
        for (const step of steps) {
          taps += step;
          expected += step;
          now += 1000;
          const denied = { expired: taps };
          telemetry.observe(status({ startedMs, taps, opened: taps, denied }), now);
          const { totals, denials } = buildState(input({ nowMs: now }), telemetry);
          assert.equal(totals.taps, expected);
          assert.equal(totals.denied, expected);
          assert.equal(denials[0]?.taps ?? 0, expected);
        }
      }
    }),
  );
});

test('a late report of an earlier process, and the same report twice, change nothing', () => {
  const telemetry = new Telemetry();
  const first = status({ taps: 5, startedMs: T0 });
  const second = status({ taps: 3, startedMs: T0 + 9000 });
  for (const report of [first, first, second, first, second]) telemetry.observe(report, T0 + 9500);
  telemetry.observe(status({ taps: 2, startedMs: T0 + 9000 }), T0 + 9600);
  assert.equal(buildState(input(), telemetry).totals.taps, 8);
});

test('latencies of a process that is gone stay in the histogram', () => {
  const telemetry = new Telemetry();
  const slow = histogram(250, 250).data();
  const fast = histogram(100).data();
  telemetry.observe(status({ taps: 2, tapMs: slow }), T0 + 1000);
  telemetry.observe(status({ taps: 1, startedMs: T0 + 2000, tapMs: fast }), T0 + 3000);
  const { tapMs, gates } = buildState(input({ gates: [gate(null)] }), telemetry);
  assert.equal(tapMs.taps, 3);
  assert.equal(tapMs.max, 250);
  assert.equal(gates[0]?.tapP99Ms, 100, "a gate's own percentile is that of its running process");
});

test('buckets are 20 ms wide with an open end, and hold every tap', () => {
  const view = latencyView(histogram(0, 19, 20, 150, 299, 300, 399, 400, 5000));
  assert.equal(view.buckets.length, 21);
  assert.deepEqual(view.buckets[0], { fromMs: 0, toMs: 20, taps: 2 });
  assert.equal(view.buckets[1]?.taps, 1);
  assert.equal(view.buckets[7]?.taps, 1);
  assert.deepEqual(view.buckets[20], { fromMs: 400, toMs: null, taps: 2 });
  assert.equal(
    view.buckets.reduce((sum, { taps }) => sum + taps, 0),
    9,
  );
});

test('the promise is never flattered: 300 ms is late, and so is a bucket that straddles it', () => {
  assert.equal(latencyView(histogram(100, 299)).withinPromise, 2);
  assert.equal(latencyView(histogram(100, 300)).withinPromise, 1);
  // 296 to 303 ms share a bucket; with a slower tap beside it 297 cannot be told from 303.
  assert.equal(latencyView(histogram(100, 297, 350)).withinPromise, 1);
});

test('each tap is held to its own promise, over restarts and from gates that tell no bank cards', () => {
  const telemetry = new Telemetry();
  const of = (...values: number[]) => histogram(...values).data();
  const bank = { bankTapMs: of(400, 490, 500), bankHostUs: of(9) };
  telemetry.observe(status({ taps: 5, tapMs: of(150, 310), hostUs: of(7), ...bank }), T0 + 1000);
  telemetry.observe(status({ taps: 2, startedMs: T0 + 2000, bankTapMs: of(420) }), T0 + 3000);
  telemetry.observe(status({ gateId: 'OLD', taps: 1, tapMs: of(420) }), T0 + 3000);
  const { tapMs, hostUs, bankTapMs, bankHostUs } = buildState(input(), telemetry);
  assert.deepEqual([tapMs.promiseMs, tapMs.taps, tapMs.withinPromise], [300, 3, 1]);
  assert.deepEqual([bankTapMs.promiseMs, bankTapMs.taps, bankTapMs.withinPromise], [500, 4, 3]);
  assert.deepEqual([hostUs.max, bankHostUs.max, bankTapMs.max], [7, 9, 500]);
});

test('what is posted is at most what the ledger received, though gates started anew', () => {
  const telemetry = new Telemetry();
  telemetry.observe(status({ taps: 3, debits: 2 }), T0);
  const counts = { debits: 60, posted: 40, unconfirmed: 3, voided: 9, suspended: 2, refused: 1 };
  const { totals } = buildState(input({ ledger: { ...input().ledger, ...counts } }), telemetry);
  assert.deepEqual([totals.debits, totals.posted, totals.received], [2, 40, 46]);
});

test('an engine without gates shows zeros', () => {
  const state = buildState(input(), new Telemetry());
  assert.equal(state.totals.taps, 0);
  assert.equal(state.rate.tapsPerSecond, 0);
  assert.deepEqual(
    state.tapMs.buckets.filter(({ taps }) => taps > 0),
    [],
  );
  assert.equal(state.tapMs.p999, 0);
  assert.equal(state.ledger.balanced, true);
});

test('gates are ordered by station, and by number within it', () => {
  const gates = [
    gate(null, { gateId: 'G10', station: 'B' }),
    gate(null, { gateId: 'G2', station: 'B' }),
    gate(null, { gateId: 'G11', station: 'A', connected: false }),
  ];
  const state = buildState(input({ gates }), new Telemetry());
  assert.deepEqual(
    state.gates.map(({ gateId }) => gateId),
    ['G11', 'G2', 'G10'],
  );
  assert.deepEqual([state.totals.gates, state.totals.connected], [3, 2]);
});

test('backlog is the sum of what the gates last said', () => {
  const gates = [
    gate(status({ gateId: 'A', backlog: 7 })),
    gate(status({ gateId: 'B', backlog: 80 }), { connected: false }),
  ];
  const state = buildState(input({ gates }), new Telemetry());
  assert.equal(state.totals.backlog, 87);
});

test('denials are summed over gates and put in order', () => {
  const telemetry = new Telemetry();
  telemetry.observe(status({ gateId: 'A', denied: { expired: 2, passBack: 5, noEntry: 0 } }), T0);
  telemetry.observe(status({ gateId: 'B', denied: { expired: 9 } }), T0);
  assert.deepEqual(buildState(input(), telemetry).denials, [
    { reason: 'expired', taps: 11 },
    { reason: 'passBack', taps: 5 },
  ]);
});

test('the books balance only when every currency sums to zero', () => {
  const ledger = (...balances: [string, string, number][]) => ({
    ...input().ledger,
    accounts: balances.map(([name, currency, balanceMinor]) => ({ name, currency, balanceMinor })),
  });
  const even = ledgerView(ledger(['float', 'CNY', -500], ['due', 'CNY', 500]), CNY);
  assert.equal(even.balanced, true);
  assert.deepEqual(even.sums, [{ currency: 'CNY', sumMinor: 0, sum: '0.00' }]);
  const odd = ledgerView(ledger(['float', 'CNY', -500], ['due', 'JPY', 500]), CNY);
  assert.equal(odd.balanced, false);
  assert.deepEqual(
    odd.sums.map(({ sum }) => sum),
    ['-5.00', '500'],
  );
});

test('amounts are written exactly', () => {
  assert.equal(formatMinor(0, 2), '0.00');
  assert.equal(formatMinor(-7, 2), '-0.07');
  assert.equal(formatMinor(123_456_789, 2), '1,234,567.89');
  assert.equal(formatMinor(123_456, 0), '123,456');
  assert.equal(formatMinor(Number.MAX_SAFE_INTEGER, 2), '90,071,992,547,409.91');
});

test('what could be a card number is masked wherever it comes from', () => {
  assert.equal(maskNumbers('card 6221123412341234567 gone'), 'card ****4567 gone');
  assert.equal(maskNumbers('0000ABCDEF123456 and 41'), '****3456 and 41');
  const recentExceptions = [
    {
      id: 1,
      kind: 'counterGap',
      gateId: 'A1',
      gateSequence: 9,
      atMs: T0,
      amountMinor: 400,
      currency: 'CNY',
      detail: 'number 6221123412341234567',
    },
  ];
  const state = buildState(input({ recentExceptions }), new Telemetry());
  assert.doesNotMatch(JSON.stringify(state), /6221123412341234567/);
});

test('the displayed rate is the mean of the last full seconds', () => {
  const meter = new RateMeter(RATE_MEAN_S);
  for (let s = 0; s < 10; s++) meter.add(s, T0 + s * 1000, T0 + s * 1000);
  assert.equal(meter.perSecond(T0 + 9000 + RATE_LAG_S * 1000), (5 + 6 + 7 + 8 + 9) / 5);
});
