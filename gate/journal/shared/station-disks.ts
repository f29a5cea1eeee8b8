/** The gates' directories on real disks: each alone, or with one shared log. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { FaregateError } from '../../../engine/errors.ts';
import type { Disk } from '../disk.ts';
import { openNodeDisk } from '../node-disk.ts';
import { checkUnshared, openSharedDisk } from './shared-disk.ts';
import { SharedLog } from './shared-log.ts';

export interface StationDisksOptions {
  /**
   * Folder of the shared log, or null: each gate syncs for itself. Gates are found again by their
   * paths from here, so the folder moves with theirs.
   */
  readonly sharedLogDir: string | null;
  readonly sharedLogFileBytes?: number;
  readonly failed: (error: FaregateError) => void;
}

export class StationDisks {
  readonly #options: StationDisksOptions;
  #log: Promise<SharedLog> | null = null;

  constructor(options: StationDisksOptions) {
    this.#options = options;
  }

  /**
   * Opens a gate's directory; the first one opens the shared log, too, and brings all its gates up
   * to it.
   * @throws FaregateError JOURNAL_IN_USE, JOURNAL_REFUSED, JOURNAL_CORRUPT, DISK_FULL, DISK_FAILED.
   */
  async open(directory: string): Promise<Disk> {
    const { sharedLogDir } = this.#options;
    if (sharedLogDir === null) return this.#openAlone(directory);
    this.#log ??= this.#openLog(resolve(sharedLogDir));
    const log = await this.#log;
    const disk = await openNodeDisk(directory);
    return openSharedDisk(log, disk, relative(resolve(sharedLogDir), resolve(directory)));
  }

  /** Closes the shared log; the gates' disks are closed before. */
  async end(): Promise<void> {
    const log = await this.#log?.catch(() => null);
    await log?.end();
  }

  async #openAlone(directory: string): Promise<Disk> {
    const disk = await openNodeDisk(directory);
    try {
      await checkUnshared(disk, directory);
      return disk;
    } catch (error) {
      await disk.close();
      throw error;
    }
  }

  async #openLog(path: string): Promise<SharedLog> {
    const { sharedLogFileBytes: fileBytes, failed } = this.#options;
    return SharedLog.open({
      disk: await openNodeDisk(path),
      openDirectory: async (directory) => {
        const gate = join(path, directory);
        return existsSync(gate) ? await openNodeDisk(gate) : null;
      },
      random: (length) => new Uint8Array(randomBytes(length)),
      ...(fileBytes === undefined ? {} : { fileBytes }),
      failed,
    });
  }
}
