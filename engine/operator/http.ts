/**
 * The operator's HTTP side: dashboard, JSON API, health, metrics. Reads only; the one importer of
 * fastify. What the engine knows comes through `EngineView`, so this file knows no store.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { HTTP_REQUEST_MS } from '../durations.ts';
import { FaregateError, systemCode, systemText } from '../errors.ts';
import { DASHBOARD_GATES_MAX, HTTP_CONNECTIONS_MAX } from '../limits.ts';
import { openApi, type Route, routes } from './http-schemas.ts';
import { createMetrics } from './metrics.ts';
import {
  type DashboardState,
  type ExceptionItem,
  type GateView,
  type LedgerView,
  publicException,
} from './view.ts';

export interface ExceptionsQuery {
  /** Only exceptions with a higher id. */
  readonly after: number;
  /** 1 to `EXCEPTIONS_PAGE_MAX`. */
  readonly limit: number;
}

export interface ExceptionsPage {
  /** By id, rising. */
  readonly items: readonly ExceptionItem[];
  /** `after` of the next page; null at the end. */
  readonly next: number | null;
}

/** What the HTTP side needs from the engine. */
export interface EngineView {
  state(): DashboardState;
  exceptions(query: ExceptionsQuery): ExceptionsPage | Promise<ExceptionsPage>;
  ledger(): LedgerView;
  /** Whether the engine takes uploads. */
  ready(): boolean;
}

/** The part of a pino logger used here. */
export interface HttpLog {
  error(fields: object, message: string): void;
}

export interface HttpServer {
  /**
   * Listens and returns the address, `http://127.0.0.1:8080`; port 0 takes a free one.
   * @throws FaregateError PORT_IN_USE naming the port; CONFIG_INVALID, as `IngestServer.listen`.
   */
  listen(host: string, port: number): Promise<string>;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
  /** Answers one GET without a socket, for tests. */
  inject(url: string, method?: 'GET' | 'POST'): Promise<Injected>;
}

export interface Injected {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** No script, style or data from elsewhere; nothing in line; nobody may frame the page. */
const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** @throws FaregateError FILE_UNREADABLE where a file of the dashboard is missing. */
export function createHttp(options: { view: EngineView; log: HttpLog }): HttpServer {
  const app = fastify({
    bodyLimit: 1024,
    requestTimeout: HTTP_REQUEST_MS,
    forceCloseConnections: true,
    // A URL that cannot be read never reaches the hooks below.
    frameworkErrors(error, _request, reply) {
      reply.headers(securityHeaders);
      return (reply as FastifyReply).code(400).send(failure('QUERY_INVALID', error.message));
    },
    // A parameter that is not in the schema is an error, never dropped in silence.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true } },
  });
  app.server.maxConnections = HTTP_CONNECTIONS_MAX;
  app.addHook('onSend', async (_request, reply) => {
    reply.headers(securityHeaders);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
  answerErrors(app, options.log);
  addPage(app);
  addApi(app, options.view);
  addOperations(app, options.view);
  return {
    listen: (host, port) => listen(app, host, port),
    close: () => app.close(),
    async inject(url, method = 'GET') {
      const answer = await app.inject({ method, url });
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    },
  };
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    if (systemCode(cause) === 'EADDRINUSE') {
      const message = `port ${port} on ${host} is taken; --http-port names another`;
      throw new FaregateError('PORT_IN_USE', message, { cause });
    }
    if (systemCode(cause) === '') throw cause;
    const message = `cannot listen on ${host}:${port}: ${systemText(cause)}`;
    throw new FaregateError('CONFIG_INVALID', message, { cause });
  }
}

type Answer = (reply: FastifyReply, query: unknown) => unknown;

function add(app: FastifyInstance, route: Route, answer: Answer): void {
  const json = Object.entries(route.answers).filter(([, schema]) => typeof schema !== 'string');
  const schema = {
    querystring: {
      type: 'object',
      properties: route.query ?? {},
      additionalProperties: false,
    },
    response: Object.fromEntries(json),
  };
  app.get(route.path, { schema }, async (request, reply) => answer(reply, request.query));
}

function addPage(app: FastifyInstance): void {
  const files = [
    [routes.page, 'page.html'],
    [routes.style, 'page.css'],
    [routes.chartsStyle, 'charts.css'],
    [routes.panelsStyle, 'panels.css'],
    [routes.script, 'page.js'],
    [routes.charts, 'charts.js'],
    [routes.icon, 'icon.svg'],
  ] as const;
  for (const [route, name] of files) {
    const bytes = readDashboardFile(name);
    const type = `${route.answers[200]}; charset=utf-8`;
    add(app, route, (reply) => reply.header('cache-control', 'no-cache').type(type).send(bytes));
  }
}

function readDashboardFile(name: string): Buffer {
  // The compiled file sits in dist/engine/operator; the page is served from the source tree.
  const path = new URL(`../../../engine/operator/dashboard/${name}`, import.meta.url);
  try {
    return readFileSync(path);
  } catch (cause) {
    const message = `the dashboard's file is missing: ${fileURLToPath(path)}`;
    throw new FaregateError('FILE_UNREADABLE', message, { cause });
  }
}

function addApi(app: FastifyInstance, view: EngineView): void {
  add(app, routes.state, () => {
    const state = view.state();
    return { ...state, gates: gatesToDraw(state.gates) };
  });
  add(app, routes.gates, () => {
    const { totals, gates } = view.state();
    return { total: totals.gates, connected: totals.connected, items: gates };
  });
  add(app, routes.exceptions, async (_reply, query) => {
    const page = await view.exceptions(query as ExceptionsQuery);
    return { items: page.items.map(publicException), next: page.next };
  });
  add(app, routes.ledger, () => view.ledger());
}

/** As many gates as the page can draw, in their order; those in trouble stay. */
export function gatesToDraw(gates: readonly GateView[]): readonly GateView[] {
  if (gates.length <= DASHBOARD_GATES_MAX) return gates;
  const trouble = (gate: GateView) => (gate.connected ? 0 : 2) + (gate.backlog > 0 ? 1 : 0);
  const kept = new Set(
    gates.toSorted((a, b) => trouble(b) - trouble(a)).slice(0, DASHBOARD_GATES_MAX),
  );
  return gates.filter((gate) => kept.has(gate));
}

function addOperations(app: FastifyInstance, view: EngineView): void {
  const metrics = createMetrics();
  const document = openApi();
  add(app, routes.healthz, () => ({ status: 'ok' }));
  add(app, routes.readyz, (reply) => {
    if (view.ready()) return { status: 'ok' };
    return reply.code(503).send(failure('NOT_READY', 'The engine does not take uploads now.'));
  });
  add(app, routes.metrics, async (reply) => {
    const body = await metrics.scrape(view.state());
    return reply.type(metrics.contentType).send(body);
  });
  add(app, routes.openapi, () => document);
}

function failure(code: string, message: string, field?: string): object {
  return { error: { code, message, ...(field !== undefined && { field }) } };
}

function answerErrors(app: FastifyInstance, log: HttpLog): void {
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0];
    return reply.code(404).send(failure('NOT_FOUND', `${request.method} ${path} is no route.`));
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const wrong = error.validation?.[0];
    if (wrong) {
      const extra = wrong.params.additionalProperty;
      const field = extra === undefined ? wrong.instancePath.slice(1) : String(extra);
      const problem = extra === undefined ? wrong.message : 'is not known here';
      return reply
        .code(400)
        .send(failure('QUERY_INVALID', `query parameter ${field} ${problem}`, field));
    }
    if (error.statusCode !== undefined && error.statusCode < 500) {
      return reply.code(error.statusCode).send(failure('QUERY_INVALID', error.message));
    }
    log.error({ err: error, path: request.routeOptions.url }, 'a request failed');
    return reply.code(500).send(failure('INTERNAL', 'The engine failed to answer; see its log.'));
  });
}
