/**
 * Publishing parameter sets: reads what an operator names, checks it as a gate will, signs, writes.
 * A rollback is a new set that names what an older one held.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseProfile } from '../card/purse/profile.ts';
import { signer, verifier } from '../denylist/signing.ts';
import { FaregateError, systemText } from '../errors.ts';
import { PARAMETER_ITEM_BYTES_MAX, PARAMETER_TEXT_BYTES_MAX } from '../limits.ts';
import { packFares } from '../parameters/fares-item.ts';
import type { ItemKind } from '../parameters/item-kinds.ts';
import { encodeManifest, faultOf, type Manifest } from '../parameters/manifest.ts';
import { parseGateSettings, parseKeyVersions, parseModes } from '../parameters/text-items.ts';
import { restoring } from '../parameters/versions.ts';
import { readText } from '../pki/files.ts';
import { readListChain } from './denylist-files.ts';
import { openFareSets } from './fare-files.ts';
import {
  checkItem,
  type NewItem,
  nameItem,
  publishedVersions,
  readSet,
  writeSet,
} from './parameter-files.ts';

/** What a set is to hold, as files of the operator; what is absent is not in it. */
export interface Sources {
  /** A folder of fare versions, or `sample`. */
  readonly fares?: string;
  /** A full list and the deltas on it, in order, and the key they are signed with. */
  readonly denylist?: readonly string[];
  readonly listKey?: KeyObject;
  /** Files of scheme profiles, in the order of selection. */
  readonly profiles?: readonly string[];
  readonly keyVersions?: string;
  readonly gateConfig?: string;
  readonly modes?: readonly string[];
}

export interface Publishing {
  readonly dir: string;
  readonly signingKey: KeyObject;
  /** null takes the next number. */
  readonly version: number | null;
  readonly effectiveMs: number;
  readonly nowMs: number;
}

/**
 * Publishes a set of what `sources` name; kinds they do not name come from the set `base`, where
 * one is given.
 * @param gates ids of the gates it is for; none: all
 * @throws FaregateError naming the file and what is wrong in it; nothing is published then.
 */
export async function publishSet(
  publishing: Publishing,
  sources: Sources,
  gates: readonly string[],
  base: number | null,
): Promise<Manifest> {
  const { dir, signingKey, effectiveMs, nowMs } = publishing;
  const verify = verifier(createPublicKey(signingKey));
  const before = await newestSet(dir, verify);
  const version = nextVersion(publishing, before);
  const based = base === null ? null : (await readSet(dir, base, verify)).manifest;
  const fresh = await readSources(sources, version, createPublicKey(signingKey));
  const given = new Set(fresh.map(({ kind }) => kind));
  // A list and its deltas belong together.
  if (given.has('denylist')) given.add('denylistDelta');
  const carried = (based?.items ?? []).filter(({ kind }) => !given.has(kind));
  for (const item of carried) await checkItem(dir, item);
  const known = new Map(before?.items.map((item) => [item.sha256, item.version]));
  const items = [...fresh.map((item) => nameItem(item)), ...carried].map((item) => ({
    ...item,
    version: item.version === version ? (known.get(item.sha256) ?? version) : item.version,
  }));
  const manifest: Manifest = {
    version,
    effectiveMs,
    issuedMs: nowMs,
    restores: null,
    gates: [...new Set(gates)].sort(),
    items,
  };
  await write(dir, manifest, fresh, signingKey);
  return manifest;
}

/**
 * Puts the content of the set `to` in force again, under a new version, for the gates of the newest.
 * @param keep kinds that stay as the newest set has them
 * @throws FaregateError PARAMETERS_REFUSED, FILE_UNREADABLE
 */
export async function rollBack(
  publishing: Publishing,
  to: number,
  keep: ReadonlySet<ItemKind>,
): Promise<Manifest> {
  const { dir, signingKey, effectiveMs, nowMs } = publishing;
  const verify = verifier(createPublicKey(signingKey));
  const current = await newestSet(dir, verify);
  if (!current || to >= current.version) {
    const newest = current ? `${current.version} is the newest` : 'none is published';
    throw new FaregateError('PARAMETERS_REFUSED', `set ${to} is no older set: ${newest}`);
  }
  const older = (await readSet(dir, to, verify)).manifest;
  const version = nextVersion(publishing, current);
  const manifest = restoring(older, { version, effectiveMs, issuedMs: nowMs, keep, current });
  for (const item of manifest.items) await checkItem(dir, item);
  await write(dir, manifest, [], signingKey);
  return manifest;
}

async function newestSet(
  dir: string,
  verify: (message: Uint8Array, signature: Uint8Array) => boolean,
): Promise<Manifest | null> {
  const newest = (await publishedVersions(dir)).at(-1);
  if (newest === undefined) return null;
  // Signed with another key, gates would refuse what comes after it.
  return (await readSet(dir, newest, verify)).manifest;
}

function nextVersion({ version }: Publishing, before: Manifest | null): number {
  const last = before?.version ?? 0;
  if (version === null) return last + 1;
  if (version > last) return version;
  throw new FaregateError('PARAMETERS_REFUSED', `set ${last} is published; versions rise`);
}

async function write(
  dir: string,
  manifest: Manifest,
  fresh: readonly NewItem[],
  signingKey: KeyObject,
): Promise<void> {
  const fault = faultOf(manifest);
  if (fault !== null) throw new FaregateError('PARAMETERS_REFUSED', `this set: ${fault}`);
  await writeSet(dir, manifest.version, encodeManifest(manifest, signer(signingKey)), fresh);
}

async function readSources(
  sources: Sources,
  version: number,
  publicKey: KeyObject,
): Promise<NewItem[]> {
  const items: NewItem[] = [];
  if (sources.fares !== undefined) {
    for (const set of await openFareSets(sources.fares)) {
      const { version: of } = set;
      items.push({ kind: 'fares', name: `v${of}`, version: of, parts: [packFares(set)] });
    }
  }
  if (sources.denylist) {
    items.push(...(await readLists(sources.denylist, sources.listKey ?? publicKey)));
  }
  for (const path of sources.profiles ?? []) {
    const text = await readText(path, PARAMETER_TEXT_BYTES_MAX);
    const { name } = parseProfile(text, path);
    items.push({ kind: 'profile', name, version, parts: [Buffer.from(text)] });
  }
  const texts = [
    ['keys', sources.keyVersions, parseKeyVersions],
    ['gateConfig', sources.gateConfig, parseGateSettings],
  ] as const;
  for (const [kind, path, parse] of texts) {
    if (path === undefined) continue;
    const text = await readText(path, PARAMETER_TEXT_BYTES_MAX);
    parse(text, path);
    items.push({ kind, name: kind, version, parts: [Buffer.from(text)] });
  }
  if (sources.modes) {
    const text = JSON.stringify(sources.modes);
    parseModes(text, '--mode');
    items.push({ kind: 'mode', name: 'mode', version, parts: [Buffer.from(text)] });
  }
  return items;
}

/** Verified as a gate does, all but the key their cards are hashed under. */
async function readLists(paths: readonly string[], listKey: KeyObject): Promise<NewItem[]> {
  const { heads } = await readListChain(paths, listKey, null, 'small');
  const items: NewItem[] = [];
  for (const [index, { kind, version, fromVersion }] of heads.entries()) {
    if ((kind === 'full') !== (index === 0)) {
      const what = 'a full list comes first, then the deltas on it';
      throw new FaregateError('DENYLIST_REFUSED', `${paths[index]}: ${what}`);
    }
    const full = kind === 'full';
    items.push({
      kind: full ? 'denylist' : 'denylistDelta',
      name: full ? `full-${version}` : `delta-${fromVersion}-${version}`,
      version,
      parts: [await readWhole(paths[index]!)],
    });
  }
  return items;
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size <= PARAMETER_ITEM_BYTES_MAX) return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  const message = `${basename(path)}: over ${PARAMETER_ITEM_BYTES_MAX} bytes`;
  throw new FaregateError('PARAMETERS_REFUSED', message);
}
