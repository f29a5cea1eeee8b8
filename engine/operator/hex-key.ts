/** A key of 32 bytes in a file of its own, in hexadecimal. */
import { readFile } from 'node:fs/promises';
import { fromHex, isHex } from '../bytes.ts';
import { FaregateError, systemText } from '../errors.ts';

/** @throws FaregateError KEYS_INVALID, FILE_UNREADABLE naming the file. */
export async function readHexKey(path: string): Promise<Uint8Array> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  if (!isHex(text, 32)) {
    throw new FaregateError('KEYS_INVALID', `${path}: not 32 bytes in hexadecimal`);
  }
  return fromHex(text);
}
