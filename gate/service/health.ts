/**
 * Health and metrics of a running station over HTTP: `/healthz` (the process answers), `/readyz`
 * (every gate serves cards), `/metrics` (Prometheus text), and `/mode` where control is configured
 * (`control.ts`). No card numbers, no keys.
 * The gate's one importer of prom-client.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Registry } from 'prom-client';
import { HTTP_REQUEST_MS } from '../../engine/durations.ts';
import { FaregateError, systemCode } from '../../engine/errors.ts';
import { HEALTH_CONNECTIONS_MAX } from '../../engine/limits.ts';
import type { GateStatus } from '../../engine/wire/gate-status.ts';
import { CONTROL_PATH, type Control } from './control.ts';

export interface StationGate extends GateStatus {
  readonly connected: boolean;
  /** Version of the list in force, its low 32 bits; 0: none has come. */
  readonly denylistVersion: number;
}

export interface StationView {
  /** Whether every gate serves cards. */
  ready(): boolean;
  gates(): readonly StationGate[];
}

export interface Health {
  readonly address: string;
  close(): Promise<void>;
}

type Read = (gate: StationGate) => number;

const counters: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['taps', 'Cards tapped', (gate) => gate.taps],
  ['opened', 'Taps that opened the gate', (gate) => gate.opened],
  ['debits', 'Debits made', (gate) => gate.debits],
  ['torn', 'Cards that left too early', (gate) => gate.torn],
  ['recovered', 'Unconfirmed debits settled by a later tap', (gate) => gate.recovered],
];
const gauges: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['backlog', 'Debits not yet acknowledged by the engine', (gate) => gate.backlog],
  ['unconfirmed', 'Debits whose outcome is not known', (gate) => gate.unconfirmed],
  ['connected', '1 while the engine is connected', (gate) => (gate.connected ? 1 : 0)],
  ['mode', 'Mask of the modes in force; 0 is normal', (gate) => gate.now?.mode ?? 0],
  ['clock_quality', 'docs/time.md; 1 is synchronised', (gate) => gate.now?.clockQuality ?? 0],
  ['shift', 'Number of the open shift', (gate) => gate.now?.shift ?? 0],
  ['denylist', 'Version of the denylist in force; 0 is none', (gate) => gate.denylistVersion],
  [
    'parameters',
    'Version of the parameter set in force; 0 is none',
    (gate) => gate.parameters?.version ?? 0,
  ],
];

/** @throws FaregateError PORT_IN_USE. */
export async function serveHealth(
  view: StationView,
  host: string,
  port: number,
  control: Control | null = null,
): Promise<Health> {
  const metrics = makeMetrics(view);
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (control && path === CONTROL_PATH) void control.answer(request, response);
    else if (request.method !== 'GET') answer(response, 405, 'text/plain', 'only GET\n');
    else if (path === '/healthz') answer(response, 200, 'application/json', '{"status":"ok"}\n');
    else if (path === '/readyz') {
      const ready = view.ready();
      const body = `{"status":"${ready ? 'ok' : 'closed'}"}\n`;
      answer(response, ready ? 200 : 503, 'application/json', body);
    } else if (path === '/metrics') {
      void metrics().then((text) => answer(response, 200, Registry.PROMETHEUS_CONTENT_TYPE, text));
    } else answer(response, 404, 'text/plain', 'no such page\n');
  });
  server.maxConnections = HEALTH_CONNECTIONS_MAX;
  server.requestTimeout = HTTP_REQUEST_MS;
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    address: `http://${host}:${bound}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function answer(response: ServerResponse, code: number, type: string, body: string): void {
  response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (cause) {
    const code = systemCode(cause) === 'EADDRINUSE' ? 'PORT_IN_USE' : 'CONFIG_INVALID';
    const message = `${host}:${port}: ${(cause as Error).message}`;
    throw new FaregateError(code, message, { cause });
  }
}

function makeMetrics(view: StationView): () => Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const labelNames = ['gate', 'station'];
  const rising = counters.map(([name, help, read]) => ({
    metric: new Counter({ name: `faregate_gate_${name}_total`, help, labelNames, registers }),
    read,
  }));
  const standing = gauges.map(([name, help, read]) => ({
    metric: new Gauge({ name: `faregate_gate_${name}`, help, labelNames, registers }),
    read,
  }));
  const denied = new Counter({
    name: 'faregate_gate_denied_total',
    help: 'Taps denied, by reason',
    labelNames: [...labelNames, 'reason'],
    registers,
  });
  return () => {
    for (const { metric } of [...rising, ...standing]) metric.reset();
    denied.reset();
    for (const gate of view.gates()) {
      const labels = { gate: gate.gateId, station: gate.station };
      for (const { metric, read } of rising) metric.inc(labels, read(gate));
      for (const { metric, read } of standing) metric.set(labels, read(gate));
      for (const [reason, taps] of Object.entries(gate.denied)) {
        denied.inc({ ...labels, reason }, taps);
      }
    }
    return registry.metrics();
  };
}
