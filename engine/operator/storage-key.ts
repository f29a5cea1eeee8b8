/** The operator's storage key: 32 bytes that seal evidence, `storage.key` in the data folder. */
import { randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromHex, isHex, toHex } from '../bytes.ts';
import { FaregateError, systemCode } from '../errors.ts';

const FILE = 'storage.key';

/** Makes the key at the first start. @throws FaregateError KEYS_INVALID, FILE_UNREADABLE. */
export async function makeStorageKey(dataDir: string): Promise<Uint8Array> {
  try {
    const file = await open(join(dataDir, FILE), 'wx', 0o600);
    await file.writeFile(`${toHex(new Uint8Array(randomBytes(32)))}\n`);
    await file.sync();
    await file.close();
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  return await readStorageKey(dataDir);
}

/** @throws FaregateError KEYS_INVALID, FILE_UNREADABLE. */
export async function readStorageKey(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, FILE);
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${(cause as Error).message}`, { cause });
  }
  if (!isHex(text, 32)) {
    throw new FaregateError('KEYS_INVALID', `${path}: not 32 bytes in hexadecimal`);
  }
  return fromHex(text);
}
