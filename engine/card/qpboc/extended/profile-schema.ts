/**
 * JSON Schema (2020-12) of a profile of the extended application, kept equal to `ExtendedProfile`.
 * What a schema cannot say (fields that do not overlap) is in `profile-check.ts`.
 */

const byte = { type: 'string', pattern: '^[0-9A-Fa-f]{2}$' };

/** An object whose members are all required but for `optional`, and no others allowed. */
function object(properties: Record<string, object>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
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

const types = { type: 'array', items: byte, minItems: 1, maxItems: 32 };

/** Money takes four bytes: a card's balance has no other bound. */
const optionalFields = {
  terminal: field(6, 16),
  industry: field(1),
  stationRest: field(3, 16),
  amount: field(4),
  balance: field(4),
  city: field(2, 16),
  institution: field(8, 16),
  maxIncompleteAmount: field(4),
  maxTime: field(1, 4),
  counters: field(6),
};

export const extendedProfileSchema: object = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'faregate profile of the extended application of e-cash',
  ...object({
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9._-]{0,31}$' },
    sfi: integer(1, 30),
    selector: { enum: [0, 1] },
    recordId: { type: 'string', pattern: '^[0-9A-Fa-f]{4}$' },
    read: { enum: ['plain', 'mac'] },
    services: object({
      from: { enum: ['fci', 'getData', 'none'] },
      segmented: byte,
      preAuthorised: byte,
    }),
    key: object({ index: integer(0, 255), version: integer(0, 255) }),
    record: object({
      length: integer(14, 251),
      fields: object(
        { type: field(1), station: field(4), dateTime: field(7), ...optionalFields },
        Object.keys(optionalFields),
      ),
      types: object({ none: types, entry: types, exit: types, single: types }),
      industry: byte,
    }),
  }),
};
