/**
 * Checks of a profile's record that its schema cannot make: fields within the record, that do not
 * lie over one another, and values of types that are one type's alone.
 */
import type { Field } from './journey-record.ts';

/**
 * The first problem, naming its field as the schema's errors do, or null.
 * @param at of the record in its profile: `/record`
 * @param idBytes bytes at the record's beginning that no field may have
 */
export function fieldsProblem(
  at: string,
  fields: object,
  length: number,
  idBytes: number,
): string | null {
  const owners: (string | undefined)[] = new Array(length);
  owners.fill('the id', 0, idBytes);
  for (const [name, field] of Object.entries<Field | null>({ ...fields })) {
    if (field === null) continue;
    const path = `field ${at}/fields/${name}`;
    if (field.offset + field.length > length) {
      return `${path} must lie in the record's ${length} bytes`;
    }
    for (let byte = field.offset; byte < field.offset + field.length; byte++) {
      if (owners[byte] !== undefined) return `${path} overlaps ${owners[byte]}`;
      owners[byte] = name;
    }
  }
  return null;
}

/** The same of values in hexadecimal, by the type that they stand for. */
export function typesProblem(
  at: string,
  types: Readonly<Record<string, readonly string[]>>,
): string | null {
  const owners = new Map<string, string>();
  for (const [name, values] of Object.entries(types)) {
    for (const value of values) {
      const owner = owners.get(value.toUpperCase());
      if (owner !== undefined) {
        return `field ${at}/types/${name} has ${value}, which is of ${owner} already`;
      }
      owners.set(value.toUpperCase(), name);
    }
  }
  return null;
}
