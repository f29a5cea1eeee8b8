/**
 * How far a download has come, so that a restart goes on there: two files written in turn, so that
 * a power cut in one write leaves the other. Each holds
 *
 *     magic 4 ‖ generation 6 ‖ durable bytes 6 ‖ SHA-256 that names the item 32 ‖ check 16
 *
 * where the check is the first half of the SHA-256 of what stands before it. It is a note, not a
 * proof: what it says is downloaded is hashed before it is believed, and a lost note costs a
 * download from the beginning.
 */
import { createHash } from 'node:crypto';
import {
  equalBytes,
  fromHex,
  readU32,
  readU48,
  toHex,
  writeU32,
  writeU48,
} from '../../engine/bytes.ts';
import type { Disk, DiskFile } from '../journal/disk.ts';

const MAGIC = 0x4647_5047;
const CHECKED_BYTES = 48;
const FILE_BYTES = 64;
const names = ['progress-0', 'progress-1'] as const;

export interface Progress {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly durableBytes: number;
}

export class ProgressFile {
  readonly #disk: Disk;
  /** By name; made with the first note, so that a full disk keeps nothing from being read. */
  readonly #files: Map<string, DiskFile>;
  #generation: number;
  #kept: Progress | null;

  private constructor(
    disk: Disk,
    files: Map<string, DiskFile>,
    generation: number,
    kept: Progress | null,
  ) {
    this.#disk = disk;
    this.#files = files;
    this.#generation = generation;
    this.#kept = kept;
  }

  /** @throws FaregateError DISK_FAILED. */
  static async open(disk: Disk): Promise<ProgressFile> {
    const present = await disk.list();
    const files = new Map<string, DiskFile>();
    let generation = 0;
    let kept: Progress | null = null;
    for (const name of names) {
      if (!present.includes(name)) continue;
      const file = await disk.open(name);
      files.set(name, file);
      const found = decode(await file.read(0, FILE_BYTES));
      if (!found || found.generation <= generation) continue;
      generation = found.generation;
      kept = found;
    }
    return new ProgressFile(disk, files, generation, kept);
  }

  /** Bytes of an item that were made durable, 0 where that is not known. */
  of(sha256: string): number {
    return this.#kept?.sha256 === sha256 ? this.#kept.durableBytes : 0;
  }

  /**
   * Notes it durably; the item's own bytes must be durable already.
   * @throws FaregateError DISK_FULL, DISK_FAILED
   */
  async keep(progress: Progress): Promise<void> {
    this.#generation += 1;
    const bytes = new Uint8Array(FILE_BYTES);
    writeU32(bytes, 0, MAGIC);
    writeU48(bytes, 4, this.#generation);
    writeU48(bytes, 10, progress.durableBytes);
    bytes.set(fromHex(progress.sha256), 16);
    bytes.set(checkOf(bytes), CHECKED_BYTES);
    const name = names[this.#generation % 2]!;
    const file = this.#files.get(name) ?? (await this.#disk.preallocate(name, FILE_BYTES));
    this.#files.set(name, file);
    await file.write(bytes, 0);
    await file.sync();
    this.#kept = progress;
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
  }
}

function decode(bytes: Uint8Array): (Progress & { readonly generation: number }) | null {
  if (bytes.length < FILE_BYTES || readU32(bytes, 0) !== MAGIC) return null;
  if (!equalBytes(checkOf(bytes), bytes.subarray(CHECKED_BYTES, FILE_BYTES))) return null;
  return {
    generation: readU48(bytes, 4),
    durableBytes: readU48(bytes, 10),
    sha256: toHex(bytes.subarray(16, CHECKED_BYTES)).toLowerCase(),
  };
}

function checkOf(bytes: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(bytes.subarray(0, CHECKED_BYTES)).digest();
  return new Uint8Array(hash.subarray(0, FILE_BYTES - CHECKED_BYTES));
}
