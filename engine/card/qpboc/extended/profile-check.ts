/**
 * What the JSON Schema of a profile of the extended application cannot say: fields lie behind the
 * record's id and within it and do not overlap, type bytes are of one type, and the bits of DF61
 * are some.
 */
import type { Field } from '../../journey-record.ts';
import type { ExtendedProfile } from './profile.ts';

const ID_BYTES = 2;

/** The first problem, naming its field as the schema's errors do, or null. */
export function checkExtendedProfile({ record, services }: ExtendedProfile): string | null {
  return fieldsProblem(record) ?? typesProblem(record.types) ?? bitsProblem(services);
}

function fieldsProblem({ fields, length }: ExtendedProfile['record']): string | null {
  const owners: (string | undefined)[] = new Array(length);
  owners.fill('the id', 0, ID_BYTES);
  for (const [name, field] of Object.entries<Field | null>({ ...fields })) {
    if (field === null) continue;
    const path = `field /record/fields/${name}`;
    if (field.offset + field.length > length) {
      return `${path} must lie in the record's ${length} bytes`;
    }
    for (let at = field.offset; at < field.offset + field.length; at++) {
      if (owners[at] !== undefined) return `${path} overlaps ${owners[at]}`;
      owners[at] = name;
    }
  }
  return null;
}

function typesProblem(types: ExtendedProfile['record']['types']): string | null {
  const owners = new Map<string, string>();
  for (const [name, values] of Object.entries(types)) {
    for (const value of values) {
      const owner = owners.get(value.toUpperCase());
      if (owner !== undefined) {
        return `field /record/types/${name} has ${value}, which is of ${owner} already`;
      }
      owners.set(value.toUpperCase(), name);
    }
  }
  return null;
}

function bitsProblem(services: ExtendedProfile['services']): string | null {
  if (services.from === 'none') return null;
  for (const name of ['segmented', 'preAuthorised'] as const) {
    if (services[name] === '00') return `field /services/${name} must have a bit`;
  }
  return null;
}
