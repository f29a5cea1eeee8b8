/** What a profile's JSON Schema cannot say: fields lie inside their file and do not overlap. */
import type { Field } from '../journey-record.ts';
import type { PurseProfile } from './profile.ts';

/** The first problem, naming its field as the schema's errors do, or null. */
export function checkProfile(profile: PurseProfile): string | null {
  const { publicFile, key, journeyFile, riderClass, counter } = profile;
  const { sfi: _sfi, length, fciTag: _fciTag, ...fields } = publicFile;
  const problem =
    fieldsProblem('/publicFile', fields, length) ?? factorsProblem(key.factors, length);
  if (problem !== null) return problem;
  if (key.algorithms[key.algorithm] === undefined) {
    return `field /key/algorithm must be one of /key/algorithms: ${JSON.stringify(key.algorithm)}`;
  }
  if (riderClass !== null && riderClass.offset + riderClass.length > length) {
    return `field /riderClass must lie in the ${length} bytes of the public file`;
  }
  if (counter.restartAt > counter.last) return 'field /counter/restartAt must be <= /counter/last';
  if (journeyFile === null) return null;
  return (
    fieldsProblem('/journeyFile/fields', { ...journeyFile.fields }, journeyFile.length) ??
    typesProblem(journeyFile.types)
  );
}

function fieldsProblem(
  path: string,
  fields: Readonly<Record<string, Field | null>>,
  length: number,
): string | null {
  const owners: (string | undefined)[] = new Array(length);
  for (const [name, field] of Object.entries(fields)) {
    if (!field) continue;
    if (field.offset + field.length > length) {
      return `field ${path}/${name} must lie in the file's ${length} bytes`;
    }
    for (let at = field.offset; at < field.offset + field.length; at++) {
      if (owners[at] !== undefined) return `field ${path}/${name} overlaps ${owners[at]}`;
      owners[at] = name;
    }
  }
  return null;
}

function factorsProblem(factors: readonly Field[], length: number): string | null {
  const outside = factors.findIndex((factor) => factor.offset + factor.length > length);
  if (outside < 0) return null;
  return `field /key/factors/${outside} must lie in the ${length} bytes of the public file`;
}

function typesProblem(types: Readonly<Record<string, readonly string[]>>): string | null {
  const owners = new Map<string, string>();
  for (const [name, values] of Object.entries(types)) {
    for (const value of values) {
      const owner = owners.get(value.toUpperCase());
      if (owner !== undefined) {
        return `field /journeyFile/types/${name} has ${value}, which is of ${owner} already`;
      }
      owners.set(value.toUpperCase(), name);
    }
  }
  return null;
}
