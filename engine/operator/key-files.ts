/**
 * Key files on disk: read within bounds, opened with a passphrase, written whole or not at all and
 * for their owner only. The passphrase comes from FAREGATE_PASSPHRASE, else the file an option
 * names, else `FILE.pass` beside the key file.
 */
import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { type KeySet, parseKeySet, printKeySet } from '../crypto/key-set.ts';
import { isSealed, openSealedKeys, requireSealed, sealKeys } from '../crypto/sealed-keys.ts';
import { type ErrorCode, FaregateError, systemCode, systemText } from '../errors.ts';
import { KEY_FILE_BYTES_MAX, PASSPHRASE_BYTES_MAX } from '../limits.ts';
import { writeWhole } from '../pki/files.ts';

/** Where a passphrase may come from, besides `FILE.pass`. */
export interface PassphraseOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly passphraseFile?: string;
}

/** Mode of everything written here. */
const OWNER_ONLY = 0o600;
const NEW_PASSPHRASE_BYTES = 24;

/**
 * Opens the sealed key file.
 * @throws FaregateError KEYS_REFUSED, KEYS_INVALID, FILE_UNREADABLE.
 */
export async function loadKeyFile(path: string, options: PassphraseOptions): Promise<KeySet> {
  const sealed = await readBounded(path, KEY_FILE_BYTES_MAX, 'KEYS_REFUSED');
  requireSealed(sealed, path);
  const passphrase = await findPassphrase(path, options);
  if (passphrase === null) {
    const ways = `set FAREGATE_PASSPHRASE, give --passphrase-file, or write ${passFileOf(path)}`;
    throw new FaregateError('KEYS_REFUSED', `${path}: no passphrase: ${ways}`);
  }
  const text = new TextDecoder().decode(openSealedKeys(sealed, passphrase, path));
  const set = parseKeySet(text, path);
  if (set.cardHash === null) {
    throw new FaregateError('KEYS_INVALID', `${path}: field /cardHash is missing`);
  }
  return { ...set, cardHash: set.cardHash };
}

/**
 * Seals `set` into `path`. @throws FaregateError FILE_UNWRITABLE, DISK_FULL; the old file stays.
 */
async function saveKeyFile(path: string, set: KeySet, passphrase: string): Promise<void> {
  const random = { salt: freshBytes(16), nonce: freshBytes(24) };
  const content = new TextEncoder().encode(printKeySet(set));
  await writeWhole(path, [sealKeys(content, passphrase, random)], OWNER_ONLY);
}

/** What `importKeyFile` made besides the key file. */
export interface Imported {
  readonly set: KeySet;
  /** The file a new random passphrase was written to, or null: one was given. */
  readonly passphraseFile: string | null;
}

/**
 * Seals the clear key file `from` into `to`. Without a card-hash key in it, makes one; without any
 * passphrase given, makes one and writes it to `to`.pass.
 * @throws FaregateError KEYS_INVALID naming the field, FILE_UNREADABLE, FILE_UNWRITABLE, DISK_FULL.
 */
export async function importKeyFile(
  from: string,
  to: string,
  options: PassphraseOptions,
): Promise<Imported> {
  const bytes = await readBounded(from, KEY_FILE_BYTES_MAX, 'KEYS_INVALID');
  if (isSealed(bytes)) {
    const message = `${from}: sealed already; what is imported is the JSON in clear`;
    throw new FaregateError('KEYS_INVALID', message);
  }
  const clear = parseKeySet(new TextDecoder().decode(bytes), from);
  const set = { ...clear, cardHash: clear.cardHash ?? freshBytes(16) };
  let passphrase = await findPassphrase(to, options);
  let passphraseFile: string | null = null;
  if (passphrase === null) {
    passphrase = Buffer.from(freshBytes(NEW_PASSPHRASE_BYTES)).toString('base64url');
    passphraseFile = passFileOf(to);
    await writeWhole(passphraseFile, [`${passphrase}\n`], OWNER_ONLY);
  }
  try {
    await saveKeyFile(to, set, passphrase);
  } catch (error) {
    // A passphrase of no file would be taken for that of the next one of this name.
    if (passphraseFile !== null) await rm(passphraseFile, { force: true });
    throw error;
  }
  return { set, passphraseFile };
}

function passFileOf(keyFile: string): string {
  return `${keyFile}.pass`;
}

function freshBytes(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}

/** The passphrase for `keyFile`, or null where none is given and no `.pass` lies beside it. */
async function findPassphrase(keyFile: string, options: PassphraseOptions): Promise<string | null> {
  const fromEnv = options.env?.FAREGATE_PASSPHRASE;
  if (fromEnv) return checked(fromEnv, 'FAREGATE_PASSPHRASE');
  const file = options.passphraseFile ?? passFileOf(keyFile);
  let bytes: Uint8Array;
  try {
    bytes = await readBounded(file, PASSPHRASE_BYTES_MAX, 'KEYS_REFUSED');
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (options.passphraseFile === undefined && systemCode(cause) === 'ENOENT') return null;
    throw error;
  }
  // The end of line an editor adds is not part of it.
  return checked(new TextDecoder().decode(bytes).replace(/\r?\n$/, ''), file);
}

function checked(passphrase: string, where: string): string {
  if (passphrase === '') throw new FaregateError('KEYS_REFUSED', `${where}: empty passphrase`);
  if (Buffer.byteLength(passphrase) > PASSPHRASE_BYTES_MAX) {
    const bound = `longer than ${PASSPHRASE_BYTES_MAX} bytes`;
    throw new FaregateError('KEYS_REFUSED', `${where}: passphrase ${bound}`);
  }
  return passphrase;
}

/** Reads a file of at most `max` bytes, and not one byte more of a larger one. */
async function readBounded(path: string, max: number, tooLarge: ErrorCode): Promise<Uint8Array> {
  const buffer = new Uint8Array(max + 1);
  let length = 0;
  try {
    const file = await open(path, 'r');
    try {
      for (let got = 1; got > 0 && length <= max; length += got) {
        got = (await file.read(buffer, length, buffer.length - length)).bytesRead;
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    const message = `cannot read ${path}: ${systemText(cause)}`;
    throw new FaregateError('FILE_UNREADABLE', message, { cause });
  }
  if (length > max) throw new FaregateError(tooLarge, `${path}: larger than ${max} bytes`);
  return buffer.slice(0, length);
}
