/** Settings in a JSON file of which every member, and the file itself, may be left out. */
import { readFile } from 'node:fs/promises';
import { FaregateError, systemCode, systemText } from '../errors.ts';
import { parseChecked } from './check.ts';

/**
 * What the file says over the defaults.
 * @param schema of the members that are given
 * @throws FaregateError CONFIG_INVALID naming the field, FILE_UNREADABLE.
 */
export async function readSettingsFile<T extends object>(
  path: string,
  schema: object,
  defaults: T,
): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return defaults;
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  return { ...defaults, ...parseChecked<Partial<T>>(schema, text, 'CONFIG_INVALID', path) };
}
