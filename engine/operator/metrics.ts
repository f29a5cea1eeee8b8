/**
 * The state as Prometheus metrics, in a registry of its own. Values are those of the state at the
 * scrape; nothing is counted twice. The one importer of prom-client. Units are seconds, as
 * Prometheus asks, though faregate counts milliseconds and microseconds.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { DashboardState } from './view.ts';

export interface Metrics {
  readonly contentType: string;
  /** The text of one scrape. */
  scrape(state: DashboardState): Promise<string>;
}

/** Totals that only rise: name, help, and where the state has it. */
const counters = [
  ['taps', 'Cards tapped', (s) => s.totals.taps],
  ['opened', 'Taps that opened a gate', (s) => s.totals.opened],
  ['debits', 'Debits made by gates', (s) => s.totals.debits],
  ['posted', 'Debits posted in the ledger', (s) => s.totals.posted],
  ['torn', 'Cards that left before the tap was over', (s) => s.totals.torn],
  ['recovered', 'Unconfirmed debits settled by a later tap', (s) => s.totals.recovered],
  [
    'taps_within_promise',
    'Taps faster than the promise of their cards',
    (s) => s.tapMs.withinPromise + s.bankTapMs.withinPromise,
  ],
] as const satisfies readonly (readonly [string, string, (state: DashboardState) => number])[];

const gauges = [
  ['gates', 'Gates enrolled', (s) => s.totals.gates],
  ['gates_connected', 'Gates connected', (s) => s.totals.connected],
  ['backlog', 'Journal records the gates still hold', (s) => s.totals.backlog],
  ['unconfirmed', 'Debits whose outcome is not known yet', (s) => s.totals.unconfirmed],
  [
    'passed_through',
    'Debits posted that only their banks can verify',
    (s) => s.ledger.passedThrough,
  ],
  ['taps_per_second', 'Taps a second, as on the dashboard', (s) => s.rate.tapsPerSecond],
  ['ledger_balanced', '1 when all accounts sum to zero', (s) => (s.ledger.balanced ? 1 : 0)],
] as const satisfies readonly (readonly [string, string, (state: DashboardState) => number])[];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'faregate_' });
  const rising = counters.map(([name, help, read]) => ({
    metric: new Counter({ name: `faregate_${name}_total`, help, registers }),
    read,
  }));
  const standing = gauges.map(([name, help, read]) => ({
    metric: new Gauge({ name: `faregate_${name}`, help, registers }),
    read,
  }));
  const labelled = createLabelled(registers);
  return {
    contentType: registry.contentType,
    scrape(state) {
      for (const { metric, read } of rising) {
        metric.reset();
        metric.inc(read(state));
      }
      for (const { metric, read } of standing) metric.set(read(state));
      labelled(state);
      // The registry reads the values before its first await, so two scrapes do not mix.
      return registry.metrics();
    },
  };
}

function createLabelled(registers: Registry[]): (state: DashboardState) => void {
  const denied = new Counter({
    name: 'faregate_denied_total',
    help: 'Taps denied, by reason',
    labelNames: ['reason'],
    registers,
  });
  const exceptions = new Gauge({
    name: 'faregate_exceptions',
    help: 'Exceptions in the ledger, by kind',
    labelNames: ['kind'],
    registers,
  });
  const tap = new Gauge({
    name: 'faregate_tap_seconds',
    help: 'Time of the whole tap, bank cards left out, by quantile (1 is the slowest)',
    labelNames: ['quantile'],
    registers,
  });
  const host = new Gauge({
    name: 'faregate_host_seconds',
    help: "The gate host's share of it, by quantile (1 is the slowest)",
    labelNames: ['quantile'],
    registers,
  });
  const bankTap = new Gauge({
    name: 'faregate_bank_tap_seconds',
    help: 'Time of the whole tap of bank cards, by quantile (1 is the slowest)',
    labelNames: ['quantile'],
    registers,
  });
  const bankHost = new Gauge({
    name: 'faregate_bank_host_seconds',
    help: "The gate host's share of it, by quantile (1 is the slowest)",
    labelNames: ['quantile'],
    registers,
  });
  const connected = new Gauge({
    name: 'faregate_gate_connected',
    help: '1 when the uplink of the gate is connected',
    labelNames: ['gate', 'station'],
    registers,
  });
  const backlog = new Gauge({
    name: 'faregate_gate_backlog',
    help: 'Journal records the gate still holds',
    labelNames: ['gate', 'station'],
    registers,
  });
  return (state) => {
    for (const metric of [denied, exceptions, connected, backlog]) metric.reset();
    for (const { reason, taps } of state.denials) denied.inc({ reason }, taps);
    for (const { kind, count } of state.ledger.exceptions) exceptions.set({ kind }, count);
    for (const [metric, times, perSecond] of [
      [tap, state.tapMs, 1e3],
      [host, state.hostUs, 1e6],
      [bankTap, state.bankTapMs, 1e3],
      [bankHost, state.bankHostUs, 1e6],
    ] as const) {
      metric.set({ quantile: '0.5' }, times.p50 / perSecond);
      metric.set({ quantile: '0.99' }, times.p99 / perSecond);
      metric.set({ quantile: '0.999' }, times.p999 / perSecond);
      metric.set({ quantile: '1' }, times.max / perSecond);
    }
    for (const gate of state.gates) {
      const labels = { gate: gate.gateId, station: gate.station };
      connected.set(labels, gate.connected ? 1 : 0);
      backlog.set(labels, gate.backlog);
    }
  };
}
