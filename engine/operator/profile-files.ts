/** Scheme profiles by the name or file that a user gives (`docs/profiles.md`, `docs/desfire.md`). */
import { readFile } from 'node:fs/promises';
import { desfireProfileNames } from '../card/desfire/profiles.ts';
import { type PurseProfile, parseProfile } from '../card/purse/profile.ts';
import { builtInProfile, isBuiltInProfile } from '../card/purse/profiles.ts';
import { FaregateError, systemText } from '../errors.ts';
import { PROFILE_FILE_BYTES_MAX } from '../limits.ts';

/** Whether the name is a built-in DESFire profile's, or the file has what only these have. */
export async function isDesfireProfile(nameOrFile: string): Promise<boolean> {
  if ((desfireProfileNames as readonly string[]).includes(nameOrFile)) return true;
  const text = await readFile(nameOrFile, 'utf8').catch(() => '');
  return text.length <= PROFILE_FILE_BYTES_MAX && /"valueFile"\s*:/.test(text);
}

/** @throws FaregateError FILE_UNREADABLE, PROFILE_INVALID naming the field. */
export async function openProfile(nameOrFile: string): Promise<PurseProfile> {
  if (isBuiltInProfile(nameOrFile)) return builtInProfile(nameOrFile);
  let text: string;
  try {
    text = await readFile(nameOrFile, 'utf8');
  } catch (cause) {
    const message = `${nameOrFile}: no built-in profile, and as a file: ${systemText(cause)}`;
    throw new FaregateError('FILE_UNREADABLE', message, { cause });
  }
  return parseProfile(text, nameOrFile);
}
