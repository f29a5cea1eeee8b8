/** The operator's storage key: 32 bytes that seal evidence, `storage.key` in the data folder. */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../bytes.ts';
import { systemCode } from '../errors.ts';
import { readHexKey } from './hex-key.ts';

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
  return await readHexKey(join(dataDir, FILE));
}
