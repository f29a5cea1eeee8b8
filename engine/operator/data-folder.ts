/**
 * What tells an engine's data folder from any other: a mistyped `--data` must not found another
 * engine, with an authority, accounts or parameters of its own that no gate ever hears of.
 */
import { readdir } from 'node:fs/promises';

/** One of these is in every folder that an engine or an office has worked in. */
const MARKS = [
  'storage.key',
  'gates.json',
  'pki',
  'ledger',
  'cards',
  'cards.json',
  'openloop.json',
] as const;

/**
 * Whether commands may make what they lack in a folder: it is an engine's, or is there and empty
 * (`lost+found` and names that begin with a dot do not count), made for one.
 */
export async function isDataFolder(path: string): Promise<boolean> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch {
    return false;
  }
  const isMark = (name: string) => (MARKS as readonly string[]).includes(name);
  return names.some(isMark) || names.every((name) => /^(\.|lost\+found$)/.test(name));
}
