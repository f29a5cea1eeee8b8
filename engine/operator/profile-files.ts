/** Scheme profiles by the name or file that a user gives (`docs/profiles.md`). */
import { readFile } from 'node:fs/promises';
import { type PurseProfile, parseProfile } from '../card/purse/profile.ts';
import { builtInProfile, isBuiltInProfile } from '../card/purse/profiles.ts';
import { FaregateError } from '../errors.ts';

/** @throws FaregateError FILE_UNREADABLE, PROFILE_INVALID naming the field. */
export async function openProfile(nameOrFile: string): Promise<PurseProfile> {
  if (isBuiltInProfile(nameOrFile)) return builtInProfile(nameOrFile);
  let text: string;
  try {
    text = await readFile(nameOrFile, 'utf8');
  } catch (cause) {
    const message = `${nameOrFile}: no built-in profile and no file`;
    throw new FaregateError('FILE_UNREADABLE', message, { cause });
  }
  return parseProfile(text, nameOrFile);
}
