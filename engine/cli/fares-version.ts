/** Versions as options name them: a directory, and a number where it is not the newest. */
import { FaregateError } from '../errors.ts';
import type { FareVersion } from '../fare/version.ts';
import { openFareSets } from '../operator/fare-files.ts';

/** `DIR` or `DIR@N`. @throws FaregateError USAGE where there is no such version. */
export async function openVersion(text: string): Promise<FareVersion> {
  const [, dir, number] = /^(.*?)(?:@(\d{1,10}))?$/s.exec(text)!;
  const sets = await openFareSets(dir!);
  const set =
    number === undefined ? sets.at(-1) : sets.find(({ version }) => version === Number(number));
  if (set) return set;
  const held = sets.map(({ version }) => version).join(', ');
  throw new FaregateError('USAGE', `${dir} holds no version ${number}; there are ${held}`);
}
