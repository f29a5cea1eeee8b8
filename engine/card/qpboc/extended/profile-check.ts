/**
 * What the JSON Schema of a profile of the extended application cannot say: fields lie behind the
 * record's id and within it and do not overlap, type bytes are of one type, and the bits of DF61
 * are some.
 */
import { fieldsProblem, typesProblem } from '../../record-check.ts';
import type { ExtendedProfile } from './profile.ts';

const ID_BYTES = 2;

/** The first problem, naming its field as the schema's errors do, or null. */
export function checkExtendedProfile({ record, services }: ExtendedProfile): string | null {
  const { fields, length, types } = record;
  return (
    fieldsProblem('/record', fields, length, ID_BYTES) ??
    typesProblem('/record', types) ??
    bitsProblem(services)
  );
}

function bitsProblem(services: ExtendedProfile['services']): string | null {
  if (services.from === 'none') return null;
  for (const name of ['segmented', 'preAuthorised'] as const) {
    if (services[name] === '00') return `field /services/${name} must have a bit`;
  }
  return null;
}
