/**
 * The parameter sets on a gate's disk: `set-VERSION`, the manifest as the operator signed it, and
 * `item-SHA256`, each item under its hash. So nothing here has to be trusted, and no order of writes
 * matters: a set is whole when its manifest verifies and every item has the hash it is named by.
 */
import { createHash } from 'node:crypto';
import { FaregateError } from '../../engine/errors.ts';
import {
  MANIFEST_BYTES_MAX,
  PARAMETER_PIECE_BYTES,
  PARAMETER_SYNC_BYTES,
} from '../../engine/limits.ts';
import {
  decodeManifest,
  type Manifest,
  type ParameterItem,
} from '../../engine/parameters/manifest.ts';
import { isFor } from '../../engine/parameters/versions.ts';
import type { Disk, DiskFile } from '../journal/disk.ts';
import { ProgressFile } from './progress-file.ts';

type Verify = (message: Uint8Array, signature: Uint8Array) => boolean;

export interface SetFolderOptions {
  readonly disk: Disk;
  /** Checks the operator's signature. */
  readonly verify: Verify;
  /** The gates this process serves. */
  readonly gateIds: readonly string[];
}

export class SetFolder {
  /** Manifests that verified, rising by version. */
  readonly held: Manifest[];
  /** Why manifests were passed over at the opening. */
  readonly faults: readonly string[];
  readonly #options: SetFolderOptions;
  readonly #progress: ProgressFile;
  /** Files there. */
  readonly #names: Set<string>;
  /** Items found whole since the opening: a list of 128 MB is not hashed again for every look. */
  readonly #good = new Set<string>();

  private constructor(
    options: SetFolderOptions,
    progress: ProgressFile,
    names: Iterable<string>,
    held: Manifest[],
    faults: readonly string[],
  ) {
    this.#options = options;
    this.#progress = progress;
    this.#names = new Set(names);
    this.held = held;
    this.faults = faults;
  }

  /** Writes nothing. @throws FaregateError DISK_FAILED where the disk cannot be read at all. */
  static async open(options: SetFolderOptions): Promise<SetFolder> {
    const { disk } = options;
    const progress = await ProgressFile.open(disk);
    const held: Manifest[] = [];
    const faults: string[] = [];
    const names = await disk.list();
    for (const name of names) {
      const version = /^set-([1-9]\d{0,7})$/.exec(name)?.[1];
      if (version === undefined) continue;
      try {
        held.push(await readManifest(options, name, Number(version)));
      } catch (error) {
        if (!(error instanceof FaregateError)) throw error;
        faults.push(error.message);
      }
    }
    held.sort((a, b) => a.version - b.version);
    return new SetFolder(options, progress, names, held, faults);
  }

  get newest(): number {
    return this.held.at(-1)?.version ?? 0;
  }

  /**
   * Takes a manifest that an engine sent, and keeps it.
   * @throws FaregateError PARAMETERS_REFUSED; DISK_FULL, DISK_FAILED
   */
  async take(bytes: Uint8Array, version: number): Promise<Manifest> {
    const name = `set-${version}`;
    const manifest = check(this.#options, bytes, name, version);
    if (version <= this.newest) {
      const why = `${name}: not newer than set ${this.newest}`;
      throw new FaregateError('PARAMETERS_REFUSED', why);
    }
    // What has this name and is not held was damaged.
    await this.#remove(name);
    // Held from here on, lest `tidy` take its file for one that nobody wants.
    this.held.push(manifest);
    try {
      await this.#write(name, bytes);
    } catch (error) {
      this.held.splice(this.held.indexOf(manifest), 1);
      throw error;
    }
    return manifest;
  }

  /**
   * Whether an item is there with the hash it is named by, now or when it was last looked at. One
   * that cannot be read is as good as none: it is received again.
   */
  async has(item: ParameterItem): Promise<boolean> {
    if (this.#good.has(item.sha256)) return true;
    if (!this.#names.has(nameOf(item))) return false;
    const durableBytes = this.#progress.of(item.sha256);
    if (durableBytes > 0 && durableBytes < item.bytes) return false;
    try {
      for await (const _ of this.read(item));
      this.#good.add(item.sha256);
      return true;
    } catch (error) {
      if (error instanceof FaregateError) return false;
      throw error;
    }
  }

  /**
   * An item's bytes in pieces; those before its end are not checked yet.
   * @throws FaregateError PARAMETERS_REFUSED at the end where they have another hash; DISK_FAILED
   */
  async *read(item: ParameterItem): AsyncGenerator<Uint8Array> {
    const file = await this.#options.disk.open(nameOf(item));
    try {
      const hash = createHash('sha256');
      for (let at = 0; at < item.bytes; ) {
        const length = Math.min(PARAMETER_PIECE_BYTES, item.bytes - at);
        const piece = await file.read(at, length);
        if (piece.length === 0) break;
        hash.update(piece);
        at += piece.length;
        yield piece;
      }
      const longer = (await file.read(item.bytes, 1)).length > 0;
      if (longer || hash.digest('hex') !== item.sha256) {
        const what = `item ${item.kind} ${item.name}`;
        throw new FaregateError('PARAMETERS_REFUSED', `${what}: cut, too long or damaged`);
      }
    } finally {
      await file.close();
    }
  }

  /** The whole of an item. @throws as `read`. */
  async readWhole(item: ParameterItem): Promise<Uint8Array> {
    const bytes = new Uint8Array(item.bytes);
    let at = 0;
    for await (const piece of this.read(item)) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /** Begins to receive an item that is not there, or goes on where an earlier process was. */
  async receive(item: ParameterItem): Promise<ItemReceiver> {
    const { sha256, bytes } = item;
    const name = nameOf(item);
    const durableBytes = this.#progress.of(sha256);
    if (this.#names.has(name) && durableBytes > 0 && durableBytes < bytes) {
      const file = await this.#options.disk.open(name);
      return new ItemReceiver(item, file, this.#progress, durableBytes);
    }
    await this.discard(item);
    if (durableBytes > 0) await this.#progress.keep({ sha256, durableBytes: 0 });
    return new ItemReceiver(item, await this.#make(name, 0), this.#progress, 0);
  }

  /** Removes what there is of an item, to be received from its beginning. */
  async discard(item: ParameterItem): Promise<void> {
    await this.#remove(nameOf(item));
  }

  /** Removes all sets but those `wanted` says, and items that no set held names. */
  async tidy(wanted: (version: number) => boolean): Promise<void> {
    const kept = this.held.filter(({ version }) => wanted(version));
    this.held.splice(0, this.held.length, ...kept);
    const names = new Set(kept.flatMap(({ items }) => items.map(nameOf)));
    for (const { version } of kept) names.add(`set-${version}`);
    for (const name of [...this.#names]) {
      if (/^(set|item)-/.test(name) && !names.has(name)) await this.#remove(name);
    }
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#make(name, bytes.length);
    try {
      await file.write(bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #make(name: string, bytes: number): Promise<DiskFile> {
    const file = await this.#options.disk.preallocate(name, bytes);
    this.#names.add(name);
    return file;
  }

  async #remove(name: string): Promise<void> {
    if (!this.#names.has(name)) return;
    this.#good.delete(name.slice('item-'.length));
    await this.#options.disk.remove(name);
    this.#names.delete(name);
  }

  async close(): Promise<void> {
    await this.#progress.close();
    await this.#options.disk.close();
  }
}

/** An item on its way to the disk. */
export class ItemReceiver {
  readonly item: ParameterItem;
  readonly #file: DiskFile;
  readonly #progress: ProgressFile;
  #offset: number;
  #unsynced = 0;

  constructor(item: ParameterItem, file: DiskFile, progress: ProgressFile, offset: number) {
    this.item = item;
    this.#file = file;
    this.#progress = progress;
    this.#offset = offset;
  }

  /** Where the next piece begins; the item's size when all have come. */
  get offset(): number {
    return this.#offset;
  }

  /** Takes the bytes at `offset`. @throws FaregateError DISK_FULL, DISK_FAILED. */
  async take(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#offset);
    this.#offset += bytes.length;
    this.#unsynced += bytes.length;
    const whole = this.#offset === this.item.bytes;
    if (this.#unsynced < PARAMETER_SYNC_BYTES && !whole) return;
    this.#unsynced = 0;
    await this.#file.sync();
    await this.#progress.keep({ sha256: this.item.sha256, durableBytes: this.#offset });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function readManifest(
  options: SetFolderOptions,
  name: string,
  version: number,
): Promise<Manifest> {
  const file = await options.disk.open(name);
  try {
    return check(options, await file.read(0, MANIFEST_BYTES_MAX + 1), name, version);
  } finally {
    await file.close();
  }
}

function check(
  { verify, gateIds }: SetFolderOptions,
  bytes: Uint8Array,
  name: string,
  version: number,
): Manifest {
  const manifest = decodeManifest(bytes, verify, name);
  if (manifest.version !== version) {
    throw new FaregateError('PARAMETERS_REFUSED', `${name}: it is set ${manifest.version}`);
  }
  if (isFor(manifest, gateIds)) return manifest;
  throw new FaregateError('PARAMETERS_REFUSED', `${name}: it is for other gates`);
}

function nameOf({ sha256 }: Pick<ParameterItem, 'sha256'>): string {
  return `item-${sha256}`;
}
