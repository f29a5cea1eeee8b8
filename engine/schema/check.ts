/**
 * Checks data from outside (profiles, key files, configuration) against JSON Schema 2020-12, and
 * names the field that does not fit. The one importer of ajv.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { type ErrorCode, FaregateError } from '../errors.ts';
import { parseJson } from '../json-fault.ts';

const ajv = new Ajv2020({ allErrors: false, strict: true, useDefaults: false });
const compiled = new WeakMap<object, ValidateFunction>();

/**
 * Returns `data` as `T` when it fits `schema` (which the caller keeps equal to `T`).
 * @throws FaregateError `code`, with `what` (a file name) and the path of the field.
 */
export function checkSchema<T>(schema: object, data: unknown, code: ErrorCode, what: string): T {
  let validate = compiled.get(schema);
  if (!validate) {
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  if (!validate(data)) throw new FaregateError(code, `${what}: ${describe(validate.errors?.[0])}`);
  return data as T;
}

/** Parses JSON text and checks it. @throws FaregateError `code`, naming the place or the field. */
export function parseChecked<T>(schema: object, text: string, code: ErrorCode, what: string): T {
  return checkSchema<T>(schema, parseJson(text, code, what), code, what);
}

function describe(error: ErrorObject | undefined): string {
  if (!error) return 'does not fit its schema';
  const path = error.instancePath === '' ? 'the document' : `field ${error.instancePath}`;
  const extra = error.params.additionalProperty ?? error.params.allowedValues;
  return `${path} ${error.message}${extra === undefined ? '' : `: ${JSON.stringify(extra)}`}`;
}
