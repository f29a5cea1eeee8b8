/**
 * Parameter sets on the operator's disk: `sets/VERSION.set` are signed manifests, `items/SHA256` the
 * items they name. Items come before the manifest that names them, each whole and synced, so that a
 * set is there whole or not at all; a set is never written over.
 */
import { createHash } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FaregateError, systemCode, systemText } from '../errors.ts';
import { MANIFEST_BYTES_MAX, PARAMETER_SETS_MAX } from '../limits.ts';
import { decodeManifest, type Manifest, type ParameterItem } from '../parameters/manifest.ts';
import { readPieces, syncDirectory, writeWhole } from '../pki/files.ts';

/** What is published is for gates' eyes; lists hold keyed hashes only. */
const FILE_MODE = 0o644;
const READ_BYTES = 1024 * 1024;

type Verify = (message: Uint8Array, signature: Uint8Array) => boolean;

export interface PublishedSet {
  readonly manifest: Manifest;
  /** The signed manifest. */
  readonly bytes: Uint8Array;
}

/** The folder of an engine's parameter sets within its data folder. */
export function parametersDir(dataDir: string): string {
  return join(dataDir, 'parameters');
}

export function setFile(dir: string, version: number): string {
  return join(dir, 'sets', `${version}.set`);
}

export function itemFile(dir: string, { sha256 }: Pick<ParameterItem, 'sha256'>): string {
  return join(dir, 'items', sha256);
}

/** Versions published, rising; none where the folder is missing. @throws FILE_UNREADABLE. */
export async function publishedVersions(dir: string): Promise<number[]> {
  try {
    return (await readdir(join(dir, 'sets')))
      .flatMap((name) => /^([1-9]\d{0,7})\.set$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return [];
    throw new FaregateError('FILE_UNREADABLE', `${dir}: ${systemText(cause)}`, { cause });
  }
}

/**
 * One published set. @throws FaregateError PARAMETERS_REFUSED, FILE_UNREADABLE naming the file.
 */
export async function readSet(dir: string, version: number, verify: Verify): Promise<PublishedSet> {
  const path = setFile(dir, version);
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size > MANIFEST_BYTES_MAX) {
      throw new FaregateError('PARAMETERS_REFUSED', `${path}: over ${MANIFEST_BYTES_MAX} bytes`);
    }
    bytes = new Uint8Array(await readFile(path));
  } catch (cause) {
    if (cause instanceof FaregateError) throw cause;
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  const manifest = decodeManifest(bytes, verify, path);
  if (manifest.version === version) return { manifest, bytes };
  throw new FaregateError('PARAMETERS_REFUSED', `${path}: holds set ${manifest.version}`);
}

/**
 * Checks that an item is there as its set names it.
 * @throws FaregateError PARAMETERS_REFUSED, FILE_UNREADABLE naming the file
 */
export async function checkItem(dir: string, item: ParameterItem): Promise<void> {
  const path = itemFile(dir, item);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of readPieces(path, READ_BYTES)) {
    bytes += piece.length;
    hash.update(piece);
  }
  if (bytes === item.bytes && hash.digest('hex') === item.sha256) return;
  const why = `${item.kind} ${item.name} is damaged`;
  throw new FaregateError('PARAMETERS_REFUSED', `${path}: ${why}`);
}

/** An item that is to be published: its content in parts. */
export interface NewItem extends Omit<ParameterItem, 'bytes' | 'sha256'> {
  readonly parts: readonly Uint8Array[];
}

/** Size and hash of an item's content. */
export function nameItem({ kind, name, version, parts }: NewItem): ParameterItem {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  return { kind, name, version, bytes, sha256: hash.digest('hex') };
}

/**
 * Publishes a set: its items, then its signed manifest `bytes`. Nothing of it is seen before that.
 * @throws FaregateError PARAMETERS_REFUSED where there is a set of this version, or too many sets;
 *   DISK_FULL, FILE_UNWRITABLE, FILE_UNREADABLE.
 */
export async function writeSet(
  dir: string,
  version: number,
  bytes: Uint8Array,
  items: readonly NewItem[],
): Promise<void> {
  for (const folder of ['sets', 'items']) await makeFolder(join(dir, folder));
  const versions = await publishedVersions(dir);
  if (versions.length >= PARAMETER_SETS_MAX) {
    const many = `${versions.length} sets are published; move the oldest away`;
    throw new FaregateError('PARAMETERS_REFUSED', `${dir}: ${many}`);
  }
  for (const item of items) {
    await writeWhole(itemFile(dir, nameItem(item)), item.parts, FILE_MODE);
  }
  const path = setFile(dir, version);
  const beside = `${path}.${process.pid}`;
  try {
    await writeWhole(beside, [bytes], FILE_MODE);
    // Unlike a rename it fails where somebody else has published this version.
    await link(beside, path);
    await syncDirectory(join(dir, 'sets'));
  } catch (cause) {
    if (cause instanceof FaregateError) throw cause;
    const why = systemText(cause);
    if (systemCode(cause) !== 'EEXIST') {
      throw new FaregateError('FILE_UNWRITABLE', `cannot write ${path}: ${why}`, { cause });
    }
    throw new FaregateError('PARAMETERS_REFUSED', `${path} is published already`, { cause });
  } finally {
    await rm(beside, { force: true }).catch(() => {});
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    const why = systemText(cause);
    throw new FaregateError('FILE_UNWRITABLE', `cannot make ${path}: ${why}`, { cause });
  }
}
