/**
 * Denylist files and signing keys on the operator's disk. A list comes into its name whole and
 * synced. The Ed25519 signing key is PKCS#8 in PEM for its owner only, encrypted where
 * FAREGATE_SIGNING_PASSPHRASE is set; the public key beside it is what gates are given.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { DenylistForm } from '../denylist/key-table.ts';
import type { ListHead } from '../denylist/list-head.ts';
import { verifier } from '../denylist/signing.ts';
import { StopList } from '../denylist/stop-list.ts';
import { applyDelta, emptyList, Successor } from '../denylist/successor.ts';
import { FaregateError } from '../errors.ts';
import { KEY_FILE_BYTES_MAX } from '../limits.ts';
import { readPieces, readText, writeWhole } from '../pki/files.ts';

type Env = Readonly<Record<string, string | undefined>>;

const READ_BYTES = 1024 * 1024;

/**
 * Makes a signing key in `path` and its public key in `path`.pub.
 * @throws FaregateError FILE_UNWRITABLE where there is a file already; DISK_FULL.
 */
export async function createSigningKey(path: string, env: Env): Promise<void> {
  const there = await access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
  if (there) {
    const message = `${path} is there already; lists signed with it would not verify any more`;
    throw new FaregateError('FILE_UNWRITABLE', message);
  }
  const passphrase = env.FAREGATE_SIGNING_PASSPHRASE;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const sealed = passphrase ? { cipher: 'aes-256-cbc', passphrase } : {};
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8', ...sealed });
  await writeWhole(path, [String(pem)], 0o600);
  const publicPem = String(publicKey.export({ format: 'pem', type: 'spki' }));
  await writeWhole(`${path}.pub`, [publicPem], 0o644);
}

/** @throws FaregateError KEYS_REFUSED naming the file, FILE_UNREADABLE. */
export async function readSigningKey(path: string, env: Env): Promise<KeyObject> {
  const passphrase = env.FAREGATE_SIGNING_PASSPHRASE;
  return readKey(path, (pem) =>
    createPrivateKey({ key: pem, ...(passphrase ? { passphrase } : {}) }),
  );
}

/** @throws FaregateError KEYS_REFUSED naming the file, FILE_UNREADABLE. */
export async function readPublicKey(path: string): Promise<KeyObject> {
  return readKey(path, (pem) => createPublicKey(pem));
}

async function readKey(path: string, parse: (pem: string) => KeyObject): Promise<KeyObject> {
  const pem = await readText(path, KEY_FILE_BYTES_MAX);
  let key: KeyObject;
  try {
    key = parse(pem);
  } catch (cause) {
    const message = `${path}: no key in PEM, or FAREGATE_SIGNING_PASSPHRASE does not open it`;
    throw new FaregateError('KEYS_REFUSED', message, { cause });
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new FaregateError('KEYS_REFUSED', `${path}: not an Ed25519 key`);
}

export interface ReadChain {
  readonly list: StopList;
  /** Of each file, in order. */
  readonly heads: readonly ListHead[];
}

/**
 * Reads a full list and the deltas that follow it, verifying each as a gate does.
 * @param keyCheck of the hashing key, or null where no number will be looked up.
 * @throws FaregateError DENYLIST_REFUSED, DENYLIST_GAP, FILE_UNREADABLE, naming the file.
 */
export async function readListChain(
  paths: readonly string[],
  publicKey: KeyObject,
  keyCheck: number | null,
  form: DenylistForm = 'small',
): Promise<ReadChain> {
  let list = emptyList(form);
  const heads: ListHead[] = [];
  for (const source of paths) {
    const verify = verifier(publicKey);
    const successor = new Successor(list, { source, verify, keyCheck, form });
    for await (const piece of readPieces(source, READ_BYTES)) successor.push(piece);
    const next = run(successor.end());
    heads.push(successor.head!);
    list = next instanceof StopList ? next : run(applyDelta(list, next, source));
  }
  return { list, heads };
}

/** Runs work in slices to its end at once: nothing else waits in a command. */
function run<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
