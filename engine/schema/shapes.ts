/** Parts that JSON schemas are made of. */

type Members = Readonly<Record<string, object>>;

/** An object of these members and no other. */
export function closed(required: Members, optional: Members = {}): object {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  };
}

/** Both bounds are within. */
export function whole(least: number, most: number): object {
  return { type: 'integer', minimum: least, maximum: most };
}

export function orNull(schema: object): object {
  return { anyOf: [{ type: 'null' }, schema] };
}
