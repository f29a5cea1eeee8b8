/**
 * JSON Schema (2020-12) of a DESFire profile, kept equal to `DesfireProfile`. What a schema cannot
 * say (fields that do not overlap, settings that go together) is in `profile-check.ts`.
 */

const byte = { type: 'string', pattern: '^[0-9A-Fa-f]{2}$' };

/** An object whose members are all required but for `optional`, and no others allowed. */
function object(properties: Record<string, object>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

/** The value first, so that an error speaks of it and not of null. */
function orNull(value: object): object {
  return { anyOf: [value, { type: 'null' }] };
}

function integer(minimum: number, maximum: number): object {
  return { type: 'integer', minimum, maximum };
}

function hex(fewest: number, most: number): object {
  return { type: 'string', pattern: `^([0-9A-Fa-f]{2}){${fewest},${most}}$` };
}

/** A field of `length` bytes, or of one to `longest`. */
function field(length: number, longest: number = length): object {
  return object({
    offset: integer(0, 255),
    length: length === longest ? { const: length } : integer(length, longest),
  });
}

const cardKey = object({ number: integer(0, 13), version: integer(0, 255) });
const fileNumber = integer(0, 31);
/** Value and records are believed: in plain mode anyone on the air could change them. */
const file = { number: fileNumber, mode: { enum: ['mac', 'full'] } };
/** The transaction MAC protects itself. */
const proofFile = { number: fileNumber, mode: { enum: ['plain', 'mac', 'full'] } };
const types = { type: 'array', items: byte, minItems: 1, maxItems: 32 };

const optionalFields = {
  terminal: field(1, 16),
  industry: field(1),
  stationRest: field(1, 16),
  amount: field(1, 4),
  balance: field(1, 4),
  city: field(1, 16),
  institution: field(1, 16),
  maxIncompleteAmount: field(1, 4),
  maxTime: field(1, 4),
  counters: field(6),
  counter: field(2),
};

const recordFile = object({
  ...file,
  length: integer(12, 208),
  records: integer(2, 64),
  fields: object(
    { type: field(1), station: field(4), dateTime: field(7), ...optionalFields },
    Object.keys(optionalFields),
  ),
  types: object({ none: types, entry: types, exit: types, single: types }),
  industry: byte,
});

/** Version 0 is that of the keys that a card leaves the factory with. */
const issuing = orNull(
  object({
    cardKeyVersion: integer(1, 255),
    applicationKeyVersion: integer(1, 255),
    lowerLimitMinor: integer(-0x7fff_ffff, 0),
    upperLimitMinor: integer(1, 0x7fff_ffff),
    limitedCredit: { type: 'boolean' },
  }),
);

export const desfireProfileSchema: object = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'faregate DESFire profile',
  ...object(
    {
      name: { type: 'string', pattern: '^[a-z0-9][a-z0-9._-]{0,31}$' },
      application: {
        anyOf: [object({ aid: hex(3, 3) }), object({ dfName: hex(1, 16) })],
      },
      authentication: { enum: ['ev1', 'ev2'] },
      chaining: { enum: ['native', 'iso'] },
      frameBytes: integer(32, 255),
      keys: object({ debit: cardKey, load: orNull(cardKey), identity: orNull(cardKey) }),
      diversification: orNull(
        object({ aid: hex(0, 8), systemId: hex(0, 16), padTo32: { type: 'boolean' } }),
      ),
      valueFile: object(file),
      recordFile,
      transactionMac: orNull(object({ ...proofFile, keyVersion: integer(0, 255) })),
      issuing,
      maxAmountMinor: integer(1, 0x7fff_ffff),
      currency: integer(1, 999),
    },
    ['issuing'],
  ),
};
