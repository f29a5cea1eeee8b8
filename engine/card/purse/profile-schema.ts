/**
 * JSON Schema (2020-12) of a scheme profile, kept equal to `PurseProfile` and to
 * `docs/profile.schema.json`. What a schema cannot say (a field inside its file, fields that do not
 * overlap) is in `profile-check.ts`.
 */

const byte = { type: 'string', pattern: '^[0-9A-Fa-f]{2}$' };
const statusWord = { type: 'string', pattern: '^[0-9A-Fa-f]{4}$' };
const sfi = { type: 'string', pattern: '^(0[1-9A-Fa-f]|1[0-9A-Ea-e])$' };
const className = { type: 'string', minLength: 1, maxLength: 64 };

/** An object whose members are all required, and no others allowed. */
function object(properties: Record<string, object>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

function list(items: object, minItems: number, maxItems: number): object {
  return { type: 'array', items, minItems, maxItems };
}

/** The value first, so that an error speaks of it and not of null. */
function orNull(value: object): object {
  return { anyOf: [value, { type: 'null' }] };
}

function bytesToNames(name: object): object {
  return {
    type: 'object',
    propertyNames: byte,
    additionalProperties: name,
    maxProperties: 256,
  };
}

function integer(minimum: number, maximum: number): object {
  return { type: 'integer', minimum, maximum };
}

/** A field of `length` bytes, or of one to `longest`. */
function field(length: number, longest: number = length): object {
  return object({
    offset: integer(0, 255),
    length: length === longest ? { const: length } : integer(length, longest),
  });
}

const publicFile = object({
  sfi,
  length: integer(8, 255),
  fciTag: orNull({ type: 'string', pattern: '^([0-9A-Fa-f]{2}){1,2}$' }),
  issuer: field(8),
  applicationType: field(1),
  startFlag: field(1),
  cardNumber: field(10),
  enableDate: field(4),
  expiryDate: field(4),
});

const key = object({
  index: byte,
  version: byte,
  algorithm: byte,
  algorithms: { ...bytesToNames({ enum: ['3des', 'sm4'] }), minProperties: 1 },
  factors: list(field(8), 1, 2),
});

const journeyFields = object(
  {
    type: field(1),
    terminal: orNull(field(1, 16)),
    industry: orNull(field(1)),
    station: field(4),
    stationRest: orNull(field(1, 16)),
    amount: orNull(field(1, 4)),
    balance: orNull(field(1, 4)),
    dateTime: field(7),
    city: orNull(field(1, 16)),
    institution: orNull(field(1, 16)),
    maxIncompleteAmount: orNull(field(1, 4)),
    maxTime: orNull(field(1, 4)),
    counters: orNull(field(6)),
  },
  [
    'terminal',
    'industry',
    'stationRest',
    'amount',
    'balance',
    'city',
    'institution',
    'maxIncompleteAmount',
    'maxTime',
    'counters',
  ],
);

const journeyFile = object({
  sfi,
  record: integer(1, 254),
  length: integer(12, 255),
  update: object({ cla: byte, p1: byte, p2: byte }),
  fields: journeyFields,
  types: object({
    none: list(byte, 1, 32),
    entry: list(byte, 1, 32),
    exit: list(byte, 1, 32),
    single: list(byte, 1, 32),
  }),
  industry: byte,
});

const riderClass = object({
  offset: integer(0, 255),
  length: { const: 1 },
  classes: bytesToNames(className),
  default: orNull(className),
});

export const profileSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'faregate scheme profile (after "extends" has been applied)',
  ...object({
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9._-]{0,31}$' },
    aids: list({ type: 'string', pattern: '^([0-9A-Fa-f]{2}){5,16}$' }, 1, 8),
    publicFile,
    purseFlag: object({
      applicationTypes: orNull(list(byte, 1, 16)),
      startFlags: orNull(list(byte, 1, 16)),
    }),
    acceptedIssuers: list({ type: 'string', pattern: '^([0-9A-Fa-f]{2}){1,8}$' }, 0, 1024),
    key,
    purseId: { enum: ['01', '02'] },
    transactionTypes: object({ purchase: byte, capp: byte }),
    load: orNull(object({ keyIndex: byte, transactionType: byte })),
    cityCode: { type: 'boolean' },
    counter: object({ last: integer(1, 65535), restartAt: integer(0, 65535) }),
    balance: object({ p1: byte, ignoreTopBit: { type: 'boolean' } }),
    journeyFile: orNull(journeyFile),
    proof: object({
      counterOffset: integer(0, 1),
      order: { enum: ['mac2-tac', 'tac-mac2'] },
    }),
    logFile: object({
      sfi,
      records: integer(1, 254),
      order: { enum: ['newest-first', 'oldest-first'] },
    }),
    riderClass: orNull(riderClass),
    maxAmountMinor: integer(1, 0xffff_ffff),
    currency: integer(1, 999),
    insufficientStatuses: list(statusWord, 1, 16),
  }),
};
