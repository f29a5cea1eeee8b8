/**
 * The folder in which a station keeps its denylist: the files as the operator signed them,
 * `full-VERSION.list` and `delta-FROM-VERSION.list`, so that nothing on the disk has to be trusted.
 * A file comes into its name whole and synced; what has another name is of no account.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FaregateError, systemCode, systemText } from '../../engine/errors.ts';
import { readPieces } from '../../engine/pki/files.ts';

const NAME = /^(?:full|delta-(\d{1,15}))-(\d{1,15})\.list$/;
const READ_BYTES = 64 * 1024;

export interface ListFile {
  readonly name: string;
  readonly version: number;
  /** Version a delta builds on; null for a full list. */
  readonly fromVersion: number | null;
}

export class ListFolder {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** @throws FaregateError FILE_UNWRITABLE. */
  static async open(dir: string): Promise<ListFolder> {
    try {
      await mkdir(dir, { recursive: true });
    } catch (cause) {
      throw unwritable(dir, cause);
    }
    return new ListFolder(dir);
  }

  /** @throws FaregateError FILE_UNREADABLE. */
  async files(): Promise<ListFile[]> {
    let names: string[];
    try {
      names = await readdir(this.#dir);
    } catch (cause) {
      throw new FaregateError('FILE_UNREADABLE', `${this.#dir}: ${String(cause)}`, { cause });
    }
    return names.flatMap((name) => {
      const match = NAME.exec(name);
      if (!match) return [];
      const fromVersion = match[1] === undefined ? null : Number(match[1]);
      return [{ name, version: Number(match[2]), fromVersion }];
    });
  }

  /** A file's bytes in pieces, each good until the next. @throws FaregateError FILE_UNREADABLE. */
  read(name: string): AsyncGenerator<Uint8Array> {
    return readPieces(join(this.#dir, name), READ_BYTES);
  }

  /** Begins a file that has no name yet. @throws FaregateError FILE_UNWRITABLE, DISK_FULL. */
  async begin(): Promise<NewListFile> {
    const path = join(this.#dir, `incoming.${process.pid}.tmp`);
    try {
      return new NewListFile(this.#dir, path, await open(path, 'w', 0o600));
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  /**
   * Removes files that are of no use any more; where that fails they are passed over at the start.
   */
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await rm(join(this.#dir, name), { force: true }).catch(() => {});
  }
}

/** A file on its way into the folder. */
export class NewListFile {
  readonly #dir: string;
  readonly #path: string;
  readonly #file: FileHandle;
  #open = true;

  constructor(dir: string, path: string, file: FileHandle) {
    this.#dir = dir;
    this.#path = path;
    this.#file = file;
  }

  /** @throws FaregateError DISK_FULL, FILE_UNWRITABLE. */
  async write(piece: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < piece.length; ) {
        done += (await this.#file.write(piece, done)).bytesWritten;
      }
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }

  /** Syncs the file, gives it its name and syncs the folder: from here on a restart finds it. */
  async keep(name: string): Promise<void> {
    try {
      await this.#file.sync();
      await this.#close();
      await rename(this.#path, join(this.#dir, name));
      const folder = await open(this.#dir, 'r');
      await folder.sync().finally(() => folder.close());
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }

  async drop(): Promise<void> {
    await this.#close().catch(() => {});
    await rm(this.#path, { force: true }).catch(() => {});
  }

  async #close(): Promise<void> {
    if (this.#open) {
      this.#open = false;
      await this.#file.close();
    }
  }
}

function unwritable(path: string, cause: unknown): FaregateError {
  const code = systemCode(cause) === 'ENOSPC' ? 'DISK_FULL' : 'FILE_UNWRITABLE';
  return new FaregateError(code, `cannot write ${path}: ${systemText(cause)}`, { cause });
}
