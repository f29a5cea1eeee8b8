/** Profiles of e-cash's extended application by the name or file that a configuration gives. */
import { readFile } from 'node:fs/promises';
import {
  type CompiledExtendedProfile,
  compileExtendedProfile,
  parseExtendedProfile,
} from '../../engine/card/qpboc/extended/profile.ts';
import { heldFare, segmentedFare } from '../../engine/card/qpboc/extended/profiles.ts';
import { FaregateError, systemText } from '../../engine/errors.ts';

/** @throws FaregateError FILE_UNREADABLE, PROFILE_INVALID naming the field. */
export async function openExtendedProfile(nameOrFile: string): Promise<CompiledExtendedProfile> {
  const builtIn = [segmentedFare, heldFare].find(({ name }) => name === nameOrFile);
  if (builtIn) return compileExtendedProfile(builtIn);
  let text: string;
  try {
    text = await readFile(nameOrFile, 'utf8');
  } catch (cause) {
    const name = `${nameOrFile}: no built-in profile of the extended application`;
    const message = `${name}, and as a file: ${systemText(cause)}`;
    throw new FaregateError('FILE_UNREADABLE', message, { cause });
  }
  return compileExtendedProfile(parseExtendedProfile(text, nameOrFile));
}
