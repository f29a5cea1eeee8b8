/** DESFire profiles by the name or file that a user gives (`docs/desfire.md`). */
import { readFile } from 'node:fs/promises';
import {
  type CompiledDesfireProfile,
  compileDesfireProfile,
  compileGateProfile,
} from '../card/desfire/compile.ts';
import { type IssuingPlan, issuingPlan } from '../card/desfire/issuing/plan.ts';
import { type DesfireProfile, parseDesfireProfile } from '../card/desfire/profile.ts';
import {
  type DesfireProfileName,
  desfireProfile,
  desfireProfileNames,
} from '../card/desfire/profiles.ts';
import { FaregateError, systemText } from '../errors.ts';

/** Built-in profiles that gates take. */
export const gateDesfireNames: readonly string[] = ['desfire-ev2', 'desfire-light'];

/**
 * A profile as gates and the back office take it.
 * @throws FaregateError FILE_UNREADABLE, PROFILE_INVALID naming the field.
 */
export async function openDesfireProfile(nameOrFile: string): Promise<CompiledDesfireProfile> {
  return compileGateProfile(await readDesfireProfile(nameOrFile), nameOrFile);
}

/** What a card of a profile is to have. @throws as `openDesfireProfile`. */
export async function openIssuingPlan(nameOrFile: string): Promise<IssuingPlan> {
  const profile = compileDesfireProfile(await readDesfireProfile(nameOrFile));
  return issuingPlan(profile, nameOrFile);
}

async function readDesfireProfile(nameOrFile: string): Promise<DesfireProfile> {
  if (isBuiltIn(nameOrFile)) return desfireProfile(nameOrFile);
  let text: string;
  try {
    text = await readFile(nameOrFile, 'utf8');
  } catch (cause) {
    const message = `${nameOrFile}: no built-in DESFire profile, and as a file: ${systemText(cause)}`;
    throw new FaregateError('FILE_UNREADABLE', message, { cause });
  }
  return parseDesfireProfile(text, nameOrFile);
}

function isBuiltIn(name: string): name is DesfireProfileName {
  return (desfireProfileNames as readonly string[]).includes(name);
}
