/**
 * The HTTP API as data: every route with the JSON Schema of its query and answers. fastify checks
 * and writes by these schemas (a field that is not in them cannot leave), and the OpenAPI 3.1
 * document (`/openapi.json`, `docs/openapi.json`) is the same table in another form.
 */
import { EXCEPTIONS_PAGE_MAX } from '../limits.ts';

/** JSON Schema 2020-12, as OpenAPI 3.1 takes it. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly [keyword: string]: unknown;
}

const whole = (description: string): Schema => ({ type: 'integer', description });
const text = (description: string): Schema => ({ type: 'string', description });
const number = (description: string): Schema => ({ type: 'number', description });
const list = (items: Schema, description: string): Schema => ({
  type: 'array',
  items,
  description,
});

/** An object whose fields are all required and which has no others. */
function object(description: string, properties: Record<string, Schema>): Schema {
  return {
    type: 'object',
    description,
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

const instant = 'milliseconds since 1970 UTC';

const currency = object('ISO 4217', {
  code: text('alphabetic code'),
  decimals: whole('decimals of its minor unit'),
});

const ledger = object('counts and double-entry accounts of the ledger', {
  debits: whole('debit records received'),
  posted: whole('debits posted'),
  passedThrough: whole("of these, the ones that only the card's bank can verify"),
  unconfirmed: whole('debits whose outcome is not known yet'),
  voided: whole('debits the card did not commit'),
  exceptions: list(
    object('one kind of exception', { kind: text('kind'), count: whole('how many') }),
    'exceptions by kind',
  ),
  accounts: list(
    object('an account', {
      name: text('name'),
      currency: text('ISO 4217 code'),
      balanceMinor: whole('balance in minor units'),
      balance: text('the same as a person writes it'),
    }),
    'accounts',
  ),
  sums: list(
    object('sum over the accounts of one currency', {
      currency: text('ISO 4217 code'),
      sumMinor: whole('sum in minor units; zero when the books balance'),
      sum: text('the same as a person writes it'),
    }),
    'sums by currency',
  ),
  balanced: { type: 'boolean', description: 'every sum is zero' },
});

const exception = object('a debit that was not posted as it came', {
  id: whole('rises with each exception'),
  kind: text('kind'),
  gateId: text('gate'),
  gateSequence: whole('sequence of the debit within its gate'),
  atMs: whole(`when it was found, ${instant}`),
  amountMinor: whole('amount in minor units'),
  currency: text('ISO 4217 code'),
  detail: text('what disagrees; long digit runs are masked'),
});

const gate = object('a gate', {
  gateId: text('identity'),
  station: text('station'),
  connected: { type: 'boolean', description: 'its uplink is connected' },
  lastSeenMs: whole(`its last word, ${instant}; 0 where it never spoke`),
  acknowledgedThrough: whole('highest sequence the engine has acknowledged'),
  tapsPerSecond: number('mean over the last five reported seconds'),
  taps: whole('taps over all its restarts'),
  opened: whole('taps that opened the gate'),
  debits: whole('debits made'),
  denied: whole('taps denied'),
  torn: whole('cards that left before the tap was over'),
  unconfirmed: whole('debits whose outcome the gate does not know'),
  backlog: whole('journal entries not acknowledged yet, as it last said'),
  parametersVersion: whole('parameter set in force; 0 for its own configuration'),
  tapP99Ms: whole('99th percentile of its taps, bank cards left out, milliseconds'),
  mode: text('its modes, joined by +; normal'),
  clock: text('how well its clock is known to run'),
  shift: whole('the shift it has open; 0 where it did not say'),
  shiftRecords: whole('records of that shift so far'),
  shiftAmountMinor: whole('their amount, minor units'),
});

const percentiles = {
  p50: whole('median'),
  p99: whole('99th percentile'),
  p999: whole('99.9th percentile'),
  max: whole('slowest'),
};

const promised = {
  ...percentiles,
  promiseMs: whole('the promise to the rider'),
  taps: whole('taps measured'),
  withinPromise: whole('taps that took less than the promise'),
};

const latency = object('time of the whole tap, milliseconds; bank cards left out', {
  ...promised,
  aimMs: whole('the aim'),
  buckets: list(
    object('a bucket', {
      fromMs: whole('from, included'),
      toMs: { type: ['integer', 'null'], description: 'to, not included; null in the last' },
      taps: whole('taps'),
    }),
    'buckets for drawing',
  ),
});

const state = object('what the dashboard shows', {
  atMs: whole(`when this was taken, ${instant}`),
  startedMs: whole(`start of the engine, ${instant}`),
  city: text('city'),
  currency,
  rate: object('taps a second', {
    tapsPerSecond: number('mean over the last five reported seconds'),
    peak: number('busiest second of the history'),
    history: list(number('taps in one second'), 'the last 120 reported seconds, oldest first'),
  }),
  totals: object('sums over all gates; they never fall when a gate restarts', {
    taps: whole('taps'),
    opened: whole('taps that opened a gate'),
    debits: whole('debits made by the gates, as they last said'),
    received: whole('debits in the ledger that cards committed, or may have'),
    posted: whole('debits posted in the ledger'),
    denied: whole('taps denied'),
    torn: whole('cards that left before the tap was over'),
    recovered: whole('unconfirmed debits settled by a later tap'),
    unconfirmed: whole('debits in the ledger whose outcome is not known yet'),
    exceptions: whole('exceptions in the ledger'),
    backlog: whole('journal records the gates still hold'),
    gates: whole('gates enrolled'),
    connected: whole('gates connected'),
  }),
  tapMs: latency,
  hostUs: object("the gate host's share of a tap, microseconds; bank cards left out", percentiles),
  bankTapMs: object('time of the whole tap of bank cards, milliseconds', promised),
  bankHostUs: object("the gate host's share of it, microseconds", percentiles),
  denials: list(
    object('one reason', { reason: text('reason code'), taps: whole('taps') }),
    'denials by reason, most frequent first',
  ),
  ledger,
  exceptions: list(exception, 'the latest exceptions, newest first'),
  gates: list(gate, 'gates by station; at most 240, those in trouble first to stay'),
});

const failure = object('an error', {
  error: {
    type: 'object',
    description: 'what went wrong',
    properties: {
      code: text('QUERY_INVALID, NOT_FOUND, NOT_READY or INTERNAL'),
      message: text('what to do'),
      field: text('the query parameter that is wrong'),
    },
    required: ['code', 'message'],
    additionalProperties: false,
  },
});

const exceptionsPage = object('a page of exceptions', {
  items: list(exception, 'by id, rising'),
  next: { type: ['integer', 'null'], description: '`after` of the next page; null at the end' },
});

const gates = object('all gates', {
  total: whole('gates enrolled'),
  connected: whole('gates connected'),
  items: list(gate, 'by station'),
});

const health = object('health', { status: text('ok') });

export interface Query {
  readonly [name: string]: Schema;
}

export interface Route {
  readonly path: string;
  readonly about: string;
  readonly query?: Query;
  /** Status -> schema of its JSON, or a media type where it is not JSON. */
  readonly answers: Readonly<Record<number, Schema | string>>;
}

/** Every route of the API. All are GET: this side of the engine changes nothing. */
export const routes = {
  page: { path: '/', about: 'The dashboard.', answers: { 200: 'text/html' } },
  style: { path: '/page.css', about: 'Its style sheet.', answers: { 200: 'text/css' } },
  chartsStyle: { path: '/charts.css', about: 'Of its drawings.', answers: { 200: 'text/css' } },
  panelsStyle: { path: '/panels.css', about: 'Of its panels.', answers: { 200: 'text/css' } },
  script: { path: '/page.js', about: 'Its script.', answers: { 200: 'text/javascript' } },
  charts: { path: '/charts.js', about: 'Its drawings.', answers: { 200: 'text/javascript' } },
  icon: { path: '/icon.svg', about: 'Its icon.', answers: { 200: 'image/svg+xml' } },
  state: { path: '/api/state', about: 'What the dashboard shows.', answers: { 200: state } },
  exceptions: {
    path: '/api/exceptions',
    about: 'Debits the ledger did not post as they came, page by page.',
    query: {
      after: {
        type: 'integer',
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        default: 0,
        description: 'only exceptions with a higher id',
      },
      limit: {
        type: 'integer',
        minimum: 1,
        maximum: EXCEPTIONS_PAGE_MAX,
        default: 50,
        description: 'how many at most',
      },
    },
    answers: { 200: exceptionsPage, 400: failure },
  },
  gates: { path: '/api/gates', about: 'All gates.', answers: { 200: gates } },
  ledger: { path: '/api/ledger', about: 'Counts and accounts.', answers: { 200: ledger } },
  healthz: { path: '/healthz', about: 'The process lives.', answers: { 200: health } },
  readyz: {
    path: '/readyz',
    about: 'The engine takes uploads.',
    answers: { 200: health, 503: failure },
  },
  metrics: { path: '/metrics', about: 'Prometheus metrics.', answers: { 200: 'text/plain' } },
  openapi: {
    path: '/openapi.json',
    about: 'This document.',
    answers: { 200: { type: 'object', description: 'OpenAPI 3.1', additionalProperties: true } },
  },
} as const satisfies Record<string, Route>;

const components = new Map<unknown, string>([
  [state, 'State'],
  [gate, 'Gate'],
  [ledger, 'Ledger'],
  [exception, 'Exception'],
  [latency, 'Latency'],
  [failure, 'Failure'],
]);

/** The OpenAPI 3.1 document of `routes`, a plain JSON value. */
export function openApi(): Record<string, unknown> {
  const paths = Object.entries(routes).map(([name, route]) => [
    route.path,
    { get: operation(name, route) },
  ]);
  const schemas = [...components].map(([schema, name]) => [name, fields(schema as object)]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'faregate engine',
      version: '1',
      description: 'Reads the state of the fare engine. Amounts are integers in minor units.',
    },
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

function operation(name: string, route: Route): object {
  const responses = Object.entries(route.answers).map(([status, answer]) => {
    const json = typeof answer !== 'string';
    return [
      status,
      {
        description: json ? (answer.description ?? '') : route.about,
        content: json
          ? { 'application/json': { schema: withReferences(answer) } }
          : { [answer]: { schema: { type: 'string' } } },
      },
    ];
  });
  const parameters = Object.entries(route.query ?? {}).map(
    ([parameter, { description, ...schema }]) => ({
      name: parameter,
      in: 'query',
      required: false,
      description,
      schema,
    }),
  );
  return {
    operationId: name,
    summary: route.about,
    ...(parameters.length > 0 && { parameters }),
    responses: Object.fromEntries(responses),
  };
}

function withReferences(value: unknown): unknown {
  const name = components.get(value);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  if (Array.isArray(value)) return value.map(withReferences);
  return typeof value === 'object' && value !== null ? fields(value) : value;
}

function fields(value: object): object {
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, withReferences(part)]),
  );
}
