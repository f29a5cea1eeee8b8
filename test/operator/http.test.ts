/**
 * What people and monitors see over HTTP: the state by its schema, paging, refusals that name the
 * field, metrics, and headers that keep everything foreign out of the page.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { DASHBOARD_GATES_MAX, EXCEPTIONS_PAGE_MAX } from '../../engine/limits.ts';
import { createHttp, gatesToDraw, type HttpServer } from '../../engine/operator/http.ts';
import { openApi, routes } from '../../engine/operator/http-schemas.ts';
import type { DashboardState, GateView } from '../../engine/operator/view.ts';
import { root } from '../shared.ts';
import { Fixture, livelyFixture } from './dashboard-fixture.ts';

const quiet = { error: () => undefined };
const fixture = livelyFixture();
const http = createHttp({ view: fixture, log: quiet });

async function json<T>(server: HttpServer, url: string, status = 200): Promise<T> {
  const answer = await server.inject(url);
  assert.equal(answer.status, status, answer.body);
  return JSON.parse(answer.body) as T;
}

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly field?: string };
}

test('the state leaves whole: no field is lost in its schema', async () => {
  const state = await json<DashboardState>(http, '/api/state');
  assert.deepEqual(state, JSON.parse(JSON.stringify(fixture.state())));
  assert.equal(state.gates.length, 16);
  assert.equal(state.totals.exceptions, 3);
  assert.equal(
    state.totals.taps,
    state.gates.reduce((sum, gate) => sum + gate.taps, 0),
  );
});

test('a field that is not in the schema does not leave', async () => {
  const leaking = new Fixture();
  leaking.exception('badTac', 'G01', 'the TAC does not verify');
  const page = leaking.exceptions({ after: 0, limit: 1 });
  const items = page.items.map((item) => ({ ...item, cardNumber: '6221123412341234567' }));
  const view = {
    state: () => ({ ...leaking.state(), cards: ['6221123412341234567'] }),
    exceptions: () => ({ items, next: null }),
    ledger: () => leaking.ledger(),
    ready: () => true,
  };
  const server = createHttp({ view, log: quiet });
  for (const url of ['/api/state', '/api/exceptions']) {
    const { body } = await server.inject(url);
    assert.match(body, /badTac|rate/);
    assert.doesNotMatch(body, /62211234/);
  }
});

test('exceptions come page by page, each once', async () => {
  type Page = { items: { id: number }[]; next: number | null };
  const first = await json<Page>(http, '/api/exceptions?limit=2');
  assert.deepEqual(
    first.items.map(({ id }) => id),
    [1, 2],
  );
  assert.equal(first.next, 2);
  const second = await json<Page>(http, `/api/exceptions?after=${first.next}&limit=2`);
  assert.deepEqual(
    second.items.map(({ id }) => id),
    [3],
  );
  assert.equal(second.next, null);
});

test('a wrong query is refused, naming its field', async () => {
  for (const [query, field] of [
    ['limit=0', 'limit'],
    [`limit=${EXCEPTIONS_PAGE_MAX + 1}`, 'limit'],
    ['limit=ten', 'limit'],
    ['limit=', 'limit'],
    ['after=-1', 'after'],
    ['after=1.5', 'after'],
    ['after=1e300', 'after'],
    ['after=1&after=2', 'after'],
    ['card=6221', 'card'],
  ] as const) {
    const { error } = await json<Failure>(http, `/api/exceptions?${query}`, 400);
    assert.equal(error.code, 'QUERY_INVALID', query);
    assert.equal(error.field, field, query);
    assert.match(error.message, new RegExp(field));
  }
});

test('gates and ledger are served alone as well', async () => {
  const gates = await json<{ total: number; connected: number; items: GateView[] }>(
    http,
    '/api/gates',
  );
  assert.deepEqual([gates.total, gates.connected, gates.items.length], [16, 15, 16]);
  assert.deepEqual(await json(http, '/api/ledger'), fixture.ledger());
});

test('a large fleet is drawn in part, and those in trouble stay', async () => {
  const fleet = new Fixture({ gates: DASHBOARD_GATES_MAX + 60 });
  fleet.advance(3);
  fleet.cut('G300');
  const server = createHttp({ view: fleet, log: quiet });
  const state = await json<DashboardState>(server, '/api/state');
  assert.equal(state.gates.length, DASHBOARD_GATES_MAX);
  assert.equal(state.totals.gates, DASHBOARD_GATES_MAX + 60);
  assert.ok(state.gates.some(({ gateId }) => gateId === 'G300'));
  const all = fleet.state().gates;
  const order = gatesToDraw(all).map((gate) => all.indexOf(gate));
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
    'in their order',
  );
});

test('health and readiness', async () => {
  const view = new Fixture();
  const server = createHttp({ view, log: quiet });
  assert.deepEqual(await json(server, '/healthz'), { status: 'ok' });
  assert.deepEqual(await json(server, '/readyz'), { status: 'ok' });
  view.takesUploads = false;
  assert.equal((await json<Failure>(server, '/readyz', 503)).error.code, 'NOT_READY');
  assert.deepEqual(await json(server, '/healthz'), { status: 'ok' });
});

test('metrics say what the state says', async () => {
  const { status, headers, body } = await http.inject('/metrics');
  assert.equal(status, 200);
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  const { totals, tapMs, bankTapMs, denials } = fixture.state();
  assert.ok(bankTapMs.withinPromise > 0);
  const value = (name: string) => {
    const line = body.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1));
  };
  assert.equal(value('faregate_taps_total'), totals.taps);
  assert.equal(value('faregate_posted_total'), totals.posted);
  assert.equal(value('faregate_backlog'), totals.backlog);
  assert.equal(value('faregate_tap_seconds{quantile="0.999"}'), tapMs.p999 / 1000);
  assert.equal(value('faregate_bank_tap_seconds{quantile="1"}'), bankTapMs.max / 1000);
  const within = tapMs.withinPromise + bankTapMs.withinPromise;
  assert.equal(value('faregate_taps_within_promise_total'), within);
  assert.equal(value(`faregate_denied_total{reason="${denials[0]!.reason}"}`), denials[0]!.taps);
  assert.equal(value('faregate_exceptions{kind="badTac"}'), 1);
  assert.equal(value('faregate_gate_connected{gate="G14",station="Guomao"}'), 0);
  const again = await http.inject('/metrics');
  assert.match(again.body, new RegExp(`^faregate_taps_total ${totals.taps}$`, 'm'));
  for (const line of body.split('\n')) assert.match(line, /^(#|faregate_|$)/);
});

test('every answer forbids what comes from elsewhere', async () => {
  for (const url of [
    '/',
    '/page.js',
    '/api/state',
    '/nothing',
    '/api/exceptions?limit=0',
    '/%zz',
  ]) {
    const { headers } = await http.inject(url);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'self'/, url);
    assert.doesNotMatch(policy, /unsafe/, url);
    assert.equal(headers['x-content-type-options'], 'nosniff', url);
  }
});

test('the page names nothing outside itself and holds nothing in line', async () => {
  const { body, headers } = await http.inject('/');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.doesNotMatch(body, /https?:|\sstyle=|\son\w+=|<style|<script>/);
  const named = [...body.matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => match[1]!);
  for (const url of new Set(named)) assert.equal((await http.inject(url)).status, 200, url);
});

test('an unknown path, another method and an unreadable URL get the same kind of answer', async () => {
  assert.equal((await json<Failure>(http, '/nothing?x=1', 404)).error.code, 'NOT_FOUND');
  assert.equal((await json<Failure>(http, '/%zz', 400)).error.code, 'QUERY_INVALID');
  const post = await http.inject('/api/state', 'POST');
  assert.equal(post.status, 404);
});

test('a failure inside is logged, and the caller learns nothing of it', async () => {
  const logged: object[] = [];
  const view = {
    state: () => fixture.state(),
    exceptions: () => Promise.reject(new Error('store at secret place')),
    ledger: () => fixture.ledger(),
    ready: () => true,
  };
  const server = createHttp({ view, log: { error: (fields) => logged.push(fields) } });
  const answer = await server.inject('/api/exceptions');
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.body, /secret/);
  assert.equal(logged.length, 1);
});

test('a port in use is named', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const server = createHttp({ view: fixture, log: quiet });
  await assert.rejects(server.listen('127.0.0.1', port), {
    name: 'FaregateError',
    code: 'PORT_IN_USE',
    message: new RegExp(String(port)),
  });
});

test('it listens, answers over a socket, and closes with a connection still open', async () => {
  const server = createHttp({ view: new Fixture(), log: quiet });
  const address = await server.listen('127.0.0.1', 0);
  assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
  const answer = await fetch(`${address}/healthz`);
  assert.deepEqual(await answer.json(), { status: 'ok' });
  await server.close();
  await assert.rejects(fetch(`${address}/healthz`));
});

test('routes and the OpenAPI document are the same, as served and as kept in docs', async () => {
  const document = await json<{ paths: Record<string, object> }>(http, '/openapi.json');
  assert.deepEqual(document, openApi());
  const kept: unknown = JSON.parse(readFileSync(join(root, 'docs', 'openapi.json'), 'utf8'));
  assert.deepEqual(kept, document, 'docs/openapi.json is out of date: see docs/api.md');
  const paths = Object.values(routes).map(({ path }) => path);
  assert.deepEqual(Object.keys(document.paths), paths);
  for (const path of paths) assert.equal((await http.inject(path)).status, 200, path);
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) {
    assert.ok(text.includes(`"${name}":{`), name);
  }
});
